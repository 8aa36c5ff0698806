import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { get } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http2';
import { get as getSecure } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import WebSocket from 'ws';
import type { AccessPolicy, SessionInfo, StreamName, StreamObserver } from '../../src/hub/ports.ts';
import type { TestCertificate } from './certificates.ts';
import { eventually } from './eventually.ts';
import { FedStream } from './file-viewers.ts';
import { sessionOf } from './hub-fixtures.ts';
import { http2From } from './http2-from.ts';
import { until } from './programs.ts';
import { ReloadServer } from './reload-server.ts';
import { RtmpPeer } from './rtmp-peer.ts';

/** Clients of three addresses: all of 127.0.0.0/8 is this machine. */
export const [ONE, TWO, THREE] = ['127.0.0.1', '127.0.0.2', '127.0.0.3'];

/** Vhosts besides the default one, whose live bodies are of this container. Clients name them as `Host`. */
const CONTAINERS = ['ts', 'aac', 'mp3'];

/** How bytes of HTTP come. */
const CARRIERS = ['', 'https-', 'h2-'];

/** Every way to play: the container, and in front of it what carries it if that is not HTTP/1.1 without TLS. */
export const EVERY_KIND: readonly string[] = [
  'rtmp',
  'rtmps',
  ...['flv', ...CONTAINERS].flatMap((body) => [...CARRIERS, 'ws-', 'wss-'].map((by) => by + body)),
  ...['hls', 'dash'].flatMap((body) => CARRIERS.map((by) => by + body)),
];

/** Who plays or publishes at the moment; `wrong` says when an end comes twice or without a start. */
export class Presence implements StreamObserver {
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

export interface StageSettings {
  /** In front of all blocks. */
  readonly top?: string;
  /** Listens for TLS too, and has a vhost with the same rules for each container. */
  readonly certificate?: TestCertificate;
  readonly policy?: AccessPolicy;
  /** More of the `hls` block. */
  readonly hls?: string;
}

/** How somebody asks to play, besides who he is. */
export interface PlayWish {
  readonly stream?: string;
  /** Without `?`. */
  readonly query?: string;
  /** Over RTMP, `referer` is `pageUrl`, and nothing else is said. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A viewer that was let in. */
export interface Entered {
  /** The connection, or this request of it, is over. */
  closed(): boolean;
  /** The server has told that this is the end, as the protocol does. */
  over(): boolean;
}

/** A whole server with the rules of a test in its vhosts, and clients of several addresses over every transport. */
export class AccessStage {
  readonly presence = new Presence();
  readonly root: string;
  /** The viewers of `play` that were let in and have a connection. */
  readonly entered: Entered[] = [];
  readonly #settings: StageSettings;
  readonly #undo: (() => void)[] = [];
  #server: ReloadServer | undefined;
  #asked = 0;

  private constructor(root: string, settings: StageSettings) {
    this.root = root;
    this.#settings = settings;
  }

  static async start(vhost: string, settings: StageSettings = {}): Promise<AccessStage> {
    const stage = new AccessStage(await mkdtemp(join(tmpdir(), 'srs-access-')), settings);
    await stage.#start(vhost);
    return stage;
  }

  static async of(context: TestContext, vhost: string, settings: StageSettings = {}): Promise<AccessStage> {
    const stage = await AccessStage.start(vhost, settings);
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
    await this.#start(vhost);
  }

  /** Puts `stream` on the air, without asking anybody. */
  feed(stream = 'show', vhost = '__defaultVhost__'): FedStream {
    const name = { vhost, app: 'live', stream };
    const fed = new FedStream(this.server.server.hub.publish(name, sessionOf(`fed-${vhost}-${stream}`)));
    fed.run(4_000);
    return fed;
  }

  /** Puts `show` on the air in each vhost, and waits for its files. */
  async feedAll(): Promise<readonly FedStream[]> {
    const vhosts = this.#settings.certificate === undefined ? [] : CONTAINERS.map((body) => `${body}.test`);
    const fed = ['__defaultVhost__', ...vhosts].map((vhost) => this.feed('show', vhost));
    for (const ending of ['m3u8', 'mpd'])
      await until(`live/show.${ending}`, async () =>
        (await fetch(`${this.host}/live/show.${ending}?first`)).ok ? true : undefined,
      );
    return fed;
  }

  /** `in`, or why not: the code of the error where the protocol tells it, else its text. */
  async play(kind: string, ip: string, wish: PlayWish = {}): Promise<string> {
    const { stream = 'show', query, headers = {} } = wish;
    if (kind.startsWith('rtmp')) {
      const name = query === undefined ? stream : `${stream}?${query}`;
      return this.#rtmp('play', ip, name, headers['referer'], kind === 'rtmps');
    }
    const [body = '', by = 'http'] = kind.split('-').reverse();
    const ending = { hls: 'm3u8', dash: 'mpd' }[body] ?? body;
    // Who asks for the same address of a file again is the same viewer.
    const search = query ?? `n=${(this.#asked += 1)}`;
    const path = `/live/${stream}.${ending}?${search}`;
    const named = { ...(CONTAINERS.includes(body) ? { host: `${body}.test` } : {}), ...headers };
    switch (by) {
      case 'ws':
      case 'wss':
        return this.#webSocket(by, path, ip, named);
      case 'h2':
        return this.#http2(path, ip, named);
      default:
        return this.#http(by === 'https', path, ip, named);
    }
  }

  /** Any file. */
  get(path: string, ip: string): Promise<string> {
    return this.#http(false, path, ip, {});
  }

  /** `in`, or the status that refuses. */
  publish(ip: string, stream: string, pageUrl?: string, kind = 'rtmp'): Promise<string> {
    return this.#rtmp('publish', ip, stream, pageUrl, kind === 'rtmps');
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
    this.entered.length = 0;
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

  async #start(vhost: string): Promise<void> {
    const { policy } = this.#settings;
    const more = policy === undefined ? {} : { policy };
    this.#server = await ReloadServer.start(this.#text(vhost), { observers: [this.presence], ...more });
  }

  #text(vhost: string): string {
    const { root } = this;
    const { top = '', certificate, hls = '' } = this.#settings;
    const files = `hls { enabled on; hls_path ${root}; hls_fragment 1; hls_m3u8_file [app]/[stream].m3u8;
      hls_ts_file [app]/[stream]-[seq].ts; ${hls} } dash { enabled on; dash_path ${root}; dash_fragment 1; }`;
    const remux = (body: string): string =>
      `http_remux { enabled on; mount [vhost]/[app]/[stream].${body}; } publish { hold_time 100; }`;
    const tls =
      certificate === undefined
        ? ''
        : `listen 127.0.0.1:0; key ${certificate.key}; cert ${certificate.cert};`;
    const https = tls === '' ? '' : `https { enabled on; ${tls} }`;
    const rtmps = tls === '' ? '' : `rtmps { enabled on; ${tls} }`;
    const others =
      tls === '' ? [] : CONTAINERS.map((body) => `vhost ${body}.test { ${remux(body)} ${vhost} }`);
    return `listen 127.0.0.1:0; max_connections 1000; daemon off; ban_file ${root}/bans.json; ${top} ${rtmps}
      http_api { enabled on; listen 127.0.0.1:0; }
      http_server { enabled on; listen 127.0.0.1:0; dir ${root}; page off; ${https} }
      vhost __defaultVhost__ { ${/\bhttp_remux\b/.test(vhost) ? '' : remux('flv')} ${files} ${vhost} }
      ${others.join('\n')}`;
  }

  async #rtmp(
    action: 'publish' | 'play',
    localAddress: string,
    stream: string,
    pageUrl: string | undefined,
    secure: boolean,
  ): Promise<string> {
    const { addresses } = this.server.server;
    const [at] = secure ? addresses.rtmps : addresses.rtmp;
    const peer = await RtmpPeer.shake(at?.port ?? 0, { localAddress, secure });
    this.#undo.push(() => peer.destroy());
    peer.connect('live', pageUrl === undefined ? {} : { properties: { pageUrl } });
    const answered = await eventually(
      () =>
        peer.commands().find(({ name }) => name === '_result' || name === '_error')?.name ??
        (peer.ended ? 'cut off' : undefined),
      'the answer to connect',
    );
    if (answered !== '_result') return answered === '_error' ? 'connect refused' : answered;
    peer.call(0, 'createStream', null);
    peer.call(1, action, null, stream, ...(action === 'publish' ? ['live'] : []));
    const status = await eventually(
      () => peer.statuses().find((code) => !code.endsWith('.Reset')) ?? (peer.ended ? 'cut off' : undefined),
      `an answer to ${action}`,
    );
    if (!status.endsWith('.Start')) return status;
    this.entered.push({
      closed: () => peer.ended,
      over: () => peer.statuses().includes('NetStream.Play.Stop'),
    });
    return 'in';
  }

  async #http(
    isSecure: boolean,
    path: string,
    localAddress: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<string> {
    const options = { agent: false, localAddress, headers, rejectUnauthorized: false } as const;
    const [secure] = this.server.server.addresses.https;
    const request: ClientRequest = isSecure
      ? getSecure(`https://127.0.0.1:${secure?.port ?? 0}${path}`, options)
      : get(`${this.host}${path}`, options);
    request.on('error', () => undefined);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    this.#undo.push(() => request.destroy());
    response.on('error', () => undefined);
    if (response.statusCode !== 200) return codeOf((await response.toArray()) as Buffer[]);
    response.resume();
    this.entered.push({ closed: () => response.closed, over: () => response.complete });
    return 'in';
  }

  async #http2(
    path: string,
    localAddress: string,
    { host, ...headers }: Readonly<Record<string, string>>,
  ): Promise<string> {
    const [at] = this.server.server.addresses.https;
    const client = http2From(localAddress, at?.port ?? 0);
    this.#undo.push(() => client.destroy());
    const stream = client.request({
      ':path': path,
      ...(host === undefined ? {} : { ':authority': host }),
      ...headers,
    });
    stream.on('error', () => undefined);
    const [answer] = (await once(stream, 'response')) as [IncomingHttpHeaders & { ':status'?: number }];
    if (answer[':status'] !== 200) return codeOf((await stream.toArray()) as Buffer[]);
    let ended = false;
    stream.once('end', () => (ended = true));
    stream.resume();
    this.entered.push({ closed: () => stream.closed, over: () => ended && stream.rstCode === 0 });
    return 'in';
  }

  #webSocket(
    scheme: string,
    path: string,
    localAddress: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<string> {
    const { addresses } = this.server.server;
    const [at] = scheme === 'ws' ? addresses.http : addresses.https;
    const options = { localAddress, headers, rejectUnauthorized: false };
    const client = new WebSocket(`${scheme}://127.0.0.1:${at?.port ?? 0}${path}`, options);
    this.#undo.push(() => client.terminate());
    client.on('error', () => undefined);
    let code: number | undefined;
    client.once('close', (status: number) => (code = status));
    return new Promise((resolve) => {
      client.once('open', () => {
        this.entered.push({ closed: () => code !== undefined, over: () => code === 1000 });
        resolve('in');
      });
      client.once('unexpected-response', (_request, response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('close', () => resolve(codeOf(chunks) || String(response.statusCode)));
      });
    });
  }
}

/** What a refusal says. */
function codeOf(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks)
    .toString()
    .trim()
    .replace(/^forbidden: /, '');
}

/** What a viewer hears: over HTTP the code of the error; RTMP has its own words. */
export function refused(kind: string, code: string): string {
  return kind.startsWith('rtmp') ? 'NetStream.Play.Failed' : code;
}
