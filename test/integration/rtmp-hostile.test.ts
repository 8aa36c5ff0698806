import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createLogger } from '../../src/observe/index.ts';
import { encodeCommand } from '../../src/protocols/rtmp/index.ts';
import { amfObject } from '../../src/protocols/amf0/index.ts';
import { eventually } from '../support/eventually.ts';
import { audioFrame, videoConfig, videoFrame } from '../support/hub-fixtures.ts';
import { chunk0, uint32 } from '../support/rtmp-bytes.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { TestServer, type TestServerOptions } from '../support/test-server.ts';

const MB = 1024 * 1024;

/** A publisher and a viewer whose picture must go on without a gap, whatever happens beside them. */
class Witness {
  readonly #publisher: RtmpPeer;
  readonly #viewer: RtmpPeer;
  readonly #timer: NodeJS.Timeout;
  #sent = 0;
  #ids: number[] = [];
  #arrivals: number[] = [];

  private constructor(publisher: RtmpPeer, viewer: RtmpPeer) {
    this.#publisher = publisher;
    this.#viewer = viewer;
    viewer.onMedia = ({ typeId, payload }) => {
      if (typeId !== 9 || payload[1] !== 1) return;
      this.#ids.push(payload.readUInt32BE(5));
      this.#arrivals.push(performance.now());
    };
    publisher.video(0, videoConfig().flvBody);
    this.#timer = setInterval(() => this.#tick(), 20);
  }

  static async start(server: TestServer): Promise<Witness> {
    const publisher = await RtmpPeer.publish(server.rtmpPort, 'witness', { app: 'witness' });
    const witness = new Witness(
      publisher,
      await RtmpPeer.play(server.rtmpPort, 'witness', { app: 'witness' }),
    );
    await eventually(() => witness.#ids.length > 2, 'the witness sees pictures');
    return witness;
  }

  get seen(): number {
    return this.#ids.length;
  }

  /** Every picture that was sent has been seen, once, in order. */
  async finish(): Promise<void> {
    clearInterval(this.#timer);
    await eventually(() => this.#ids.at(-1) === this.#sent - 1, 'the last picture of the witness', 10_000);
    assert.deepEqual(
      this.#ids,
      Array.from({ length: this.#ids.length }, (_, index) => (this.#ids[0] ?? 0) + index),
    );
    assert.equal(this.#publisher.ended, false);
    assert.equal(this.#viewer.ended, false);
    this.#publisher.destroy();
    this.#viewer.destroy();
  }

  #tick(): void {
    const id = this.#sent;
    this.#sent += 1;
    this.#publisher.video(id * 20, videoFrame(0, id % 25 === 0, id, 400).flvBody);
    this.#publisher.audio(id * 20, audioFrame(0, id).flvBody);
  }
}

interface Scene {
  readonly server: TestServer;
  readonly witness: Witness;
  readonly port: number;
  /** Closing lines of sessions other than the witness's. */
  readonly closings: () => string[];
}

const running: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of running.splice(0)) await stop();
});

/** A server with a witness; when the test is over: the witness has lost nothing, the hub is empty, we have made no error. */
async function scene(options: TestServerOptions = {}): Promise<Scene> {
  const server = await TestServer.start(options);
  running.push(() => server.stop());
  const witness = await Witness.start(server);
  running.unshift(async () => {
    await witness.finish();
    await eventually(
      () => server.hub.list().length === 0,
      () => JSON.stringify(server.hub.list()),
    );
    assert.deepEqual(server.linesWith('INTERNAL'), []);
  });
  const closings = (): string[] => server.closings.filter((line) => !line.includes('witness/witness'));
  return { server, witness, port: server.rtmpPort, closings };
}

/** The one closing line, which warns, names the session and has `code`. */
async function closedBy({ server, closings }: Scene, code: string): Promise<string> {
  const line = await eventually(() => closings()[0], `a closing line with ${code}`);
  assert.match(line, /^warn \[[0-9a-z]{9}\] RTMP closed ip=127\.0\.0\.\d+ /);
  assert.match(line, new RegExp(`: ${code}\\(\\d+\\): `));
  assert.equal(closings().length, 1, closings().join('\n'));
  assert.equal(server.linesWith('error [').length, 0);
  return line;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Heap and buffers in use now, bytes. */
function memory(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const NOISE = Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 151 + 7) & 255));

const BEFORE_HANDSHAKE: readonly (readonly [name: string, bytes: Buffer, code: string])[] = [
  ['garbage', NOISE.subarray(1), 'RTMP_HANDSHAKE_NOT_RTMP'],
  ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), 'RTMP_HANDSHAKE_NOT_RTMP'],
  ['a TLS hello', Buffer.from('16030100c8010000c40303', 'hex'), 'RTMP_HANDSHAKE_NOT_RTMP'],
  ['RTMPE', Buffer.concat([Buffer.from([6]), NOISE]), 'RTMP_HANDSHAKE_VERSION'],
];
for (const [name, bytes, code] of BEFORE_HANDSHAKE) {
  test(`${name} instead of the handshake`, async () => {
    const here = await scene();
    const peer = await RtmpPeer.dial(here.port);
    peer.raw(bytes);
    await peer.closed();
    await closedBy(here, code);
  });
}

test('half a handshake and silence', async () => {
  const here = await scene({ top: 'rtmp_handshake_timeout 300ms;' });
  const peer = await RtmpPeer.dial(here.port);
  peer.raw(Buffer.concat([Buffer.from([3]), NOISE.subarray(0, 700)]));
  await peer.closed();
  assert.match(await closedBy(here, 'SESSION_TIMEOUT'), /no handshake within 300 ms/);
});

test('a handshake that drips in byte by byte is no way around the timeout', async () => {
  const here = await scene({ top: 'rtmp_handshake_timeout 300ms;' });
  const peer = await RtmpPeer.dial(here.port);
  peer.raw(Buffer.from([3]));
  const drip = setInterval(() => peer.raw(Buffer.from([0])), 20);
  try {
    await peer.closed();
  } finally {
    clearInterval(drip);
  }
  await closedBy(here, 'SESSION_TIMEOUT');
});

/** Nested objects, as deep as said. */
function nested(depth: number): Buffer {
  const open = Buffer.from([3, 0, 1, 0x61]);
  return Buffer.concat([
    Buffer.from([2, 0, 7]),
    Buffer.from('connect'),
    Buffer.from([0, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0]),
    ...Array.from({ length: depth }, () => open),
    Buffer.from([5]),
    ...Array.from({ length: depth }, () => Buffer.from([0, 0, 9])),
  ]);
}

const control = (typeId: number, value: number): Buffer => chunk0(2, typeId, 0, uint32(value));

const AFTER_HANDSHAKE: readonly (readonly [name: string, bytes: Buffer, code: string])[] = [
  ['16 MB announced', Buffer.from('04000000ffffff0901000000', 'hex'), 'RTMP_MESSAGE_TOO_LARGE'],
  ['a chunk size of 0', control(1, 0), 'RTMP_CHUNK_SIZE_INVALID'],
  ['a chunk size of 2^31', control(1, 0x8000_0000), 'RTMP_CHUNK_SIZE_INVALID'],
  ['a control message cut short', chunk0(2, 1, 0, Buffer.from([1])), 'RTMP_CONTROL_INVALID'],
  ['a chunk stream that begins with type 3', Buffer.from([0xc5]), 'RTMP_CHUNK_START'],
  [
    'AMF nested 10,000 deep',
    Buffer.concat([control(1, 0x7fff_ffff), chunk0(3, 20, 0, nested(10_000))]),
    'AMF_TOO_LARGE',
  ],
  ['AMF that means nothing', chunk0(3, 20, 0, Buffer.from([0x44, 1, 2, 3])), 'AMF_INVALID'],
  ['a command without a name', chunk0(3, 20, 0, Buffer.from([5])), 'RTMP_COMMAND_INVALID'],
  ['noise', NOISE, 'RTMP_'],
];
for (const [name, bytes, code] of AFTER_HANDSHAKE) {
  test(`${name} after the handshake`, async () => {
    const here = await scene();
    const peer = await RtmpPeer.shake(here.port);
    peer.raw(bytes);
    await peer.closed();
    if (code.endsWith('_')) await eventually(() => here.closings().length === 1, 'one closing line');
    else await closedBy(here, code);
  });
}

test('a chunk size of 1 and of 2^31 - 1 are taken', async () => {
  const here = await scene();
  for (const size of [1, 0x7fff_ffff]) {
    const peer = await RtmpPeer.shake(here.port);
    peer.setChunkSize(size);
    peer.connect('live');
    await peer.command('_result');
    await peer.createStream();
    peer.call(1, 'publish', null, `size${size}`, 'live');
    await peer.status('NetStream.Publish.Start');
    const body = videoFrame(0, true, 1, 50_000).flvBody;
    peer.video(0, body);
    await eventually(() => here.server.stream(`size${size}`)?.videoFrames === 1, 'the picture');
    const viewer = await RtmpPeer.play(here.port, `size${size}`);
    assert.deepEqual((await viewer.mediaCount(1))[0]?.body, body);
    peer.destroy();
    viewer.destroy();
  }
});

test('128 unfinished messages of 8 MB each are bounded', async () => {
  const here = await scene();
  const peer = await RtmpPeer.shake(here.port);
  peer.setChunkSize(60_000);
  const before = memory();
  const body = Buffer.alloc(60_000, 1);
  for (let round = 0; round < 20 && !peer.ended; round += 1) {
    for (let csid = 3; csid < 63; csid += 1) {
      const head =
        round === 0 ? Buffer.from([csid, 0, 0, 0, 0x80, 0, 0, 9, 1, 0, 0, 0]) : Buffer.from([0xc0 | csid]);
      peer.raw(Buffer.concat([head, body]));
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await peer.closed();
  await closedBy(here, 'RTMP_PARTIAL_TOO_LARGE');
  await eventually(() => memory() - before < 100 * MB, 'memory is back');
});

/** Dials 10,000 times in a process of its own (each side needs a file descriptor), tells when all were closed by the server. */
const DIALER = `
  const { connect } = require('node:net');
  const port = Number(process.argv[1]);
  let next = 0, open = 0, closed = 0;
  const dial = () => {
    const index = next++;
    if (index >= 10000) return;
    const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.1.' + (1 + (index % 200)) });
    socket.on('connect', () => { open++; dial(); });
    socket.on('error', (error) => { console.log(error.code); process.exit(1); });
    socket.on('close', () => { if (++closed === 10000) { console.log('closed ' + open); process.exit(0); } });
    socket.resume();
  };
  for (let i = 0; i < 100; i++) dial();
`;

test('10,000 connections without a word', { timeout: 60_000 }, async () => {
  const here = await scene({ top: 'rtmp_handshake_timeout 3s; max_connections 20000;' });
  const before = memory();
  const dialer = spawn(process.execPath, ['-e', DIALER, String(here.port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  dialer.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
  const [code] = (await once(dialer, 'close')) as [number];
  assert.equal(code, 0, said);
  assert.equal(said, 'closed 10000\n');
  await eventually(() => here.closings().length === 10_000, 'one line each');
  assert.ok(here.closings().every((line) => line.includes('SESSION_TIMEOUT')));
  const silent = new Set(here.closings().map((line) => line.slice(0, 16)));
  assert.equal(silent.size, 10_000, 'each line names its session');
  here.server.lines.length = 0;
  silent.clear();
  await eventually(
    () => memory() - before < 10 * MB,
    () => `memory grew by ${(memory() - before) / MB} MB`,
  );
});

test('more connections than max_connections', async () => {
  const here = await scene({ top: 'max_connections 5;' });
  const peers = [
    await RtmpPeer.shake(here.port),
    await RtmpPeer.shake(here.port),
    await RtmpPeer.shake(here.port),
  ];
  const over = await RtmpPeer.dial(here.port);
  await over.closed();
  await here.server.line('CONNECTIONS_EXCEEDED(1074)', 'max_connections is 5');
  peers[0]?.destroy();
  await eventually(() => here.closings().length === 1, 'one left');
  const next = await RtmpPeer.shake(here.port);
  assert.equal(next.ended, false);
});

test('a viewer that never reads is closed by send_timeout', async () => {
  const here = await scene({ vhost: 'play { send_timeout 500ms; queue_length 1; }' });
  const publisher = await RtmpPeer.publish(here.port, 'big');
  publisher.video(0, videoConfig().flvBody);
  const viewer = await RtmpPeer.play(here.port, 'big');
  const good = await RtmpPeer.play(here.port, 'big');
  viewer.socket.pause();
  let id = 0;
  const timer = setInterval(() => {
    for (let burst = 0; burst < 4; burst += 1) {
      publisher.video(id * 10, videoFrame(0, id % 50 === 0, id, 100_000).flvBody);
      id += 1;
    }
  }, 10);
  try {
    await here.server.line('RTMP closed', 'VIEWER_STALLED');
  } finally {
    clearInterval(timer);
  }
  const line = await closedBy(here, 'VIEWER_STALLED');
  assert.match(line, /play __defaultVhost__\/live\/big .*drops of \d+ bytes/);
  await eventually(
    () =>
      good
        .media()
        .filter(({ body }) => body[1] === 1)
        .at(-1)
        ?.body.readUInt32BE(5) ===
      id - 1,
    'all',
  );
  const ids = good
    .media()
    .filter(({ body }) => body[1] === 1)
    .map(({ body }) => body.readUInt32BE(5));
  assert.deepEqual(
    ids,
    Array.from({ length: ids.length }, (_, index) => (ids[0] ?? 0) + index),
    'no gap',
  );
  assert.equal(here.server.stream('big')?.viewers, 1);
  publisher.destroy();
  good.destroy();
  viewer.destroy();
});

for (const [name, code, make] of [
  // Answered below the commands, so only the unread answers stop it. Ping request: RTMP 1.0, 7.1.7.
  ['pings', 'RTMP_REPLIES_UNREAD', (peer) => peer.bytesOf(4, Buffer.from('000600000001', 'hex'))],
  ['_checkbw calls', 'RTMP_FLOOD', (peer) => peer.bytesOf(20, encodeCommand('_checkbw', 5, null), 1)],
  ['plays', 'RTMP_FLOOD', (peer) => peer.bytesOf(20, encodeCommand('play', 5, null, 'flooded'), 1)],
  [
    'publish and unpublish calls',
    'RTMP_FLOOD',
    (peer) =>
      Buffer.concat([
        peer.bytesOf(20, encodeCommand('publish', 5, null, 'flooded', 'live'), 1),
        peer.bytesOf(20, encodeCommand('closeStream', 5, null), 1),
      ]),
  ],
] as const satisfies readonly (readonly [string, string, (peer: RtmpPeer) => Buffer])[]) {
  test(`a peer that floods ${name} without reading the answers`, async () => {
    const here = await scene();
    const peer = await RtmpPeer.open(here.port);
    await peer.createStream();
    peer.socket.pause();
    const before = memory();
    const one = make(peer);
    const flood = Buffer.concat(Array.from({ length: 200 }, () => one));
    let stop = false;
    const pump = (): void => {
      while (!stop && peer.socket.write(flood));
      if (!stop) peer.socket.once('drain', pump);
    };
    pump();
    await eventually(() => here.closings().length > 0, 'the flood is ended', 20_000);
    stop = true;
    peer.destroy();
    await closedBy(here, code);
    assert.ok(memory() - before < 50 * MB);
    assert.equal(here.server.stream('flooded'), undefined);
  });
}

test('a createStream flood', async () => {
  const here = await scene();
  const peer = await RtmpPeer.open(here.port);
  const call = peer.bytesOf(20, encodeCommand('createStream', 5, null));
  peer.raw(Buffer.concat(Array.from({ length: 2_000 }, () => call)));
  await peer.closed();
  await closedBy(here, 'RTMP_STREAMS_EXCEEDED');
});

test('a command flood of a peer that reads every answer', async () => {
  const here = await scene();
  const peer = await RtmpPeer.open(here.port);
  const call = peer.bytesOf(20, encodeCommand('_checkbw', 5, null));
  const hundred = Buffer.concat(Array.from({ length: 100 }, () => call));
  for (let sent = 0; sent < 19; sent += 1) peer.raw(hundred);
  await peer.createStream(); // Still served: players that switch often are far below.
  peer.raw(hundred);
  peer.raw(hundred);
  await peer.closed();
  await closedBy(here, 'RTMP_FLOOD');
});

test('a peer that sends on and on while the answer to publish is not known', async () => {
  let allow = (): void => undefined;
  const here = await scene({
    policy: {
      check: ({ action, app }) =>
        action === 'publish' && app === 'live'
          ? new Promise((resolve) => (allow = () => resolve(undefined)))
          : Promise.resolve(undefined),
    },
  });
  const peer = await RtmpPeer.open(here.port);
  await peer.createStream();
  const before = memory();
  peer.call(1, 'publish', null, 'wait', 'live');
  const body = peer.bytesOf(9, Buffer.alloc(50_000, 1), 1);
  for (let index = 0; index < 200; index += 1) peer.raw(body);
  const seen = here.witness.seen;
  await eventually(() => here.witness.seen > seen + 20, 'time passes');
  // The socket is not read meanwhile: what is sent waits in the kernel and at the sender.
  assert.ok(memory() - before < 40 * MB);
  allow();
  await peer.status('NetStream.Publish.Start');
  await eventually(() => here.server.stream('wait')?.videoFrames === 200, 'nothing is lost');
  peer.destroy();
});

test('a publisher that is silent from the start, and one that falls silent; their names are free then', async () => {
  const here = await scene({ vhost: 'publish { firstpkt_timeout 300; normal_timeout 600; }' });
  const first = await RtmpPeer.publish(here.port, 'silent');
  // Metadata is no media.
  first.metadata({ width: 1 });
  await first.closed();
  assert.match(
    await closedBy(here, 'SESSION_TIMEOUT'),
    /publish __defaultVhost__\/live\/silent .*within 300 ms/,
  );
  here.server.lines.length = 0;
  const second = await RtmpPeer.publish(here.port, 'silent');
  for (let index = 0; index < 10; index += 1)
    second.video(index * 40, videoFrame(0, index === 0, index).flvBody);
  // Its TCP stays open, its socket reads nothing: half-open as far as the server can tell.
  second.socket.pause();
  assert.match(await closedBy(here, 'SESSION_TIMEOUT'), /within 600 ms/);
  await eventually(() => here.server.stream('silent') === undefined, 'the name is free');
  const third = await RtmpPeer.publish(here.port, 'silent');
  third.destroy();
  second.destroy();
});

test('a peer that connects and then does nothing keeps nothing: it is told apart from a slow one', async () => {
  const here = await scene();
  const peer = await RtmpPeer.open(here.port);
  peer.socket.resetAndDestroy();
  const line = await eventually(() => here.closings()[0], 'the closing line');
  assert.match(line, /^info .*SESSION_CLOSED\(1075\): the peer closed the connection/);
});

const BAD_NAMES = [
  '../../etc/passwd',
  'a/../b',
  '..',
  'a\0b',
  'x\n[2026-01-01 00:00:00.000][Error][1][aaaaaaaaa] forged',
  'a\\b',
  '\u001b[2J',
  'n'.repeat(600),
  '',
];
for (const action of ['publish', 'play'] as const) {
  test(`${action} with names that must never become a path or a log line`, async () => {
    const here = await scene();
    for (const name of BAD_NAMES) {
      const peer = await RtmpPeer.open(here.port);
      await peer.createStream();
      peer.call(1, action, null, name);
      await peer.status(action === 'publish' ? 'NetStream.Publish.BadName' : 'NetStream.Play.Failed');
      await peer.closed();
      await closedBy(here, 'STREAM_NAME_INVALID');
      assert.equal(here.server.hub.list().length, 1, 'only the witness');
      here.server.lines.length = 0;
    }
  });
}

test('tcUrl and names cannot forge a log line', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'srs-log-'));
  const file = join(folder, 'srs.log');
  const logger = createLogger({ tank: file, level: 'verbose', pid: 42 });
  const server = await TestServer.start({ logger });
  try {
    const evil = 'x\n[2026-01-01 00:00:00.000][Error][1][aaaaaaaaa] forged\r\u001b[2J\u202e\u2028';
    for (const properties of [
      { tcUrl: `rtmp://h/${evil}` },
      { app: evil },
      { pageUrl: evil, swfUrl: evil, flashVer: evil },
    ]) {
      const peer = await RtmpPeer.shake(server.rtmpPort);
      peer.call(0, 'connect', amfObject({ app: 'live', tcUrl: 'rtmp://h/live', ...properties }));
      await peer.command('tcUrl' in properties || 'app' in properties ? '_error' : '_result');
      peer.destroy();
    }
    // Characters that are no control characters for a name, but are for a terminal.
    await RtmpPeer.publish(server.rtmpPort, 'bidi\u202eevil\u2028x');
    await RtmpPeer.open(server.rtmpPort, 'live', { tcUrl: `rtmp://h/live?\u202e\u2028${'y'.repeat(6_000)}` });
  } finally {
    await server.stop();
    await logger.close();
  }
  const text = await readFile(file, 'utf8');
  await rm(folder, { recursive: true });
  const lines = text.trimEnd().split('\n');
  assert.ok(
    lines.some((line) => line.includes('bidi\\u202eevil\\u2028x')),
    text,
  );
  for (const line of lines) {
    assert.match(line, /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\]\[(Trace|Warn)\]\[42\]\[/);
    assert.ok(line.length < 5_000);

    assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f\u2028\u202e]/);
  }
});

test('a publisher that floods with 500 Mbit/s and more', { timeout: 60_000 }, async () => {
  const here = await scene();
  const publisher = await RtmpPeer.publish(here.port, 'flood');
  const viewer = await RtmpPeer.play(here.port, 'flood');
  const idle = await RtmpPeer.play(here.port, 'flood');
  let got = 0;
  viewer.onMedia = ({ payload }) => void (got += payload.length);
  idle.onMedia = () => undefined;
  idle.socket.pause();
  const before = memory();
  const second = Array.from({ length: 25 }, (_, index) =>
    publisher.bytesOf(9, videoFrame(0, index === 0, index, 2_500_000 / 25).flvBody, 1, index * 40),
  );
  const FLOOD_MS = 10_000;
  let sent = 0;
  let peak = 0;
  const end = performance.now() + FLOOD_MS;
  // 500 Mbit/s; a busy machine may carry less.
  const TARGET = 62.5e6;
  while (performance.now() < end) {
    const due = (FLOOD_MS - (end - performance.now())) * (TARGET / 1000);
    for (const bytes of second) {
      if (sent > due) break;
      sent += bytes.length;
      if (!publisher.socket.write(bytes)) {
        await new Promise<void>((resolve) => void publisher.socket.once('drain', resolve));
      }
    }
    await new Promise((resolve) => setImmediate(resolve));
    peak = Math.max(peak, process.memoryUsage().arrayBuffers);
  }
  publisher.destroy();
  assert.ok(sent > 100 * MB, `only ${sent / MB} MB could be sent`);
  assert.ok(got > 0);
  // Bounds: 32 MiB of cached group of pictures, 32 MiB of queue for each viewer, and what is under way.
  assert.ok(peak < before + 300 * MB, `peak ${peak / MB} MB`);
  viewer.destroy();
  idle.destroy();
  await eventually(() => here.server.stream('flood') === undefined, 'the stream is gone');
});
