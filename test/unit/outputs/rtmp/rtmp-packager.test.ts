import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Frame } from '../../../../src/media/frame.ts';
import { SlabLog } from '../../../../src/hub/slab-log.ts';
import { rtmpFormat } from '../../../../src/outputs/rtmp/rtmp-packager.ts';
import { ChunkReader, encodeMessage } from '../../../../src/protocols/rtmp/index.ts';
import { audioConfig, audioFrame, metadata, videoConfig, videoFrame } from '../../../support/hub-fixtures.ts';
import { readRtmp } from '../../../support/wire-decoders.ts';

const CHUNK = 128;

function packager() {
  return {
    packager: rtmpFormat({ chunkSize: CHUNK, streamId: 1, tracks: 'av' }).createPackager(),
    log: new SlabLog(),
  };
}

/** Joins with `caughtUp` at `base`, then gets `live`. */
function viewer(base: number, caughtUp: readonly Frame[], live: readonly Frame[]): [string, number][] {
  const { packager: it, log } = packager();
  const join = it.catchUp({ hasAudio: true, hasVideo: true }, base);
  join.add(caughtUp);
  const head = join.bytes();
  for (const frame of live) it.append(frame, log);
  const bytes = Buffer.concat([head, it.cut(log, 0, log.end, base)]);
  return readRtmp(bytes, CHUNK, 1).map(({ kind, time }) => [kind, time]);
}

test('live messages continue the catch-up by deltas: one view for every base', () => {
  const { packager: it, log } = packager();
  const gop = [videoFrame(1_000, true), audioFrame(1_010)];
  const bases = [1_000, 900];
  const heads = bases.map((base) => {
    const join = it.catchUp(undefined, base);
    join.add(gop);
    return join.bytes();
  });
  for (const frame of [videoFrame(1_040, false, 0, 500), audioFrame(1_033)]) it.append(frame, log);
  const cuts = bases.map((base) => it.cut(log, 0, log.end, base));
  assert.equal(cuts[0]?.buffer, cuts[1]?.buffer);
  bases.forEach((base, n) => {
    const seen = readRtmp(Buffer.concat([heads[n] ?? Buffer.alloc(0), cuts[n] ?? Buffer.alloc(0)]), CHUNK, 1);
    assert.deepEqual(
      seen.map(({ time }) => time + base),
      [1_000, 1_010, 1_040, 1_033],
    );
  });
});

const CASES: readonly {
  readonly name: string;
  readonly base: number;
  readonly caughtUp: readonly Frame[];
  readonly live: readonly Frame[];
  readonly want: readonly [string, number][];
}[] = [
  {
    name: 'a track that begins after the join',
    base: 1_000,
    caughtUp: [videoFrame(1_000, true)],
    live: [videoFrame(1_040, false), audioFrame(1_050), audioFrame(1_073)],
    want: [
      ['video', 0],
      ['video', 40],
      ['audio', 50],
      ['audio', 73],
    ],
  },
  {
    name: 'audio from just before the base is set to 0 and right again after it',
    base: 1_000,
    caughtUp: [audioConfig(1_000), videoFrame(1_000, true)],
    live: [audioFrame(980), audioFrame(1_003), audioFrame(1_026)],
    want: [
      ['audio', 0],
      ['video', 0],
      ['audio', 0],
      ['audio', 3],
      ['audio', 26],
    ],
  },
  {
    name: 'data is absolute',
    base: 5_000,
    caughtUp: [metadata(5_000), videoFrame(5_000, true)],
    live: [metadata(5_010), videoFrame(5_040, false)],
    want: [
      ['data', 0],
      ['video', 0],
      ['data', 10],
      ['video', 40],
    ],
  },
  {
    name: 'beyond 2^24 ms, as time and as delta',
    base: 1,
    caughtUp: [videoFrame(0x1000010, true, 0, 300)],
    live: [videoFrame(0x1000038, false, 0, 300), videoFrame(0x3000038, false, 0, 300), audioFrame(0x3000040)],
    want: [
      ['video', 0x100000f],
      ['video', 0x1000037],
      ['video', 0x3000037],
      ['audio', 0x300003f],
    ],
  },
  {
    name: 'absolute times with steps back',
    base: 0,
    caughtUp: [videoFrame(70_000, true)],
    live: [videoFrame(60_000, false), videoFrame(60_040, false)],
    want: [
      ['video', 70_000],
      ['video', 60_000],
      ['video', 60_040],
    ],
  },
];

for (const { name, base, caughtUp, live, want } of CASES) {
  test(`times of a viewer: ${name}`, () => assert.deepEqual(viewer(base, caughtUp, live), want));
}

test('a join that cannot end at the live time makes the next message right for all', () => {
  const { packager: it, log } = packager();
  const first = it.catchUp(undefined, 1_000);
  first.add([videoFrame(1_000, true), audioFrame(1_000)]);
  const one = [first.bytes()];
  it.append(audioFrame(1_023), log);
  const second = it.catchUp(undefined, 1_040);
  second.add([videoConfig(1_040), audioConfig(1_040), videoFrame(1_040, true)]);
  it.append(videoFrame(1_040, true), log);
  const two = [second.bytes()];
  const joined = log.end;
  for (const frame of [audioFrame(1_046), videoFrame(1_080, false), audioFrame(1_069)]) it.append(frame, log);
  one.push(it.cut(log, 0, log.end, 1_000));
  two.push(it.cut(log, joined, log.end, 1_040));
  const times = (parts: Buffer[]) => readRtmp(Buffer.concat(parts), CHUNK, 1).map(({ time }) => time);
  assert.deepEqual(times(one), [0, 0, 23, 40, 46, 80, 69]);
  assert.deepEqual(times(two), [0, 0, 0, 6, 40, 29]);
});

test('a message of the session itself on the chunk stream of data does not disturb data', () => {
  const { packager: it, log } = packager();
  it.append(metadata(100), log);
  const first = it.cut(log, 0, log.end, 0);
  const from = log.end;
  it.append(metadata(200), log);
  const status = encodeMessage(
    { csid: 5, typeId: 18, streamId: 1, timestamp: 7, payload: metadata().flvBody },
    CHUNK,
  );
  const seen = readRtmp(Buffer.concat([first, status, it.cut(log, from, log.end, 0)]), CHUNK, 1);
  assert.deepEqual(
    seen.map(({ time }) => time),
    [100, 7, 200],
  );
});

test('our own chunk reader reads the same', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 2, max: 1_000 }), { minLength: 1, maxLength: 20 }), (sizes) => {
      const { packager: it, log } = packager();
      const frames = sizes.map((size, n) =>
        n % 3 === 0 ? videoFrame(n * 20, n === 0, n, size + 10) : audioFrame(n * 20, n, size + 6),
      );
      const head = it.catchUp(undefined, 0).bytes();
      for (const frame of frames) it.append(frame, log);
      const seen: [number, number, number, boolean][] = [];
      const reader = new ChunkReader({
        onMessage: (typeId, timestamp, streamId, payload) => {
          seen.push([typeId, timestamp, streamId, frames[seen.length]?.flvBody.equals(payload) === true]);
        },
      });
      reader.push(Buffer.concat([head, it.cut(log, 0, log.end, 0)]));
      assert.deepEqual(
        seen,
        frames.map((frame) => [frame.kind === 'video' ? 9 : 8, frame.dts, 1, true]),
      );
    }),
    { numRuns: 100, interruptAfterTimeLimit: 2_000, markInterruptAsFailure: false },
  );
});
