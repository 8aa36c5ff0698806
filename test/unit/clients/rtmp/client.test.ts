import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { ServerError } from '../../../../src/base/errors.ts';
import {
  play,
  publish,
  RtmpStatusError,
  type RtmpEnd,
  type RtmpMediaMessage,
} from '../../../../src/clients/rtmp/index.ts';
import type { Connection, ConnectTarget } from '../../../../src/net/index.ts';
import { amfEcmaArray, encodeAmf0, readAmf0 } from '../../../../src/protocols/amf0/index.ts';
import {
  encodeCommand,
  encodeConnectError,
  encodeOnBwDone,
  encodeOnStatus,
  encodeRejectedStatus,
  MESSAGE_TYPE,
  type StatusCode,
} from '../../../../src/protocols/rtmp/index.ts';
import { connectionPair, type PairedConnection } from '../../../support/connection-pair.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { ScriptedRtmpServer, type Script } from '../../../support/scripted-rtmp-server.ts';

const URL = 'rtmp://origin.test/live/x?token=1';

/** A client option `connect` that reaches a scripted server, and what was reached. */
function reach(script?: Script, cutBytes = Infinity) {
  const targets: ConnectTarget[] = [];
  const servers: ScriptedRtmpServer[] = [];
  const ends: PairedConnection[] = [];
  return {
    targets,
    servers,
    ends,
    connect: (target: ConnectTarget): Promise<Connection> => {
      const [near, far] = connectionPair();
      near.cutBytes = cutBytes;
      far.cutBytes = cutBytes;
      targets.push(target);
      ends.push(near);
      servers.push(new ScriptedRtmpServer(far, script));
      return Promise.resolve(near);
    },
  };
}

function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  assert.ok(item !== undefined);
  return item;
}

async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i += 1) await Promise.resolve();
}

const hasCode =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof ServerError && error.code === code;

for (const cutBytes of [Infinity, 1, 7, 1000]) {
  test(`publish as FMLE does, bytes cut every ${cutBytes}`, async () => {
    const peer = reach(undefined, cutBytes);
    const publisher = await publish(URL, { connect: peer.connect });
    const server = at(peer.servers, 0);
    assert.deepStrictEqual(server.kinds, [
      'connect',
      'releaseStream',
      'FCPublish',
      'createStream',
      'publish',
    ]);
    const connect = at(server.requests, 0);
    assert.ok(connect.kind === 'connect');
    assert.equal(connect.connect.tcUrl, 'rtmp://origin.test/live');
    assert.equal(connect.connect.app, 'live');
    assert.equal(connect.connect.type, 'nonprivate');
    const request = at(server.requests, 4);
    assert.ok(request.kind === 'publish' && request.name === 'x?token=1' && request.mode === 'live');

    assert.equal(publisher.setMetadata({ width: 2 }), true);
    publisher.write(8, 10, Buffer.from([0xaf, 1, 2]));
    publisher.write(9, 0xffff_ffff, Buffer.alloc(200_000, 7));
    publisher.writeTag(Buffer.from('0900000201000100000000' + '1701' + '0000000d', 'hex'));
    await publisher.close();
    const [metadata, audio, video, tag] = server.media;
    assert.deepStrictEqual(readAmf0(metadata?.payload ?? Buffer.alloc(0)), [
      '@setDataFrame',
      'onMetaData',
      amfEcmaArray({ width: 2 }),
    ]);
    assert.deepStrictEqual(audio, {
      typeId: 8,
      timestamp: 10,
      streamId: 1,
      payload: Buffer.from([0xaf, 1, 2]),
    });
    assert.equal(video?.timestamp, 0xffff_ffff);
    assert.deepStrictEqual(video.payload, Buffer.alloc(200_000, 7));
    assert.deepStrictEqual(tag, {
      typeId: 9,
      timestamp: 0x0001_0001,
      streamId: 1,
      payload: Buffer.from([0x17, 1]),
    });
    assert.deepStrictEqual(server.kinds.slice(5), ['FCUnpublish', 'deleteStream']);
    assert.equal((await publisher.ended).reason, 'local');
    assert.equal(publisher.write(8, 0, Buffer.alloc(1)), false);
  });

  test(`play to the end, bytes cut every ${cutBytes}`, async () => {
    const peer = reach((request, server) => {
      if (request.kind !== 'play') return false;
      server.command(encodeOnStatus('NetStream.Play.Start'), 1);
      server.link.sendMessage(5, 18, 1, 0, encodeAmf0(['onMetaData', amfEcmaArray({ a: 1 })]));
      server.link.sendMessage(6, 8, 1, 20, Buffer.alloc(300, 1));
      server.link.sendMessage(7, 9, 1, 40, Buffer.alloc(5000, 2));
      server.command(encodeOnStatus('NetStream.Play.UnpublishNotify'), 1);
      server.link.sendMessage(7, 9, 1, 60, Buffer.alloc(1));
      return true;
    }, cutBytes);
    const ends: RtmpEnd[] = [];
    const player = await play(URL, { connect: peer.connect, start: 'live', onEnd: (end) => ends.push(end) });
    const got: RtmpMediaMessage[] = [];
    for await (const message of player) got.push(message);
    assert.deepStrictEqual(
      got.map((message) => [message.typeId, message.timestamp, message.payload.length]),
      [
        [18, 0, 33],
        [8, 20, 300],
        [9, 40, 5000],
      ],
    );
    assert.deepStrictEqual(ends, [{ reason: 'stream', error: undefined }]);
    const request = at(at(peer.servers, 0).requests, 2);
    assert.ok(request.kind === 'play' && request.startMs === 'live');
  });
}

test('metadata of an FLV tag gets its wrapper once', async () => {
  const peer = reach();
  const publisher = await publish(URL, { connect: peer.connect });
  const metadata = encodeAmf0(['onMetaData', amfEcmaArray({ a: 1 })]);
  const wrapped = encodeAmf0(['@setDataFrame', 'onMetaData', amfEcmaArray({ a: 1 })]);
  const other = encodeAmf0(['onTextData', amfEcmaArray({ a: 1 })]);
  for (const body of [metadata, wrapped, other]) publisher.write(18, 0, body);
  await publisher.close();
  assert.deepStrictEqual(
    at(peer.servers, 0).media.map((message) => message.payload.toString('hex')),
    [wrapped, wrapped, other].map((body) => body.toString('hex')),
  );
});

test('one message is one write, however long', async () => {
  const peer = reach();
  const publisher = await publish(URL, { connect: peer.connect, chunkSize: 128 });
  const writes = at(peer.ends, 0).writes;
  const before = writes.length;
  publisher.write(9, 0, Buffer.alloc(100_000));
  assert.equal(writes.length, before + 1);
});

const REFUSED: readonly {
  name: string;
  script: Script;
  code: string;
  status: string;
  run: typeof publish | typeof play;
}[] = [
  {
    name: 'connect by _error',
    script: on('connect', () => encodeConnectError(1, 'no app')),
    code: 'RTMP_REJECTED',
    status: 'NetConnection.Connect.Rejected',
    run: publish,
  },
  {
    name: 'connect by a status (SRS)',
    script: on('connect', () => encodeRejectedStatus('no vhost')),
    code: 'RTMP_REJECTED',
    status: 'NetConnection.Connect.Rejected',
    run: play,
  },
  {
    name: 'connect without a word why',
    script: on('connect', () => encodeCommand('_error', 1, null)),
    code: 'RTMP_REJECTED',
    status: '',
    run: play,
  },
  {
    name: 'a busy name',
    script: onStatus('publish', 'NetStream.Publish.BadName'),
    code: 'STREAM_BUSY',
    status: 'NetStream.Publish.BadName',
    run: publish,
  },
  {
    name: 'publishing denied',
    script: onStatus('publish', 'NetStream.Publish.Denied'),
    code: 'RTMP_PUBLISH_REFUSED',
    status: 'NetStream.Publish.Denied',
    run: publish,
  },
  {
    name: 'no such stream',
    script: onStatus('play', 'NetStream.Play.StreamNotFound'),
    code: 'STREAM_NOT_FOUND',
    status: 'NetStream.Play.StreamNotFound',
    run: play,
  },
  {
    name: 'play failed',
    script: onStatus('play', 'NetStream.Play.Failed'),
    code: 'RTMP_PLAY_FAILED',
    status: 'NetStream.Play.Failed',
    run: play,
  },
];

function on(kind: string, reply: () => Buffer): Script {
  return (request, server) => {
    if (request.kind !== kind) return false;
    server.command(reply());
    return true;
  };
}

function onStatus(kind: string, code: StatusCode): Script {
  return on(kind, () => encodeOnStatus(code));
}

for (const { name, script, code, status, run } of REFUSED) {
  test(`refused: ${name}`, async () => {
    const peer = reach(script);
    let told = 0;
    await assert.rejects(run(URL, { connect: peer.connect, onEnd: () => (told += 1) }), (error) => {
      assert.ok(error instanceof RtmpStatusError);
      assert.equal(error.code, code);
      assert.equal(error.statusCode, status);
      return true;
    });
    assert.equal(at(peer.ends, 0).closed, true);
    assert.equal(told, 0, 'the rejection is enough');
  });
}

test('redirects are followed, to the whole URL or to the same stream, and not without end', async () => {
  const tcUrl = 'rtmp://[::2]:1999/live';
  const peer = reach((request, server) => {
    if (request.kind === 'connect' && peer.servers.length === 1) {
      server.command(encodeConnectError(1, '302', { tcUrl: 'rtmp://b.test/other' }));
      return true;
    }
    if (request.kind === 'play' && peer.servers.length === 2) {
      server.command(encodeRejectedStatus('302', { tcUrl, url: `${tcUrl}/y` }), 1);
      return true;
    }
    return false;
  });
  const player = await play(URL, { connect: peer.connect });
  assert.deepStrictEqual(
    peer.targets.map(({ host, port }) => [host, port]),
    [
      ['origin.test', 1935],
      ['b.test', 1935],
      ['::2', 1999],
    ],
  );
  assert.equal(player.url.stream, 'y');
  await player.close();

  const loop = reach(on('connect', () => encodeConnectError(1, '302', { tcUrl: 'rtmp://b.test/live' })));
  await assert.rejects(publish(URL, { connect: loop.connect, maxRedirects: 2 }), hasCode('RTMP_REDIRECTED'));
  assert.equal(loop.targets.length, 3);
  const odd = reach(on('connect', () => encodeConnectError(1, '302', { tcUrl: 'http://b.test/live' })));
  await assert.rejects(publish(URL, { connect: odd.connect }), hasCode('RTMP_REDIRECTED'));
});

for (const kind of ['connect', 'createStream', 'publish']) {
  test(`a server that does not answer ${kind}: timeout, and nothing is left armed`, async () => {
    const clock = new ManualClock();
    const peer = reach((request) => request.kind === kind);
    const publishing = publish(URL, { connect: peer.connect, clock, timeoutMs: 500 });
    const rejected = assert.rejects(publishing, hasCode('SESSION_TIMEOUT'));
    await turns(200);
    clock.advance(500);
    await rejected;
    await turns();
    assert.equal(at(peer.ends, 0).closed, true);
    assert.equal(clock.pending, 0);
  });
}

test('a server that closes instead of answering', async () => {
  const peer = reach((request, server) => {
    if (request.kind === 'publish') server.connection.end();
    return request.kind === 'publish';
  });
  await assert.rejects(publish(URL, { connect: peer.connect }), hasCode('SESSION_CLOSED'));
});

test('a server that speaks no RTMP', async () => {
  const [near, far] = connectionPair();
  far.attach({
    onData: () => far.write(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')),
    onDrain: () => undefined,
    onClose: () => undefined,
  });
  await assert.rejects(
    play(URL, { connect: () => Promise.resolve(near) }),
    hasCode('RTMP_HANDSHAKE_NOT_RTMP'),
  );
  assert.equal(near.closed, true);
});

test('abort: before, during and after the setup', async () => {
  const peer = reach((request) => request.kind === 'publish');
  const before = AbortSignal.abort();
  await assert.rejects(publish(URL, { connect: peer.connect, signal: before }), hasCode('SESSION_CLOSED'));
  const during = new AbortController();
  const publishing = assert.rejects(
    publish(URL, { connect: peer.connect, signal: during.signal }),
    hasCode('SESSION_CLOSED'),
  );
  await turns(200);
  during.abort();
  await publishing;
  const after = new AbortController();
  const other = reach();
  const player = await play(URL, { connect: other.connect, signal: after.signal });
  after.abort();
  const end = await player.ended;
  assert.equal(end.reason, 'error');
  assert.equal(end.error?.code, 'SESSION_CLOSED');
  const unused = new AbortController();
  const publisher = await publish(URL, { connect: other.connect, signal: unused.signal });
  await publisher.close();
  assert.equal(getEventListeners(unused.signal, 'abort').length, 0, 'an ended session lets go of the signal');
  assert.equal(at(other.ends, 0).closed, true);
});

test('a URL without a stream is refused before anything is connected', async () => {
  await assert.rejects(publish('rtmp://h/live'), hasCode('URL_INVALID'));
});

test('backlog: write says stop, drain waits; a server that takes nothing ends the session', async () => {
  const clock = new ManualClock();
  const peer = reach();
  const publisher = await publish(URL, {
    connect: peer.connect,
    clock,
    highWaterBytes: 1000,
    stallTimeoutMs: 5000,
  });
  const far = at(peer.servers, 0).connection;
  await publisher.drain();
  far.pause();
  assert.equal(publisher.write(9, 0, Buffer.alloc(500)), true);
  assert.equal(publisher.write(9, 1, Buffer.alloc(600)), false);
  let drained = false;
  const draining = publisher.drain().then(() => (drained = true));
  await turns();
  assert.equal(drained, false);
  clock.advance(4000);
  far.resume();
  await draining;
  clock.advance(4000);
  assert.equal(publisher.write(9, 2, Buffer.alloc(10)), true);

  far.pause();
  assert.equal(publisher.write(9, 3, Buffer.alloc(2000)), false);
  const failing = assert.rejects(publisher.drain(), hasCode('SESSION_TIMEOUT'));
  clock.advance(5000);
  await failing;
  assert.equal((await publisher.ended).error?.code, 'SESSION_TIMEOUT');
});

test('a publisher is told when the server kicks it or goes away', async () => {
  const kicked = reach();
  const first = await publish(URL, { connect: kicked.connect });
  at(kicked.servers, 0).command(encodeOnStatus('NetStream.Publish.Denied'), 1);
  assert.equal((await first.ended).error?.code, 'RTMP_PUBLISH_REFUSED');
  const left = reach();
  const second = await publish(URL, { connect: left.connect });
  at(left.servers, 0).connection.end();
  const end = await second.ended;
  assert.equal(end.reason, 'remote');
  assert.equal(end.error?.code, 'SESSION_CLOSED');
  await assert.rejects(second.drain(), hasCode('SESSION_CLOSED'));
});

test('a slow reader holds the server back, and loses nothing', async () => {
  const peer = reach();
  const player = await play(URL, { connect: peer.connect, maxQueueBytes: 10_000 });
  const server = at(peer.servers, 0);
  const near = at(peer.ends, 0);
  for (let i = 0; i < 100; i += 1) {
    server.link.sendMessage(7, 9, 1, i, Buffer.alloc(1000));
    await turns(4);
  }
  assert.equal(near.paused, true);
  assert.ok(player.queuedBytes < 12_000, String(player.queuedBytes));
  let next = 0;
  for await (const message of player) {
    assert.equal(message.timestamp, next);
    next += 1;
    if (next === 100) break;
  }
  assert.equal(next, 100);
  assert.equal((await player.ended).reason, 'local', 'break ends the play');
});

test('an iteration throws when the server goes away, after what came before', async () => {
  const peer = reach();
  const player = await play(URL, { connect: peer.connect });
  const server = at(peer.servers, 0);
  server.link.sendMessage(7, 9, 1, 5, Buffer.alloc(10));
  server.connection.end();
  const got: number[] = [];
  await assert.rejects(async () => {
    for await (const message of player) got.push(message.timestamp);
  }, hasCode('SESSION_CLOSED'));
  assert.deepStrictEqual(got, [5]);
});

test('callback: messages at once, without a queue; what it throws ends the session', async () => {
  const peer = reach();
  const got: number[] = [];
  const player = await play(URL, {
    connect: peer.connect,
    onMessage: (typeId, timestamp) => {
      if (typeId === MESSAGE_TYPE.AUDIO) throw new Error('mine');
      got.push(timestamp);
    },
  });
  const server = at(peer.servers, 0);
  server.link.sendMessage(7, 9, 1, 5, Buffer.alloc(10));
  await turns();
  assert.deepStrictEqual(got, [5]);
  assert.equal(player.queuedBytes, 0);
  server.link.sendMessage(6, 8, 1, 6, Buffer.alloc(10));
  const end = await player.ended;
  assert.equal(end.reason, 'error');
  assert.equal((end.error?.cause as Error).message, 'mine');
});

test('media starts a play of a server that sends no status; pause, unpause and onBWDone are spoken', async () => {
  const peer = reach((request, server) => {
    if (request.kind === 'connect') server.command(encodeOnBwDone());
    if (request.kind !== 'play') return false;
    server.link.sendMessage(7, 9, 1, 77, Buffer.alloc(10));
    return true;
  });
  const player = await play(URL, { connect: peer.connect });
  const server = at(peer.servers, 0);
  player.pause();
  server.link.userControl(1, 1); // Stream EOF as SRS sends it for a pause: no end.
  player.unpause();
  player.receiveAudio(false);
  await turns();
  assert.deepStrictEqual(server.kinds, [
    'connect',
    'checkBandwidth',
    'createStream',
    'play',
    'pause',
    'pause',
    'receiveAudio',
  ]);
  const pause = at(server.requests, 4);
  assert.ok(pause.kind === 'pause' && pause.paused && pause.atMs === 77);
  server.link.userControl(1, 1);
  assert.equal((await player.ended).reason, 'stream');
});

test('a play that media started still hears that the stream is over', async () => {
  const peer = reach((request, server) => {
    if (request.kind !== 'play') return false;
    server.link.sendMessage(7, 9, 1, 77, Buffer.alloc(10));
    return true;
  });
  const player = await play(URL, { connect: peer.connect });
  at(peer.servers, 0).command(encodeOnStatus('NetStream.Play.UnpublishNotify'), 1);
  assert.equal((await player.ended).reason, 'stream');
});

test('close waits for the server, but not longer than asked', async () => {
  const clock = new ManualClock();
  const peer = reach();
  const publisher = await publish(URL, { connect: peer.connect, clock, closeTimeoutMs: 300 });
  at(peer.servers, 0).connection.pause();
  let closed = false;
  const closing = Promise.all([publisher.close(), publisher.close()]).then(() => (closed = true));
  await turns();
  assert.equal(closed, false);
  clock.advance(300);
  await closing;
  assert.equal(clock.pending, 0);
});
