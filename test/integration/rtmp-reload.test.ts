import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { ServerError } from '../../src/base/errors.ts';
import { TimerWheel } from '../../src/base/timer-wheel.ts';
import { RtmpEndpoint, type RtmpVhostOptions } from '../../src/endpoints/rtmp/index.ts';
import { createHub, type ClosableHub } from '../../src/hub/hub.ts';
import type { AccessPolicy } from '../../src/hub/ports.ts';
import { ConnectionGate } from '../../src/net/index.ts';
import { newSessionId } from '../../src/observe/index.ts';
import { MESSAGE_TYPE } from '../../src/protocols/rtmp/index.ts';
import { eventually } from '../support/eventually.ts';
import { STREAM_OPTIONS, videoConfig, videoFrame } from '../support/hub-fixtures.ts';
import { MemoryLogger } from '../support/memory-logger.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';

const DEFAULTS: RtmpVhostOptions = {
  name: 'one',
  chunkSizeBytes: 60_000,
  tcpNoDelay: false,
  minLatency: false,
  inAckSizeBytes: 0,
  outAckSizeBytes: 2_500_000,
  mergedReadMs: 0,
  firstPacketTimeoutMs: 20_000,
  silenceTimeoutMs: 20_000,
};
const GONE = new ServerError('SESSION_KICKED', 'the vhost was removed');

/** An RTMP endpoint whose vhosts a test changes; an unknown name falls back to the first. */
class Rig {
  readonly log = new MemoryLogger();
  readonly vhosts = new Map<string, RtmpVhostOptions>();
  readonly hub: ClosableHub;
  readonly gate = new ConnectionGate({ maxConnections: 1_000, clock: systemClock, logger: this.log });
  readonly endpoint: RtmpEndpoint;
  readonly #wheel = new TimerWheel(systemClock, 20);
  readonly peers: RtmpPeer[] = [];
  handshakeTimeoutMs = 10_000;
  policy: AccessPolicy = { check: () => Promise.resolve(undefined) };

  constructor() {
    const { vhosts } = this;
    for (const name of ['one', 'two']) vhosts.set(name, { ...DEFAULTS, name });
    const timeout = (): number => this.handshakeTimeoutMs;
    this.hub = createHub({ clock: systemClock, logger: this.log, optionsFor: () => STREAM_OPTIONS });
    this.endpoint = new RtmpEndpoint({
      listen: [{ host: '127.0.0.1', port: 0 }],
      gate: this.gate,
      hub: this.hub,
      policy: { check: (request) => this.policy.check(request) },
      vhosts: { find: (name) => vhosts.get(name) ?? [...vhosts.values()][0] },
      clock: systemClock,
      wheel: this.#wheel,
      logger: this.log,
      newSessionId,
      server: { name: 'test', version: '1' },
      get handshakeTimeoutMs() {
        return timeout();
      },
    });
  }

  get port(): number {
    return this.endpoint.addresses[0]?.port ?? 0;
  }

  change(name: string, options: Partial<RtmpVhostOptions>): void {
    this.vhosts.set(name, { ...DEFAULTS, ...this.vhosts.get(name), ...options, name });
    this.endpoint.vhostsChanged();
  }

  async publish(stream: string, tcHost = 'one'): Promise<RtmpPeer> {
    return this.#keep(await RtmpPeer.publish(this.port, stream, { tcHost }));
  }

  async play(stream: string, tcHost = 'one'): Promise<RtmpPeer> {
    return this.#keep(await RtmpPeer.play(this.port, stream, { tcHost }));
  }

  async open(tcHost = 'one'): Promise<RtmpPeer> {
    return this.#keep(await RtmpPeer.open(this.port, 'live', { tcHost }));
  }

  async close(): Promise<void> {
    await this.endpoint.close();
    await eventually(() => this.endpoint.sessions === 0, 'the end of all sessions');
    assert.equal(this.gate.open, 0);
    assert.deepEqual(this.hub.list(), []);
    assert.deepEqual(
      this.log.lines.filter((line) => line.includes('INTERNAL') || line.startsWith('error')),
      [],
    );
    for (const peer of this.peers) peer.destroy();
    this.hub.close();
    this.#wheel.close();
    this.gate.close();
  }

  #keep(peer: RtmpPeer): RtmpPeer {
    this.peers.push(peer);
    return peer;
  }
}

const rigs: Rig[] = [];
async function start(): Promise<Rig> {
  const rig = new Rig();
  rigs.push(rig);
  await rig.endpoint.start();
  return rig;
}
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.close();
});

/** Numbers of the pictures. */
const pictures = (peer: RtmpPeer): number[] =>
  peer
    .media()
    .filter(({ kind, body }) => kind === 'video' && body[1] === 1)
    .map(({ body }) => body.readUInt32BE(5));

/** Pictures `from` to `to`, a keyframe every 25, each longer than a small chunk. */
function send(peer: RtmpPeer, from: number, to: number): number {
  if (from === 0) peer.video(0, videoConfig().flvBody);
  for (let n = from; n < to; n += 1) peer.video(n * 40, videoFrame(0, n % 25 === 0, n, 1_000).flvBody);
  return to;
}

const range = (to: number): number[] => Array.from({ length: to }, (_, n) => n);

/** Values of the control messages of a type, in order. */
function control(peer: RtmpPeer, type: number): number[] {
  return peer.messages.filter(({ typeId }) => typeId === type).map(({ payload }) => payload.readUInt32BE(0));
}

test('other addresses under traffic: no picture is lost, no connection ends', async () => {
  const rig = await start();
  const { port } = rig;
  const publisher = await rig.publish('a');
  let at = send(publisher, 0, 5);
  const viewers = [await rig.play('a'), await rig.play('a')];
  const choices = [
    [{ port }],
    [{ host: '127.0.0.1', port }],
    [
      { host: '127.0.0.1', port },
      { host: '127.0.0.2', port },
    ],
    [{ host: '127.0.0.1', port: 0 }],
  ];
  let refused = 0;
  for (let round = 0; round < 40; round += 1) {
    const changing =
      round % 5 === 4
        ? assert.rejects(rig.endpoint.relisten([{ host: '192.0.2.1', port: 1_935 }]), {
            code: 'LISTEN_FAILED',
          })
        : rig.endpoint.relisten(choices[round % choices.length] ?? []);
    at = send(publisher, at, at + 5);
    await changing;
    if (round % 10 !== 0) continue;
    viewers.push(await rig.play('a').catch(() => ((refused += 1), publisher)));
  }
  await rig.endpoint.relisten([{ host: '127.0.0.1', port }]);
  at = send(publisher, at, at + 5);
  for (const viewer of viewers.slice(0, 2)) {
    await viewer.until(() => pictures(viewer).length === at, 'all pictures');
    assert.deepEqual(pictures(viewer), range(at));
    assert.equal(viewer.ended, false);
  }
  assert.equal(refused, 0);
  assert.equal(publisher.ended, false);
  assert.equal(rig.gate.open, rig.endpoint.sessions);
});

test('chunk size: publishers and the idle hear it at once, viewers when they stop; media stays whole', async () => {
  const rig = await start();
  const publisher = await rig.publish('a');
  let at = send(publisher, 0, 3);
  const viewer = await rig.play('a');
  const idle = await rig.open();
  const other = await rig.open('two');
  for (const peer of [publisher, viewer, idle, other]) {
    assert.deepEqual(control(peer, MESSAGE_TYPE.SET_CHUNK_SIZE), [60_000]);
  }
  rig.change('one', { chunkSizeBytes: 256 });
  for (const peer of [publisher, idle]) {
    await peer.until(() => control(peer, MESSAGE_TYPE.SET_CHUNK_SIZE).at(-1) === 256, 'the new chunk size');
  }
  const late = await rig.play('a');
  assert.deepEqual(control(late, MESSAGE_TYPE.SET_CHUNK_SIZE), [256]);
  at = send(publisher, at, 60);
  for (const peer of [viewer, late]) {
    await peer.until(() => pictures(peer).length === at, 'all pictures');
    assert.deepEqual(pictures(peer), range(at));
  }
  assert.deepEqual(control(viewer, MESSAGE_TYPE.SET_CHUNK_SIZE), [60_000]);

  // The same connection plays again.
  viewer.call(1, 'closeStream', null);
  await viewer.status('NetStream.Play.Stop');
  assert.deepEqual(control(viewer, MESSAGE_TYPE.SET_CHUNK_SIZE), [60_000, 256]);
  viewer.forget();
  viewer.call(1, 'play', null, 'a');
  await viewer.status('NetStream.Play.Start');
  at = send(publisher, at, 80);
  await viewer.until(() => pictures(viewer).at(-1) === at - 1, 'pictures in chunks of the new size');
  assert.deepEqual(pictures(viewer), range(at).slice(50));
  assert.deepEqual(control(other, MESSAGE_TYPE.SET_CHUNK_SIZE), [60_000], 'not its vhost');
});

test('windows of acknowledgement: those of the vhost alone, and only what is new', async () => {
  const rig = await start();
  const publisher = await rig.publish('a');
  const other = await rig.open('two');
  rig.change('one', { outAckSizeBytes: 5_000, inAckSizeBytes: 4_000 });
  await publisher.until(
    () => control(publisher, MESSAGE_TYPE.WINDOW_ACK_SIZE).at(-1) === 5_000,
    'the new window',
  );
  assert.equal(control(publisher, MESSAGE_TYPE.SET_PEER_BANDWIDTH).at(-1), 5_000);
  send(publisher, 0, 6);
  await publisher.until(
    () => control(publisher, MESSAGE_TYPE.ACKNOWLEDGEMENT).length > 0,
    'an acknowledgement',
  );
  rig.change('one', { tcpNoDelay: true });
  rig.change('one', { outAckSizeBytes: 0 });
  other.createStream().catch(() => undefined);
  await other.command('_result');
  assert.deepEqual(control(publisher, MESSAGE_TYPE.WINDOW_ACK_SIZE), [2_500_000, 5_000]);
  assert.deepEqual(control(other, MESSAGE_TYPE.WINDOW_ACK_SIZE), [2_500_000]);
});

test('timeouts of running publishers: the new one counts from the change', async () => {
  const rig = await start();
  const silent = await rig.publish('silent');
  const begun = await rig.publish('begun');
  const other = await rig.publish('other', 'two');
  send(begun, 0, 2);
  await eventually(
    () => rig.hub.list().some(({ name, videoFrames }) => name.stream === 'begun' && videoFrames === 2),
    'the first media',
  );
  rig.change('one', { firstPacketTimeoutMs: 200 });
  await silent.closed(3_000);
  assert.match(
    rig.log.lines.find((line) => line.includes('RTMP closed')) ?? '',
    /SESSION_TIMEOUT.*no media after publish within 200 ms/,
  );
  assert.equal(begun.ended, false, 'its first media was there');
  rig.change('one', { silenceTimeoutMs: 200 });
  await begun.closed(3_000);
  assert.match(rig.log.lines.at(-1) ?? '', /no media from the publisher within 200 ms/);
  assert.equal(other.ended, false);
});

test('the handshake timeout is read at each accept', async () => {
  const rig = await start();
  const patient = await RtmpPeer.dial(rig.port);
  rig.peers.push(patient);
  await eventually(() => rig.endpoint.sessions === 1, 'the first session');
  rig.handshakeTimeoutMs = 50;
  const hurried = await RtmpPeer.dial(rig.port);
  rig.peers.push(hurried);
  await hurried.closed(3_000);
  assert.equal(patient.ended, false);
});

test('options that change while a policy is asked are those that hold when it answers', async () => {
  const rig = await start();
  let answer: (() => void) | undefined;
  rig.policy = { check: () => new Promise((resolve) => (answer = () => resolve(undefined))) };
  const peer = await RtmpPeer.shake(rig.port);
  rig.peers.push(peer);
  peer.setChunkSize(60_000);
  peer.connect('live', { tcHost: 'one' });
  const allow = await eventually(() => answer, 'the question');
  rig.change('one', { chunkSizeBytes: 512, outAckSizeBytes: 7_000 });
  allow();
  await peer.command('_result');
  assert.deepEqual(control(peer, MESSAGE_TYPE.SET_CHUNK_SIZE), [512]);
  assert.deepEqual(control(peer, MESSAGE_TYPE.WINDOW_ACK_SIZE), [7_000]);
});

test('closeVhost ends all sessions that are on it, whatever they do, and no others', async () => {
  const rig = await start();
  const publisher = await rig.publish('a', 'two');
  send(publisher, 0, 3);
  const here = [
    publisher,
    await rig.play('a', 'two'),
    await rig.play('nobody', 'two'),
    await rig.open('two'),
  ];
  // Connected there, but plays a stream of the other vhost; and the other way round.
  here.push(await rig.play('a?vhost=two', 'one'));
  const others = [
    await rig.publish('a'),
    await rig.play('a'),
    await rig.open(),
    await RtmpPeer.shake(rig.port),
  ];
  others.push(await rig.play('a?vhost=one', 'two'));
  rig.peers.push(...others);
  // Still waits for an answer.
  let asked = false;
  rig.policy = { check: () => new Promise(() => (asked = true)) };
  const asking = await RtmpPeer.shake(rig.port);
  here.push(asking);
  rig.peers.push(asking);
  asking.connect('live', { tcHost: 'two' });
  await eventually(() => asked, 'the question');

  rig.vhosts.delete('two');
  rig.endpoint.vhostsChanged();
  assert.equal(rig.endpoint.closeVhost('two', GONE), here.length);
  assert.equal(rig.endpoint.closeVhost('two', GONE), 0);
  for (const peer of here) await peer.closed();
  await eventually(
    () => rig.log.lines.filter((line) => line.includes('SESSION_KICKED')).length === here.length,
    'one closing line each',
  );
  assert.deepEqual(
    others.map(({ ended }) => ended),
    others.map(() => false),
  );
  assert.deepEqual(
    rig.hub.list().map(({ name, viewers }) => [name.vhost, name.stream, viewers]),
    [['one', 'a', 2]],
  );
});
