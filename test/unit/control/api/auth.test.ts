import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { afterEach, suite, test } from 'node:test';
import { systemClock } from '../../../../src/base/clock.ts';
import type { Logger } from '../../../../src/base/logger.ts';
import { ApiAuth, type ApiAuthSettings } from '../../../../src/control/api/index.ts';
import { MAX_AUTH_FAILURES } from '../../../../src/control/api/auth-failures.ts';
import { startTestApi, type TestApi } from '../../../support/api.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { MemoryLogger } from '../../../support/memory-logger.ts';

const TOKENS = {
  read: 'reader-0123456789',
  operate: 'operator-0123456789',
  admin: 'admin-0123456789abc',
} as const;
const PASSWORD = 'swordfish-password';
const CLOSED: ApiAuthSettings = {
  access: 'closed',
  basic: { username: 'boss', password: PASSWORD },
  tokens: Object.entries(TOKENS).map(([role, value]) => ({ role: role as keyof typeof TOKENS, value })),
};
const LOOPBACK: ApiAuthSettings = { access: 'loopback', basic: undefined, tokens: [] };
const OPEN: ApiAuthSettings = { access: 'open', basic: undefined, tokens: [] };

const BASIC = { authorization: `Basic ${Buffer.from(`boss:${PASSWORD}`).toString('base64')}` };
const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
const FIREFOX = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0)' };

const SAME = { ...FIREFOX, 'sec-fetch-site': 'same-origin' };

const running: { readonly api: TestApi; readonly auth: ApiAuth }[] = [];
afterEach(async () => {
  for (const { api, auth } of running.splice(0)) {
    await api.close();
    auth.close();
  }
});

interface Route {
  readonly method: string;
  readonly url: string;
}

interface Guarded extends TestApi {
  readonly auth: ApiAuth;
  readonly routes: readonly Route[];
  readonly clock: ManualClock;
  readonly ask: (method: string, path: string, headers?: Readonly<Record<string, string>>) => Promise<Answer>;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

async function start(
  settings: ApiAuthSettings,
  options: { readonly logger?: Logger; readonly crossdomain?: boolean } = {},
): Promise<Guarded> {
  const clock = new ManualClock();
  const logger = options.logger ?? new MemoryLogger();
  const auth = new ApiAuth(settings, { clock, logger, ownNames: ['studio-1'] });
  const routes: Route[] = [];
  const listed = {
    guard(app: Parameters<ApiAuth['guard']>[0]) {
      app.addHook('onRoute', ({ method, url }) => {
        for (const one of [method].flat()) routes.push({ method: one, url });
      });
      auth.guard(app);
    },
    whileLetIn: (...args: Parameters<ApiAuth['whileLetIn']>) => auth.whileLetIn(...args),
  };
  const { crossdomain = true } = options;
  const api = await startTestApi({ auth: listed, crossdomain, logger, clock: systemClock });
  running.push({ api, auth });
  const { port } = new URL(api.origin);
  return {
    ...api,
    auth,
    routes,
    clock,
    // Not fetch: it writes some headers itself.
    ask: (method, path, headers = {}) =>
      new Promise((resolve, reject) => {
        const sent = httpRequest({ host: '127.0.0.1', port, method, path, headers }, (response) => {
          let body = '';
          // Events go on until the client has enough.
          if (response.headers['content-type']?.startsWith('text/event-stream') === true) {
            sent.destroy();
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
            return;
          }
          response.setEncoding('utf8').on('data', (text: string) => (body += text));
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
          );
        });
        sent.on('error', reject).end();
      }),
  };
}

/** What says nothing of this server but whether it lives: the document and its page are the same everywhere. */
const OPEN_TO_ALL = /^\/api\/v1\/(?:health(\/live|\/ready)?|openapi\.json|docs(?:\/.*)?)$/;

test('every route but health and the document wants credentials, and the right ones are enough', async () => {
  const { routes, ask, clock } = await start(CLOSED);
  assert.ok(routes.length > 50, `${routes.length} routes`);
  for (const { method, url } of [...routes, { method: 'GET', url: '/nothing/at/all' }]) {
    const path = url.replace(/\*$/, 'x').replace(/:\w+/, 'x');
    const what = `${method} ${path}`;
    const none = await ask(method, path);
    if (method === 'OPTIONS' || OPEN_TO_ALL.test(path)) {
      assert.ok(![401, 403].includes(none.status), what);
      continue;
    }
    assert.equal(none.status, 401, what);
    assert.equal(none.headers['www-authenticate'], 'Basic realm="srs-ts"', what);
    const wrong = await ask(method, path, bearer('wrong-0123456789ab'));
    assert.equal(wrong.status, 401, what);
    clock.advance(60_000); // Each of them is the first one.
    const right = await ask(method, path, bearer(TOKENS.admin));
    assert.notEqual(right.status, 401, what);
    assert.notEqual(right.status, 403, what);
    const basic = await ask(method, path, BASIC);
    assert.equal(basic.status, right.status, what);
  }
});

suite('roles', () => {
  const CASES = [
    ['GET', '/api/v1/versions', 'read'],
    ['HEAD', '/api/v1/versions', 'read'],
    ['GET', '/api/v1/streams/', 'read'],
    ['GET', '/api/v1/clients/x', 'read'],
    ['GET', '/api/v1/raw?rpc=raw', 'read'],
    ['GET', '/api/v1/clients/x?method=DELETE', 'read'],
    ['DELETE', '/api/v1/clients/x', 'operate'],
    ['DELETE', '/api/v1/streams/x', 'operate'],
    ['GET', '/api/v1/clients/x?callback=cb&method=DELETE', 'operate'],
  ] as const;
  for (const [method, path, needed] of CASES)
    test(`${method} ${path} needs ${needed}`, async () => {
      const { ask } = await start(CLOSED);
      const order = ['read', 'operate', 'admin'] as const;
      for (const role of order) {
        const { status, body } = await ask(method, path, bearer(TOKENS[role]));
        assert.equal(status, order.indexOf(role) >= order.indexOf(needed) ? 200 : 403, role);
        if (status === 403) assert.match(body, new RegExp(`this needs the role ${needed}`));
      }
    });
});

test('a method in a query is looked at only where JSONP is', async () => {
  const { ask } = await start(CLOSED, { crossdomain: false });
  const path = '/api/v1/clients/x?callback=cb&method=DELETE';
  assert.equal((await ask('GET', path, bearer(TOKENS.read))).status, 200);
});

suite('what a page elsewhere can make a browser do', () => {
  const page = { origin: 'http://evil.example', ...FIREFOX };
  const CASES: readonly {
    readonly name: string;
    readonly settings: ApiAuthSettings;
    readonly method?: string;
    readonly path?: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly want: number;
  }[] = [
    { name: 'nothing with basic', settings: CLOSED, headers: { ...page, ...BASIC }, want: 403 },
    { name: 'with a token', settings: CLOSED, headers: { ...page, ...bearer(TOKENS.read) }, want: 200 },
    {
      name: 'kick with a token',
      settings: CLOSED,
      method: 'DELETE',
      headers: { ...page, ...bearer(TOKENS.operate) },
      want: 200,
    },
    {
      name: 'nothing with a script tag and basic',
      settings: CLOSED,
      path: '/api/v1/versions?callback=cb',
      headers: { ...FIREFOX, ...BASIC },
      want: 403,
    },
    {
      name: 'nothing with an image and basic',
      settings: CLOSED,
      headers: { 'sec-fetch-site': 'cross-site', ...FIREFOX, ...BASIC },
      want: 403,
    },
    {
      name: 'nothing from another port with basic',
      settings: CLOSED,
      headers: { 'sec-fetch-site': 'same-site', ...FIREFOX, ...BASIC },
      want: 403,
    },
    {
      name: 'change nothing when the browser does not say whose page it is',
      settings: CLOSED,
      method: 'DELETE',
      headers: { ...FIREFOX, ...BASIC },
      want: 403,
    },
    {
      name: 'read when a person types the address',
      settings: CLOSED,
      headers: { ...FIREFOX, ...BASIC },
      want: 200,
    },
    {
      name: 'everything from an own page with basic',
      settings: CLOSED,
      method: 'DELETE',
      headers: { 'sec-fetch-site': 'same-origin', ...FIREFOX, ...BASIC },
      want: 200,
    },
    { name: 'read on loopback', settings: LOOPBACK, headers: page, want: 200 },
    { name: 'kick nobody on loopback', settings: LOOPBACK, method: 'DELETE', headers: page, want: 403 },
    {
      name: 'kick nobody on loopback by a form of a sandbox',
      settings: LOOPBACK,
      method: 'POST',
      headers: { origin: 'null' },
      want: 403,
    },
    {
      name: 'kick nobody on loopback by JSONP',
      settings: LOOPBACK,
      path: '/api/v1/clients/x?callback=cb&method=DELETE',
      headers: { referer: 'https://evil.example/page', ...FIREFOX },
      want: 403,
    },
    {
      name: 'kick on loopback from a page on loopback',
      settings: LOOPBACK,
      method: 'DELETE',
      headers: { origin: 'http://localhost:8080', ...FIREFOX },
      want: 200,
    },
    { name: 'kick on loopback without a page', settings: LOOPBACK, method: 'DELETE', headers: {}, want: 200 },
    { name: 'kick where all is open', settings: OPEN, method: 'DELETE', headers: page, want: 200 },
  ];
  for (const { name, settings, method = 'GET', path = '/api/v1/clients/x', headers, want } of CASES)
    test(name, async () => {
      const { ask } = await start(settings);
      const { status } = await ask(method, path, headers);
      assert.equal(status, method === 'POST' && want === 200 ? 405 : want);
    });

  test('an own page is one of the same host and port', async () => {
    const { ask, origin } = await start(CLOSED);
    const own = { ...FIREFOX, ...BASIC };
    assert.equal((await ask('DELETE', '/api/v1/clients/x', { ...own, origin })).status, 200);
    assert.equal(
      (await ask('DELETE', '/api/v1/clients/x', { ...own, referer: `${origin}/console/` })).status,
      200,
    );
    assert.equal(
      (await ask('DELETE', '/api/v1/clients/x', { ...own, referer: `${origin}.evil.example/` })).status,
      403,
    );
  });

  test('a preflight is answered, and allows the header of a token', async () => {
    const { ask } = await start(CLOSED);
    const { status, headers } = await ask('OPTIONS', '/api/v1/streams/x', { origin: 'http://a' });
    assert.equal(status, 200);
    assert.match(String(headers['access-control-allow-headers']), /\bAuthorization\b/);
    assert.equal(headers['access-control-allow-credentials'], undefined);
  });
});

suite('names that are pointed at this machine', () => {
  for (const [host, want] of [
    ['127.0.0.1:1985', 200],
    ['localhost', 200],
    ['LOCALHOST:1985', 200],
    ['a.localhost:1985', 200],
    ['[::1]:1985', 200],
    ['192.168.1.1:1985', 200],
    ['studio-1:1985', 200],
    ['evil.example:1985', 403],
    ['evil.example', 403],
    ['127.0.0.1.evil.example', 403],
    ['localhost.evil.example', 403],
    ['127.0.0.1@evil.example', 403],
  ] as const)
    test(`${host}: ${want}`, async () => {
      const { ask } = await start(LOOPBACK);
      assert.equal((await ask('GET', '/api/v1/versions', { host })).status, want);
      assert.equal((await ask('GET', '/api/v1/health', { host })).status, 200);
    });

  test('with credentials, or open in words, the name does not matter', async () => {
    const closed = await start(CLOSED);
    const headers = { host: 'api.example.org', ...bearer(TOKENS.read) };
    assert.equal((await closed.ask('GET', '/api/v1/versions', headers)).status, 200);
    const open = await start(OPEN);
    assert.equal((await open.ask('GET', '/api/v1/versions', { host: 'api.example.org' })).status, 200);
  });
});

test('who gives none is told what to send, and the operator, now and then, what to write', async () => {
  const logger = new MemoryLogger();
  const { ask, clock } = await start(CLOSED, { logger });
  const told = (): readonly string[] => logger.lines.filter((line) => line.includes('had no credentials'));
  for (let i = 0; i < 3; i += 1) {
    const { status, body } = await ask('GET', '/api/v1/versions');
    assert.equal(status, 401);
    assert.match(body, /Authorization: Bearer TOKEN/);
  }
  assert.equal(told().length, 1);
  assert.match(told()[0] ?? '', /from 127\.0\.0\.1 .*Bearer TOKEN.*auth \{ enabled off; \}/);
  clock.advance(600_000);
  await ask('GET', '/api/v1/versions');
  assert.equal(told().length, 2);
});

test('one request with wrong credentials is told in the singular', async () => {
  const logger = new MemoryLogger();
  const { ask, auth } = await start(CLOSED, { logger });
  assert.equal((await ask('GET', '/api/v1/versions', bearer('guess-0123456789'))).status, 401);
  auth.close();
  const told = logger.lines.filter((line) => line.includes('wrong credentials'));
  assert.equal(told.length, 1);
  assert.match(told[0] ?? '', /a request to the API had wrong credentials, from 127\.0\.0\.1/);
});

test('wrong credentials are counted per address, told without them, and forgotten after a minute', async () => {
  const logger = new MemoryLogger();
  const { ask, auth, clock } = await start(CLOSED, { logger });
  for (let i = 0; i < MAX_AUTH_FAILURES; i += 1)
    assert.equal((await ask('GET', '/api/v1/versions', bearer(`guess-${i}-0123456789`))).status, 401);
  const refused = await ask('GET', '/api/v1/versions', bearer(TOKENS.admin));
  assert.equal(refused.status, 429);
  assert.equal(refused.headers['retry-after'], '60');
  assert.equal((await ask('GET', '/api/v1/versions')).status, 401);
  assert.equal((await ask('GET', '/api/v1/health')).status, 200);
  clock.advance(60_000);
  assert.equal((await ask('GET', '/api/v1/versions', bearer(TOKENS.admin))).status, 200);
  auth.close();
  const told = logger.lines.filter((line) => line.includes('wrong credentials'));
  assert.equal(told.length, 1);
  assert.match(told[0] ?? '', /10 requests to the API had wrong credentials, the last from 127\.0\.0\.1/);
  for (const secret of [...Object.values(TOKENS), PASSWORD, 'guess-'])
    assert.ok(!logger.lines.some((line) => line.includes(secret)), secret);
});

test('a page of somebody else in the browser of the operator cannot lock the operator out', async () => {
  const { ask } = await start(CLOSED);
  const page = { ...FIREFOX, origin: 'https://evil.example' };
  const guess = (i: number): Record<string, string> => bearer(`guess-${i}-0123456789`);
  for (let i = 0; i < MAX_AUTH_FAILURES; i += 1)
    assert.equal((await ask('GET', '/api/v1/versions', { ...page, ...guess(i) })).status, 401);
  // Its guesses end, by whatever it is known; a right one would not be looked at either.
  for (const more of [page, { ...FIREFOX, 'sec-fetch-site': 'cross-site' }])
    assert.equal((await ask('GET', '/api/v1/versions', { ...more, ...bearer(TOKENS.admin) })).status, 429);
  assert.equal((await ask('GET', '/api/v1/versions', bearer(TOKENS.admin))).status, 200);
  assert.equal((await ask('DELETE', '/api/v1/bans/none', { ...bearer(TOKENS.admin), ...SAME })).status, 200);
  assert.equal((await ask('GET', '/api/v1/versions', { ...FIREFOX, ...BASIC })).status, 200);
});

test('a client with a token is not asked for a name', async () => {
  const { ask } = await start(CLOSED);
  const { headers } = await ask('GET', '/api/v1/versions', bearer('wrong'));
  assert.equal(headers['www-authenticate'], 'Bearer realm="srs-ts"');
  const tokens = await start({ ...CLOSED, basic: undefined });
  const answer = await tokens.ask('GET', '/api/v1/versions');
  assert.equal(answer.headers['www-authenticate'], 'Bearer realm="srs-ts"');
  assert.equal((await tokens.ask('GET', '/api/v1/versions', BASIC)).status, 401);
  assert.equal((await tokens.ask('GET', `/api/v1/versions?access_token=${TOKENS.admin}`)).status, 401);
});

test('other credentials count from the next request on', async () => {
  const { ask, auth } = await start(CLOSED);
  assert.equal((await ask('GET', '/api/v1/versions', bearer(TOKENS.read))).status, 200);
  auth.configure({ ...CLOSED, tokens: [{ role: 'read', value: 'another-0123456789' }] });
  assert.equal((await ask('GET', '/api/v1/versions', bearer(TOKENS.read))).status, 401);
  assert.equal((await ask('GET', '/api/v1/versions', bearer('another-0123456789'))).status, 200);
  auth.configure(OPEN);
  assert.equal((await ask('GET', '/api/v1/versions')).status, 200);
});
