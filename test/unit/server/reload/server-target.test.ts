import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerError } from '../../../../src/base/errors.ts';
import { diffConfig, parseConfig, type Config } from '../../../../src/config/index.ts';
import { ServerTarget, type ServerParts } from '../../../../src/server/reload/server-target.ts';

/** Notes what is done to the parts of a server, in order. */
class Parts {
  readonly calls: string[] = [];
  readonly target: ServerTarget;
  inForce: Config;
  /** Directives whose listeners cannot be opened. */
  taken: readonly string[] = [];

  constructor(text: string) {
    this.inForce = parse(text).config;
    const call = (name: string): void => void this.calls.push(name);
    const move = (name: string): Promise<void> => {
      call(name);
      return this.taken.includes(name)
        ? Promise.reject(new ServerError('LISTEN_FAILED', `${name} is taken`))
        : Promise.resolve();
    };
    const closed = (part: string) => (vhost: string, reason: ServerError) => {
      call(`${part} closes ${vhost} with ${reason.code}`);
      return 0;
    };
    const parts = {
      access: { reconfigure: () => undefined },
      rtmp: {
        addresses: [{ host: '127.0.0.1', port: 1935 }],
        relisten: () => move('listen'),
        closeVhost: closed('rtmp'),
        vhostsChanged: () => call('sessions look again'),
      },
      rtmps: { move: () => move('rtmps'), refresh: () => call('certificate') },
      outputs: { reconfigure: () => call('outputs') },
      resources: { budgetBytes: 0 },
      http: {
        moveHttp: () => move('http_server'),
        moveApi: () => move('http_api'),
        reconfigure: () => call('http reconfigured'),
      },
      hub: { closeVhost: closed('hub'), refreshOptions: () => call('streams look again') },
      gate: { maxConnections: 0, maxPerIp: 0 },
      proxies: { use: () => undefined },
      telemetry: { move: () => move('exporter'), use: () => undefined },
      ingests: {
        stopChanged: () => {
          call('ingests stop');
          return Promise.resolve();
        },
        start: () => call('ingests start'),
      },
      report: { everyMs: 10_000 },
      config: () => this.inForce,
      use: (next: Config) => {
        call('in force');
        this.inForce = next;
      },
    };
    this.target = new ServerTarget(parts as unknown as ServerParts);
  }

  async apply(text: string): Promise<string[]> {
    const next = parse(text);
    const refusals = await this.target.apply(next.config, diffConfig(this.inForce, next));
    return refusals.map(({ change, why }) => `${change.directive}: ${why}`);
  }
}

const parse = (text: string): ReturnType<typeof parseConfig> => parseConfig(text, 'test.conf');
const REST = ['streams look again', 'outputs', 'sessions look again', 'ingests start'];

test('listeners move before anything else; ingests end before their vhost, and begin when all is in force', async () => {
  const parts = new Parts('listen 1935; vhost a {} vhost b {} vhost off { enabled off; }');
  const refused = await parts.apply(
    'listen 1936; http_server { enabled on; } http_api { listen 1; } vhost a { enabled off; } vhost c {}',
  );
  assert.deepEqual(refused, []);
  assert.deepEqual(parts.calls, [
    'listen',
    'http_server',
    'http_api',
    'in force',
    'certificate',
    'http reconfigured',
    'ingests stop',
    'hub closes a with VHOST_REMOVED',
    'rtmp closes a with VHOST_REMOVED',
    'hub closes b with VHOST_REMOVED',
    'rtmp closes b with VHOST_REMOVED',
    ...REST,
  ]);
});

test('listeners that nobody changed are not touched', async () => {
  const parts = new Parts('listen 1935; vhost a {}');
  await parts.apply('listen 1935; http_server { crossdomain off; } vhost a { play { gop_cache off; } }');
  assert.deepEqual(parts.calls, ['in force', 'certificate', 'http reconfigured', 'ingests stop', ...REST]);
});

test('what was refused is not in force, the rest is', async () => {
  const parts = new Parts('listen 1935; vhost a {}');
  parts.taken = ['listen', 'http_api'];
  const refused = await parts.apply(
    'listen 1936; http_api { enabled on; listen 8; } http_server { enabled on; listen 9; } vhost b {}',
  );
  assert.deepEqual(refused, [
    'listen: LISTEN_FAILED(1003): listen is taken',
    'http_api.enabled: LISTEN_FAILED(1003): http_api is taken',
    'http_api.listen: LISTEN_FAILED(1003): http_api is taken',
  ]);
  const { listen, httpApi, httpServer, vhosts } = parts.inForce;
  assert.equal(listen[0]?.port, 1935);
  assert.deepEqual([httpApi.enabled, httpApi.listen.port], [false, 1985]);
  assert.deepEqual([httpServer.enabled, httpServer.listen.port], [true, 9]);
  assert.deepEqual(
    vhosts.map(({ name }) => name),
    ['b'],
  );
  // Those that failed were tried again, since one of the others had moved.
  assert.deepEqual(parts.calls.slice(0, 5), ['listen', 'http_server', 'http_api', 'listen', 'http_api']);
});
