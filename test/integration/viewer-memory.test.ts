import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { silentLogger } from '../../src/base/logger.ts';
import { encodeConnect } from '../../src/protocols/rtmp/index.ts';
import { eventually } from '../support/eventually.ts';
import { videoConfig, videoFrame } from '../support/hub-fixtures.ts';
import { NULL, chunk0, command, num, str, uint32 } from '../support/rtmp-bytes.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { TestServer } from '../support/test-server.ts';

const CROWD = 400;
/** What a viewer may cost in V8's heap and its buffers, bytes: 8,000 of them fit into 60 MB with what sockets have outside of it. */
const MAX_VIEWER_BYTES = { rtmp: 8_000, flv: 13_000 };
/** What may stay of a viewer who has left: its events are told to those who come later. */
const MAX_LEFT_BYTES = 2_500;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Heap and buffers in use, bytes, once what sockets and timers still hold is released. */
async function memory(): Promise<number> {
  for (let round = 0; round < 3; round += 1) {
    collectGarbage();
    await pause(20);
  }
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Viewers live in a heap of their own: that of a worker, which says `hello`, and `talk` when so many bytes have come. */
const VIEWERS = `
const { workerData: { port, count, hello, talkAfter, talk } } = require('node:worker_threads');
const net = require('node:net');
for (let i = 0; i < count; i += 1) {
  const socket = net.connect({ port, host: '127.0.0.1' });
  let got = 0;
  socket.on('error', () => undefined);
  socket.on('data', (bytes) => {
    if (got < talkAfter && got + bytes.length >= talkAfter) socket.write(talk);
    got += bytes.length;
  });
  socket.write(hello);
}
`;

const S0_S1_S2_BYTES = 1 + 1536 + 1536;

function dialogues(server: TestServer): Record<'rtmp' | 'flv', object> {
  const tcUrl = 'rtmp://127.0.0.1:1935/live';
  const talk = Buffer.concat([
    Buffer.alloc(1536), // C2
    chunk0(2, 1, 0, uint32(4096)),
    chunk0(3, 20, 0, encodeConnect(1, { app: 'live', tcUrl, flashVer: 'LNX 9,0,124,2', publishing: false })),
    command(0, 'createStream', num(2), NULL),
    command(1, 'play', num(0), NULL, str('crowded')),
  ]);
  const hello = Buffer.concat([Buffer.from([3]), Buffer.alloc(1536)]); // C0, C1
  return {
    rtmp: { port: server.rtmpPort, hello, talkAfter: S0_S1_S2_BYTES, talk },
    flv: {
      port: server.httpPort,
      hello: Buffer.from('GET /live/crowded.flv HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'),
      talkAfter: 0,
      talk: Buffer.alloc(0),
    },
  };
}

for (const protocol of ['rtmp', 'flv'] as const) {
  test(`${protocol}: a viewer takes little memory, and leaves next to none`, async () => {
    const server = await TestServer.start({ logger: silentLogger });
    const publisher = await RtmpPeer.publish(server.rtmpPort, 'crowded');
    publisher.video(0, videoConfig().flvBody);
    publisher.video(0, videoFrame(0, true, 0, 400).flvBody);
    const viewers = (): number => server.stream('crowded')?.viewers ?? 0;
    const crowd = async (count: number): Promise<() => Promise<void>> => {
      const before = viewers();
      const workerData = { ...dialogues(server)[protocol], count };
      const worker = new Worker(VIEWERS, { eval: true, workerData });
      await eventually(
        () => viewers() === before + count,
        () => `${viewers()} viewers`,
        20_000,
      );
      return async () => {
        await worker.terminate();
        await eventually(
          () => viewers() === before,
          () => `${viewers()} viewers`,
          20_000,
        );
      };
    };
    const leaveFirst = await crowd(100); // Until then code is compiled, and V8 learns.
    const before = await memory();
    const leave = await crowd(CROWD);
    const each = ((await memory()) - before) / CROWD;
    assert.ok(each < MAX_VIEWER_BYTES[protocol], `${Math.round(each)} bytes for each viewer`);
    assert.ok(each > 1_000, `${Math.round(each)} bytes for each viewer: nobody was measured`);
    await leave();
    const left = ((await memory()) - before) / CROWD;
    assert.ok(left < MAX_LEFT_BYTES, `${Math.round(left)} bytes stay of each viewer`);
    await leaveFirst();
    publisher.destroy();
    await server.stop();
  });
}
