import { createHooksServer } from './server.ts';

/** A setting of the environment. */
function setting(name: string, otherwise: string): string {
  const value = process.env[name];
  return value === undefined || value === '' ? otherwise : value;
}

// STREAM_KEYS: `key=public-name` with commas between them.
const streamKeys = new Map(
  setting('STREAM_KEYS', 'my-secret-key=show')
    .split(',')
    .map((pair): [string, string] => {
      const [key = '', name = ''] = pair.split('=');
      return [key, name];
    }),
);
const app = createHooksServer({
  hooksSecret: setting('HOOKS_SECRET', 'change-this-hooks-secret'),
  signKey: { name: 'web', secret: setting('SIGN_SECRET', 'change-this-sign-secret-of-32-chars') },
  streamKeys,
  rtmpUrl: setting('RTMP_URL', 'rtmp://127.0.0.1:1935'),
  httpUrl: setting('HTTP_URL', 'http://127.0.0.1:8080'),
});
// The page gives out signed URLs to whoever can open it: on this machine only.
const url = await app.listen({ host: '127.0.0.1', port: Number(setting('PORT', '8085')) });
console.log(`hooks-server listens on ${url}`);
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    void app.close();
  });
