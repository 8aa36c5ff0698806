import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { ServerError } from '../../src/base/errors.ts';
import type { AccessPolicy, AccessRequest } from '../../src/hub/ports.ts';
import { encodeCommand, USER_CONTROL_EVENT } from '../../src/protocols/rtmp/index.ts';
import { AmfEcmaArray, readAmf0 } from '../../src/protocols/amf0/index.ts';
import { eventually } from '../support/eventually.ts';
import { audioConfig, audioFrame, videoConfig, videoFrame } from '../support/hub-fixtures.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { uint32 } from '../support/rtmp-bytes.ts';
import { TEST_VERSION, TestServer, type TestServerOptions } from '../support/test-server.ts';

const running: TestServer[] = [];
async function start(options: TestServerOptions = {}): Promise<TestServer> {
  const server = await TestServer.start(options);
  running.push(server);
  return server;
}
afterEach(async () => {
  for (const server of running.splice(0)) {
    await server.stop();
    assert.deepEqual(server.linesWith('INTERNAL'), [], 'no unexpected error');
    assert.deepEqual(server.linesWith('error ['), [], 'no error of ours');
    assert.deepEqual(server.hub.list(), [], 'nothing is left in the hub');
  }
});

/** Config records and one group of pictures of `frames` frames, 40 ms apart, from `from` ms. */
function sendGop(peer: RtmpPeer, from = 0, frames = 3, id = 0): void {
  peer.video(from, videoConfig().flvBody);
  peer.audio(from, audioConfig().flvBody);
  for (let index = 0; index < frames; index += 1) {
    peer.video(from + index * 40, videoFrame(0, index === 0, id + index).flvBody);
    peer.audio(from + index * 40, audioFrame(0, id + index).flvBody);
  }
}

/** Ids of the pictures. */
const pictures = (peer: RtmpPeer): number[] =>
  peer
    .media()
    .filter(({ kind, body }) => kind === 'video' && body[1] === 1)
    .map(({ body }) => body.readUInt32BE(5));

/** Starts at a keyframe after config records. */
function assertStartsAtKeyframe(peer: RtmpPeer): void {
  const media = peer.media();
  const first = media.findIndex(({ kind, body }) => kind === 'video' && body[1] === 1);
  assert.ok(first >= 0, 'a picture');
  assert.equal(media[first]?.body[0], 0x17, 'the first picture is a keyframe');
  assert.ok(
    media.slice(0, first).some(({ kind, body }) => kind === 'video' && body[1] === 0),
    'the config record comes first',
  );
}

test('a second publisher is refused with BadName; the name is free when the first one leaves', async () => {
  const server = await start();
  const first = await RtmpPeer.publish(server.rtmpPort, 'busy');
  const second = await RtmpPeer.open(server.rtmpPort);
  await second.createStream();
  second.call(1, 'publish', null, 'busy', 'live');
  const refusal = await second.status('NetStream.Publish.BadName');
  assert.equal(refusal.string('level'), 'error');
  await second.closed();
  await server.line('warn', 'RTMP closed', 'STREAM_BUSY(1028)');
  assert.equal(first.ended, false);
  first.destroy();
  await eventually(() => server.stream('busy') === undefined, 'the name is free');
  await RtmpPeer.publish(server.rtmpPort, 'busy');
});

test('FCUnpublish, closeStream and deleteStream free the name at once; the connection may publish again', async () => {
  const server = await start();
  const peer = await RtmpPeer.publish(server.rtmpPort, 'again');
  const endings: (() => void)[] = [
    () => void peer.call(0, 'FCUnpublish', null, 'again'),
    () => void peer.call(1, 'closeStream', null),
    () => void peer.call(0, 'deleteStream', null, 1),
    () => void peer.call(1, 'publish', null, false),
  ];
  for (const end of endings) {
    sendGop(peer);
    end();
    await peer.status('NetStream.Unpublish.Success');
    assert.equal(server.stream('again'), undefined);
    peer.call(1, 'publish', null, 'again', 'live');
    await peer.status('NetStream.Publish.Start');
    assert.equal(server.stream('again')?.state, 'live');
  }
  peer.destroy();
  await server.line('RTMP closed');
  assert.equal(server.closings.length, 1);
});

test('viewers are told when the publisher is gone for good and when one comes back', async () => {
  const server = await start({ vhost: 'publish { hold_time 1; }' });
  const publisher = await RtmpPeer.publish(server.rtmpPort, 'hold');
  const viewer = await RtmpPeer.play(server.rtmpPort, 'hold');
  sendGop(publisher);
  await viewer.mediaCount(8);
  publisher.destroy();
  await viewer.status('NetStream.Play.UnpublishNotify');
  await viewer.until(
    () => viewer.messages.some(({ typeId, payload }) => typeId === 4 && payload.readUInt16BE(0) === 1),
    'StreamEOF',
  );
  const before = viewer.media().length;
  const next = await RtmpPeer.publish(server.rtmpPort, 'hold');
  await viewer.status('NetStream.Play.PublishNotify');
  sendGop(next, 700_000, 3, 10);
  const media = await viewer.mediaCount(before + 8);
  assert.deepEqual(pictures(viewer), [0, 1, 2, 10, 11, 12]);
  const times = media.map(({ time }) => time);
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
    'time goes on',
  );
  assert.ok((times.at(-1) ?? 0) < 60_000, 'and does not jump');
});

test('a publisher that comes back within the hold time keeps its viewers; timestamps go on', async () => {
  const server = await start();
  const publisher = await RtmpPeer.publish(server.rtmpPort, 'back');
  const viewer = await RtmpPeer.play(server.rtmpPort, 'back');
  sendGop(publisher, 1_000_000, 3);
  await viewer.mediaCount(8);
  publisher.destroy();
  await eventually(() => server.stream('back')?.state === 'waiting', 'the stream waits');
  const next = await RtmpPeer.publish(server.rtmpPort, 'back');
  sendGop(next, 5, 3, 10);
  const media = await viewer.mediaCount(16);
  const times = media.map(({ time }) => time);
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  );
  assert.ok((times.at(-1) ?? 0) < 60_000);
  assert.deepEqual(pictures(viewer), [0, 1, 2, 10, 11, 12]);
  const codes = viewer.statuses();
  assert.equal(codes.includes('NetStream.Play.UnpublishNotify'), false);
  assert.equal(codes.includes('NetStream.Play.PublishNotify'), false);
});

test('metadata is completed and given to late joiners', async () => {
  const server = await start();
  const publisher = await RtmpPeer.publish(server.rtmpPort, 'meta');
  publisher.metadata({ width: 640, duration: 17, encoder: 'test' });
  sendGop(publisher);
  await eventually(() => server.stream('meta')?.videoFrames === 3, 'three pictures');
  const viewer = await RtmpPeer.play(server.rtmpPort, 'meta');
  const media = await viewer.mediaCount(9);
  assert.equal(media[0]?.kind, 'data');
  const [name, value] = readAmf0(media[0].body);
  assert.equal(name, 'onMetaData');
  assert.ok(value instanceof AmfEcmaArray);
  assert.deepEqual(Object.fromEntries(value.entries), {
    width: 640,
    encoder: 'test',
    server: `srs-ts/${TEST_VERSION}`,
    version: TEST_VERSION,
    server_version: TEST_VERSION,
  });
  assertStartsAtKeyframe(viewer);
});

test('pause, unpause, receiveAudio and receiveVideo', async () => {
  const server = await start({ vhost: 'min_latency on;' });
  const publisher = await RtmpPeer.publish(server.rtmpPort, 'choice');
  const viewer = await RtmpPeer.play(server.rtmpPort, 'choice');
  sendGop(publisher, 0, 2, 0);
  await viewer.mediaCount(6);
  viewer.call(1, 'pause', null, true, 40);
  await viewer.status('NetStream.Pause.Notify');
  sendGop(publisher, 80, 2, 10);
  await eventually(() => server.stream('choice')?.videoFrames === 4, 'the second group');
  viewer.call(1, 'pause', null, false, 40);
  await viewer.status('NetStream.Unpause.Notify');
  sendGop(publisher, 160, 2, 20);
  await viewer.until(() => pictures(viewer).includes(21), 'the third group');
  assert.ok(!pictures(viewer).includes(0) || viewer.media().length > 6);
  // A pause ends what is sent; unpause begins with the newest keyframe.
  assert.deepEqual(pictures(viewer), [0, 1, 10, 11, 20, 21]);
  viewer.call(1, 'receiveVideo', null, false);
  viewer.call(0, 'sync', null);
  await viewer.command('_result');
  sendGop(publisher, 240, 2, 30);
  const audioIds = (): number[] =>
    viewer
      .media()
      .filter(({ kind, body }) => kind === 'audio' && body[1] === 1)
      .map(({ body }) => body.readUInt32BE(2));
  await viewer.until(() => audioIds().includes(31), 'audio goes on');
  assert.deepEqual(pictures(viewer), [0, 1, 10, 11, 20, 21], 'no picture');
  viewer.call(1, 'receiveAudio', null, false);
  viewer.call(1, 'receiveVideo', null, true);
  await viewer.status('NetStream.Play.Start');
  sendGop(publisher, 320, 2, 40);
  await viewer.until(() => pictures(viewer).includes(41), 'pictures again');
  assert.ok(!audioIds().includes(41), 'no audio');
  viewer.call(1, 'receiveAudio', null, true);
  await viewer.status('NetStream.Play.Start');
  sendGop(publisher, 400, 2, 50);
  await viewer.until(() => audioIds().includes(51) && pictures(viewer).includes(51), 'both');
  for (const kind of ['audio', 'video'] as const) {
    const times = viewer
      .media()
      .filter((message) => message.kind === kind)
      .map(({ time }) => time);
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
      `${kind} time never goes back`,
    );
  }
});

test('closeStream and play again, many times on one connection, leaves nothing behind', async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  const server = await start();
  const publisher = await RtmpPeer.publish(server.rtmpPort, 'zap');
  sendGop(publisher);
  await eventually(() => server.stream('zap')?.videoFrames === 3, 'three pictures');
  const viewer = await RtmpPeer.open(server.rtmpPort);
  await viewer.createStream();
  for (let round = 0; round < 15; round += 1) {
    viewer.forget();
    viewer.call(1, 'play', null, 'zap', -1000);
    await viewer.mediaCount(8);
    assertStartsAtKeyframe(viewer);
    assert.equal(viewer.media()[0]?.time, 0);
    viewer.call(1, 'closeStream', null);
    await viewer.status('NetStream.Play.Stop');
    assert.equal(server.stream('zap')?.viewers, 0);
  }
  // deleteStream and a new stream, as Flash does it; a play that replaces another.
  viewer.call(0, 'deleteStream', null, 1);
  assert.equal(await viewer.createStream(), 2);
  viewer.forget();
  viewer.call(2, 'play', null, 'zap');
  await viewer.mediaCount(8);
  viewer.call(2, 'play', null, 'zap');
  await viewer.mediaCount(16);
  assert.ok(viewer.messages.filter(({ typeId }) => typeId === 9).every(({ streamId }) => streamId === 2));
  assert.equal(server.stream('zap')?.viewers, 1);
  viewer.destroy();
  await eventually(() => server.stream('zap')?.viewers === 0, 'the viewer is gone');
  process.off('warning', onWarning);
  assert.deepEqual(warnings, [], 'no leak of listeners');
});

test('play with a duration ends after it', async () => {
  const server = await start();
  const publisher = await RtmpPeer.publish(server.rtmpPort, 'short');
  const viewer = await RtmpPeer.play(server.rtmpPort, 'short', { args: [0, 200, true] });
  for (let index = 0; index < 10; index += 1) publisher.video(index * 40, videoFrame(0, true, index).flvBody);
  await viewer.status('NetStream.Play.Stop');
  await viewer.closed();
  assert.deepEqual(pictures(viewer).slice(0, 6), [0, 1, 2, 3, 4, 5]);
  assert.match(await server.line('RTMP closed', 'play'), /^info .*SESSION_CLOSED.*duration/);
});

test('data right behind publish, before its answer, is not lost', async () => {
  const server = await start();
  const publisher = await RtmpPeer.open(server.rtmpPort);
  publisher.raw(
    Buffer.concat([
      publisher.bytesOf(20, encodeCommand('createStream', 50, null)),
      publisher.bytesOf(20, encodeCommand('publish', 51, null, 'early', 'live'), 1),
      publisher.bytesOf(9, videoConfig().flvBody, 1, 0),
      publisher.bytesOf(9, videoFrame(0, true, 7).flvBody, 1, 0),
    ]),
  );
  await publisher.status('NetStream.Publish.Start');
  const viewer = await RtmpPeer.play(server.rtmpPort, 'early');
  await viewer.until(() => pictures(viewer).includes(7), 'the picture');
});

/** A policy whose answers the test gives by hand. */
class ManualPolicy implements AccessPolicy {
  readonly asked: { request: AccessRequest; allow: () => void; refuse: (error: Error) => void }[] = [];

  check(request: AccessRequest): Promise<undefined> {
    return new Promise((resolve, reject) => {
      this.asked.push({ request, allow: () => resolve(undefined), refuse: (error) => reject(error) });
    });
  }

  async next(action: string): Promise<ManualPolicy['asked'][number]> {
    const question = await eventually(() => this.asked.shift(), `a question about ${action}`);
    assert.equal(question.request.action, action);
    return question;
  }
}

test('a slow policy: nothing is said before it answered, what came meanwhile is kept in order', async () => {
  const policy = new ManualPolicy();
  const server = await start({ policy });
  const peer = await RtmpPeer.shake(server.rtmpPort);
  peer.setChunkSize(60_000);
  peer.connect('live', { properties: { pageUrl: 'http://page/' } });
  const connect = await policy.next('connect');
  assert.equal(peer.receivedBytes, 0);
  assert.equal(connect.request.app, 'live');
  assert.equal(connect.request.pageUrl, 'http://page/');
  peer.call(0, 'createStream', null);
  connect.allow();
  await peer.command('_result');
  peer.call(1, 'publish', null, 'slow?key=1', 'live');
  sendGop(peer, 0, 50);
  const publish = await policy.next('publish');
  assert.equal(publish.request.stream, 'slow');
  assert.equal(publish.request.params, '?key=1');
  assert.deepEqual(peer.statuses(), []);
  assert.equal(server.stream('slow'), undefined);
  publish.allow();
  await peer.status('NetStream.Publish.Start');
  await eventually(() => server.stream('slow')?.videoFrames === 50, 'all pictures');
  assert.equal(server.stream('slow')?.audioFrames, 50);
});

test('a policy that refuses, and one that throws', async () => {
  const policy = new ManualPolicy();
  const server = await start({ policy });
  const refused = async (action: 'publish' | 'play', error: Error): Promise<RtmpPeer> => {
    const peer = await RtmpPeer.shake(server.rtmpPort);
    peer.connect('live');
    (await policy.next('connect')).allow();
    peer.call(0, 'createStream', null);
    peer.call(1, action, null, 'no');
    (await policy.next(action)).refuse(error);
    await peer.closed();
    return peer;
  };
  const no = new ServerError('STREAM_NAME_INVALID', 'the token is over');
  assert.deepEqual((await refused('publish', no)).statuses(), ['NetStream.Publish.Denied']);
  assert.deepEqual((await refused('play', no)).statuses(), ['NetStream.Play.Failed']);
  const missing = new ServerError('STREAM_NOT_FOUND', 'no such');
  assert.deepEqual((await refused('play', missing)).statuses(), ['NetStream.Play.StreamNotFound']);
  const peer = await RtmpPeer.shake(server.rtmpPort);
  peer.connect('live');
  (await policy.next('connect')).refuse(no);
  await peer.closed();
  assert.deepEqual(
    peer.commands().map(({ name }) => name),
    ['_error'],
  );
  await eventually(() => server.closings.length === 4, 'four closing lines');
  // A bug in a policy is told to the peer without its details, and to the log with them.
  assert.deepEqual((await refused('publish', new TypeError('secret bug'))).statuses(), [
    'NetStream.Publish.Denied',
  ]);
  await server.line('error', 'secret bug');
  assert.match(await server.line('RTMP closed', 'INTERNAL'), /^warn/);
  assert.equal(server.closings.length, 5);
  assert.deepEqual(server.hub.list(), []);
  server.lines.length = 0;
});

test('a peer that leaves while the policy is asked takes nothing', async () => {
  const policy = new ManualPolicy();
  const ended: string[] = [];
  const server = await start({
    policy,
    observers: [
      {
        publishStarted: (name) => void ended.push(`+${name.stream}`),
        publishEnded: (name) => void ended.push(`-${name.stream}`),
      },
    ],
  });
  const peer = await RtmpPeer.shake(server.rtmpPort);
  peer.connect('live');
  (await policy.next('connect')).allow();
  peer.call(0, 'createStream', null);
  peer.call(1, 'publish', null, 'left', 'live');
  const question = await policy.next('publish');
  peer.socket.resetAndDestroy();
  question.allow();
  await server.line('RTMP closed');
  assert.equal(ended.length % 2, 0, 'each start has its end');
  assert.equal(server.stream('left'), undefined);
});

test('vhosts by host, by query in all forms, and none', async () => {
  const server = await start({
    vhost: undefined,
    top: 'vhost one.example { } vhost two.example { } vhost off.example { enabled off; }',
  });
  const cases: [app: string, host: string, name: string, key: string][] = [
    ['live', 'one.example', 'a1', 'one.example/live/a1'],
    ['live?vhost=two.example', '127.0.0.1', 'a2', 'two.example/live/a2'],
    ['live...vhost...two.example', '127.0.0.1', 'a3', 'two.example/live/a3'],
    ['live/_definst_', 'one.example', 'a4', 'one.example/live/a4'],
    ['live/_definst_?vhost=two.example', '127.0.0.1', 'a5', 'two.example/live/a5'],
    ['live', '127.0.0.1?vhost=', 'a6', ''],
    ['live', 'off.example', 'a7', ''],
    ['live?domain=one.example', 'x', 'a8?vhost=two.example', 'two.example/live/a8'],
  ];
  for (const [app, tcHost, name, key] of cases) {
    if (key === '') {
      const peer = await RtmpPeer.shake(server.rtmpPort);
      peer.connect(app, { tcHost });
      await peer.command('_error');
      await peer.closed();
      continue;
    }
    await RtmpPeer.publish(server.rtmpPort, name, { app, tcHost });
    await server.line('RTMP publish', ` ${key} `);
  }
  await eventually(() => server.linesWith('RTMP closed', 'VHOST_UNKNOWN').length === 2, 'two refusals');
});

test('acknowledgements both ways', async () => {
  const server = await start({ vhost: 'in_ack_size 20000; out_ack_size 30000;' });
  const publisher = await RtmpPeer.publish(server.rtmpPort, 'acks');
  const windows = publisher.messages.filter(({ typeId }) => typeId === 5 || typeId === 6);
  assert.deepEqual(
    windows.map(({ typeId, payload }) => [typeId, payload.toString('hex')]),
    [
      [5, '00007530'],
      [6, '0000753002'],
    ],
  );
  sendGop(publisher, 0, 1);
  for (let index = 1; index <= 40; index += 1) {
    publisher.video(index * 40, videoFrame(0, false, index, 1_000).flvBody);
  }
  const acks = (): number[] =>
    publisher.messages.filter(({ typeId }) => typeId === 3).map(({ payload }) => payload.readUInt32BE(0));
  await publisher.until(() => (acks().at(-1) ?? 0) > 30_000, 'acknowledgements');
  assert.deepEqual(
    acks(),
    acks().toSorted((a, b) => a - b),
  );
  // The peer's own wish replaces the configured window.
  publisher.send(5, uint32(4_000));
  const before = acks().length;
  for (let index = 41; index <= 60; index += 1) {
    publisher.video(index * 40, videoFrame(0, false, index, 1_000).flvBody);
  }
  await publisher.until(() => acks().length > before, 'more acknowledgements');
  // A viewer that acknowledges, and one that never does, both go on.
  const viewer = await RtmpPeer.play(server.rtmpPort, 'acks');
  viewer.send(3, uint32(30_000));
  await viewer.mediaCount(20);
  // Set Peer Bandwidth is answered with a window of that size (RTMP 1.0, 5.4.5).
  viewer.send(6, Buffer.concat([uint32(500_000), Buffer.from([0])]));
  await viewer.until(
    () => viewer.messages.some(({ typeId, payload }) => typeId === 5 && payload.readUInt32BE(0) === 500_000),
    'the window',
  );
});

test('ping is answered; buffer length and unknown events are no harm', async () => {
  const server = await start();
  const viewer = await RtmpPeer.play(server.rtmpPort, 'ping');
  const event = (type: number, ...values: number[]): Buffer =>
    Buffer.concat([Buffer.from([type >> 8, type & 255]), ...values.map(uint32)]);
  viewer.send(4, event(USER_CONTROL_EVENT.SET_BUFFER_LENGTH, 1, 3000));
  viewer.send(4, event(99, 1));
  viewer.send(4, event(USER_CONTROL_EVENT.PING_REQUEST, 0xfedcba98));
  await viewer.until(
    () =>
      viewer.messages.some(
        ({ typeId, payload }) => typeId === 4 && payload.toString('hex') === '0007fedcba98',
      ),
    'the pong',
  );
});

test('IPv6, and all addresses', async () => {
  for (const listen of ['[::1]:0', '0']) {
    const server = await start({ listen });
    const publisher = await RtmpPeer.publish(server.rtmpPort, 'six', { host: '::1', tcHost: '[::1]' });
    await server.line('RTMP publish', 'ip=::1');
    if (listen === '0') {
      await RtmpPeer.play(server.rtmpPort, 'six');
      await server.line('RTMP play', 'ip=127.0.0.1');
    }
    publisher.destroy();
  }
});

test('a session can be ended from outside', async () => {
  const server = await start();
  const publisher = await RtmpPeer.publish(server.rtmpPort, 'kick');
  const id = server.stream('kick')?.publisher?.id ?? '';
  server.hub.session(id)?.close(new ServerError('SESSION_KICKED', 'by the test'));
  await publisher.closed();
  await server.line(`[${id}]`, 'RTMP closed', 'SESSION_KICKED');
  await eventually(() => server.stream('kick') === undefined, 'the name is free');
  assert.equal(server.hub.session(id), undefined);
});
