import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { afterEach, test } from 'node:test';
import { CHUNK_STREAM, encodeCommand } from '../../src/protocols/rtmp/index.ts';
import { eventually } from '../support/eventually.ts';
import { audioConfig, audioFrame, videoConfig, videoFrame } from '../support/hub-fixtures.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { TestServer, type TestServerOptions } from '../support/test-server.ts';
import { httpFlvViewer, rtmpViewer, type TestViewer } from '../support/viewers.ts';
import type { SeenMessage } from '../support/wire-decoders.ts';

const running: TestServer[] = [];
async function start(options: TestServerOptions = {}): Promise<TestServer> {
  const server = await TestServer.start(options);
  running.push(server);
  return server;
}
afterEach(async () => {
  for (const server of running.splice(0)) {
    await server.stop();
    assert.deepEqual(server.linesWith('INTERNAL'), []);
    assert.deepEqual(server.hub.list(), []);
  }
});

const VIDEO = 9;
const AUDIO = 8;

interface Sent {
  readonly typeId: number;
  readonly time: number;
  readonly body: Buffer;
}

const picture = (time: number, isKey: boolean, id: number): Sent => ({
  typeId: VIDEO,
  time,
  body: videoFrame(0, isKey, id).flvBody,
});
const sound = (time: number, id: number): Sent => ({ typeId: AUDIO, time, body: audioFrame(0, id).flvBody });
const config = (time = 0, version = 1): Sent => ({
  typeId: VIDEO,
  time,
  body: videoConfig(0, version).flvBody,
});
const soundConfig = (time = 0): Sent => ({ typeId: AUDIO, time, body: audioConfig().flvBody });

function send(peer: RtmpPeer, messages: readonly Sent[]): void {
  for (const { typeId, time, body } of messages) peer.send(typeId, body, 1, time);
}

const shape = (messages: readonly SeenMessage[]): [string, number, string][] =>
  messages.map(({ kind, time, body }) => [kind, time, body.toString('hex')]);
const timesOf = (viewer: TestViewer, kind: 'audio' | 'video'): number[] =>
  viewer
    .media()
    .filter((message) => message.kind === kind && message.body[1] === 1)
    .map(({ time }) => time);

async function received(viewer: TestViewer, count: number): Promise<readonly SeenMessage[]> {
  return eventually(
    () => viewer.media().length >= count && viewer.media(),
    () => `${count} messages; got ${viewer.media().length}`,
  );
}

const FOURCC = (text: string): string => Buffer.from(text).toString('hex');
const CODECS: readonly { name: string; config: string; key: string; inter: string }[] = [
  {
    name: 'H.265, enhanced',
    config: `90${FOURCC('hvc1')}0101`,
    key: `91${FOURCC('hvc1')}0000282601`,
    inter: `a1${FOURCC('hvc1')}ffffd80201`,
  },
  {
    name: 'H.265, enhanced, without composition time',
    config: `90${FOURCC('hvc1')}0101`,
    key: `93${FOURCC('hvc1')}2601`,
    inter: `a3${FOURCC('hvc1')}0201`,
  },
  { name: 'H.265, codec id 12', config: '1c000000000101', key: '1c010000282601', inter: '2c01ffffd80201' },
  {
    name: 'AV1, enhanced',
    config: `90${FOURCC('av01')}81000c00`,
    key: `91${FOURCC('av01')}0a0b`,
    inter: `a1${FOURCC('av01')}3201`,
  },
  {
    name: 'VP9, enhanced',
    config: `90${FOURCC('vp09')}01000000`,
    key: `91${FOURCC('vp09')}82`,
    inter: `a1${FOURCC('vp09')}86`,
  },
];

for (const { name, ...hex } of CODECS) {
  test(`${name} passes RTMP and FLV byte by byte and starts on a keyframe`, async () => {
    const server = await start({ vhost: 'min_latency on;' });
    const publisher = await RtmpPeer.publish(server.rtmpPort, 'codec');
    const body = (which: 'config' | 'key' | 'inter', id: number): Buffer =>
      Buffer.concat([
        Buffer.from(hex[which], 'hex'),
        which === 'config' ? Buffer.alloc(0) : Buffer.from([id]),
      ]);
    const at = (index: number): Sent => ({
      typeId: VIDEO,
      time: index * 40,
      body: body(index % 4 === 0 ? 'key' : 'inter', index),
    });
    send(publisher, [{ typeId: VIDEO, time: 0, body: body('config', 0) }, ...[0, 1, 2, 3, 4, 5].map(at)]);
    await eventually(() => server.stream('codec')?.videoFrames === 6, 'six pictures');
    const viewers = [await rtmpViewer(server, 'codec'), await httpFlvViewer(server, 'codec')];
    send(publisher, [6, 7, 8, 9, 10, 11, 12, 13, 14, 15].map(at));
    // FLV declares its tracks first, and so begins once it is known that there is no sound; it begins on a keyframe too.
    for (const viewer of viewers) {
      await eventually(() => viewer.media().at(-1)?.body.equals(at(15).body), 'the last picture');
      const [first, ...rest] = viewer.media();
      assert.deepEqual(first?.body, body('config', 0));
      const from = 16 - rest.length;
      assert.equal(from % 4, 0, 'a keyframe');
      assert.deepEqual(
        shape(rest),
        rest.map((_, index) => ['video', index * 40, at(from + index).body.toString('hex')]),
      );
    }
  });
}

test('every byte of big messages arrives, of many publishers at once, also of those held before publish was answered', async () => {
  const server = await start({
    // Each answer takes a turn of the event loop, in which others are read.
    policy: { check: () => new Promise((resolve) => setImmediate(() => resolve(undefined))) },
  });
  const PUBLISHERS = 8;
  const FRAMES = 40;
  const bodyOf = (publisher: number, index: number): Buffer => {
    const seed = createHash('sha256').update(`${publisher}/${index}`).digest();
    // From a few bytes to several reads of the socket.
    const body = Buffer.alloc(10 + ((publisher * 31 + index * 7_919) % 150_000), seed);
    body[0] = index === 0 ? 0x17 : 0x27;
    body[1] = 1;
    return body;
  };
  const peers = await Promise.all(
    Array.from({ length: PUBLISHERS }, async (_, publisher) => {
      const peer = await RtmpPeer.open(server.rtmpPort);
      // One write: createStream, publish and the first pictures.
      peer.raw(
        Buffer.concat([
          peer.bytesOf(20, encodeCommand('createStream', 50, null)),
          peer.bytesOf(20, encodeCommand('publish', 51, null, `many${publisher}`, 'live'), 1),
          peer.bytesOf(VIDEO, videoConfig().flvBody, 1, 0),
          ...[0, 1, 2].map((index) => peer.bytesOf(VIDEO, bodyOf(publisher, index), 1, index * 40)),
        ]),
      );
      return peer;
    }),
  );
  const viewers = await Promise.all(peers.map((_, publisher) => rtmpViewer(server, `many${publisher}`)));
  for (let index = 3; index < FRAMES; index += 1) {
    for (const [publisher, peer] of peers.entries()) {
      peer.send(VIDEO, bodyOf(publisher, index), 1, index * 40);
    }
    if (index % 5 === 0) await new Promise(setImmediate);
  }
  for (const [publisher, viewer] of viewers.entries()) {
    const media = await received(viewer, FRAMES + 1);
    for (const [index, { body }] of media.slice(1).entries()) {
      assert.ok(body.equals(bodyOf(publisher, index)), `publisher ${publisher}, picture ${index}`);
    }
  }
});

test('timestamps beyond 4.6 hours and across the 32-bit wrap', async () => {
  const server = await start({ vhost: 'min_latency on;' });
  for (const [name, from] of [
    ['extended', 0xff_ffff - 100],
    ['wrap', 0xffff_ffff - 100],
  ] as const) {
    const publisher = await RtmpPeer.publish(server.rtmpPort, name);
    const viewer = await rtmpViewer(server, name);
    const messages = Array.from({ length: 10 }, (_, index) =>
      picture((from + index * 40) >>> 0, index === 0, index),
    );
    send(publisher, [config(from), ...messages]);
    await received(viewer, 11);
    const want = Array.from({ length: 10 }, (_, index) => index * 40);
    assert.deepEqual(timesOf(viewer, 'video'), want, name);
    const late = await rtmpViewer(server, name);
    await received(late, 11);
    assert.deepEqual(timesOf(late, 'video'), want, name);
  }
});

test('messages of several chunks beyond 4.6 hours, time_jitter off: absolute times all the way', async () => {
  const server = await start({ vhost: 'min_latency on; chunk_size 128; play { time_jitter off; }' });
  const publisher = await RtmpPeer.publish(server.rtmpPort, 'big');
  publisher.setChunkSize(128);
  const from = 0xffff_ffff - 60;
  const messages = Array.from({ length: 6 }, (_, index) => ({
    typeId: VIDEO,
    time: (from + index * 40) >>> 0,
    body: videoFrame(0, index === 0, index, 1_000).flvBody,
  }));
  send(publisher, [config(from), ...messages]);
  await eventually(() => server.stream('big')?.videoFrames === 6, 'six pictures');
  for (const open of [rtmpViewer, httpFlvViewer]) {
    const viewer = await open(server, 'big');
    if (open === httpFlvViewer) {
      send(publisher, [picture((from + 2_000) >>> 0, true, 90), picture((from + 2_040) >>> 0, false, 91)]);
    }
    await received(viewer, 3);
    const times = timesOf(viewer, 'video');
    assert.ok(
      times.every((time) => time >= from || time < 3_000),
      times.join(),
    );
    if (open === rtmpViewer) {
      assert.deepEqual(
        times,
        messages.map(({ time }) => time),
      );
      assert.deepEqual(
        viewer
          .media()
          .slice(1)
          .map(({ body }) => body.toString('hex')),
        messages.map(({ body }) => body.toString('hex')),
      );
    }
  }
});

test('time_jitter full repairs a jump, zero only starts from zero, off leaves all as it is; so does atc', async () => {
  const jumpy = [
    config(5_000),
    picture(5_000, true, 0),
    picture(5_040, false, 1),
    picture(905_080, false, 2),
    picture(905_120, false, 3),
  ];
  const cases: [vhost: string, want: number[]][] = [
    ['play { time_jitter full; }', [0, 40, 80, 120]],
    ['play { time_jitter zero; }', [0, 40, 900_080, 900_120]],
    ['play { time_jitter off; }', [5_000, 5_040, 905_080, 905_120]],
    ['play { atc on; }', [5_000, 5_040, 905_080, 905_120]],
  ];
  for (const [vhost, want] of cases) {
    const server = await start({ vhost: `min_latency on; ${vhost}` });
    const publisher = await RtmpPeer.publish(server.rtmpPort, 'jumpy');
    const early = await rtmpViewer(server, 'jumpy');
    send(publisher, jumpy);
    await received(early, 5);
    const late = await rtmpViewer(server, 'jumpy');
    await received(late, 5);
    for (const viewer of [early, late]) {
      const times = timesOf(viewer, 'video');
      if (want[2] === 80) {
        // The step that replaces the jump is the usual one or 10 ms.
        assert.deepEqual(times.slice(0, 2), [0, 40]);
        assert.ok((times[3] ?? 0) <= 160 && (times[3] ?? 0) > (times[2] ?? 0), times.join());
      } else {
        assert.deepEqual(times, want, vhost);
      }
    }
  }
});

test('atc_auto follows bravo_atc of the metadata', async () => {
  const server = await start({ vhost: 'min_latency on; play { atc_auto on; }' });
  for (const [value, want] of [
    ['true', [77_000, 77_040]],
    ['false', [0, 40]],
  ] as const) {
    const name = `bravo-${value}`;
    const publisher = await RtmpPeer.publish(server.rtmpPort, name);
    publisher.metadata({ bravo_atc: value });
    const viewer = await rtmpViewer(server, name);
    send(publisher, [config(77_000), picture(77_000, true, 0), picture(77_040, false, 1)]);
    await received(viewer, 4);
    assert.deepEqual(timesOf(viewer, 'video'), want);
  }
});

test('gop_cache off: a joiner waits for the next keyframe', async () => {
  const server = await start({ vhost: 'min_latency on; play { gop_cache off; }' });
  const publisher = await RtmpPeer.publish(server.rtmpPort, 'nogop');
  send(publisher, [config(), picture(0, true, 0), picture(40, false, 1)]);
  await eventually(() => server.stream('nogop')?.videoFrames === 2, 'two pictures');
  const viewer = await rtmpViewer(server, 'nogop');
  send(publisher, [picture(80, false, 2), picture(120, true, 3), picture(160, false, 4)]);
  await eventually(() => timesOf(viewer, 'video').length === 2, 'two pictures');
  const ids = viewer
    .media()
    .filter(({ body }) => body[1] === 1)
    .map(({ body }) => body.readUInt32BE(5));
  assert.deepEqual(ids, [3, 4]);
  assert.deepEqual(timesOf(viewer, 'video'), [0, 40]);
});

test('mix_correct puts interleaved tracks in order', async () => {
  const server = await start({ vhost: 'min_latency on; play { mix_correct on; }' });
  const publisher = await RtmpPeer.publish(server.rtmpPort, 'mix');
  const viewer = await rtmpViewer(server, 'mix');
  const messages: Sent[] = [config(), soundConfig()];
  // Sound comes in bursts behind the pictures that it belongs to.
  for (let index = 0; index < 40; index += 4) {
    for (let step = 0; step < 4; step += 1)
      messages.push(picture((index + step) * 40, index === 0 && step === 0, index + step));
    for (let step = 0; step < 4; step += 1) messages.push(sound((index + step) * 40 + 10, index + step));
  }
  send(publisher, messages);
  publisher.call(1, 'closeStream', null);
  const media = await received(viewer, messages.length);
  const times = media.map(({ time }) => time);
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  );
});

test('reduce_sequence_header drops config records that say nothing new', async () => {
  for (const [value, want] of [
    ['on', [1, 2]],
    ['off', [1, 1, 1, 2]],
  ] as const) {
    const server = await start({ vhost: `min_latency on; play { reduce_sequence_header ${value}; }` });
    const publisher = await RtmpPeer.publish(server.rtmpPort, 'again');
    const viewer = await rtmpViewer(server, 'again');
    send(publisher, [config(), picture(0, true, 0)]);
    await received(viewer, 2);
    send(publisher, [
      config(40),
      picture(40, true, 1),
      config(80),
      picture(80, true, 2),
      config(120, 2),
      picture(120, true, 3),
    ]);
    await eventually(() => timesOf(viewer, 'video').length === 4, 'four pictures');
    const versions = viewer
      .media()
      .filter(({ body }) => body[1] === 0)
      .map(({ body }) => body[5]);
    assert.deepEqual(versions, want);
  }
});

test('send_min_interval spreads messages in time', async () => {
  const server = await start({ vhost: 'play { send_min_interval 20; }' });
  const publisher = await RtmpPeer.publish(server.rtmpPort, 'paced');
  const peer = await RtmpPeer.play(server.rtmpPort, 'paced');
  const arrivals: number[] = [];
  peer.onMedia = () => void arrivals.push(performance.now());
  send(publisher, [
    config(),
    ...Array.from({ length: 12 }, (_, index) => picture(index * 40, index === 0, index)),
  ]);
  await eventually(
    () => arrivals.length >= 13,
    () => `13 messages; got ${arrivals.length}`,
  );
  const span = (arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0);
  assert.ok(span >= 10 * 20, `all within ${span} ms`);
});

test('with a pinned window messages wait for it and come together', async () => {
  const server = await start({ vhost: 'play { mw_latency 300; mw_adaptive off; }' });
  const publisher = await RtmpPeer.publish(server.rtmpPort, 'merged');
  const peer = await RtmpPeer.play(server.rtmpPort, 'merged');
  send(publisher, [config(), picture(0, true, 0)]);
  await peer.mediaCount(2);
  const reads: number[] = [];
  peer.socket.on('data', () => void reads.push(peer.receivedBytes));
  for (let index = 1; index <= 5; index += 1) {
    send(publisher, [picture(index * 40, false, index)]);
    await eventually(() => server.stream('merged')?.videoFrames === index + 1, 'each picture by itself');
  }
  await peer.mediaCount(7);
  assert.ok(reads.length <= 2, `${reads.length} reads for one window (or two, when one ended meanwhile)`);
});

test('aggregate messages, type 3 messages and interleaved chunk streams come apart again', async () => {
  const server = await start({ vhost: 'min_latency on;' });
  const publisher = await RtmpPeer.publish(server.rtmpPort, 'wire');
  const viewer = await rtmpViewer(server, 'wire');
  publisher.setChunkSize(16);
  const video = videoFrame(0, false, 1, 40).flvBody;
  const audio = audioFrame(0, 0, 16).flvBody;
  send(publisher, [config(), picture(0, true, 0)]);
  // RTMP 1.0, 5.3.2.2: a long picture with a short sound between its chunks.
  const [long, short] = [publisher.bytesOf(VIDEO, video, 1, 40), publisher.bytesOf(AUDIO, audio, 1, 45)];
  publisher.raw(Buffer.concat([long.subarray(0, 12 + 16), short, long.subarray(12 + 16)]));
  // The next sound as a type 3 chunk: length, type and delta of the one before. Spec: 5.3.1.2.4.
  publisher.raw(Buffer.concat([Buffer.from([0xc0 | CHUNK_STREAM.AUDIO]), audioFrame(0, 1, 16).flvBody]));
  publisher.setChunkSize(60_000);
  // RTMP 1.0, 7.1.6: sub-messages as FLV tags; their times are shifted so that the first is the aggregate's.
  const tag = (typeId: number, time: number, body: Buffer): Buffer => {
    const bytes = Buffer.alloc(11 + body.length + 4);
    bytes[0] = typeId;
    bytes.writeUIntBE(body.length, 1, 3);
    bytes.writeUIntBE(time, 4, 3);
    body.copy(bytes, 11);
    bytes.writeUInt32BE(11 + body.length, 11 + body.length);
    return bytes;
  };
  const aggregate = Buffer.concat([
    tag(VIDEO, 9_000, videoFrame(0, false, 2).flvBody),
    tag(AUDIO, 9_010, audioFrame(0, 3).flvBody),
  ]);
  publisher.send(22, aggregate, 1, 120);
  const media = await received(viewer, 7);
  assert.deepEqual(shape(media), [
    ['video', 0, videoConfig().flvBody.toString('hex')],
    ['video', 0, videoFrame(0, true, 0).flvBody.toString('hex')],
    ['audio', 45, audio.toString('hex')],
    ['video', 40, video.toString('hex')],
    ['audio', 90, audioFrame(0, 1, 16).flvBody.toString('hex')],
    ['video', 120, videoFrame(0, false, 2).flvBody.toString('hex')],
    ['audio', 130, audioFrame(0, 3).flvBody.toString('hex')],
  ]);
});
