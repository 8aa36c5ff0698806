import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { connect, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, mock, test } from 'node:test';
import { MESSAGE_TYPE } from '../../src/protocols/rtmp/index.ts';
import type { StreamObserver } from '../../src/hub/ports.ts';
import { eventually } from '../support/eventually.ts';
import { audioConfig, videoConfig, videoFrame } from '../support/hub-fixtures.ts';
import { RawClient } from '../support/raw-http.ts';
import { ReloadServer } from '../support/reload-server.ts';
import { resetPeers } from '../support/reset-peers.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { httpFlvViewer, rtmpViewer, webSocketFlvViewer } from '../support/viewers.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'srs-reload-'));
after(() => rmSync(folder, { recursive: true }));

const running: ReloadServer[] = [];
async function start(
  text: string,
  observers: readonly StreamObserver[] = [],
  deps: { readonly pageDir?: string } = {},
): Promise<ReloadServer> {
  const server = await ReloadServer.start(text, { observers, ...deps });
  running.push(server);
  return server;
}
afterEach(async () => {
  for (const server of running.splice(0)) {
    await server.stop();
    assert.deepEqual(
      server.lines.filter((line) => line.includes('INTERNAL') || line.includes('reload failed')),
      [],
    );
  }
});

/** What most of these tests begin with; each part can be replaced. */
interface Parts {
  readonly listen?: string;
  readonly top?: string;
  readonly http?: string;
  readonly api?: string;
  readonly vhost?: string;
  readonly more?: string;
}

function conf(parts: Parts = {}): string {
  const { listen = '127.0.0.1:0', top = '', vhost = '', more = '' } = parts;
  const { http = 'enabled on; listen 127.0.0.1:0;', api = 'enabled on; listen 127.0.0.1:0;' } = parts;
  return `listen ${listen}; max_connections 1000; ${top}
    http_server { ${http} } http_api { ${api} }
    vhost __defaultVhost__ { http_remux { enabled on; } ${vhost} }
    ${more}`.replace('max_connections 1000;', /max_connections/.test(top) ? '' : 'max_connections 1000;');
}

const picture = (time: number, isKey: boolean): Buffer => videoFrame(time, isKey).flvBody;

/** A publisher that has sent its configuration. Each `next` is one picture more. */
class Source {
  readonly peer: RtmpPeer;
  sent = 0;

  private constructor(peer: RtmpPeer) {
    this.peer = peer;
  }

  static async start(port: number, name = 'show', host?: string): Promise<Source> {
    const peer = await RtmpPeer.publish(port, name, host === undefined ? {} : { tcHost: host });
    peer.video(0, videoConfig().flvBody);
    peer.audio(0, audioConfig().flvBody); // Both tracks are known: nobody waits for another one.
    return new Source(peer);
  }

  next(): number {
    const time = this.sent * 40;
    this.peer.video(time, picture(time, this.sent % 10 === 0));
    this.sent += 1;
    return time;
  }
}

type Seen = { readonly media: () => readonly { readonly time: number; readonly kind: string }[] };

async function sees(viewer: Seen, time: number): Promise<void> {
  await eventually(
    () => viewer.media().some((message) => message.kind === 'video' && message.time === time),
    () =>
      `a picture at ${time}; got ${viewer
        .media()
        .map((message) => message.time)
        .join(' ')}`,
  );
}

async function refuses(port: number, host = '127.0.0.1'): Promise<void> {
  const socket = connect(port, host);
  const [error] = (await Promise.race([
    once(socket, 'error'),
    once(socket, 'connect').then(() => [new Error('connected')]),
  ])) as [Error];
  socket.destroy();
  assert.match(error.message, /ECONNREFUSED/);
}

const ask = (port: number, target: string, extra = ''): Promise<string> =>
  RawClient.ask(port, `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n${extra}\r\n`);

test('listen: the new address serves, the old one refuses, who is connected stays', async () => {
  const server = await start(conf());
  const source = await Source.start(server.rtmpPort);
  const viewer = await rtmpViewer(server, 'show');
  const old = server.rtmpPort;
  await server.apply(conf({ listen: '127.0.0.2:0' }));
  assert.equal(server.server.addresses.rtmp[0]?.host, '127.0.0.2');
  await refuses(old);
  await sees(viewer, source.next());
  const late = await RtmpPeer.play(server.rtmpPort, 'show', { host: '127.0.0.2' });
  await late.mediaCount(1);
  assert.equal(source.peer.ended || viewer.closed() || late.ended, false);
});

test('listen: a second address comes and goes', async () => {
  const server = await start(conf());
  const first = server.rtmpPort;
  await server.apply(conf({ listen: '127.0.0.1:0 127.0.0.2:0' }));
  assert.equal(server.rtmpPort, first, 'the address that stays is not opened again');
  const second = server.server.addresses.rtmp[1]?.port ?? 0;
  const source = await Source.start(first);
  const viewer = await RtmpPeer.play(second, 'show', { host: '127.0.0.2' });
  await server.apply(conf());
  await refuses(second, '127.0.0.2');
  await sees(viewer, source.next());
});

test('max_connections: fewer than are open keeps these and refuses the next; more lets it in', async () => {
  const server = await start(conf());
  const source = await Source.start(server.rtmpPort);
  await server.apply(conf({ top: 'max_connections 1;' }));
  const refused = await RtmpPeer.dial(server.rtmpPort);
  await refused.closed();
  assert.equal(source.peer.ended, false);
  await server.apply(conf({ top: 'max_connections 2;' }));
  await RtmpPeer.play(server.rtmpPort, 'show');
});

test('chunk_size: a running publisher is told at once, a viewer with its next play; media goes on', async () => {
  const server = await start(conf());
  const source = await Source.start(server.rtmpPort);
  const viewer = await RtmpPeer.play(server.rtmpPort, 'show');
  const told = (peer: RtmpPeer): number[] =>
    peer.messages
      .filter(({ typeId }) => typeId === MESSAGE_TYPE.SET_CHUNK_SIZE)
      .map(({ payload }) => payload.readUInt32BE(0));
  const becomes = (peer: RtmpPeer, ...sizes: number[]): Promise<unknown> =>
    eventually(
      () => told(peer).join() === sizes.join(),
      () => `${sizes.join()}; got ${told(peer).join()}`,
    );
  await sees(viewer, source.next());
  await server.apply(conf({ top: 'chunk_size 4096;' }));
  await becomes(source.peer, 60_000, 4096);
  await server.apply(conf({ vhost: 'chunk_size 500;' }));
  await becomes(source.peer, 60_000, 4096, 500);
  await sees(viewer, source.next());
  assert.deepEqual(told(viewer), [60_000]);
  viewer.call(1, 'play', null, 'show');
  await becomes(viewer, 60_000, 500);
  await sees(viewer, source.next());
  const late = await RtmpPeer.play(server.rtmpPort, 'show');
  await sees(late, source.next());
  assert.deepEqual(told(late), [500]);
});

test('rtmp_handshake_timeout: whoever connects next has the new one', async () => {
  const server = await start(conf());
  await server.apply(conf({ top: 'rtmp_handshake_timeout 30ms;' }));
  const peer = await RtmpPeer.dial(server.rtmpPort);
  await peer.closed(3_000);
});

test('publish.firstpkt_timeout and normal_timeout reach a running publisher', async () => {
  const server = await start(conf());
  const source = await Source.start(server.rtmpPort);
  source.next();
  const silent = await RtmpPeer.publish(server.rtmpPort, 'silent');
  await server.apply(conf({ vhost: 'publish { normal_timeout 100ms; firstpkt_timeout 100ms; }' }));
  await source.peer.closed(3_000);
  await silent.closed(3_000);
});

test('play.gop_cache: off, a viewer who joins a running stream waits for the next keyframe; on again, it does not', async () => {
  const server = await start(conf());
  const source = await Source.start(server.rtmpPort);
  const witness = await RtmpPeer.play(server.rtmpPort, 'show');
  source.next();
  await sees(witness, source.next());
  await server.apply(conf({ vhost: 'play { gop_cache off; }' }));
  const late = await RtmpPeer.play(server.rtmpPort, 'show');
  while (source.sent <= 10) source.next(); // Number 10 is a keyframe.
  await sees(witness, 400);
  const picturesOf = (peer: RtmpPeer): number =>
    peer.media().filter(({ kind, body }) => kind === 'video' && body[1] === 1).length;
  await eventually(() => picturesOf(late) >= 1, 'a picture');
  assert.equal(picturesOf(witness), 11);
  assert.ok(picturesOf(late) < 10, `${picturesOf(late)} pictures`);

  await server.apply(conf());
  while (source.sent <= 22) source.next();
  await sees(witness, 22 * 40);
  const joined = await RtmpPeer.play(server.rtmpPort, 'show');
  await eventually(() => picturesOf(joined) === 3, 'the cached pictures 20, 21 and 22');
});

test('vhost.min_latency, play.mw_latency and tcp_nodelay: accepted while media flows, nothing is lost', async () => {
  const server = await start(conf());
  const source = await Source.start(server.rtmpPort);
  const viewers = [await rtmpViewer(server, 'show'), await httpFlvViewer(server, 'show')];
  for (const vhost of [
    'min_latency on;',
    'tcp_nodelay off;',
    'play { mw_latency 10ms; mw_adaptive off; }',
    'play { send_min_interval 1ms; }',
    'play { queue_length 10s; }',
    'publish { mr off; parse_sps off; hold_time 1s; }',
    'in_ack_size 5000; out_ack_size 5000;',
    '',
  ]) {
    await server.apply(conf({ vhost }));
    for (let i = 0; i < 5; i += 1) source.next();
    await Promise.all(viewers.map((viewer) => sees(viewer, (source.sent - 1) * 40)));
  }
  for (const viewer of viewers) {
    const times = viewer
      .media()
      .flatMap(({ kind, body, time }) => (kind === 'video' && body[1] === 1 ? [time] : []));
    assert.deepEqual(
      times,
      Array.from({ length: 40 }, (_, i) => i * 40),
    );
  }
});

test('pithy_print_ms: the lines of running sessions come at the new pace', async () => {
  const server = await start(conf({ top: 'pithy_print_ms 1h;' }));
  await Source.start(server.rtmpPort);
  const pithy = (): number => server.lines.filter((line) => line.includes('rtmp-publish')).length;
  assert.equal(pithy(), 0);
  await server.apply(conf({ top: 'pithy_print_ms 20ms;' }));
  await eventually(() => pithy() >= 2, 'two lines of the publisher');
});

test('empty_ip_ok: off, peers that are gone at accept have a line; on again, they have none', async () => {
  const server = await start(conf({ top: 'empty_ip_ok off;' }));
  const gone = (): number => server.lines.filter((line) => /were gone before/.test(line)).length;
  await server.apply(conf());
  resetPeers(server.rtmpPort, 2);
  await RtmpPeer.play(server.rtmpPort, 'show'); // Behind them: they have been accepted.
  await server.apply(conf({ top: 'empty_ip_ok off;' }));
  resetPeers(server.rtmpPort, 3);
  await eventually(() => gone() === 1, 'the line');
  assert.match(server.lines.find((line) => /were gone before/.test(line)) ?? '', /peers of 3 connections/);
});

test('vhost.min_latency: on, the next frame of a running viewer waits for no merge window', async () => {
  const window = 'play { mw_latency 1h; mw_adaptive off; }';
  const server = await start(conf({ vhost: window }));
  const source = await Source.start(server.rtmpPort);
  const viewer = await RtmpPeer.play(server.rtmpPort, 'show');
  await eventually(() => viewer.media().length > 0, 'what a viewer gets who joins');
  await server.apply(conf({ vhost: `${window} min_latency on;` }));
  await sees(viewer, source.next());
  await sees(viewer, source.next());
});

test('vhost.tcp_nodelay: the sockets of running viewers have it at once', async () => {
  const server = await start(conf());
  const source = await Source.start(server.rtmpPort);
  const viewers = [
    await RtmpPeer.play(server.rtmpPort, 'show'),
    await RtmpPeer.play(server.rtmpPort, 'show'),
  ];
  for (const viewer of viewers) await sees(viewer, source.next());
  const set = mock.method(Socket.prototype, 'setNoDelay');
  try {
    for (const [vhost, wanted] of [
      ['tcp_nodelay off;', false],
      ['tcp_nodelay off; min_latency on;', true],
      ['', true],
    ] as const) {
      set.mock.resetCalls();
      await server.apply(conf({ vhost }));
      assert.deepEqual(
        set.mock.calls.map(({ arguments: [value] }) => value),
        [wanted, wanted],
        vhost,
      );
    }
  } finally {
    set.mock.restore();
  }
  for (const viewer of viewers) await sees(viewer, source.next());
});

test('vhost.in_ack_size and out_ack_size: running sessions are told, and acknowledge, by the new ones', async () => {
  const server = await start(conf());
  const source = await Source.start(server.rtmpPort);
  const viewer = await RtmpPeer.play(server.rtmpPort, 'show');
  const told = (peer: RtmpPeer, typeId: number): number[] =>
    peer.messages
      .filter((message) => message.typeId === typeId)
      .map(({ payload }) => payload.readUInt32BE(0));
  await sees(viewer, source.next());
  await server.apply(conf({ vhost: 'out_ack_size 5000; in_ack_size 300;' }));
  for (const peer of [source.peer, viewer]) {
    await eventually(
      () => told(peer, MESSAGE_TYPE.WINDOW_ACK_SIZE).join() === '2500000,5000',
      () => `the new window; got ${told(peer, MESSAGE_TYPE.WINDOW_ACK_SIZE).join()}`,
    );
  }
  const acknowledged = (): number[] => told(source.peer, MESSAGE_TYPE.ACKNOWLEDGEMENT);
  assert.deepEqual(acknowledged(), []);
  for (let i = 0; i < 100; i += 1) source.next();
  await eventually(() => acknowledged().length > 0, 'an acknowledgement');
});

test('http_server: moved, its viewers stay; off, they are disconnected; on, it serves again', async () => {
  const server = await start(conf());
  const source = await Source.start(server.rtmpPort);
  const viewers = [await httpFlvViewer(server, 'show'), await webSocketFlvViewer(server, 'show')];
  const old = server.httpPort;
  await server.apply(conf({ http: 'enabled on; listen 127.0.0.2:0;' }));
  await refuses(old);
  for (const viewer of viewers) await sees(viewer, source.next());
  assert.equal(server.server.addresses.http[0]?.host, '127.0.0.2');

  await server.apply(conf({ http: 'enabled off; listen 127.0.0.2:0;' }));
  await eventually(() => viewers.every((viewer) => viewer.closed()), 'the end of the viewers');
  assert.equal(server.httpPort, 0);
  assert.equal(source.peer.ended, false);

  await server.apply(conf());
  const again = await httpFlvViewer(server, 'show');
  await sees(again, source.next());
});

test('http_server: crossdomain and dir hold for the next request', async () => {
  const server = await start(conf({ http: `enabled on; listen 127.0.0.1:0; dir ${folder}/none;` }));
  assert.match(await ask(server.httpPort, '/a.flv'), /404[^]*access-control-allow-origin/i);
  copyFileSync('media/demo.flv', path.join(folder, 'a.flv'));
  await server.apply(conf({ http: `enabled on; listen 127.0.0.1:0; dir ${folder}; crossdomain off;` }));
  const answer = await ask(server.httpPort, '/a.flv');
  assert.match(answer, /^HTTP\/1\.1 200/);
  assert.doesNotMatch(answer.slice(0, 2_000), /access-control-allow-origin/i);
});

test('http_server.page: off, the page is not there; on, it is', async () => {
  const pageDir = path.join(folder, 'page');
  mkdirSync(pageDir);
  writeFileSync(path.join(pageDir, 'index.html'), '<p>the page</p>');
  const on = conf({ http: `enabled on; listen 127.0.0.1:0; dir ${folder}/none;` });
  const server = await start(on, [], { pageDir });
  assert.match(await ask(server.httpPort, '/index.html'), /^HTTP\/1\.1 200[^]*the page/);
  await server.apply(on.replace('enabled on;', 'enabled on; page off;'));
  assert.match(await ask(server.httpPort, '/index.html'), /^HTTP\/1\.1 404/);
  await server.apply(on);
  assert.match(await ask(server.httpPort, '/index.html'), /^HTTP\/1\.1 200[^]*the page/);
});

test('http_api: moved, off, on, crossdomain', async () => {
  const server = await start(conf());
  const versions = '/api/v1/versions';
  const old = server.apiPort;
  const origin = 'Origin: http://x\r\n';
  assert.match(await ask(old, versions, origin), /access-control-allow-origin/i);
  await server.apply(conf({ api: 'enabled on; listen 127.0.0.1:0; crossdomain off;' }));
  assert.doesNotMatch(await ask(old, versions, origin), /access-control-allow-origin/i);
  await server.apply(conf({ api: 'enabled on; listen 127.0.0.2:0;' }));
  await refuses(old);
  assert.equal(server.server.addresses.api[0]?.host, '127.0.0.2');
  await server.apply(conf({ api: 'enabled off;' }));
  assert.equal(server.apiPort, 0);
  await server.apply(conf());
  assert.match(await ask(server.apiPort, versions), /^HTTP\/1\.1 200/);
});

test('vhost.http_remux: another mount holds for the next request, off mounts nothing; who watches goes on', async () => {
  const server = await start(conf());
  const source = await Source.start(server.rtmpPort);
  const viewer = await httpFlvViewer(server, 'show');
  await sees(viewer, source.next());
  await server.apply(
    conf().replace('http_remux { enabled on; }', 'http_remux { enabled on; mount /tv/[app]/[stream].flv; }'),
  );
  assert.match(await ask(server.httpPort, '/live/show.flv'), /^HTTP\/1\.1 404/);
  const moved = await RawClient.open(server.httpPort);
  moved.send('GET /tv/live/show.flv HTTP/1.1\r\nHost: x\r\n\r\n');
  assert.match(await moved.until('FLV'), /^HTTP\/1\.1 200/);
  await server.apply(conf().replace('http_remux { enabled on; }', ''));
  assert.match(await ask(server.httpPort, '/tv/live/show.flv'), /^HTTP\/1\.1 404/);
  await sees(viewer, source.next());
  moved.socket.destroy();
});

test('a vhost that is added serves its name at once; who is on the default vhost stays there', async () => {
  const server = await start(conf());
  const before = await Source.start(server.rtmpPort, 'show', 'new.example');
  await server.apply(conf({ more: 'vhost new.example { chunk_size 777; }' }));
  assert.equal(before.peer.ended, false);
  const later = await Source.start(server.rtmpPort, 'show', 'new.example');
  later.next();
  assert.deepEqual(
    server.server.hub
      .list()
      .map(({ name }) => name.vhost)
      .toSorted(),
    ['__defaultVhost__', 'new.example'],
  );
});

for (const [how, more] of [
  ['removed', ''],
  ['disabled', 'vhost other.example { enabled off; http_remux { enabled on; } publish { hold_time 1h; } }'],
] as const) {
  test(`a vhost that is ${how}: its clients are disconnected, nobody else; back again, it serves`, async () => {
    const ended: string[] = [];
    const observer: StreamObserver = {
      publishEnded: (name) => void ended.push(`publish ${name.vhost}`),
      playEnded: (name) => void ended.push(`play ${name.vhost}`),
    };
    const on = conf({ more: 'vhost other.example { http_remux { enabled on; } publish { hold_time 1h; } }' });
    const server = await start(on, [observer]);
    const tcHost = 'other.example';
    const kept = await Source.start(server.rtmpPort);
    const keptViewer = await httpFlvViewer(server, 'show');
    const keptIdle = await RtmpPeer.open(server.rtmpPort);
    const source = await Source.start(server.rtmpPort, 'show', tcHost);
    const player = await RtmpPeer.play(server.rtmpPort, 'show', { tcHost });
    const idle = await RtmpPeer.open(server.rtmpPort, 'live', { tcHost });
    const http = await RawClient.open(server.httpPort);
    http.send(`GET /live/show.flv HTTP/1.1\r\nHost: ${tcHost}\r\n\r\n`);
    source.next();
    await http.until('FLV');

    const report = await server.apply(conf({ more }));
    assert.equal(report.entries.length, 1);
    await Promise.all([source.peer.closed(), player.closed(), idle.closed()]);
    await eventually(() => http.socket.readableEnded || http.socket.destroyed, 'the end of the HTTP viewer');
    assert.deepEqual(ended.toSorted(), ['play other.example', 'play other.example', 'publish other.example']);
    assert.ok(server.lines.some((line) => line.includes('VHOST_REMOVED')));
    assert.equal(kept.peer.ended || keptViewer.closed() || keptIdle.ended, false);
    await sees(keptViewer, kept.next());
    if (how === 'disabled') {
      const refused = await RtmpPeer.shake(server.rtmpPort);
      refused.connect('live', { tcHost });
      await refused.closed();
    }
    await server.apply(on);
    const again = await Source.start(server.rtmpPort, 'show', tcHost);
    again.next();
    assert.ok(server.server.hub.list().some(({ name, state }) => name.vhost === tcHost && state === 'live'));
  });
}

test('ingests are started, stopped and started anew by id; those that did not change go on', async () => {
  const starts: string[] = [];
  const ends: string[] = [];
  const observer: StreamObserver = {
    publishStarted: ({ stream }) => void starts.push(stream),
    publishEnded: ({ stream }) => void ends.push(stream),
  };
  const ingest = (id: string, stream: string, enabled = 'on'): string =>
    `ingest ${id} { enabled ${enabled}; input { url media/demo.flv; } engine { output rtmp://127.0.0.1:[port]/live/${stream}; } }`;
  const live = (): string[] =>
    server.server.hub
      .list()
      .filter(({ state }) => state === 'live')
      .map(({ name }) => name.stream)
      .toSorted();
  const becomes = (...streams: string[]): Promise<unknown> =>
    eventually(
      () => live().join() === streams.join(),
      () => `${streams.join()}; got ${live().join()}`,
    );
  const server = await start(conf({ vhost: `${ingest('one', 'a')} ${ingest('two', 'b')}` }), [observer]);
  await becomes('a', 'b');
  await server.apply(conf({ vhost: `${ingest('one', 'a')} ${ingest('two', 'c')} ${ingest('three', 'd')}` }));
  await becomes('a', 'c', 'd');
  assert.deepEqual(ends, ['b']);
  await server.apply(conf({ vhost: `${ingest('one', 'a')} ${ingest('three', 'd', 'off')}` }));
  await becomes('a');
  assert.deepEqual(ends.toSorted(), ['b', 'c', 'd']);
  assert.deepEqual(starts.toSorted(), ['a', 'b', 'c', 'd']);
});

test('ingests to [port] move with the listener', async () => {
  const vhost =
    'ingest one { enabled on; input { url media/demo.flv; } engine { output rtmp://127.0.0.1:[port]/live/a; } }';
  const server = await start(conf({ vhost }));
  const isLive = (): boolean => server.server.hub.list().some(({ state }) => state === 'live');
  await eventually(isLive, 'the ingest');
  const first = server.rtmpPort;
  // Behind another address first, so that `[port]` is another one.
  await server.apply(
    conf({ vhost, listen: '127.0.0.1:0 127.0.0.2:0' }).replace('127.0.0.1:0 127.0.0.2:0', `0.0.0.0:0`),
  );
  assert.notEqual(server.rtmpPort, first);
  await eventually(
    () => server.lines.filter((line) => line.includes('RTMP publish')).length === 2 && isLive(),
    'the ingest on the new port',
  );
});

test('a file that does not check changes nothing', async () => {
  const server = await start(conf());
  const source = await Source.start(server.rtmpPort);
  const viewer = await httpFlvViewer(server, 'show');
  const addresses = server.server.addresses;
  const before = server.reloader.running;
  const report = await server.reload(
    conf({ listen: '127.0.0.2:0', vhost: 'enabled off; play { gop_cache 7 8; }' }),
  );
  assert.equal(report.ok, false);
  assert.match(report.problems.join(), /vhost\.play\.gop_cache: takes one value/);
  assert.deepEqual(server.server.addresses, addresses);
  assert.equal(server.reloader.running, before);
  await sees(viewer, source.next());
});

test('a port that is taken is refused, the old listener stays, the rest is applied; freed, the next reload has it', async () => {
  const server = await start(conf());
  const blocker = await start('listen 127.0.0.1:0; vhost __defaultVhost__ {}');
  const taken = `127.0.0.1:${blocker.rtmpPort}`;
  const old = server.rtmpPort;
  const next = conf({ listen: taken, http: `enabled on; listen ${taken};`, more: 'vhost b {}' });
  const report = await server.reload(next);
  assert.deepEqual(report.entries.map(({ change, outcome }) => `${change.directive} ${outcome}`).toSorted(), [
    'http_server.listen refused',
    'listen refused',
    'vhost applied',
  ]);
  assert.match(
    report.entries.find(({ outcome }) => outcome === 'refused')?.why ?? '',
    /LISTEN_FAILED.*in use/,
  );
  assert.equal(server.rtmpPort, old);
  await Source.start(server.rtmpPort);
  assert.equal(server.reloader.running.config.listen[0]?.port, 0);

  await blocker.stop();
  const again = await server.reload(next);
  assert.deepEqual(
    again.entries.map(({ change, outcome }) => `${change.directive} ${outcome}`).toSorted(),
    ['http_server.listen refused', 'listen applied'],
    'one of the two has it',
  );
});

test('a listener may take the port that another one leaves in the same reload', async () => {
  const server = await start(conf());
  const http = server.httpPort;
  await server.apply(conf({ listen: `127.0.0.1:${http}`, http: 'enabled on; listen 127.0.0.2:0;' }));
  assert.equal(server.rtmpPort, http);
  await Source.start(http);
});

test('two directives cannot swap their ports in one reload: both are refused, and serve where they were', async () => {
  const server = await start(conf());
  const { httpPort, apiPort } = server;
  const swap = conf({
    http: `enabled on; listen 127.0.0.1:${apiPort};`,
    api: `enabled on; listen 127.0.0.1:${httpPort};`,
  });
  const { entries } = await server.reload(swap);
  assert.deepEqual(
    entries.map(({ change, outcome }) => [change.directive, outcome]),
    [
      ['http_api.listen', 'refused'],
      ['http_server.listen', 'refused'],
    ],
  );
  assert.deepEqual([server.httpPort, server.apiPort], [httpPort, apiPort]);
  assert.match(await ask(apiPort, '/api/v1/versions'), /^HTTP\/1\.1 200/);
});

test('what needs a restart is told and keeps its value; the rest is applied', async () => {
  const server = await start(conf());
  const report = await server.reload(conf({ top: 'work_dir /nowhere; max_connections 77;' }));
  assert.deepEqual(
    report.entries.map(({ change, outcome }) => `${change.directive} ${outcome}`),
    ['max_connections applied', 'work_dir restart'],
  );
  assert.equal(server.reloader.running.config.workDir, './');
});

test('a server that ends refuses', async () => {
  const server = await start(conf());
  await server.stop();
  const report = await server.reload(conf({ listen: '127.0.0.2:0' }));
  assert.deepEqual(
    report.entries.map(({ why }) => why),
    ['the server is ending'],
  );
});
