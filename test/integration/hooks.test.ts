import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { get } from 'node:http';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { ServerError } from '../../src/base/errors.ts';
import { stableId } from '../../src/control/sessions/stable-id.ts';
import { answer, BackEnd, yes, type Answer } from '../support/back-end.ts';
import { makeCertificate } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { audioConfig, audioFrame, videoConfig, videoFrame } from '../support/hub-fixtures.ts';
import { ReloadServer } from '../support/reload-server.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { TestServer } from '../support/test-server.ts';
import { httpFlvViewer, rtmpViewer, webSocketFlvViewer } from '../support/viewers.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
});

async function backEnd(tls?: { readonly key: string; readonly cert: string }): Promise<BackEnd> {
  const made = await BackEnd.start(tls);
  undo.push(() => made.stop());
  return made;
}

const EVENTS = [
  'on_connect',
  'on_close',
  'on_publish',
  'on_unpublish',
  'on_play',
  'on_stop',
  'on_dvr',
  'on_hls',
];

/** http_hooks with one URL for each event, plus further directives. */
function hooks(back: BackEnd, more = '', events = EVENTS): string {
  const urls = events.map((event) => `${event} ${back.url(`/${event}`)};`);
  return `http_hooks { enabled on; ${urls.join(' ')} ${more} }`;
}

async function serve(vhost: string, top = ''): Promise<TestServer> {
  const server = await TestServer.start({ vhost, top });
  undo.push(async () => {
    await server.stop();
    assert.deepEqual(server.linesWith('INTERNAL'), [], 'no unexpected error');
  });
  return server;
}

async function publish(server: TestServer, name: string, tcUrl?: string): Promise<RtmpPeer> {
  const peer = await RtmpPeer.publish(server.rtmpPort, name, tcUrl === undefined ? {} : { tcUrl });
  undo.push(() => peer.destroy());
  return peer;
}

/** What an RTMP publisher hears. */
async function tryPublish(server: Pick<TestServer, 'rtmpPort'>, name: string): Promise<string> {
  const peer = await RtmpPeer.open(server.rtmpPort);
  undo.push(() => peer.destroy());
  await peer.createStream();
  peer.call(1, 'publish', null, name, 'live');
  await peer.until(() => peer.statuses().length > 0, 'a status', 30_000);
  return peer.statuses()[0] ?? '';
}

function send(peer: RtmpPeer, from = 0, frames = 30): void {
  peer.video(from, videoConfig().flvBody);
  peer.audio(from, audioConfig().flvBody);
  for (let index = 0; index < frames; index += 1) {
    peer.video(from + index * 100, videoFrame(0, index % 10 === 0, index).flvBody);
    peer.audio(from + index * 100, audioFrame(0, index).flvBody);
  }
}

async function status(url: string): Promise<number> {
  const request = get(url, { agent: false });
  const [response] = (await once(request, 'response')) as [{ statusCode: number; resume(): void }];
  response.resume();
  return response.statusCode;
}

test('a publisher and a viewer of RTMP: each event with its body, in order', async () => {
  const back = await backEnd();
  const server = await serve(hooks(back), 'server_id srv-1;');
  const tcUrl = 'rtmp://127.0.0.1/live?key=1';
  const publisher = await publish(server, 'demo?token=2', tcUrl);
  assert.deepEqual(back.actions, ['on_connect', 'on_publish'], 'before the client hears success');
  send(publisher, 0, 3);
  const viewer = await RtmpPeer.play(server.rtmpPort, 'demo', { properties: { pageUrl: 'http://page/' } });
  viewer.destroy();
  await back.call('on_stop');
  await back.call('on_close');
  publisher.destroy();
  await eventually(() => back.of('on_close').length === 2, 'the second on_close');
  assert.deepEqual(back.actions, [
    ...['on_connect', 'on_publish', 'on_connect', 'on_play', 'on_stop', 'on_close'],
    ...['on_unpublish', 'on_close'],
  ]);
  const [connect, published, , play, stop, , unpublished, close] = back.calls.map(({ body }) => body);
  const id = connect?.['client_id'];
  assert.equal(typeof id, 'string');
  const service = connect?.['service_id'];
  const common = { server_id: 'srv-1', service_id: service, client_id: id, ip: '127.0.0.1' };
  const app = { vhost: '__defaultVhost__', app: 'live', tcUrl };
  const url = {
    stream_url: '__defaultVhost__/live/demo',
    stream_id: stableId('str', '__defaultVhost__/live/demo'),
  };
  const stream = { stream: 'demo', param: '?key=1&token=2', ...url };
  const { send_bytes: sent, recv_bytes: received, ...closed } = close ?? {};
  assert.deepEqual(
    [connect, published, unpublished, closed],
    [
      { action: 'on_connect', ...common, ...app, pageUrl: '', stream: '', param: '?key=1' },
      { action: 'on_publish', ...common, ...app, ...stream },
      { action: 'on_unpublish', ...common, ...app, ...stream },
      { action: 'on_close', ...common, ...app },
    ],
  );
  assert.ok(Number(sent) > 3_000 && Number(received) > 3_000, `${String(sent)} ${String(received)}`);
  const viewed = { ...common, client_id: play?.['client_id'], vhost: '__defaultVhost__', app: 'live' };
  const of = { ...viewed, tcUrl: 'rtmp://127.0.0.1/live', stream: 'demo', param: '' };
  assert.deepEqual(
    [play, stop],
    [
      { action: 'on_play', ...of, ...url, pageUrl: 'http://page/', clients: 1 },
      { action: 'on_stop', ...of, ...url, clients: 0 },
    ],
  );
  for (const { method, headers } of back.calls) {
    assert.equal(method, 'POST');
    assert.equal(headers['content-type'], 'application/json');
    assert.equal(headers['user-agent'], 'srs-ts/9.9.9');
  }
  assert.equal(new Set(back.calls.map(({ headers }) => headers['x-srs-event-id'])).size, 8);
  assert.deepEqual(
    back.calls.filter(({ body }) => body['client_id'] === id).map(({ headers }) => headers['x-srs-sequence']),
    ['1', '2', '3', '4'],
  );
});

for (const { kind, open } of [
  { kind: 'RTMP', open: rtmpViewer },
  { kind: 'HTTP-FLV', open: httpFlvViewer },
  { kind: 'WebSocket-FLV', open: webSocketFlvViewer },
]) {
  test(`a viewer over ${kind} has one on_play and one on_stop, however it leaves`, async () => {
    const back = await backEnd();
    const server = await serve(hooks(back));
    const publisher = await publish(server, 'demo');
    send(publisher);
    const one = await open(server, 'demo');
    one.abort();
    await back.call('on_stop');
    await open(server, 'demo');
    await eventually(() => server.stream('demo')?.viewers === 1, 'the second viewer');
    assert.equal(back.of('on_stop').length, 1);
    const id = String(back.of('on_play')[1]?.body['client_id']);
    server.hub.session(id)?.close(new ServerError('SESSION_KICKED', 'kicked'));
    await eventually(() => back.of('on_stop').length === 2, 'the end of who was kicked');
    await open(server, 'demo');
    await server.stop();
    const ids = (action: string): unknown[] => back.of(action).map(({ body }) => body['client_id']);
    assert.equal(ids('on_play').length, 3);
    assert.deepEqual(ids('on_stop'), ids('on_play'));
    assert.equal(new Set(ids('on_stop')).size, 3);
    assert.deepEqual(ids('on_unpublish'), ids('on_publish'), 'told at the end of the server');
    assert.deepEqual(ids('on_close').sort(), ids('on_connect').sort());
  });
}

test('who is refused by any hook hears so and has no end; the others know nothing of it', async () => {
  const back = await backEnd();
  back.answer = (call, response) => {
    const name = String(call.body['stream']);
    response.end(name.startsWith('bad') ? '{"code":403,"msg":"no"}' : '{"code":0}');
  };
  const server = await serve(hooks(back));
  assert.equal(await tryPublish(server, 'bad'), 'NetStream.Publish.Denied');
  const publisher = await publish(server, 'good');
  send(publisher);
  const host = `http://127.0.0.1:${server.httpPort}`;
  await publish(server, 'other');
  assert.equal(await status(`${host}/live/bad.flv`), 403);
  back.answer = (call, response) => void response.end(call.body['action'] === 'on_play' ? '1' : '0');
  assert.equal(await status(`${host}/live/good.flv`), 403);
  await server.stop();
  assert.deepEqual(back.of('on_stop'), []);
  assert.deepEqual(
    back
      .of('on_unpublish')
      .map(({ body }) => body['stream'])
      .sort(),
    ['good', 'other'],
  );
  assert.match(server.linesWith('HOOK_REFUSED').join('\n'), /refused by on_publish.*code 403/);
});

test('who is refused by on_connect has no on_close', async () => {
  const back = await backEnd();
  back.answer = answer(200, '1');
  const server = await serve(hooks(back));
  const peer = await RtmpPeer.shake(server.rtmpPort);
  peer.connect('live');
  await peer.command('_error');
  await peer.closed();
  await server.stop();
  assert.deepEqual(back.actions, ['on_connect']);
});

test('a second publisher of a busy stream is not announced, and the stream is not told to be over', async () => {
  const back = await backEnd();
  const server = await serve(hooks(back));
  await publish(server, 'demo');
  assert.equal(await tryPublish(server, 'demo'), 'NetStream.Publish.BadName');
  assert.deepEqual([back.of('on_publish').length, back.of('on_unpublish').length], [1, 0]);
});

test('a viewer who was granted a stream that is not there has its end', async () => {
  const back = await backEnd();
  const server = await serve(hooks(back));
  assert.equal(await status(`http://127.0.0.1:${server.httpPort}/live/none.flv`), 404);
  await back.call('on_stop');
  await server.stop();
  assert.deepEqual(back.actions, ['on_play', 'on_stop']);
});

for (const { kind, headers } of [
  { kind: 'HTTP', headers: {} },
  {
    kind: 'WebSocket',
    headers: {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    },
  },
]) {
  test(`a viewer over ${kind} who leaves before the answer has its end once the answer is yes`, async () => {
    const back = await backEnd();
    const server = await serve(hooks(back));
    const publisher = await publish(server, 'demo');
    send(publisher);
    let grant: () => void = () => undefined;
    back.answer = ({ body }, response) => {
      if (body['action'] === 'on_play') grant = () => void response.end('0');
      else response.end('0');
    };
    const request = get({
      port: server.httpPort,
      host: '127.0.0.1',
      path: '/live/demo.flv',
      headers,
      agent: false,
    });
    request.on('error', () => undefined);
    const play = await back.call('on_play');
    request.destroy();
    await eventually(() => request.closed, 'the viewer is gone');
    grant();
    const stop = await back.call('on_stop');
    assert.equal(stop.body['client_id'], play.body['client_id']);
    await server.stop();
    assert.deepEqual([back.of('on_play').length, back.of('on_stop').length], [1, 1]);
  });
}

const ANSWERS: readonly { readonly name: string; readonly answer: Answer; readonly log: RegExp }[] = [
  { name: 'rubbish', answer: answer(200, 'fine'), log: /a body that is no JSON/ },
  { name: 'nothing', answer: answer(200, ''), log: /an empty body/ },
  { name: 'a redirect', answer: redirect, log: /HTTP status 302/ },
  { name: 'a code as text', answer: answer(200, '{"code":"0"}'), log: /neither a number/ },
  { name: 'another status', answer: answer(202, '0'), log: /HTTP status 202/ },
  { name: 'an error', answer: answer(500, '0'), log: /HTTP status 500/ },
  { name: 'a reset', answer: (_call, _response, socket) => void socket.resetAndDestroy(), log: /ECONNRESET/ },
  { name: 'a length that is a lie', answer: lie, log: /HOOK_FAILED/ },
  { name: 'no end', answer: endless, log: /longer than 65536 bytes/ },
  { name: 'no answer', answer: () => undefined, log: /no answer of .* within 200 ms/ },
  { name: 'one byte a time', answer: dribble, log: /no answer of .* within 200 ms/ },
];

function redirect(_call: unknown, response: Parameters<Answer>[1]): void {
  response.statusCode = 302;
  response.setHeader('Location', '/on_connect');
  response.end('0');
}

function lie(_call: unknown, _response: unknown, socket: Parameters<Answer>[2]): void {
  socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0');
}

function endless(_call: unknown, response: Parameters<Answer>[1]): void {
  response.write(Buffer.alloc(100_000, ' '));
}

function dribble(_call: unknown, response: Parameters<Answer>[1]): void {
  const timer = setInterval(() => response.write(' '), 20);
  response.once('close', () => clearInterval(timer));
}

for (const { name, answer: how, log } of ANSWERS) {
  test(`an answer that is ${name} refuses the publisher, and is told`, async () => {
    const back = await backEnd();
    back.answer = how;
    const server = await serve(hooks(back, 'timeout 200ms;', ['on_publish', 'on_unpublish']));
    assert.equal(await tryPublish(server, 'demo'), 'NetStream.Publish.Denied');
    await server.stop();
    assert.match(server.lines.join('\n'), log);
    assert.deepEqual(back.actions, ['on_publish']);
    await eventually(() => back.sockets.size === 0, 'no connection is left');
  });
}

test('fail_open grants where nobody answers, and only there', async () => {
  const back = await backEnd();
  const server = await serve(hooks(back, 'fail_open on_publish;', ['on_publish', 'on_unpublish', 'on_play']));
  back.answer = answer(200, '1');
  assert.equal(await tryPublish(server, 'demo'), 'NetStream.Publish.Denied');
  back.answer = answer(503, '');
  const publisher = await publish(server, 'demo');
  send(publisher);
  assert.equal(await status(`http://127.0.0.1:${server.httpPort}/live/demo.flv`), 403);
  await server.line('granted by fail_open');
  publisher.destroy();
  back.answer = answer(200, '0');
  await back.call('on_unpublish', 10_000);
});

test('several URLs are called in order, until one says no', async () => {
  const back = await backEnd();
  const urls = ['/a', '/b', '/c'].map((path) => back.url(path)).join(' ');
  const server = await serve(`http_hooks { enabled on; on_publish ${urls}; on_unpublish ${urls}; }`);
  back.answer = (call, response) => void response.end(call.url === '/b' ? '5' : '0');
  assert.equal(await tryPublish(server, 'demo'), 'NetStream.Publish.Denied');
  assert.deepEqual(
    back.calls.map(({ url }) => url),
    ['/a', '/b'],
  );
  back.calls.length = 0;
  back.answer = answer(201, '{"code":0}');
  (await publish(server, 'demo')).destroy();
  await eventually(() => back.calls.length === 6, 'six calls');
  assert.deepEqual(
    back.calls.map(({ url }) => url),
    ['/a', '/b', '/c', '/a', '/b', '/c'],
  );
});

test('a back end that was away hears all ends once it is back, each session in its order', async () => {
  const back = await backEnd();
  const server = await serve(hooks(back));
  const peers = await Promise.all(['a', 'b', 'c'].map((name) => publish(server, name)));
  await back.die();
  for (const peer of peers) peer.destroy();
  await eventually(() => server.hub.list().length === 0 || server.closings.length === 3, 'the ends');
  await server.line('callbacks were not taken', 'ECONNREFUSED');
  await back.revive();
  await eventually(
    () => back.of('on_close').length === 3,
    () => back.actions.join(' '),
    15_000,
  );
  for (const { body } of back.of('on_publish')) {
    const own = back.calls.filter((call) => call.body['client_id'] === body['client_id']);
    assert.deepEqual(
      own.map((call) => [call.body['action'], call.headers['x-srs-sequence']]),
      [
        ['on_connect', '1'],
        ['on_publish', '2'],
        ['on_unpublish', '3'],
        ['on_close', '4'],
      ],
    );
  }
});

test('a repeated event is the same: one id, one sequence, one body', async () => {
  const back = await backEnd();
  let tries = 0;
  back.answer = (call, response) => {
    tries += call.body['action'] === 'on_unpublish' ? 1 : 0;
    response.statusCode = tries === 1 ? 503 : 200;
    response.end('0');
  };
  const server = await serve(hooks(back, '', ['on_publish', 'on_unpublish']));
  (await publish(server, 'demo')).destroy();
  await eventually(() => back.of('on_unpublish').length === 2, 'the second try', 10_000);
  const [first, second] = back.of('on_unpublish');
  assert.equal(first?.text, second?.text);
  for (const name of ['x-srs-event-id', 'x-srs-sequence'])
    assert.equal(first?.headers[name], second?.headers[name], name);
});

test('a slow back end holds up nobody but those it is asked for', async () => {
  const slow = await backEnd();
  const fast = await backEnd();
  slow.answer = () => undefined;
  const server = await serve(
    hooks(fast, '', ['on_publish']),
    `vhost slow { ${hooks(slow, '', ['on_publish', 'on_unpublish', 'on_hls'])} }`,
  );
  const stuck = await RtmpPeer.open(server.rtmpPort, 'live', { tcUrl: 'rtmp://slow/live' });
  undo.push(() => stuck.destroy());
  await stuck.createStream();
  stuck.call(1, 'publish', null, 'x', 'live');
  await eventually(() => slow.calls.length === 1, 'the question');
  const began = performance.now();
  await publish(server, 'demo');
  assert.ok(performance.now() - began < 1_000);
  assert.deepEqual(stuck.statuses(), []);
  const stopping = performance.now();
  await server.stop();
  assert.ok(performance.now() - stopping < 4_000, 'nor the end of the server');
});

test('calls are signed with the secret, which nobody else gets to see', async () => {
  const back = await backEnd();
  const secret = 'the-hook-secret';
  const withQuery = `http_hooks { enabled on; secret ${secret}; on_publish ${back.url('/p?token=url-token')}; on_unpublish ${back.url('/p?token=url-token').replace('//', '//name:url-password@')}; }`;
  const server = await serve(withQuery);
  back.answer = (call, response) => void response.end(call.body['action'] === 'on_publish' ? '0' : '9');
  const publisher = await publish(server, 'demo?key=stream-key');
  publisher.destroy();
  const call = await back.call('on_unpublish');
  assert.equal(call.headers.authorization, `Basic ${Buffer.from('name:url-password').toString('base64')}`);
  assert.equal(call.url, '/p?token=url-token');
  const { 'x-srs-timestamp': time, 'x-srs-event-id': id, 'x-srs-sequence': sequence } = call.headers;
  const signed = `${String(time)}.${String(id)}.${String(sequence)}.${call.text}`;
  const want = createHmac('sha256', secret).update(signed).digest('hex');
  assert.equal(call.headers['x-srs-signature'], `sha256=${want}`);
  assert.ok(Math.abs(Number(time) - Date.now() / 1000) < 10);
  back.answer = answer(500, '');
  assert.equal(await tryPublish(server, 'demo?key=stream-key'), 'NetStream.Publish.Denied');
  await server.stop();
  assert.ok(server.linesWith('on_unpublish').length > 0);
  for (const word of [secret, 'url-token', 'url-password'])
    assert.deepEqual(server.linesWith(word), [], word);
});

test('HTTPS: a certificate must be valid unless tls_verify is off', async () => {
  const files = await makeCertificate();
  const tls = { key: await readFile(files.key, 'utf8'), cert: await readFile(files.cert, 'utf8') };
  const back = await backEnd(tls);
  const strict = await serve(hooks(back, '', ['on_publish']));
  assert.equal(await tryPublish(strict, 'demo'), 'NetStream.Publish.Denied');
  assert.match(await strict.line('HOOK_FAILED'), /self-signed certificate/);
  const lax = await serve(hooks(back, 'tls_verify off;'));
  (await publish(lax, 'demo')).destroy();
  await back.call('on_close');
  assert.deepEqual(back.actions, ['on_connect', 'on_publish', 'on_unpublish', 'on_close']);
});

test('recordings and segments are told with their files', async () => {
  const back = await backEnd();
  const folder = await mkdtemp(join(tmpdir(), 'srs-hooks-'));
  undo.push(() => rm(folder, { recursive: true }));
  const notify = `on_hls_notify ${back.url('/notify/[server_id]/[app]/[stream]/[ts_url][param]')};`;
  const server = await serve(
    `${hooks(back, notify)}
     hls { enabled on; hls_path ${folder}; hls_fragment 1; hls_ctx off; hls_ts_ctx off; }
     dvr { enabled on; dvr_path ${folder}/[app]/[stream].flv; }`,
    'server_id srv-1;',
  );
  const publisher = await publish(server, 'demo?token=a b', 'rtmp://127.0.0.1/live');
  send(publisher, 0, 35);
  const segment = await back.call('on_hls');
  publisher.destroy();
  const recording = await back.call('on_dvr');
  const id = back.of('on_publish')[0]?.body['client_id'];
  const common = {
    ...{ server_id: 'srv-1', service_id: segment.body['service_id'], client_id: id, ip: '127.0.0.1' },
    ...{ vhost: '__defaultVhost__', app: 'live', tcUrl: 'rtmp://127.0.0.1/live', stream: 'demo' },
    ...{ param: '?token=a b', stream_url: '__defaultVhost__/live/demo', cwd: process.cwd() },
    stream_id: stableId('str', '__defaultVhost__/live/demo'),
  };
  assert.deepEqual(recording.body, { action: 'on_dvr', ...common, file: `${folder}/live/demo.flv` });
  const { seq_no: sequence, duration, ...rest } = segment.body;
  assert.deepEqual(rest, {
    ...{ action: 'on_hls', ...common },
    ...{ file: `${folder}/live/demo-${String(sequence)}.ts`, url: `live/demo-${String(sequence)}.ts` },
    ...{ m3u8: `${folder}/live/demo.m3u8`, m3u8_url: 'live/demo.m3u8' },
  });
  assert.equal(typeof sequence, 'number');
  assert.ok(Number(duration) >= 1 && Number(duration) <= 2, String(duration));
  const got = await eventually(() => back.calls.find(({ method }) => method === 'GET'), 'on_hls_notify');
  assert.equal(got.url, `/notify/srv-1/live/demo/live/demo-${String(sequence)}.ts?token=a%20b`);
});

test('a viewer of HLS is asked for once, and its end is told', async () => {
  const back = await backEnd();
  const folder = await mkdtemp(join(tmpdir(), 'srs-hooks-'));
  undo.push(() => rm(folder, { recursive: true }));
  const server = await serve(
    `${hooks(back)} http_static { enabled on; mount [vhost]/; dir ${folder}; }
     hls { enabled on; hls_path ${folder}; hls_fragment 1; }`,
  );
  const publisher = await publish(server, 'demo');
  send(publisher, 0, 35);
  await back.call('on_hls');
  const base = `http://127.0.0.1:${server.httpPort}/live`;
  const master = await (await fetch(`${base}/demo.m3u8?token=3`)).text();
  const media = master.split('\n').find((line) => line !== '' && !line.startsWith('#')) ?? '';
  assert.match(media, /hls_ctx=/);
  assert.equal((await fetch(new URL(media, `${base}/`))).status, 200);
  assert.equal((await fetch(new URL(media, `${base}/`))).status, 200);
  const [play] = back.of('on_play');
  assert.equal(back.of('on_play').length, 1);
  assert.equal(play?.body['param'], '?token=3');
  await server.stop();
  assert.deepEqual(
    back.of('on_stop').map(({ body }) => body['client_id']),
    [play.body['client_id']],
  );
});

test('a reload of URLs takes effect at once, also for events that wait', async () => {
  const dead = await backEnd();
  const back = await backEnd();
  const text = (one: BackEnd): string =>
    `listen 127.0.0.1:0; vhost __defaultVhost__ { ${hooks(one, '', ['on_publish', 'on_unpublish'])} }`;
  const server = await ReloadServer.start(text(dead));
  undo.push(() => server.stop());
  const first = await RtmpPeer.publish(server.rtmpPort, 'demo');
  await dead.die();
  first.destroy();
  await eventually(() => server.lines.some((line) => line.includes('were not taken')), 'a try');
  await server.apply(text(back));
  await back.call('on_unpublish', 10_000);
  const second = await RtmpPeer.publish(server.rtmpPort, 'demo');
  undo.push(() => second.destroy());
  assert.deepEqual(back.actions, ['on_unpublish', 'on_publish']);
});

test('a vhost that is removed still tells the ends of its sessions', async () => {
  const back = await backEnd();
  const vhost = (names: string[]): string =>
    `listen 127.0.0.1:0; ${names.map((name) => `vhost ${name} { ${hooks(back)} }`).join(' ')}`;
  const server = await ReloadServer.start(vhost(['a.com', 'b.com']));
  undo.push(() => server.stop());
  const peer = await RtmpPeer.publish(server.rtmpPort, 'demo', { tcUrl: 'rtmp://a.com/live' });
  undo.push(() => peer.destroy());
  await server.apply(vhost(['b.com']));
  await back.call('on_close');
  assert.deepEqual(back.actions, ['on_connect', 'on_publish', 'on_unpublish', 'on_close']);
});

test('many sessions that come and go: each start has one end, and nothing is left', async () => {
  const back = await backEnd();
  const SESSIONS = 200;
  const ENDS = { on_connect: 'on_close', on_publish: 'on_unpublish', on_play: 'on_stop' };
  const granted: string[] = [];
  let calls = 0;
  // Some no, some slow, some lost.
  back.answer = (call, response, socket) => {
    calls += 1;
    const action = String(call.body['action']);
    const decides = action in ENDS;
    if (decides && calls % 11 === 0) {
      response.end('1');
      return;
    }
    if (decides) granted.push(`${String(call.body['client_id'])} ${action}`);
    if (!decides && calls % 13 === 0) socket.destroy();
    else if (calls % 7 === 0) setTimeout(() => response.end('0'), 20);
    else response.end('0');
  };
  const server = await serve(hooks(back));
  const session = async (index: number): Promise<void> => {
    const peer = await RtmpPeer.shake(server.rtmpPort);
    undo.push(() => peer.destroy());
    peer.connect('live');
    if (index % 5 === 0) {
      peer.destroy(); // In the middle of a question.
      return;
    }
    await peer.until(() => peer.ended || peer.commands().some(({ name }) => name === '_result'), 'connect');
    peer.call(0, 'createStream', null);
    peer.call(1, index % 2 === 0 ? 'publish' : 'play', null, `s${index % 7}`, 'live');
    if (index % 3 !== 0) await peer.until(() => peer.ended || peer.statuses().length > 0, 'publish or play');
    if (index % 4 === 0) peer.socket.resetAndDestroy();
    else peer.destroy();
  };
  for (let from = 0; from < SESSIONS; from += 20)
    await Promise.all(Array.from({ length: 20 }, (_, index) => session(from + index)));
  await eventually(
    () => server.closings.length === SESSIONS,
    () => `${server.closings.length} closed`,
    30_000,
  );
  back.answer = yes;
  await server.stop();

  const sequences = new Map<string, string[]>();
  const ends: string[] = [];
  const seen = new Set<unknown>();
  for (const { body, headers } of back.calls) {
    const id = headers['x-srs-event-id'];
    if (seen.has(id)) continue; // A repetition.
    seen.add(id);
    const client = String(body['client_id']);
    sequences.set(client, [...(sequences.get(client) ?? []), String(headers['x-srs-sequence'])]);
    const start = Object.entries(ENDS).find(([, end]) => end === body['action'])?.[0];
    if (start !== undefined) ends.push(`${client} ${start}`);
  }
  assert.ok(granted.length > 200, String(granted.length));
  assert.deepEqual(ends.sort(), granted.sort());
  for (const counted of sequences.values())
    assert.deepEqual(
      counted,
      counted.map((_, index) => String(index + 1)),
      'each session in order',
    );
  assert.deepEqual(server.linesWith('given up'), []);
  await eventually(() => back.sockets.size === 0, 'no connection is left');
});
