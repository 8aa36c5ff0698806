import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test, type TestContext } from 'node:test';
import { SignJWT } from 'jose';
import WebSocket from 'ws';
import { signUrl, type SignWish } from '../../src/server/sign-url.ts';
import { eventually } from '../support/eventually.ts';
import { FedStream } from '../support/file-viewers.ts';
import { sessionOf } from '../support/hub-fixtures.ts';
import { until } from '../support/programs.ts';
import { ReloadServer } from '../support/reload-server.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';

const SECRET = 'the-first-secret-of-the-signed-urls';
const NEW_SECRET = 'the-next-secret-of-the-signed-urls-';
const JWT_SECRET = 'the-secret-of-the-tokens-of-this-test';
const KEY = 'stream-key-that-nobody-may-see';
const DENIED = 'NetStream.Publish.Denied';
const FAILED = 'NetStream.Play.Failed';
const now = (): number => Math.floor(Date.now() / 1000);

/** A server in a folder of its own whose vhost has these directives in `access`. */
class Stage {
  readonly root: string;
  /** Bodies that clients and callers of the API got. */
  readonly bodies: string[] = [];
  readonly #undo: (() => void)[] = [];
  #server: ReloadServer | undefined;

  private constructor(root: string) {
    this.root = root;
  }

  static async start(access: string, top = ''): Promise<Stage> {
    const stage = new Stage(await mkdtemp(join(tmpdir(), 'srs-tokens-')));
    await writeFile(join(stage.root, 'keys'), `${KEY} show\n`);
    stage.#server = await ReloadServer.start(stage.#text(access, top));
    return stage;
  }

  static async of(context: TestContext, access: string): Promise<Stage> {
    const stage = await Stage.start(access);
    context.after(() => stage.stop());
    return stage;
  }

  get server(): ReloadServer {
    assert.ok(this.#server);
    return this.#server;
  }

  get host(): string {
    return `127.0.0.1:${this.server.httpPort}`;
  }

  reload(access: string): Promise<unknown> {
    return this.server.apply(this.#text(access));
  }

  feed(stream = 'show'): FedStream {
    const name = { vhost: '__defaultVhost__', app: 'live', stream };
    const fed = new FedStream(this.server.server.hub.publish(name, sessionOf(`fed-${stream}`)));
    fed.run(4_000);
    this.#undo.push(() => fed.end());
    return fed;
  }

  /** `in`, or the status that refuses. `app` and `stream` may have queries. */
  async rtmp(action: 'publish' | 'play', app: string, stream: string): Promise<string> {
    const peer = await RtmpPeer.shake(this.server.rtmpPort);
    this.#undo.push(() => peer.destroy());
    peer.connect(app);
    await peer.command('_result');
    await peer.createStream();
    peer.call(1, action, null, stream, ...(action === 'publish' ? ['live'] : []));
    const status = await eventually(
      () => peer.statuses().find((code) => !code.endsWith('.Reset')),
      `an answer to ${action}`,
    );
    for (const { payload } of peer.messages) this.bodies.push(payload.toString('latin1'));
    return status.endsWith('.Start') ? 'in' : status;
  }

  /** `in`, or the code of the refusal. */
  async http(path: string, headers: Record<string, string> = {}): Promise<string> {
    const abort = new AbortController();
    this.#undo.push(() => abort.abort());
    const response = await fetch(`http://${this.host}${path}`, { headers, signal: abort.signal });
    if (response.ok) {
      // Playlists have the viewer's own query in their URLs.
      if (/\.(m3u8|mpd)/.test(path)) await response.text();
      else abort.abort();
      return 'in';
    }
    const text = await response.text();
    this.bodies.push(text);
    return text.trim().replace(/^forbidden: /, '');
  }

  webSocket(path: string, headers: Record<string, string> = {}): Promise<string> {
    const client = new WebSocket(`ws://${this.host}${path}`, { headers });
    this.#undo.push(() => client.terminate());
    client.on('error', () => undefined);
    return new Promise((resolve) => {
      client.once('open', () => resolve('in'));
      client.once('unexpected-response', (_request, response) => {
        response.once('data', (text: Buffer) =>
          resolve(
            text
              .toString()
              .trim()
              .replace(/^forbidden: /, ''),
          ),
        );
      });
    });
  }

  play(kind: string, query: string, stream = 'show', headers: Record<string, string> = {}): Promise<string> {
    if (kind === 'rtmp') return this.rtmp('play', 'live', `${stream}?${query}`);
    const ending = { hls: 'm3u8', dash: 'mpd' }[kind] ?? 'flv';
    const path = `/live/${stream}.${ending}?${query}`;
    return kind === 'ws-flv' ? this.webSocket(path, headers) : this.http(path, headers);
  }

  /** Everything that the API says. */
  async api(): Promise<string> {
    const paths = ['streams/', 'clients/', 'vhosts/', 'summaries', 'bans/', 'health', 'features'];
    const texts = paths.map(async (path) =>
      (await fetch(`http://127.0.0.1:${this.server.apiPort}/api/v1/${path}?count=100`)).text(),
    );
    return (await Promise.all(texts)).join('\n');
  }

  /** That no log line, no body and nothing of the API holds one of these. */
  async assertSecret(...secrets: readonly string[]): Promise<void> {
    const seen = {
      log: this.server.lines.join('\n'),
      api: await this.api(),
      answers: this.bodies.join('\n'),
    };
    for (const [where, text] of Object.entries(seen))
      for (const secret of secrets) assert.ok(!text.includes(secret), `${where} shows ${secret}: ${text}`);
    assert.ok(seen.log.length > 100 && seen.api.includes('"code":0'));
  }

  leave(): void {
    for (const undo of this.#undo.splice(0)) undo();
  }

  async stop(): Promise<void> {
    this.leave();
    await this.server.stop();
    await rm(this.root, { recursive: true, force: true });
    assert.ok(!this.server.lines.some((line) => line.includes('INTERNAL')));
  }

  #text(access: string, top = ''): string {
    const { root } = this;
    return `listen 127.0.0.1:0; max_connections 1000; daemon off; ban_file ''; ${top}
      http_api { enabled on; listen 127.0.0.1:0; }
      http_server { enabled on; listen 127.0.0.1:0; dir ${root}; page off; }
      vhost __defaultVhost__ { access { ${access.replaceAll('ROOT', root)} }
        http_remux { enabled on; mount [vhost]/[app]/[stream].flv; } publish { hold_time 100; }
        hls { enabled on; hls_path ${root}; hls_fragment 1; }
        dash { enabled on; dash_path ${root}; dash_fragment 1; } }`;
  }
}

/** The query of a signed URL. */
function signed(wish: Partial<SignWish> = {}, secret = SECRET): string {
  const url = signUrl(
    {
      url: 'rtmp://127.0.0.1/live/show',
      vhost: '__defaultVhost__',
      action: 'play',
      expires: now() + 60,
      ...wish,
    },
    secret,
  );
  return url.slice(url.indexOf('?') + 1);
}

function jwt(claims: object = {}, secret = JWT_SECRET): Promise<string> {
  return new SignJWT({ action: 'play', path: 'live/show', exp: now() + 60, ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(Buffer.from(secret));
}

const SIGNED = `publish signed jwt; play signed jwt; sign_key k1 ${SECRET}; jwt_secret j1 ${JWT_SECRET};`;

suite('tokens over each protocol', () => {
  let stage: Stage;
  const used: string[] = [];
  const seen = (token: string): string => {
    used.push(/sign=([\w-]+)/.exec(token)?.[1] ?? token.replace(/^token=/, ''));
    return token;
  };
  before(async () => {
    stage = await Stage.start('');
    stage.feed();
    for (const ending of ['m3u8', 'mpd'])
      await until(`the ${ending}`, async () =>
        // Not as the viewers below would ask: who is in already is not asked again.
        (await fetch(`http://${stage.host}/live/show.${ending}?first`)).ok ? true : undefined,
      );
    await stage.reload(SIGNED);
  });
  after(async () => {
    try {
      assert.ok(used.length > 20);
      await stage.assertSecret(SECRET, JWT_SECRET, ...used.filter((token) => token.length > 20));
    } finally {
      await stage.stop();
    }
  });

  for (const kind of ['rtmp', 'flv', 'ws-flv', 'hls', 'dash']) {
    const refused = (code: string): string => (kind === 'rtmp' ? FAILED : code);
    test(`${kind}: signed URLs`, async () => {
      for (const [query, want] of [
        ['', 'TOKEN_MISSING'],
        ['x=1', 'TOKEN_MISSING'],
        [signed(), 'in'],
        [`x=1&${signed()}&y=2`, 'in'],
        [signed({ ip: '127.0.0.0/8' }), 'in'],
        [signed({ ip: '10.0.0.0/8' }), 'TOKEN_INVALID'],
        [signed({ action: 'publish' }), 'TOKEN_INVALID'],
        [signed({ url: 'rtmp://127.0.0.1/live/other' }), 'TOKEN_INVALID'],
        [signed({ expires: now() - 60 }), 'TOKEN_EXPIRED'],
        [signed({}, NEW_SECRET), 'TOKEN_INVALID'],
      ] as const)
        assert.equal(await stage.play(kind, seen(query)), want === 'in' ? 'in' : refused(want), query);
    });

    test(`${kind}: JWT`, async () => {
      for (const [token, want] of [
        [await jwt(), 'in'],
        [await jwt({ path: 'live/other' }), 'TOKEN_INVALID'],
        [await jwt({ action: 'publish' }), 'TOKEN_INVALID'],
        [await jwt({ exp: now() - 60 }), 'TOKEN_EXPIRED'],
        [await jwt({}, NEW_SECRET), 'TOKEN_INVALID'],
      ] as const) {
        const expected = want === 'in' ? 'in' : refused(want);
        assert.equal(await stage.play(kind, seen(`token=${token}`)), expected);
        if (kind === 'rtmp') continue;
        // The same query as before: whoever sends no header, or another one, is not the viewer who sent it.
        assert.equal(await stage.play(kind, 'h', 'show', { authorization: `Bearer ${token}` }), want);
        assert.equal(await stage.play(kind, 'h'), 'TOKEN_MISSING');
      }
    });
  }

  test('publishing: signed URLs and JWT, in the query of the stream or the app', async () => {
    const good = seen(signed({ action: 'publish', url: 'rtmp://127.0.0.1/live/a' }));
    assert.equal(await stage.rtmp('publish', 'live', 'a'), DENIED);
    assert.equal(await stage.rtmp('publish', 'live', `a?${seen(signed())}`), DENIED);
    assert.equal(await stage.rtmp('publish', 'live', `b?${good}`), DENIED);
    assert.equal(await stage.rtmp('publish', 'live', `a?${good}`), 'in');
    const other = seen(signed({ action: 'both', url: 'rtmp://127.0.0.1/live/b' }));
    assert.equal(await stage.rtmp('publish', `live?${other}`, 'b'), 'in');
    const token = seen(await jwt({ action: 'publish', path: 'live/c' }));
    assert.equal(await stage.rtmp('publish', 'live', `c?token=${token}`), 'in');
  });
});

test('segments come with the right of their playlist, and with none without it', async (context) => {
  const stage = await Stage.of(context, '');
  const fed = stage.feed();
  await until('the playlist', async () =>
    (await fetch(`http://${stage.host}/live/show.m3u8`)).ok ? true : undefined,
  );
  await stage.reload(SIGNED);
  fed.run(2_000);
  const get = async (path: string): Promise<{ status: number; text: string }> => {
    const response = await fetch(new URL(path, `http://${stage.host}/live/`));
    return { status: response.status, text: await response.text() };
  };
  let list = await get(`show.m3u8?${signed()}`);
  const variant = /^[^#].*m3u8.*$/m.exec(list.text)?.[0];
  if (variant !== undefined) list = await get(variant);
  const segment = /^[^#].*\.ts.*$/m.exec(list.text)?.[0] ?? '';
  assert.match(segment, /\.ts/);
  assert.equal((await get(segment)).status, 200);
  assert.equal((await get(segment.replace(/\?.*/, ''))).status, 403);
});

test('keys take the place of one another while clients play on', async (context) => {
  const stage = await Stage.of(context, `play signed; sign_key k1 ${SECRET};`);
  stage.feed();
  const [old, next] = [signed({ keyName: 'k1' }), signed({ keyName: 'k2' }, NEW_SECRET)];
  const both = async (): Promise<string[]> => [await stage.play('flv', old), await stage.play('flv', next)];
  assert.deepEqual(await both(), ['in', 'TOKEN_INVALID']);
  await stage.reload(`play signed; sign_key k1 ${SECRET}; sign_key k2 ${NEW_SECRET};`);
  assert.deepEqual(await both(), ['in', 'in']);
  await stage.reload(`play signed; sign_key k2 ${NEW_SECRET};`);
  assert.deepEqual(await both(), ['TOKEN_INVALID', 'in']);
  await stage.assertSecret(SECRET, NEW_SECRET);
});

test('one-time URLs, and sessions that end with their token', async (context) => {
  const stage = await Stage.of(
    context,
    `play signed; sign_key k1 ${SECRET}; one_time on; expire_sessions on;`,
  );
  stage.feed();
  const once = signed({ nonce: 'first' });
  assert.equal(await stage.play('flv', once), 'in');
  assert.equal(await stage.play('flv', once), 'TOKEN_USED');
  assert.equal(await stage.play('rtmp', once), FAILED);
  assert.equal(await stage.rtmp('play', 'live', `show?${signed({ expires: now() + 1 })}`), 'in');
  await eventually(
    () => stage.server.lines.some((line) => line.includes('SESSION_EXPIRED')),
    'the end of the session',
    6_000,
  );
});

test('a stream key is seen nowhere; what it publishes has its public name', async (context) => {
  const stage = await Stage.of(context, 'stream_keys ROOT/keys;');
  assert.equal(await stage.rtmp('publish', 'live', 'show'), DENIED, 'the public name');
  assert.equal(await stage.rtmp('publish', 'live', `${KEY}-`), DENIED, 'a wrong key');
  assert.equal(await stage.rtmp('publish', 'live', KEY), 'in');
  const names = stage.server.server.hub.list().map(({ name }) => `${name.app}/${name.stream}`);
  assert.deepEqual(names, ['live/show']);
  assert.notEqual(await stage.rtmp('play', 'live', KEY), 'in');
  for (const kind of ['flv', 'ws-flv', 'hls', 'dash'])
    assert.notEqual(await stage.play(kind, 'x=1', KEY), 'in', kind);
  assert.match(await stage.api(), /"show"/);
  await stage.assertSecret(KEY);
  stage.leave();
  // The file counts as it is now.
  await eventually(() => stage.server.server.hub.list().length === 0, 'the end of the stream');
  await writeFile(join(stage.root, 'keys'), `another-${KEY} show\n`);
  await eventually(() => stage.server.lines.some((line) => line.includes('read again')), 'the file', 10_000);
  assert.equal(await stage.rtmp('publish', 'live', KEY), DENIED);
  assert.equal(await stage.rtmp('publish', 'live', `another-${KEY}`), 'in');
  await stage.assertSecret(KEY);
});

suite('a JWKS server', () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  let keys: Server;
  let mode: 'good' | 'silent' | 'redirect' | 'long' = 'good';
  let calls = 0;
  const token = (kid = 'k'): Promise<string> =>
    new SignJWT({ action: 'play', path: 'live/*', exp: now() + 60 })
      .setProtectedHeader({ alg: 'RS256', kid })
      .sign(privateKey);

  before(async () => {
    keys = createServer((_request, response) => {
      calls += 1;
      if (mode === 'silent') return;
      if (mode === 'redirect') response.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end();
      else if (mode === 'long') response.end(Buffer.alloc(1024 * 1024, ' '));
      else response.end(JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k' }] }));
    }).listen(0, '127.0.0.1');
    await once(keys, 'listening');
  });
  after(() => {
    keys.closeAllConnections();
    keys.close();
  });
  const access = (): string => {
    const { port } = keys.address() as AddressInfo;
    return `play jwt signed; jwks http://127.0.0.1:${port}/jwks?secret=${SECRET}; sign_key k1 ${SECRET};`;
  };

  test('its keys are good; a kid that it does not have is not', async (context) => {
    mode = 'good';
    const stage = await Stage.of(context, access());
    stage.feed();
    assert.equal(await stage.play('flv', `token=${await token()}`), 'in');
    calls = 0;
    for (let i = 0; i < 20; i += 1)
      assert.equal(await stage.play('flv', `token=${await token(`forged-${i}`)}`), 'TOKEN_INVALID');
    assert.ok(calls <= 1, `${calls} calls`);
    mode = 'silent';
    assert.equal(await stage.play('flv', `token=${await token()}`), 'in', 'it is known');
    await stage.assertSecret(SECRET);
  });

  for (const how of ['redirect', 'long'] as const)
    test(`${how}: nobody comes in by it, and others are not held up`, async (context) => {
      mode = how;
      const stage = await Stage.of(context, access());
      stage.feed();
      assert.equal(await stage.play('flv', `token=${await token()}`), 'TOKEN_UNCHECKED');
      assert.equal(await stage.play('flv', signed()), 'in');
      await stage.assertSecret(SECRET);
    });

  test('silent: who does not need it does not wait', async (context) => {
    mode = 'silent';
    const stage = await Stage.of(context, access());
    stage.feed();
    let isDone = false;
    const waiting = stage.play('flv', `token=${await token()}`).finally(() => (isDone = true));
    assert.equal(await stage.play('flv', signed()), 'in');
    assert.equal(await stage.play('rtmp', signed()), 'in');
    assert.equal(isDone, false);
    assert.equal(await waiting, 'TOKEN_UNCHECKED');
  });
});
