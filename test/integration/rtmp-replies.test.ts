import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { videoConfig, videoFrame } from '../support/hub-fixtures.ts';
import {
  bool,
  chunk0,
  command,
  ecma,
  NULL,
  num,
  obj,
  status,
  str,
  uint32,
  UNDEFINED,
  userControl,
} from '../support/rtmp-bytes.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { TEST_VERSION, TestServer } from '../support/test-server.ts';
import { encodeCommand } from '../../src/protocols/rtmp/index.ts';

let server: TestServer;
before(async () => {
  server = await TestServer.start();
});
after(() => server.stop());

const ID = '<session id>';

/** What a session answers to `connect`, the id of the session being `id`. */
function connected(transactionId: number, id: string): Buffer {
  return Buffer.concat([
    chunk0(2, 5, 0, uint32(2_500_000)),
    chunk0(2, 6, 0, uint32(2_500_000), Buffer.from([2])),
    chunk0(2, 1, 0, uint32(60_000)),
    command(
      0,
      '_result',
      num(transactionId),
      obj({ fmsVer: str('FMS/5,0,20,0'), capabilities: num(127), mode: num(1) }),
      obj({
        level: str('status'),
        code: str('NetConnection.Connect.Success'),
        description: str('Connection succeeded'),
        objectEncoding: num(0),
        data: ecma({
          version: str('5,0,20,0'),
          srs_server: str(`srs-ts/${TEST_VERSION}`),
          srs_version: str(TEST_VERSION),
          srs_id: str(id),
        }),
      }),
    ),
    command(0, 'onBWDone', num(0), NULL),
  ]);
}

const undefinedResult = (id: number): Buffer => command(0, '_result', num(id), NULL, UNDEFINED);
const nullResult = (id: number): Buffer => command(0, '_result', num(id), NULL, NULL);
const streamResult = (id: number, stream: number): Buffer =>
  command(0, '_result', num(id), NULL, num(stream));
const publishStart = status(1, 'status', 'NetStream.Publish.Start', 'Started publishing stream.', {
  clientid: 'ASAICiss',
});
const onFcPublish = command(
  1,
  'onFCPublish',
  num(0),
  NULL,
  obj({ code: str('NetStream.Publish.Start'), description: str('Started publishing stream.') }),
);
const onFcUnpublish = command(
  1,
  'onFCUnpublish',
  num(0),
  NULL,
  obj({ code: str('NetStream.Unpublish.Success'), description: str('Stop publishing stream.') }),
);
const unpublished = status(1, 'status', 'NetStream.Unpublish.Success', 'Stream is now unpublished', {
  clientid: 'ASAICiss',
});
const details = (name: string): Record<string, string> => ({ details: name, clientid: 'ASAICiss' });
const playing = (name: string): Buffer[] => [
  userControl(0, 1),
  status(1, 'status', 'NetStream.Play.Reset', 'Playing and resetting stream.', details(name)),
  status(1, 'status', 'NetStream.Play.Start', 'Started playing stream.', details(name)),
  chunk0(3, 18, 1, str('|RtmpSampleAccess'), bool(true), bool(true)),
  chunk0(3, 18, 1, str('onStatus'), obj({ code: str('NetStream.Data.Start') })),
];

type Call = readonly [streamId: number, name: string, ...args: (string | number | boolean | null)[]];

/** Sends the calls one by one (each when the answers to those before are there), compares every byte of the answers. */
async function converse(
  peer: RtmpPeer,
  steps: readonly (readonly [Call, readonly Buffer[]])[],
): Promise<void> {
  let sessionId = ID;
  let expected = Buffer.alloc(0);
  for (const [[streamId, name, ...args], answers] of steps) {
    if (name === 'connect') {
      const id = peer.connect('live', { properties: { flashVer: 'FMLE/3.0', type: 'nonprivate' } });
      const before = peer.receivedBytes;
      const length = connected(id, '123456789').length;
      await peer.until(() => peer.receivedBytes - before >= length, 'the answer to connect');
      sessionId = /srs_id\x02\x00\x09(.{9})/.exec(Buffer.concat(peer.received).toString('latin1'))?.[1] ?? '';
      expected = Buffer.concat([expected, connected(id, sessionId)]);
    } else {
      // `null` is the command object of all calls.
      peer.call(streamId, name, null, ...args);
      expected = Buffer.concat([expected, ...answers]);
    }
    await peer.until(() => peer.receivedBytes >= expected.length, `the answer to ${name}`);
    const got = Buffer.concat(peer.received);
    assert.equal(got.toString('latin1'), expected.toString('latin1'), `bytes after ${name}`);
  }
  // What comes after the last answer would come before that of a ping.
  peer.raw(Buffer.concat([chunk0(2, 4, 0, Buffer.from([0, 6]), uint32(77))]));
  expected = Buffer.concat([expected, userControl(7, 77)]);
  await peer.until(() => peer.receivedBytes >= expected.length, 'the answer to the ping');
  assert.equal(Buffer.concat(peer.received).toString('latin1'), expected.toString('latin1'), 'nothing more');
}

const STYLES: readonly {
  readonly name: string;
  readonly steps: readonly (readonly [Call, readonly Buffer[]])[];
}[] = [
  {
    name: 'FMLE',
    steps: [
      [[0, 'connect'], []],
      [[0, 'releaseStream', 'fmle'], [undefinedResult(2)]],
      [[0, 'FCPublish', 'fmle'], [undefinedResult(3)]],
      [[0, 'createStream'], [streamResult(4, 1)]],
      [
        [1, 'publish', 'fmle', 'live'],
        [onFcPublish, publishStart],
      ],
      [
        [0, 'FCUnpublish', 'fmle'],
        [onFcUnpublish, undefinedResult(6), unpublished],
      ],
      [[0, 'deleteStream', 1], []],
    ],
  },
  {
    name: 'ffmpeg',
    steps: [
      [[0, 'connect'], []],
      [[0, 'releaseStream', 'ffmpeg'], [undefinedResult(2)]],
      [[0, 'FCPublish', 'ffmpeg'], [undefinedResult(3)]],
      [[0, 'createStream'], [streamResult(4, 1)]],
      [[0, '_checkbw'], [nullResult(5)]],
      [
        [1, 'publish', 'ffmpeg', 'live'],
        [onFcPublish, publishStart],
      ],
      [
        [0, 'FCUnpublish', 'ffmpeg'],
        [onFcUnpublish, undefinedResult(7), unpublished],
      ],
      [[0, 'deleteStream', 1], []],
    ],
  },
  {
    // OBS ends with deleteStream alone when it reconnects.
    name: 'OBS and librtmp',
    steps: [
      [[0, 'connect'], []],
      [[0, 'releaseStream', 'obs'], [undefinedResult(2)]],
      [[0, 'FCPublish', 'obs'], [undefinedResult(3)]],
      [[0, 'createStream'], [streamResult(4, 1)]],
      [
        [1, 'publish', 'obs', 'live'],
        [onFcPublish, publishStart],
      ],
      [[0, 'deleteStream', 1], [unpublished]],
    ],
  },
  {
    name: 'Flash',
    steps: [
      [[0, 'connect'], []],
      [[0, 'createStream'], [streamResult(2, 1)]],
      [[1, 'publish', 'flash', 'live'], [publishStart]],
      [[1, 'publish', false], [unpublished]],
      [[1, 'publish', 'flash', 'live'], [publishStart]],
      [[1, 'closeStream'], [unpublished]],
    ],
  },
  {
    name: 'Haivision',
    steps: [
      [[0, '_checkbw'], [nullResult(1)]],
      [[0, 'connect'], []],
      [[0, '_checkbw'], [nullResult(3)]],
      [[0, 'createStream'], [streamResult(4, 1)]],
      [[0, 'FCPublish', 'haivision'], [undefinedResult(5)]],
      [
        [1, 'publish', 'haivision', 'live'],
        [onFcPublish, publishStart],
      ],
    ],
  },
  {
    name: 'a player',
    steps: [
      [[0, 'connect'], []],
      [[0, 'createStream'], [streamResult(2, 1)]],
      [[0, 'getStreamLength', 'nobody'], [command(0, '_result', num(3), NULL, num(0))]],
      [[1, 'play', 'nobody', -2000], playing('nobody')],
      [
        [1, 'pause', true, 0],
        [status(1, 'status', 'NetStream.Pause.Notify', 'Paused stream.'), userControl(1, 1)],
      ],
      [
        [1, 'pause', false, 0],
        [status(1, 'status', 'NetStream.Unpause.Notify', 'Unpaused stream.'), userControl(0, 1)],
      ],
      [[1, 'receiveAudio', false], []],
      [
        [1, 'receiveAudio', true],
        [
          status(1, 'status', 'NetStream.Seek.Notify', 'Seeking.'),
          status(1, 'status', 'NetStream.Play.Start', 'Started playing stream.'),
        ],
      ],
      [[1, 'seek', 5000], [status(1, 'error', 'NetStream.Seek.Failed', 'A live stream cannot seek.')]],
      [
        [1, 'closeStream'],
        [status(1, 'status', 'NetStream.Play.Stop', 'Stopped playing stream.', { clientid: 'ASAICiss' })],
      ],
      [[1, 'play', 'nobody2', -1000, -1, true], playing('nobody2')],
      [[1, 'play', 'nobody3'], playing('nobody3')],
      [[0, 'createStream'], [streamResult(13, 2)]],
      [[0, 'whoKnows', 'x'], [nullResult(14)]],
    ],
  },
];

for (const { name, steps } of STYLES) {
  test(`${name}: every byte of the answers`, async () => {
    const peer = await RtmpPeer.shake(server.rtmpPort);
    peer.setChunkSize(60_000);
    await converse(peer, steps);
    peer.destroy();
  });
}

test('a simple handshake is answered in its own form', async () => {
  const peer = await RtmpPeer.shake(server.rtmpPort, { handshake: 'simple' });
  await converse(peer, [[[0, 'connect'], []]]);
  peer.destroy();
});

test('a call that wants no answer gets none; a command of type 17 is understood', async () => {
  const peer = await RtmpPeer.open(server.rtmpPort);
  peer.forget();
  peer.send(20, encodeCommand('gossip', 0, null));
  // Type 17 begins with a format byte of 0.
  peer.send(17, Buffer.concat([Buffer.from([0]), encodeCommand('createStream', 7, null)]));
  peer.send(17, encodeCommand('createStream', 8, null));
  await peer.until(() => peer.commands().length >= 2, 'two answers');
  assert.equal(
    Buffer.concat(peer.received).toString('latin1'),
    Buffer.concat([streamResult(7, 1), streamResult(8, 2)]).toString('latin1'),
  );
  peer.destroy();
});

test('all calls at once, cut anywhere, give the same answers in the same order', async () => {
  const peer = await RtmpPeer.shake(server.rtmpPort);
  const chunks: Buffer[] = [];
  const say = (streamId: number, ...call: Parameters<typeof encodeCommand>): void =>
    void chunks.push(peer.bytesOf(20, encodeCommand(...call), streamId));
  say(0, 'createStream', 2, null);
  say(1, 'publish', 3, null, 'atonce', 'live');
  chunks.push(peer.bytesOf(9, videoConfig().flvBody, 1), peer.bytesOf(9, videoFrame(0, true).flvBody, 1));
  say(0, 'FCUnpublish', 4, null, 'atonce');
  peer.connect('live');
  const bytes = Buffer.concat(chunks);
  for (let at = 0; at < bytes.length; at += 37) peer.raw(bytes.subarray(at, at + 37));
  await peer.status('NetStream.Unpublish.Success');
  const names = peer.commands().map(({ name, transactionId }) => `${name} ${transactionId}`);
  assert.deepEqual(names, [
    '_result 1',
    'onBWDone 0',
    '_result 2',
    'onStatus 0',
    'onFCUnpublish 0',
    '_result 4',
    'onStatus 0',
  ]);
  await server.line('RTMP publish __defaultVhost__/live/atonce');
  peer.destroy();
  await server.line('RTMP closed', 'live/atonce (2 messages)');
});

test('a refused connect and a call before connect', async () => {
  const second = await RtmpPeer.open(server.rtmpPort);
  second.connect('live');
  await second.closed();
  await server.line('warn', 'RTMP closed', 'RTMP_COMMAND_INVALID', 'connect for the second time');
  const early = await RtmpPeer.shake(server.rtmpPort);
  early.call(0, 'createStream', null);
  await early.closed();
  await server.line('warn', 'RTMP closed', 'RTMP_COMMAND_INVALID', 'createStream before connect');
});
