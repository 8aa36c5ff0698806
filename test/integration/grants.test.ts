import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import WebSocket from 'ws';
import { play, publish as publishTo } from '../../src/clients/rtmp/index.ts';
import { AmfObject } from '../../src/protocols/amf0/index.ts';
import type { AccessPolicy } from '../../src/hub/ports.ts';
import { BackEnd, yes, type HookCall } from '../support/back-end.ts';
import { eventually } from '../support/eventually.ts';
import { audioConfig, audioFrame, videoConfig, videoFrame } from '../support/hub-fixtures.ts';
import { RawClient } from '../support/raw-http.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { TestServer } from '../support/test-server.ts';
import { httpFlvViewer, rtmpViewer, webSocketFlvViewer } from '../support/viewers.ts';

const KEY = 'kQ7-secret-stream-key-93xZ';
const TOKEN = 'tOkEn-5f2c9aa1b7';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
});

const EVENTS = [
  'on_connect',
  'on_close',
  'on_publish',
  'on_unpublish',
  'on_play',
  'on_stop',
  'on_dvr',
  'on_hls',
] as const;

interface Stage {
  readonly back: BackEnd;
  readonly server: TestServer;
  readonly root: string;
}

/** A server with a back end that answers what `data` gives for a call: a yes with it, or a plain yes. */
async function stage(data: (call: HookCall) => unknown, more = ''): Promise<Stage> {
  const root = await mkdtemp(join(tmpdir(), 'srs-grants-'));
  undo.push(() => rm(root, { recursive: true }));
  const back = await BackEnd.start();
  undo.push(() => back.stop());
  back.answer = (call, response, socket) => {
    const given = data(call);
    if (given === undefined) yes(call, response, socket);
    else response.end(JSON.stringify({ code: 0, data: given }));
  };
  const urls = EVENTS.map((event) => `${event} ${back.url(`/${event}`)};`).join(' ');
  const vhost = `http_hooks { enabled on; ${urls} } ${more.replaceAll('ROOT', root)}`;
  const top = 'http_api { enabled on; listen 127.0.0.1:0; }';
  const server = await TestServer.start({ vhost, top, http: `dir ${root};` });
  undo.push(async () => {
    await server.stop();
    assert.deepEqual(server.linesWith('INTERNAL'), [], 'no unexpected error');
  });
  return { back, server, root };
}

function apiText({ server }: Stage, path: string): Promise<string> {
  return text(`http://127.0.0.1:${server.server.addresses.api[0]?.port ?? 0}/api/v1/${path}`);
}

async function text(url: string): Promise<string> {
  const response = await fetch(url);
  return response.text();
}

async function ask(url: string): Promise<IncomingMessage> {
  const request = get(url, { agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.resume();
  undo.push(() => response.destroy());
  return response;
}

function send(peer: RtmpPeer, from = 0, frames = 30): void {
  peer.video(from, videoConfig().flvBody);
  peer.audio(from, audioConfig().flvBody);
  for (let index = 0; index < frames; index += 1) {
    peer.video(from + index * 100, videoFrame(0, index % 10 === 0, index).flvBody);
    peer.audio(from + index * 100, audioFrame(0, index).flvBody);
  }
}

async function publish(
  { server }: Stage,
  name: string,
  options: { app?: string; tcUrl?: string } = {},
): Promise<RtmpPeer> {
  const peer = await RtmpPeer.publish(server.rtmpPort, name, options);
  undo.push(() => peer.destroy());
  return peer;
}

/** The files below a folder. */
async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Whoever publishes by the key publishes `public`. */
const renameKey = ({ body }: HookCall): unknown =>
  body['action'] === 'on_publish' && body['stream'] === KEY ? { stream: 'public' } : undefined;

/** Nothing of a secret in the log, the API, the files and what the back end hears after it was asked. */
async function assertHidden(
  made: Stage,
  secrets: readonly string[],
  asked: readonly string[],
): Promise<void> {
  const { server, back, root } = made;
  const shown = [
    ...server.lines,
    ...(await filesOf(root)),
    await apiText(made, 'clients/?count=100'),
    await apiText(made, 'streams/'),
    ...back.calls
      .filter(({ body }) => !asked.includes(String(body['action'])))
      .map((call) => `${call.text} ${call.url}`),
  ].join('\n');
  for (const secret of secrets) assert.ok(!shown.includes(secret), `${secret} in\n${shown}`);
}

for (const { how, name, tcUrl } of [
  { how: 'as the name', name: KEY, tcUrl: 'rtmp://127.0.0.1/live' },
  { how: 'in the URL of the connection', name: '', tcUrl: `rtmp://127.0.0.1/live/${KEY}` },
  { how: 'with a token', name: `${KEY}?token=${TOKEN}`, tcUrl: `rtmp://127.0.0.1/live?sign=${TOKEN}` },
  { how: 'with a token without a ?', name: KEY, tcUrl: `rtmp://127.0.0.1/live...sign...${TOKEN}` },
]) {
  test(`a key ${how} becomes a public name everywhere`, async () => {
    const dvr = 'dvr { enabled on; dvr_path ROOT/dvr/[app]/[stream].flv; dvr_plan session; }';
    const hls = 'hls { enabled on; hls_path ROOT; hls_fragment 1; hls_window 10; }';
    const made = await stage(renameKey, `${hls} ${dvr}`);
    const { server, back } = made;
    const app = tcUrl.slice('rtmp://127.0.0.1/'.length);
    const peer = await publish(made, name, { tcUrl, app });
    assert.equal(
      back.of('on_publish')[0]?.body['stream'],
      KEY,
      'the question has the name that was asked for',
    );
    send(peer, 0, 60);
    await eventually(() => server.stream('public')?.state === 'live', 'the public stream');
    assert.equal(server.stream(KEY), undefined);
    for (const open of [rtmpViewer, httpFlvViewer, webSocketFlvViewer]) {
      const viewer = await open(server, 'public');
      await eventually(() => viewer.media().length > 10, 'media');
      viewer.abort();
    }
    const host = `http://127.0.0.1:${server.httpPort}`;
    await eventually(() => back.of('on_hls').length > 0, 'a segment');
    const playlist = await text(`${host}/live/public.m3u8`);
    assert.match(playlist, /#EXTM3U/);
    const clients = await apiText(made, 'clients/?count=100');
    assert.match(clients, /"name":"public"/);
    assert.ok(!clients.includes(TOKEN), clients);
    await assertHidden(made, [KEY], ['on_connect', 'on_publish', 'on_play']);
    peer.destroy();
    await back.call('on_unpublish');
    await back.call('on_dvr');
    await eventually(() => back.of('on_close').length === back.of('on_connect').length, 'all on_close');
    for (const action of ['on_unpublish', 'on_dvr', 'on_hls', 'on_stop']) {
      for (const { body } of back.of(action)) assert.equal(body['stream'], 'public', action);
    }
    assert.equal(back.of('on_unpublish').length, 1);
    assert.equal(back.of('on_unpublish')[0]?.body['client_id'], back.of('on_publish')[0]?.body['client_id']);
    await server.line('RTMP closed', 'publish __defaultVhost__/live/public');
    await assertHidden(made, [KEY], ['on_connect', 'on_publish', 'on_play']);
    // What is no name goes on to the back end, and to nobody else.
    await assertHidden(made, [KEY, TOKEN], EVENTS);
    assert.equal((await fetch(`${host}/live/${KEY}.flv`)).status, 404, 'the key is no name to play');
    assert.ok(!server.lines.join('\n').includes(KEY));
    assert.ok((await filesOf(made.root)).some((file) => file.includes('public')));
  });
}

test('a viewer of a name that is replaced plays the other stream, over each protocol', async () => {
  const made = await stage(({ body }) =>
    body['action'] === 'on_play' && body['stream'] === KEY ? { stream: 'show' } : undefined,
  );
  const { server, back } = made;
  send(await publish(made, 'show'));
  const referer = `http://page/${KEY}`;
  const onPage = await RawClient.open(server.httpPort);
  onPage.send(`GET /live/${KEY}.flv?k=${KEY} HTTP/1.1\r\nHost: a\r\nReferer: ${referer}\r\n\r\n`);
  await onPage.until('200 OK');
  await eventually(() => server.stream('show')?.viewers === 1, 'the viewer on a page');
  await assertHidden(made, [KEY], ['on_connect', 'on_play']);
  onPage.socket.destroy();
  await back.call('on_stop');
  back.calls.length = 0;
  for (const open of [rtmpViewer, httpFlvViewer, webSocketFlvViewer]) {
    const viewer = await open(server, KEY);
    await eventually(() => viewer.media().length > 10, 'media');
    await eventually(() => server.stream('show')?.viewers === 1, 'the viewer');
    await assertHidden(made, [KEY], ['on_connect', 'on_play']);
    viewer.abort();
    await eventually(() => server.stream('show')?.viewers === 0, 'no viewer');
  }
  await eventually(() => back.of('on_stop').length === 3, 'all ends');
  assert.deepEqual(
    back.of('on_stop').map(({ body }) => [body['stream'], body['client_id']]),
    back.of('on_play').map(({ body }) => ['show', body['client_id']]),
  );
  assert.deepEqual(
    server.hub.list().map(({ name }) => name.stream),
    ['show'],
  );
  await assertHidden(made, [KEY], ['on_connect', 'on_play']);
});

test('a publisher whose public name is taken is refused, holds nothing, and has its one end', async () => {
  const made = await stage(renameKey);
  const { server, back } = made;
  const first = await publish(made, 'public');
  send(first);
  await eventually(() => server.stream('public')?.state === 'live', 'the first one');
  const second = await RtmpPeer.open(server.rtmpPort);
  undo.push(() => second.destroy());
  await second.createStream();
  second.call(1, 'publish', null, KEY, 'live');
  await second.until(() => second.statuses().length > 0, 'a status');
  assert.deepEqual(second.statuses(), ['NetStream.Publish.BadName']);
  await eventually(() => back.of('on_close').length === 1, 'its end');
  const [, asked] = back.of('on_publish');
  assert.deepEqual(
    back.of('on_unpublish').map(({ body }) => [body['client_id'], body['stream']]),
    [[asked?.body['client_id'], 'public']],
    'the back end said yes',
  );
  await server.line('RTMP closed', 'STREAM_BUSY');
  assert.equal(server.hub.list().length, 1);
  first.destroy();
  await eventually(() => back.of('on_unpublish').length === 2, 'the end of the first');
  const third = await publish(made, KEY);
  send(third, 0, 3);
  await eventually(() => server.stream('public')?.state === 'live', 'the name is free again');
  await assertHidden(made, [KEY], ['on_publish']);
});

test('several URLs: each is asked about what the ones before it granted, and the strictest limits hold', async () => {
  const back = await BackEnd.start();
  undo.push(() => back.stop());
  back.answer = ({ url }, response) => {
    const data =
      url === '/one' ? { stream: 'mid', max_kbps: 5_000, duration: 60 } : { stream: 'end', max_kbps: 9_000 };
    response.end(JSON.stringify({ code: 0, data }));
  };
  const hooks = `on_publish ${back.url('/one')} ${back.url('/two')}; on_unpublish ${back.url('/over')};`;
  const server = await TestServer.start({ vhost: `http_hooks { enabled on; ${hooks} }` });
  undo.push(() => server.stop());
  const peer = await RtmpPeer.publish(server.rtmpPort, `${KEY}?k=${KEY}`);
  undo.push(() => peer.destroy());
  send(peer, 0, 3);
  await eventually(() => server.stream('end')?.state === 'live', 'the last name');
  peer.destroy();
  const over = await back.call('on_unpublish');
  assert.deepEqual(
    [...back.of('on_publish'), over].map(({ body }) => [body['stream'], body['param']]),
    [
      [KEY, `?k=${KEY}`],
      ['mid', '?k=***'],
      ['end', '?k=***'],
    ],
  );
});

test('several URLs: nobody is asked about a client that is sent elsewhere', async () => {
  const back = await BackEnd.start();
  undo.push(() => back.stop());
  back.answer = (_call, response) =>
    void response.end('{"code":0,"data":{"redirect":"rtmp://other.example/live"}}');
  const hooks = `on_publish ${back.url('/one')} ${back.url('/two')}; on_unpublish ${back.url('/over')};`;
  const server = await TestServer.start({ vhost: `http_hooks { enabled on; ${hooks} }` });
  undo.push(() => server.stop());
  const peer = await RtmpPeer.open(server.rtmpPort);
  undo.push(() => peer.destroy());
  await peer.createStream();
  peer.call(1, 'publish', null, 'show', 'live');
  await peer.status('NetConnection.Connect.Rejected');
  await peer.closed();
  assert.deepEqual(
    back.calls.map(({ url }) => url),
    ['/one'],
  );
});

test('a key that another policy has replaced is in no call at all, but for on_connect', async () => {
  const back = await BackEnd.start();
  undo.push(() => back.stop());
  const urls = EVENTS.map((event) => `${event} ${back.url(`/${event}`)};`).join(' ');
  const table: AccessPolicy = {
    check: ({ stream }) => Promise.resolve(stream === KEY ? { stream: 'public', isKey: true } : undefined),
  };
  const server = await TestServer.start({ vhost: `http_hooks { enabled on; ${urls} }`, policy: table });
  undo.push(() => server.stop());
  const peer = await RtmpPeer.publish(server.rtmpPort, '', {
    app: `live/${KEY}?again=${KEY}`,
    tcUrl: `rtmp://127.0.0.1/live/${KEY}?again=${KEY}`,
    properties: { pageUrl: `http://page/${KEY}` },
  });
  undo.push(() => peer.destroy());
  send(peer);
  for (const open of [rtmpViewer, httpFlvViewer, webSocketFlvViewer]) (await open(server, KEY)).abort();
  await eventually(() => back.of('on_stop').length === 3, 'the viewers are gone');
  peer.destroy();
  await eventually(() => back.of('on_close').length === 2, 'the ends');
  assert.equal(new Set(back.actions).size, EVENTS.length - 2, 'all but those of files');
  for (const { body, text: said } of back.calls) {
    const action = String(body['action']);
    if (action !== 'on_connect') assert.ok(!said.includes(KEY), said);
    if (/publish|play|stop/.test(action)) assert.equal(body['stream'], 'public', action);
  }
  assert.ok(!server.lines.join('\n').includes(KEY));
});

for (const [what, data] of Object.entries({
  'a name that no stream may have': { stream: '../../etc' },
  'a name of the wrong type': { stream: 5 },
  'a redirect that is no URL': { redirect: 'elsewhere' },
  'a redirect of another protocol': { redirect: 'http://127.0.0.1/live/show.flv' },
  'a redirect without a host': { redirect: 'rtmp://:1935/live' },
  'a limit of the wrong type': { duration: '60' },
})) {
  test(`${what} refuses the publisher, who has no end`, async () => {
    const { server, back } = await stage(({ body }) => (body['action'] === 'on_publish' ? data : undefined));
    const peer = await RtmpPeer.open(server.rtmpPort);
    undo.push(() => peer.destroy());
    await peer.createStream();
    peer.call(1, 'publish', null, 'show', 'live');
    await peer.until(() => peer.statuses().length > 0, 'a status');
    assert.deepEqual(peer.statuses(), ['NetStream.Publish.Denied']);
    await server.line('RTMP closed', 'HOOK_ANSWER_INVALID');
    await back.call('on_close');
    assert.deepEqual(back.of('on_unpublish'), []);
    assert.deepEqual(server.hub.list(), []);
  });
}

test('RTMP clients are sent elsewhere: when they connect, publish or play', async () => {
  const there = await stage(() => undefined);
  const target = `rtmp://127.0.0.1:${there.server.rtmpPort}/live`;
  let event = 'on_publish';
  const here = await stage(({ body }) =>
    body['action'] === event
      ? { redirect: event === 'on_connect' ? target : `${target}/moved?token=${TOKEN}` }
      : undefined,
  );
  const from = `rtmp://127.0.0.1:${here.server.rtmpPort}/live/show`;
  const publisher = await publishTo(from, { timeoutMs: 5_000 });
  undo.push(() => publisher.close());
  await eventually(() => there.server.stream('moved') !== undefined, 'the stream there');
  event = 'on_play';
  const player = await play(from, { timeoutMs: 5_000 });
  undo.push(() => player.close());
  await eventually(() => there.server.stream('moved')?.viewers === 1, 'the viewer there');
  event = 'on_connect';
  const third = await publishTo(from, { timeoutMs: 5_000 });
  undo.push(() => third.close());
  await eventually(() => there.server.stream('show') !== undefined, 'the same stream there');
  assert.deepEqual(here.server.hub.list(), []);
  assert.deepEqual(here.back.of('on_unpublish'), []);
  assert.deepEqual(here.back.of('on_stop'), []);
  await eventually(() => here.back.of('on_close').length === 2, 'the ends of who connected');
  assert.equal(here.back.of('on_connect').length, 3);
  assert.equal(here.server.linesWith('ACCESS_REDIRECTED').length, 3);
  assert.ok(!here.server.lines.join('\n').includes(TOKEN));
});

test('what is said on the wire to an RTMP client that is sent elsewhere', async () => {
  const url = 'rtmp://other.example:1936/live/moved?token=abc';
  const { server } = await stage(({ body }) =>
    body['action'] === 'on_play' ? { redirect: url } : undefined,
  );
  const peer = await RtmpPeer.open(server.rtmpPort);
  undo.push(() => peer.destroy());
  await peer.createStream();
  peer.call(1, 'play', null, 'show');
  const info = await peer.status('NetConnection.Connect.Rejected');
  assert.equal(info.string('level'), 'error');
  const ex = info.get('ex');
  assert.ok(ex instanceof AmfObject);
  assert.deepEqual(
    [ex.number('code'), ex.string('redirect'), ex.string('redirect2')],
    [302, 'rtmp://other.example:1936/live', url],
  );
  await eventually(() => peer.ended, 'the end of the connection');
});

test('HTTP and WebSocket clients are sent elsewhere by a 302', async () => {
  const location = 'https://other.example/live/show.flv?token=abc';
  let redirect = location;
  const made = await stage(({ body }) => (body['action'] === 'on_play' ? { redirect } : undefined));
  const { server, back } = made;
  send(await publish(made, 'show'));
  const url = `http://127.0.0.1:${server.httpPort}/live/show.flv`;
  const response = await ask(url);
  assert.deepEqual([response.statusCode, response.headers.location], [302, location]);
  assert.equal(response.headers['access-control-allow-origin'], '*');
  assert.match(String(response.headers['cache-control']), /no-store/);
  const socket = new WebSocket(url.replace('http', 'ws'));
  const [, answer] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  assert.deepEqual([answer.statusCode, answer.headers.location], [302, location]);
  answer.destroy();
  redirect = 'rtmp://other.example/live/show';
  assert.equal((await ask(url)).statusCode, 403, 'a browser cannot go there');
  redirect = 'http://other.example/a\r\nSet-Cookie: x=y';
  const raw = await RawClient.ask(
    server.httpPort,
    'GET /live/show.flv HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  );
  assert.match(raw, /^HTTP\/1\.1 403 /);
  assert.doesNotMatch(raw, /Set-Cookie/);
  assert.equal(server.stream('show')?.viewers, 0);
  assert.deepEqual(back.of('on_stop'), []);
  assert.ok(!server.lines.join('\n').includes('token=abc'));
});

test('a session whose time is over ends, once, over each protocol', async () => {
  const made = await stage(({ body }) => {
    if (body['action'] === 'on_play') return { duration: 1 };
    return body['action'] === 'on_publish' && body['stream'] === 'short' ? { duration: 1 } : undefined;
  });
  const { server, back } = made;
  const long = await publish(made, 'show');
  send(long);
  const short = await publish(made, 'short');
  send(short);
  const viewers = await Promise.all(
    [rtmpViewer, httpFlvViewer, webSocketFlvViewer].map((open) => open(server, 'show')),
  );
  assert.equal(back.of('on_play').length, 3); // The first may be over by now.
  await eventually(() => viewers.every((viewer) => viewer.closed()) && short.ended, 'their ends', 10_000);
  for (const viewer of viewers) assert.ok(viewer.over(), 'told that it is over, not cut off');
  await eventually(
    () => back.of('on_stop').length === 3 && back.of('on_unpublish').length === 1,
    'the calls',
  );
  await eventually(() => server.linesWith('SESSION_EXPIRED').length === 4, 'a line for each');
  assert.deepEqual(server.linesWith('warn', 'SESSION_EXPIRED'), [], 'nobody has to look at it');
  assert.equal(long.ended, false);
  assert.equal(server.stream('show')?.viewers, 0);
  await publish(made, 'short');
});

test('a session that carries more than it was granted ends', async () => {
  const made = await stage(({ body }) => {
    if (body['action'] === 'on_publish' && body['stream'] === 'much') return { max_kbps: 100 };
    return body['action'] === 'on_publish' ? { max_kbps: 100_000 } : undefined;
  });
  const { server, back } = made;
  const much = await publish(made, 'much');
  const little = await publish(made, 'little');
  for (const peer of [much, little]) {
    peer.video(0, videoConfig().flvBody);
    let index = 0;
    const timer = setInterval(() => {
      if (peer.ended) return;
      for (let more = 0; more < 4; more += 1) {
        peer.video(index * 40, videoFrame(index * 40, index % 25 === 0, index, 4_000).flvBody);
        index += 1;
      }
    }, 160);
    undo.push(() => clearInterval(timer));
  }
  await eventually(() => much.ended, 'its end', 20_000);
  assert.equal(server.linesWith('BITRATE_EXCEEDED').length, 1);
  assert.match(server.linesWith('BITRATE_EXCEEDED')[0] ?? '', /publish __defaultVhost__\/live\/much/);
  assert.equal(little.ended, false);
  const over = await back.call('on_unpublish');
  assert.equal(over.body['stream'], 'much');
});

test('tokens everywhere, refused and accepted, are in no line of the log', async () => {
  const files =
    'hls { enabled on; hls_path ROOT; hls_fragment 1; } dash { enabled on; dash_path ROOT; dash_fragment 1; }';
  const made = await stage(() => undefined, files);
  const { server, back } = made;
  let mode: 'yes' | 'no' | 'broken' = 'yes';
  back.answer = (call, response, socket) => {
    if (mode === 'yes') yes(call, response, socket);
    else response.end(mode === 'no' ? '5' : 'rubbish');
  };
  const token = (index: number): string => `${TOKEN}${index}`;
  const tcUrl = `rtmp://user:${token(1)}@127.0.0.1/live?token=${token(2)}`;
  const properties = { pageUrl: `http://page/?t=${token(3)}`, swfUrl: `http://swf/?t=${token(4)}` };
  const host = `http://127.0.0.1:${server.httpPort}/live/show`;
  const headers = {
    referer: `http://page/?t=${token(5)}`,
    authorization: `Bearer ${token(6)}`,
    cookie: `session=${token(7)}`,
  };
  for (const next of ['yes', 'no', 'broken'] as const) {
    mode = next;
    const peer = await RtmpPeer.shake(server.rtmpPort);
    undo.push(() => peer.destroy());
    peer.connect(`live?token=${token(2)}`, { tcUrl, properties });
    await peer.until(() => peer.messages.some(({ typeId }) => typeId === 20) || peer.ended, 'an answer');
    if (next === 'yes') {
      await peer.createStream();
      peer.call(1, 'publish', null, `show?token=${token(8)}`, 'live');
      await peer.status('NetStream.Publish.Start');
      send(peer, 0, 60);
      await eventually(() => back.of('on_hls').length > 0, 'a segment');
    }
    for (const ending of ['flv', 'ts', 'm3u8', 'mpd', 'nothing']) {
      const request = get(`${host}.${ending}?token=${token(9)}&auth_key=${token(10)}`, {
        agent: false,
        headers,
      });
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      response.destroy();
    }
    const socket = new WebSocket(`${host.replace('http', 'ws')}.flv?token=${token(9)}`, { headers });
    socket.on('error', () => undefined);
    await Promise.race([once(socket, 'open'), once(socket, 'unexpected-response')]);
    socket.terminate();
  }
  const bad = await RtmpPeer.open(server.rtmpPort).catch(() => undefined);
  bad?.destroy();
  await server.stop();
  const lines = server.lines.join('\n');
  assert.ok(server.lines.length > 10, lines);
  assert.ok(
    server.linesWith('HOOK_REFUSED').length > 3 && server.linesWith('HOOK_ANSWER_INVALID').length > 3,
  );
  assert.ok(!lines.includes(TOKEN), server.lines.filter((line) => line.includes(TOKEN)).join('\n'));
});
