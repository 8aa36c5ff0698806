import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http2';
import { get as getSecure } from 'node:https';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { after, before, suite, test } from 'node:test';
import { SignJWT } from 'jose';
import WebSocket from 'ws';
import { AmfObject } from '../../src/protocols/amf0/index.ts';
import { readMpd } from '../../src/containers/mpd/index.ts';
import { signUrl } from '../../src/server/sign-url.ts';
import { makeCertificate, type TestCertificate } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { bare, FedStream, urisOf } from '../support/file-viewers.ts';
import { http2From } from '../support/http2-from.ts';
import { sessionOf } from '../support/hub-fixtures.ts';
import { until } from '../support/programs.ts';
import { ReloadServer } from '../support/reload-server.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';

/** All of 127.0.0.0/8 is this machine. */
const [GOOD, DENIED, BANNED] = ['127.0.0.1', '127.0.0.2', '127.0.0.3'];
const SIGN_SECRET = 'the-secret-of-the-signed-urls-of-this-test';
const JWT_SECRET = 'the-secret-of-the-tokens-of-this-test';
const PAGE = 'https://www.example.com/page';

/** The rules, each in a vhost of its own. */
const VHOSTS: Readonly<Record<string, string>> = {
  'security.test': `security { enabled on; allow play all; allow publish all; deny play ${DENIED}; deny publish ${DENIED}; }`,
  'refer.test': 'refer { enabled on; play example.com; publish example.com; }',
  'signed.test': `access { publish signed; play signed; sign_key k1 ${SIGN_SECRET}; }`,
  'jwt.test': `access { publish jwt; play jwt; jwt_secret j1 ${JWT_SECRET}; }`,
  'ban.test': '',
  'limits.test': 'limits { max_clients_per_ip 1; }',
};

type Action = 'play' | 'publish';

/** Who asks, and with what. */
interface Asker {
  readonly ip?: string;
  readonly page?: string;
  /** Without `?`. */
  readonly query?: string;
}

/** A row: who asks a vhost to play `live/show`, or to publish; `media` or the code of the error is what comes of it. */
type Rule = readonly [
  says: string,
  vhost: string,
  want: string,
  asker: (action: Action, stream: string) => Asker | Promise<Asker>,
];

function signed(action: Action, stream: string, seconds = 60): string {
  const expires = Math.floor(Date.now() / 1_000) + seconds;
  const url = `rtmp://signed.test/live/${stream}`;
  return signUrl({ url, action, vhost: 'signed.test', expires }, SIGN_SECRET).replace(/^[^?]*\?/, '');
}

async function jwt(action: Action, stream: string, secret = JWT_SECRET): Promise<Asker> {
  const token = await new SignJWT({
    action,
    path: `live/${stream}`,
    exp: Math.floor(Date.now() / 1_000) + 60,
  })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(Buffer.from(secret));
  return { query: `token=${token}` };
}

/** The same signature but for its first character. */
const forge = (query: string): string =>
  query.replace(/sign=(.)/, (_all, first: string) => `sign=${first === 'A' ? 'B' : 'A'}`);

const nothing = (): Asker => ({});
const withUrl =
  (seconds = 60): Rule[3] =>
  (action, stream) => ({ query: signed(action, stream, seconds) });
const RULES: readonly Rule[] = [
  ['security, another address', 'security.test', 'media', nothing],
  ['security, deny', 'security.test', 'SECURITY_DENIED', () => ({ ip: DENIED })],
  ['refer, its page', 'refer.test', 'media', () => ({ page: PAGE })],
  ['refer, no page', 'refer.test', 'REFER_DENIED', nothing],
  ['refer, a page of others', 'refer.test', 'REFER_DENIED', () => ({ page: 'https://evil-example.com/' })],
  ['a signed URL', 'signed.test', 'media', withUrl()],
  ['no signed URL', 'signed.test', 'TOKEN_MISSING', nothing],
  ['a forged URL', 'signed.test', 'TOKEN_INVALID', (...of) => ({ query: forge(signed(...of)) })],
  ['an expired URL', 'signed.test', 'TOKEN_EXPIRED', withUrl(-60)],
  ['a JWT', 'jwt.test', 'media', (...of) => jwt(...of)],
  ['a JWT of another secret', 'jwt.test', 'TOKEN_INVALID', (...of) => jwt(...of, `${JWT_SECRET}-`)],
  ['a ban of another address', 'ban.test', 'media', nothing],
  ['a ban', 'ban.test', 'BANNED', () => ({ ip: BANNED })],
];

const CARRIERS = ['http', 'https', 'h2'];
const LIVE = [
  'rtmp',
  'rtmps',
  ...['flv', 'ts'].flatMap((body) => [...CARRIERS, 'ws', 'wss'].map((by) => `${by} ${body}`)),
];
const FILES = ['m3u8', 'mpd'].flatMap((body) => CARRIERS.map((by) => `${by} ${body}`));
const PLAY = [...LIVE, ...FILES];
const PUBLISH = ['rtmp', 'rtmps'];

/** What RTMP tells in place of the code. */
const TOLD: readonly (readonly [code: string, text: RegExp])[] = [
  ['SECURITY_DENIED', /may not (play|publish): a rule denies it$/],
  ['REFER_DENIED', /^nobody may (play|publish) here (from a page of|without the address of a page)/],
  ['TOKEN_MISSING', /^a token is needed here$/],
  ['TOKEN_INVALID', /^the token is not valid here$/],
  ['TOKEN_EXPIRED', /^the token is out of date$/],
  ['BANNED', /^this address is banned$/],
  ['LIMIT_EXCEEDED', /^max_clients_per_ip 1 of limits\.test is reached/],
];

interface Got {
  readonly status: number;
  readonly body: Buffer;
}

/** Bytes that no refusal has. */
const ENOUGH = 2_000;

suite('what comes of each rule over each transport, to the byte', () => {
  let root: string;
  let certificate: TestCertificate;
  let server: ReloadServer;
  const undo: (() => void)[] = [];
  const leave = (): void => undo.splice(0).forEach((work) => work());
  let asked = 0;

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'srs-media-'));
    certificate = await makeCertificate();
    const tls = `enabled on; listen 127.0.0.1:0; key ${certificate.key}; cert ${certificate.cert};`;
    const vhost = ([name, rules]: [string, string]): string => `vhost ${name} {
      ${rules} publish { hold_time 100; } http_remux { enabled on; mount [vhost]/[app]/[stream].flv; }
      hls { enabled on; hls_path ${root}; hls_fragment 1; hls_window 10;
        hls_m3u8_file [vhost]/[app]/[stream].m3u8; hls_ts_file [vhost]/[app]/[stream]-[seq].ts; }
      dash { enabled on; dash_path ${root}; dash_fragment 1; dash_mpd_file [vhost]/[app]/[stream].mpd; } }`;
    server = await ReloadServer.start(`listen 127.0.0.1:0; max_connections 1000; daemon off; ban_file '';
      rtmps { ${tls} } http_api { enabled on; listen 127.0.0.1:0; }
      http_server { enabled on; listen 127.0.0.1:0; dir ${root}; page off; https { ${tls} } }
      ${Object.entries(VHOSTS).map(vhost).join('\n')}`);
    for (const name of Object.keys(VHOSTS)) {
      const show = { vhost: name, app: 'live', stream: 'show' };
      new FedStream(server.server.hub.publish(show, sessionOf(`fed-${name}`))).run(5_000);
    }
    for (const ending of ['m3u8', 'mpd'])
      await until(`the ${ending}`, async () => {
        const { status } = await fetchOver('http', 'ban.test', `/ban.test/live/show.${ending}?first`, {});
        return status === 200;
      });
    const bans = `http://127.0.0.1:${server.apiPort}/api/v1/bans/?ip=${BANNED}`;
    assert.match(await (await fetch(bans, { method: 'POST' })).text(), /"code":0/);
  });
  after(async () => {
    leave();
    await server.stop();
    await rm(root, { recursive: true, force: true });
    await rm(dirname(certificate.key), { recursive: true, force: true });
    assert.deepEqual(
      server.lines.filter((line) => line.includes('INTERNAL')),
      [],
    );
  });

  /** One request, whoever carries it. */
  async function fetchOver(by: string, host: string, path: string, { ip = GOOD, page }: Asker): Promise<Got> {
    const { addresses } = server.server;
    const isLive = /show\.(flv|ts)\?/.test(path);
    const port = (by === 'http' || by === 'ws' ? addresses.http : addresses.https)[0]?.port ?? 0;
    const headers = { host, ...(page === undefined ? {} : { referer: page }) };
    const options = { port, host: '127.0.0.1', localAddress: ip, rejectUnauthorized: false };
    if (by === 'h2') {
      const client = http2From(ip, port);
      undo.push(() => client.destroy());
      const { host: authority, ...rest } = headers;
      const stream = client.request({ ':path': path, ':authority': authority, ...rest });
      stream.on('error', () => undefined);
      const [answer] = (await once(stream, 'response')) as [IncomingHttpHeaders & { ':status'?: number }];
      return { status: answer[':status'] ?? 0, body: await start(stream, isLive) };
    }
    if (by === 'ws' || by === 'wss') {
      const client = new WebSocket(`${by}://127.0.0.1:${port}${path}`, {
        headers,
        localAddress: ip,
        rejectUnauthorized: false,
      });
      undo.push(() => client.terminate());
      client.on('error', () => undefined);
      const messages: Buffer[] = [];
      client.on('message', (data: Buffer) => messages.push(data));
      const refusal = await new Promise<IncomingMessage | undefined>((resolve) => {
        client.once('open', () => resolve(undefined));
        client.once('unexpected-response', (_request, response) => resolve(response));
      });
      if (refusal !== undefined)
        return { status: refusal.statusCode ?? 0, body: await start(refusal, false) };
      await eventually(() => Buffer.concat(messages).length >= ENOUGH, `messages of ${path}`);
      return { status: 200, body: Buffer.concat(messages) };
    }
    const asking = { ...options, path, headers, agent: false };
    const request = by === 'https' ? getSecure(asking) : get(asking);
    request.on('error', () => undefined);
    undo.push(() => request.destroy());
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return { status: response.statusCode ?? 0, body: await start(response, isLive) };
  }

  /** What comes of somebody's wish: `media`, or what the refusal says, and whether media came all the same. */
  async function ask(
    kind: string,
    action: Action,
    vhost: string,
    stream: string,
    asker: Asker,
  ): Promise<string> {
    if (kind.startsWith('rtmp')) return rtmp(kind, action, vhost, stream, asker);
    const [by = '', ending = ''] = kind.split(' ');
    const folder = FILES.includes(kind) ? `/${vhost}` : '';
    // Who asks for the same address of a file again is the same viewer.
    const query = `n=${(asked += 1)}${asker.query === undefined ? '' : `&${asker.query}`}`;
    const path = `${folder}/live/${stream}.${ending}?${query}`;
    const got = await fetchOver(by, vhost, path, asker);
    if (got.status !== 200) return refusalIn(got);
    if (!FILES.includes(kind)) return isMedia(got.body) ? 'media' : 'no media';
    const segment = await segmentOf(by, vhost, path, got.body.toString(), asker);
    const media = await fetchOver(by, vhost, segment, asker);
    return media.status === 200 && isMedia(media.body) ? 'media' : `segment: ${media.status}`;
  }

  /** The first segment of a playlist or manifest. */
  async function segmentOf(
    by: string,
    vhost: string,
    path: string,
    text: string,
    asker: Asker,
  ): Promise<string> {
    const at = (uri: string, from: string): string => {
      const { pathname, search } = new URL(uri, `http://x${from}`);
      return pathname + search;
    };
    if (path.includes('.mpd')) {
      const { template, representations } = readMpd(text).periods[0]?.adaptationSets[0] ?? assert.fail(text);
      const uri = template.media
        .replace('$RepresentationID$', representations[0]?.id ?? '')
        .replace('$Time$', String(template.timeline[0]?.time));
      return at(uri, path);
    }
    if (!text.includes('STREAM-INF')) return at(urisOf(text)[0] ?? '', path);
    const variant = at(urisOf(text)[0] ?? '', path);
    const list = await fetchOver(by, vhost, variant, asker);
    assert.equal(list.status, 200, variant);
    return at(urisOf(list.body.toString())[0] ?? '', variant);
  }

  async function rtmp(
    kind: string,
    action: Action,
    vhost: string,
    stream: string,
    asker: Asker,
  ): Promise<string> {
    const { ip = GOOD, page, query } = asker;
    const secure = kind === 'rtmps';
    const { addresses } = server.server;
    const port = (secure ? addresses.rtmps : addresses.rtmp)[0]?.port ?? 0;
    const peer = await RtmpPeer.shake(port, { localAddress: ip, secure });
    undo.push(() => peer.destroy());
    peer.connect('live', { tcHost: vhost, properties: page === undefined ? {} : { pageUrl: page } });
    const named = (name: string): boolean => peer.commands().some((command) => command.name === name);
    await eventually(() => named('_result') || named('_error'), 'the answer to connect');
    if (!named('_error')) {
      await peer.createStream();
      const name = query === undefined ? stream : `${stream}?${query}`;
      peer.call(1, action, null, name, ...(action === 'publish' ? ['live'] : []));
      const status = await eventually(
        () => peer.statuses().find((code) => !code.endsWith('.Reset')),
        `an answer to ${action}`,
      );
      if (status === 'NetStream.Publish.Start') return 'media';
      if (status === 'NetStream.Play.Start') {
        await peer.mediaCount(5);
        return 'media';
      }
      assert.equal(status, action === 'play' ? 'NetStream.Play.Failed' : 'NetStream.Publish.Denied');
    }
    // Nothing comes after the refusal but the end.
    await peer.closed();
    const [info] = peer.commands().findLast(({ name }) => /^(_error|onStatus)$/.test(name))?.args ?? [];
    const told = info instanceof AmfObject ? (info.string('description') ?? '') : '';
    const code = TOLD.find(([, pattern]) => pattern.test(told))?.[0] ?? `refused: ${told}`;
    return peer.media().length === 0 ? code : `${code}, and media`;
  }

  for (const [says, vhost, want, asker] of RULES) {
    test(`${says}: playing`, async () => {
      const wrong: string[] = [];
      for (const kind of PLAY) {
        const got = await ask(kind, 'play', vhost, 'show', await asker('play', 'show'));
        if (got !== want) wrong.push(`${kind}: ${got}, not ${want}`);
      }
      leave();
      assert.deepEqual(wrong, []);
    });

    test(`${says}: publishing`, async () => {
      for (const kind of PUBLISH) {
        // A name of its own for each: who was let in holds it for some time.
        const stream = `${kind}-${(asked += 1)}`;
        assert.equal(await ask(kind, 'publish', vhost, stream, await asker('publish', stream)), want, kind);
        const there = server.server.hub.find({ vhost, app: 'live', stream });
        assert.equal(there !== undefined, want === 'media', kind);
      }
      leave();
    });
  }

  const PROTECTED = RULES.filter(([, vhost, want]) => want === 'media' && vhost !== 'ban.test');
  for (const [says, vhost, , asker] of PROTECTED)
    test(`${says}: a segment is for who has it from its playlist`, async () => {
      for (const kind of FILES) {
        const [by = '', ending = ''] = kind.split(' ');
        const mine = await asker('play', 'show');
        const path = `/${vhost}/live/show.${ending}?n=${(asked += 1)}&${mine.query ?? ''}`;
        const list = await fetchOver(by, vhost, path, mine);
        assert.equal(list.status, 200, kind);
        const segment = await segmentOf(by, vhost, path, list.body.toString(), mine);
        for (const query of ['', '?hls_ctx=AAAAAAAAAAAAAAAAAAAAAA', '?dash_ctx=AAAAAAAAAAAAAAAAAAAAAA'])
          for (const ip of [GOOD, DENIED]) {
            const got = await fetchOver(by, vhost, bare(segment) + query, { ip });
            assert.equal(got.status, 403, `${kind} ${query}`);
            refusalIn(got);
          }
        const banned = await fetchOver(by, vhost, segment, { ...mine, ip: BANNED });
        assert.equal(refusalIn(banned), 'BANNED', kind);
      }
      leave();
    });

  test('limits: one client of an address, whatever it comes over', async () => {
    for (const [index, kind] of PLAY.entries()) {
      const ip = `127.0.1.${index + 1}`;
      assert.equal(await ask(kind, 'play', 'limits.test', 'show', { ip }), 'media', kind);
      assert.equal(await ask(kind, 'play', 'limits.test', 'show', { ip }), 'LIMIT_EXCEEDED', kind);
    }
    for (const [index, kind] of PUBLISH.entries()) {
      const ip = `127.0.2.${index + 1}`;
      assert.equal(await ask(kind, 'publish', 'limits.test', `${kind}-1`, { ip }), 'media', kind);
      assert.equal(await ask(kind, 'publish', 'limits.test', `${kind}-2`, { ip }), 'LIMIT_EXCEEDED', kind);
      assert.equal(
        server.server.hub.find({ vhost: 'limits.test', app: 'live', stream: `${kind}-2` }),
        undefined,
      );
    }
    leave();
  });
});

/** The code that a refusal over HTTP tells, which is all that it has. */
function refusalIn({ status, body }: Got): string {
  const text = body.toString('latin1');
  if (status !== 403) return `${status} ${text}`;
  return /^forbidden: ([A-Z_]+)\n?$/.exec(text)?.[1] ?? `403 with ${body.length} bytes: ${text.slice(0, 80)}`;
}

/** FLV, a packet of a transport stream, or a fragment of MP4. */
function isMedia(body: Buffer): boolean {
  if (body.length < ENOUGH) return false;
  const isTs = body[0] === 0x47 && body[188] === 0x47 && body[376] === 0x47;
  return isTs || body.subarray(0, 3).toString() === 'FLV' || body.includes('moof');
}

/** A body; of a live one, which has no end, the first `ENOUGH` bytes. */
function start(body: Readable, isLive: boolean): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const done = (): void => resolve(Buffer.concat(chunks));
    let length = 0;
    body.on('data', (chunk: Buffer) => {
      if (isLive && length >= ENOUGH) return;
      chunks.push(chunk);
      length += chunk.length;
      if (isLive && length >= ENOUGH) done();
    });
    body.once('end', done).once('close', done).once('error', done);
  });
}
