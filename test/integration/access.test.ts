import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test, type TestContext } from 'node:test';
import WebSocket from 'ws';
import type { SessionInfo, StreamName, StreamObserver } from '../../src/hub/ports.ts';
import { eventually } from '../support/eventually.ts';
import { FedStream } from '../support/file-viewers.ts';
import { sessionOf } from '../support/hub-fixtures.ts';
import { until } from '../support/programs.ts';
import { ReloadServer } from '../support/reload-server.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';

/** Clients of three addresses: all of 127.0.0.0/8 is this machine. */
const [ONE, TWO, THREE] = ['127.0.0.1', '127.0.0.2', '127.0.0.3'];

/** Who plays or publishes at the moment; fails when an end comes twice or without a start. */
class Presence implements StreamObserver {
  readonly now = new Map<string, SessionInfo>();
  starts = 0;
  publishStarted = (name: StreamName, session: SessionInfo): void => this.#start('publish', name, session);
  publishEnded = (name: StreamName, session: SessionInfo): void => this.#end('publish', name, session);
  playStarted = (name: StreamName, session: SessionInfo): void => this.#start('play', name, session);
  playEnded = (name: StreamName, session: SessionInfo): void => this.#end('play', name, session);
  readonly wrong: string[] = [];

  of(ip: string): number {
    return [...this.now.values()].filter((session) => session.ip === ip).length;
  }

  #start(action: string, { stream }: StreamName, session: SessionInfo): void {
    const key = `${action} ${stream} ${session.id}`;
    if (this.now.has(key)) this.wrong.push(`second start: ${key}`);
    this.now.set(key, session);
    this.starts += 1;
  }

  #end(action: string, { stream }: StreamName, session: SessionInfo): void {
    const key = `${action} ${stream} ${session.id}`;
    if (!this.now.delete(key)) this.wrong.push(`end without a start: ${key}`);
  }
}

/** A server whose stream `show` is on the air in every format. */
class Stage {
  readonly presence = new Presence();
  readonly root: string;
  readonly #top: string;
  readonly #undo: (() => void)[] = [];
  #server: ReloadServer | undefined;
  #asked = 0;

  private constructor(root: string, top: string) {
    this.root = root;
    this.#top = top;
  }

  static async start(vhost: string, top = ''): Promise<Stage> {
    const stage = new Stage(await mkdtemp(join(tmpdir(), 'srs-access-')), top);
    stage.#server = await ReloadServer.start(stage.#text(vhost), { observers: [stage.presence] });
    return stage;
  }

  static async of(context: TestContext, vhost: string, top = ''): Promise<Stage> {
    const stage = await Stage.start(vhost, top);
    context.after(() => stage.stop());
    return stage;
  }

  get server(): ReloadServer {
    assert.ok(this.#server);
    return this.#server;
  }

  get host(): string {
    return `http://127.0.0.1:${this.server.httpPort}`;
  }

  reload(vhost: string): Promise<unknown> {
    return this.server.apply(this.#text(vhost));
  }

  /** Stops the server and starts another one of the same folder. */
  async restart(vhost: string): Promise<void> {
    await this.server.stop();
    this.#server = await ReloadServer.start(this.#text(vhost), { observers: [this.presence] });
  }

  /** Puts `stream` on the air, without asking anybody. */
  feed(stream = 'show'): FedStream {
    const name = { vhost: '__defaultVhost__', app: 'live', stream };
    const fed = new FedStream(this.server.server.hub.publish(name, sessionOf(`fed-${stream}`)));
    fed.run(4_000);
    return fed;
  }

  /** `in`, or why not: the code of the error where the protocol tells it, else its text. */
  async play(
    kind: string,
    ip: string,
    stream = 'show',
    headers: Record<string, string> = {},
  ): Promise<string> {
    const path = `/live/${stream}`;
    switch (kind) {
      case 'rtmp':
        return this.#rtmp('play', ip, stream, headers['referer']);
      case 'ws-flv':
      case 'ws-ts':
        return this.#webSocket(`${path}.${kind.slice(3)}`, ip, headers);
      case 'hls':
        return this.#http(`${path}.m3u8`, ip, headers);
      case 'dash':
        // Who asks for the same address again is the same viewer.
        return this.#http(`${path}.mpd?n=${(this.#asked += 1)}`, ip, headers);
      default:
        return this.#http(`${path}.${kind}`, ip, headers);
    }
  }

  /** Any file. */
  get(path: string, ip: string): Promise<string> {
    return this.#http(path, ip, {});
  }

  publish(ip: string, stream: string, pageUrl?: string): Promise<string> {
    return this.#rtmp('publish', ip, stream, pageUrl);
  }

  /** Calls the API. */
  async api(path: string, method = 'GET', body?: unknown): Promise<Record<string, unknown>> {
    const response = await fetch(`http://127.0.0.1:${this.server.apiPort}/api/v1/${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    return (await response.json()) as Record<string, unknown>;
  }

  /** Everybody leaves. */
  leave(): void {
    for (const undo of this.#undo.splice(0)) undo();
  }

  async stop(): Promise<void> {
    this.leave();
    await this.server.stop();
    await rm(this.root, { recursive: true, force: true });
    assert.deepEqual(this.presence.wrong, []);
    assert.deepEqual([...this.presence.now.keys()], [], 'each start has an end');
    assert.deepEqual(
      this.server.lines.filter((line) => line.includes('INTERNAL')),
      [],
    );
  }

  #text(vhost: string): string {
    const { root } = this;
    const files = `hls { enabled on; hls_path ${root}; hls_fragment 1; hls_m3u8_file [app]/[stream].m3u8;
      hls_ts_file [app]/[stream]-[seq].ts; } dash { enabled on; dash_path ${root}; dash_fragment 1; }`;
    const mounts = ['flv', 'ts', 'aac', 'mp3'].map((ending) => `[vhost]/[app]/[stream].${ending}`);
    return `listen 127.0.0.1:0; max_connections 1000; daemon off; ban_file ${root}/bans.json; ${this.#top}
      http_api { enabled on; listen 127.0.0.1:0; }
      http_server { enabled on; listen 127.0.0.1:0; dir ${root}; page off; }
      vhost __defaultVhost__ { http_remux { enabled on; mount ${mounts[0] ?? ''}; } publish { hold_time 100; }
        ${files} ${vhost} }`;
  }

  async #rtmp(action: 'publish' | 'play', ip: string, stream: string, pageUrl?: string): Promise<string> {
    const peer = await RtmpPeer.shake(this.server.rtmpPort, { localAddress: ip });
    this.#undo.push(() => peer.destroy());
    peer.connect('live', pageUrl === undefined ? {} : { properties: { pageUrl } });
    const answered = (): string | undefined => {
      const found = peer.commands().find(({ name }) => name === '_result' || name === '_error');
      return found?.name;
    };
    if ((await eventually(answered, 'the answer to connect')) === '_error') return 'connect refused';
    await peer.createStream();
    peer.call(1, action, null, stream, ...(action === 'publish' ? ['live'] : []));
    const status = await eventually(
      () => peer.statuses().find((code) => !code.endsWith('.Reset')),
      `an answer to ${action}`,
    );
    return status.endsWith('.Start') ? 'in' : status;
  }

  async #http(path: string, localAddress: string, headers: Record<string, string>): Promise<string> {
    const request = get(`${this.host}${path}`, { agent: false, localAddress, headers });
    request.on('error', () => undefined);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    this.#undo.push(() => request.destroy());
    response.on('error', () => undefined);
    if (response.statusCode === 200) {
      response.resume();
      return 'in';
    }
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString().trim();
    return text.replace(/^forbidden: /, '');
  }

  async #webSocket(path: string, localAddress: string, headers: Record<string, string>): Promise<string> {
    const client = new WebSocket(`${this.host.replace('http', 'ws')}${path}`, { localAddress, headers });
    this.#undo.push(() => client.terminate());
    client.on('error', () => undefined);
    return new Promise((resolve) => {
      client.once('open', () => resolve('in'));
      client.once('unexpected-response', (_request, response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('close', () => {
          const text = Buffer.concat(chunks).toString().trim();
          resolve(text.replace(/^forbidden: /, '') || String(response.statusCode));
        });
      });
    });
  }
}

/** Over HTTP the code is told; RTMP has its own words. */
function refused(kind: string, code: string): string {
  return kind === 'rtmp' ? 'NetStream.Play.Failed' : code;
}

const KINDS = ['rtmp', 'flv', 'ws-flv', 'hls', 'dash'];

suite('each rule over each protocol', () => {
  let stage: Stage;
  let fed: FedStream;
  before(async () => {
    stage = await Stage.start('');
    fed = stage.feed();
    for (const ending of ['m3u8', 'mpd'])
      await until(`live/show.${ending}`, async () =>
        (await fetch(`${stage.host}/live/show.${ending}`)).ok ? true : undefined,
      );
  });
  after(async () => {
    fed.end();
    await stage.stop();
  });

  for (const kind of KINDS) {
    test(`${kind}: security`, async () => {
      await stage.reload(`security { enabled on; allow play all; deny play ${TWO}; }`);
      assert.equal(await stage.play(kind, TWO), refused(kind, 'SECURITY_DENIED'));
      assert.equal(await stage.play(kind, ONE), 'in');
      await stage.reload(`security { enabled on; allow publish all; allow play 127.0.0.2/31; }`);
      assert.equal(await stage.play(kind, ONE), refused(kind, 'SECURITY_NOT_ALLOWED'));
      assert.equal(await stage.play(kind, THREE), 'in');
      await stage.reload('security { enabled on; }');
      assert.equal(await stage.play(kind, ONE), refused(kind, 'SECURITY_DEFAULT'));
      await stage.reload('');
      assert.equal(await stage.play(kind, TWO), 'in');
      stage.leave();
    });

    test(`${kind}: refer`, async () => {
      await stage.reload('refer { enabled on; play example.com; }');
      const from = (referer: string): Promise<string> => stage.play(kind, ONE, 'show', { referer });
      assert.equal(await stage.play(kind, ONE), refused(kind, 'REFER_DENIED'));
      assert.equal(await from('http://evil-example.com/'), refused(kind, 'REFER_DENIED'));
      assert.equal(await from('https://www.example.com/page'), 'in');
      if (kind !== 'rtmp') {
        // All that a page tells with a WebSocket.
        const origin = (text: string): Promise<string> => stage.play(kind, ONE, 'show', { origin: text });
        assert.equal(await origin('https://example.org'), 'REFER_DENIED');
        assert.equal(await origin('null'), 'REFER_DENIED');
        assert.equal(await origin('https://example.com'), 'in');
      }
      await stage.reload('refer { enabled on; all example.com; }');
      const code = kind === 'rtmp' ? 'connect refused' : 'REFER_DENIED';
      assert.equal(await from('http://example.org/'), code);
      assert.equal(await from('http://example.com/'), 'in');
      stage.leave();
    });

    test(`${kind}: limits`, async () => {
      stage.leave();
      await stage.reload('');
      // Viewers of files stay for some time after their last request: they are counted too.
      const here = stage.presence.of(THREE);
      await stage.reload(`limits { max_clients_per_ip ${here + 1}; }`);
      assert.equal(await stage.play(kind, THREE), 'in');
      await eventually(() => stage.presence.of(THREE) === here + 1, 'the viewer');
      assert.equal(await stage.play(kind, THREE), refused(kind, 'LIMIT_EXCEEDED'));
      await stage.reload('');
      assert.equal(await stage.play(kind, THREE), 'in');
      stage.leave();
    });

    test(`${kind}: bans`, async () => {
      await stage.reload('');
      const added = await stage.api('bans/', 'POST', { ip: '127.0.0.2/32', action: 'play', seconds: 600 });
      assert.equal(added['code'], 0);
      assert.equal(await stage.play(kind, TWO), refused(kind, 'BANNED'));
      assert.equal(await stage.play(kind, ONE), 'in');
      const { id } = added['ban'] as { id: string };
      assert.equal((await stage.api(`bans/${id}`, 'DELETE'))['code'], 0);
      assert.equal(await stage.play(kind, TWO), 'in');
      stage.leave();
    });
  }
});

for (const ending of ['ts', 'aac', 'mp3'])
  test(`${ending}: rules hold over HTTP and WebSocket`, async (context) => {
    const stage = await Stage.of(
      context,
      `http_remux { enabled on; mount [vhost]/[app]/[stream].${ending}; } security { enabled on; deny play ${TWO}; }`,
    );
    const fed = stage.feed();
    assert.equal(await stage.play(ending, TWO), 'SECURITY_DENIED');
    assert.notEqual(await stage.play(ending, ONE), 'SECURITY_DENIED');
    if (ending === 'ts') {
      assert.equal(await stage.play('ws-ts', TWO), 'SECURITY_DENIED');
      assert.equal(await stage.play('ws-ts', ONE), 'in');
    }
    fed.end();
  });

test('publishing: security, pages, limits and bans refuse before the client hears success', async (context) => {
  const stage = await Stage.of(
    context,
    `security { enabled on; allow publish ${ONE}; allow publish ${TWO}; deny publish ${TWO}; }`,
  );
  const DENIED = 'NetStream.Publish.Denied';
  assert.equal(await stage.publish(ONE, 'a'), 'in');
  assert.equal(await stage.publish(TWO, 'b'), DENIED);
  assert.equal(await stage.publish(THREE, 'b'), DENIED);
  await stage.reload('refer { enabled on; publish example.com; }');
  assert.equal(await stage.publish(ONE, 'c'), DENIED);
  assert.equal(await stage.publish(ONE, 'c', 'http://example.com'), 'in');
  await stage.reload('limits { max_publishers 2; }');
  assert.equal(await stage.publish(ONE, 'd'), DENIED);
  stage.leave();
  await eventually(() => stage.presence.now.size === 0, 'the ends');
  assert.equal(await stage.publish(ONE, 'd'), 'in');
  await stage.api('bans/?stream=live/e&action=publish', 'POST');
  assert.equal(await stage.publish(ONE, 'e'), DENIED);
  await stage.api('bans/', 'POST', { ip: THREE });
  assert.equal(await stage.publish(THREE, 'f'), 'connect refused');
});

test('a ban ends who is there: over each protocol, each once, and nobody else', async (context) => {
  const stage = await Stage.of(context, '');
  assert.equal(await stage.publish(ONE, 'mine'), 'in');
  const fed = stage.feed();
  for (const ending of ['m3u8', 'mpd'])
    await until(`live/show.${ending}`, async () =>
      (await fetch(`${stage.host}/live/show.${ending}`)).ok ? true : undefined,
    );
  for (const kind of KINDS) {
    assert.equal(await stage.play(kind, TWO), 'in');
    assert.equal(await stage.play(kind, THREE), 'in');
  }
  assert.equal(await stage.publish(TWO, 'theirs'), 'in');
  await eventually(() => stage.presence.of(TWO) === 6 && stage.presence.of(THREE) === 5, 'viewers');
  const [two, three] = [stage.presence.of(TWO), stage.presence.of(THREE)];
  const { code, kicked } = await stage.api('bans/', 'POST', { ip: TWO, seconds: 60, reason: 'test' });
  assert.deepEqual([code, kicked, two], [0, 6, 6]);
  await eventually(() => stage.presence.of(TWO) === 0, 'their ends');
  assert.equal(stage.presence.of(THREE), three);
  assert.equal(stage.presence.of(ONE) > 0, true);
  const closed = await until('the line of the RTMP viewer', () =>
    Promise.resolve(
      stage.server.lines.find((line) => line.includes('RTMP closed') && line.includes('BANNED')),
    ),
  );
  assert.doesNotMatch(closed, /reason: test/);
  fed.end();
});

test('a banned address gets no files either, but the API answers it', async (context) => {
  const stage = await Stage.of(context, '');
  await writeFile(join(stage.root, 'file.txt'), 'text');
  const file = (ip: string): Promise<string> => stage.get('/file.txt', ip);
  assert.equal(await file(ONE), 'in');
  await stage.api(`bans/?ip=${ONE}&action=publish`, 'POST');
  await stage.api(`bans/?ip=${ONE}&stream=live/show`, 'POST');
  assert.equal(await file(ONE), 'in');
  await stage.api(`bans/?ip=${ONE}&action=play`, 'POST');
  assert.equal(await file(ONE), 'BANNED');
  assert.equal(await file(TWO), 'in');
  assert.equal(await stage.get('/none.txt', ONE), 'BANNED');
  assert.equal((await stage.api('bans/'))['total'], 3);
});

test('DELETE with a ban: of a stream its name, of a client its address; without a time nobody is banned', async (context) => {
  const stage = await Stage.of(context, '');
  assert.equal(await stage.publish(ONE, 'show'), 'in');
  assert.equal((await stage.api('streams/live/show?ban=soon', 'DELETE'))['code'], 1112);
  assert.equal((await stage.api('streams/live/none?ban=5', 'DELETE'))['code'], 2048);
  assert.deepEqual((await stage.api('bans/'))['bans'], []);
  const { code, ban, kicked } = await stage.api('streams/live/show?ban=60', 'DELETE');
  const { stream, action, ip, created_ms, expires_ms } = ban as Record<string, unknown>;
  assert.deepEqual([code, kicked, stream, action, ip], [0, 1, '__defaultVhost__/live/show', 'publish', '']);
  assert.equal(Number(expires_ms) - Number(created_ms), 60_000);
  await eventually(() => stage.presence.now.size === 0, 'the end of the publisher');
  assert.equal(await stage.publish(ONE, 'show'), 'NetStream.Publish.Denied');
  assert.equal(await stage.publish(ONE, 'other'), 'in');
  assert.equal(await stage.play('rtmp', TWO, 'show'), 'in');
  const [id] = [...stage.presence.now.values()]
    .filter((session) => session.ip === TWO)
    .map((session) => session.id);
  const viewer = await stage.api(`clients/${id ?? ''}?ban=0`, 'DELETE');
  assert.deepEqual([viewer['code'], viewer['kicked']], [0, 1]);
  assert.deepEqual(
    [(viewer['ban'] as { ip: string }).ip, (viewer['ban'] as { expires_ms: number }).expires_ms],
    [TWO, 0],
  );
  assert.equal(await stage.play('rtmp', TWO, 'other'), 'connect refused');
  assert.equal(await stage.play('rtmp', ONE, 'other'), 'in');
});

test('bans outlast a restart in an atomic file; a broken file is put aside and told of', async (context) => {
  const stage = await Stage.of(context, '');
  const file = join(stage.root, 'bans.json');
  assert.equal(
    (await readdir(stage.root)).includes('bans.json'),
    false,
    'nothing is written before there is a ban',
  );
  await stage.api(`bans/?ip=${TWO}&seconds=600&reason=spam`, 'POST');
  await stage.restart('');
  assert.equal(await stage.publish(TWO, 'a'), 'connect refused');
  assert.equal(await stage.publish(ONE, 'a'), 'in');
  const [ban] = (await stage.api('bans/'))['bans'] as { ip: string; reason: string }[];
  assert.deepEqual([ban?.ip, ban?.reason], [TWO, 'spam']);
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.slice(0, -10));
  await stage.restart('');
  assert.ok(
    stage.server.lines.some((line) => line.startsWith('error') && line.includes('bans.json is broken')),
  );
  assert.equal(await readFile(`${file}.broken`, 'utf8'), text.slice(0, -10));
  assert.equal(await stage.publish(TWO, 'b'), 'in');
});

test('limits never leak: clients who come and go, are refused, cut off or banned', async (context) => {
  const stage = await Stage.of(
    context,
    'limits { max_clients 8; max_viewers_per_stream 5; max_clients_per_ip 6; }',
  );
  const fed = stage.feed('show');
  const kinds = ['rtmp', 'flv', 'ws-flv'];
  let entered = 0;
  for (let round = 0; round < 12; round += 1) {
    const asked = Array.from({ length: 12 }, (_, index) =>
      stage.play(
        kinds[(index + round) % 3] ?? '',
        index % 2 === 0 ? TWO : THREE,
        index % 4 === 3 ? 'none' : 'show',
      ),
    );
    if (round % 4 === 3) await stage.api(`bans/?ip=${TWO}`, 'POST');
    const answers = await Promise.all(asked);
    entered += answers.filter((text) => text === 'in').length;
    assert.ok(stage.presence.now.size <= 8, `${stage.presence.now.size} clients`);
    stage.leave();
    for (const { id } of (await stage.api('bans/'))['bans'] as { id: string }[])
      await stage.api(`bans/${id}`, 'DELETE');
    await eventually(() => stage.presence.of(TWO) + stage.presence.of(THREE) === 0, 'everybody left');
  }
  assert.ok(entered >= 40, `${entered} entered`);
  // Exactly as many as before get in.
  const last = await Promise.all(
    Array.from({ length: 9 }, (_, index) => stage.play('flv', index < 6 ? TWO : THREE)),
  );
  assert.equal(last.filter((text) => text === 'in').length, 5);
  fed.end();
});
