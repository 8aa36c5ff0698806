import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  BoxScanner,
  FragmentReader,
  Mp4Recording,
  readMovie,
  type Closing,
  type Mp4Unit,
} from '../../../../src/containers/mp4/index.ts';
import type { Frame } from '../../../../src/media/frame.ts';
import { aacConfig, applied, avcConfig, picture, recover, sound } from '../../../support/mp4-fixtures.ts';

interface Shot {
  readonly file: Buffer;
  /** Where each fragment ends. */
  readonly ends: readonly number[];
  readonly closing: Closing;
}

function shoot(
  frames: readonly Frame[],
  perFragment: number,
  before: readonly Frame[] = [avcConfig(), aacConfig()],
): Shot {
  const recording = new Mp4Recording();
  for (const config of before) recording.configure(config);
  const parts = [recording.begin()];
  const ends: number[] = [];
  const cut = (): void => {
    const bytes = recording.cut();
    if (bytes === undefined) return;
    parts.push(bytes);
    ends.push(recording.position);
  };
  frames.forEach((frame, i) => {
    recording.push(frame);
    if (i % perFragment === perFragment - 1) cut();
  });
  cut();
  return { file: Buffer.concat(parts), ends, closing: recording.close() ?? assert.fail('no media') };
}

interface Unit {
  readonly kind: string;
  /** Decoding and presentation time in ms after the first presentation of the file. */
  readonly dts: number;
  readonly pts: number;
  readonly key: boolean;
  readonly payload: string;
}

/** The units of a plain file by its edit lists. */
function plainUnits(file: Buffer): Unit[] {
  const boxes = new BoxScanner(new Set(['moov'])).push(file);
  assert.deepEqual(
    boxes.map(({ type }) => type),
    ['ftyp', 'mdat', 'moov'],
  );
  const movie = readMovie(boxes[2]?.body ?? assert.fail());
  const units: Unit[] = [];
  for (const { track, edits, table } of movie.tracks) {
    assert.ok(track !== undefined);
    const wait = edits.length === 2 ? (edits[0]?.duration ?? 0) : 0;
    const from = edits.at(-1)?.mediaTime ?? 0;
    for (const { dts, cts, offset, size, isSync } of table.samples()) {
      const ms = (ticks: number): number => ((ticks - from) * 1000) / track.timescale + wait;
      const payload = file.toString('hex', offset, offset + size);
      units.push({ kind: track.kind, dts: ms(dts), pts: ms(dts + cts), key: isSync, payload });
    }
  }
  return units;
}

function expectedUnits(frames: readonly Frame[]): Unit[] {
  const origin = Math.min(...frames.map(({ pts }) => pts));
  const unit = (frame: Frame): Unit => ({
    kind: frame.kind,
    dts: frame.dts - origin,
    pts: frame.pts - origin,
    key: frame.isKeyframe || frame.kind === 'audio',
    payload: frame.payload.toString('hex'),
  });
  const of = (kind: string): Unit[] => frames.filter((frame) => frame.kind === kind).map(unit);
  return [...of('video'), ...of('audio')];
}

function assertSame(actual: readonly Unit[], expected: readonly Unit[]): void {
  const bare = ({ kind, key, payload }: Unit): unknown[] => [kind, key, payload];
  assert.deepEqual(actual.map(bare), expected.map(bare));
  const first = (units: readonly Unit[], kind: string): number =>
    units.find((unit) => unit.kind === kind)?.dts ?? 0;
  actual.forEach((unit, i) => {
    const { kind, dts, pts } = expected[i] ?? assert.fail();
    // Video is exact but for the start, which edit lists tell in ms; audio may be half a frame from a time told in ms.
    const slack = kind === 'video' ? 0.6 : 13;
    assert.ok(Math.abs(unit.pts - pts) <= slack, `${i}: ${unit.pts}, not ${pts}`);
    // Where a picture is shown before its decoding time, the decoding times as a whole lie elsewhere.
    const [is, was] = [unit.dts - first(actual, kind), dts - first(expected, kind)];
    assert.ok(Math.abs(is - was) <= 2 * slack, `${i}: ${is} after the first, not ${was}`);
  });
}

/** Interleaved tracks with gaps, B-frame offsets of both signs, any key pattern, and any start. */
const streams = fc
  .record({
    start: fc.nat(2 ** 34),
    steps: fc.array(
      fc.record({
        step: fc.oneof(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1000, max: 40_000 })),
        cts: fc.integer({ min: -120, max: 200 }),
        key: fc.boolean(),
        video: fc.boolean(),
        size: fc.integer({ min: 1, max: 300 }),
      }),
      { minLength: 1, maxLength: 60 },
    ),
  })
  .map(({ start, steps }) => {
    let [video, audio] = [start, start];
    return steps.map((s) => {
      if (s.video) return picture((video += s.step), s.cts, s.key, s.size);
      return sound((audio += Math.max(24, s.step)), s.size);
    });
  });

test('frames → recording → closed: the same access units, keys and times in a plain file', () => {
  fc.assert(
    fc.property(streams, fc.integer({ min: 1, max: 20 }), (frames, perFragment) => {
      const first = perFragment > frames.length ? frames.length : perFragment;
      const origin = Math.min(...frames.slice(0, first).map(({ dts }) => dts));
      // What comes in a later fragment from before the first one has no place.
      const kept = frames.filter((frame, i) => i < first || frame.dts >= origin);
      const { file, closing } = shoot(frames, perFragment);
      assertSame(plainUnits(applied(file, closing)), expectedUnits(kept));
    }),
    { numRuns: 200 },
  );
});

test('fragments, cut anywhere, give the same units as the closed file', () => {
  fc.assert(
    fc.property(
      streams,
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 700 }),
      (frames, per, step) => {
        const { file, closing } = shoot(frames, per);
        const reader = new FragmentReader();
        const units: Mp4Unit[] = [];
        for (let at = 0; at < file.length; at += step)
          units.push(...reader.push(file.subarray(at, at + step)));
        const inOrder = [1, 2].flatMap((id) => units.filter(({ trackId }) => trackId === id));
        assert.deepEqual(
          inOrder.map(({ payload, isSync }) => [payload.toString('hex'), isSync]),
          plainUnits(applied(file, closing)).map(({ payload, key }) => [payload, key]),
        );
      },
    ),
    { numRuns: 60 },
  );
});

const FRAMES = Array.from({ length: 30 }, (_, i) =>
  i % 3 === 2 ? sound(i * 24) : picture(i * 40, (i % 2) * 40, i % 10 === 0, 30 + i),
);

test('cut at every byte: the last complete fragment is found, and the file becomes plain with all before it', () => {
  const { file, ends } = shoot(FRAMES, 6);
  const begin = shoot(FRAMES, 6).file.indexOf('moof') - 4;
  const whole = plainUnits(applied(file, shoot(FRAMES, 6).closing));
  for (let size = begin; size <= file.length; size += 1) {
    const { state, end, closing } = recover(file.subarray(0, size));
    const complete = ends.filter((one) => one <= size);
    assert.equal(end, complete.at(-1) ?? begin, `cut at ${size}`);
    assert.equal(state, complete.length === 0 ? 'empty' : 'fragmented');
    if (closing === undefined) continue;
    const units = plainUnits(applied(file.subarray(0, size), closing));
    assert.equal(units.length, Math.min(FRAMES.length, complete.length * 6));
    const payloads = new Set(whole.map(({ payload }) => payload));
    assert.ok(units.every(({ payload }) => payloads.has(payload)));
  }
  for (let size = 0; size < begin; size++) assert.equal(recover(file.subarray(0, size)).state, 'empty');
});

test('a recovered file is byte for byte what closing it would have made', () => {
  const { file, closing } = shoot(FRAMES, 6);
  const again = recover(file).closing ?? assert.fail();
  assert.deepEqual(applied(file, again), applied(file, closing));
});

test('a crash while closing: at every byte of the index and between the patches the file is recovered whole', () => {
  const { file, closing } = shoot(FRAMES, 6);
  const closed = applied(file, closing);
  for (let written = 0; written <= closing.append.length; written++) {
    const left = Buffer.concat([file, closing.append.subarray(0, written)]);
    const found = recover(left);
    assert.equal(found.end, file.length, `${written} bytes of the index`);
    assert.deepEqual(applied(left, found.closing ?? assert.fail()), closed);
  }
  const halfway = applied(file, { ...closing, patches: closing.patches.slice(0, 1) });
  assert.deepEqual(applied(halfway, recover(halfway).closing ?? assert.fail()), closed);
  const { durationMs, ...plain } = recover(closed);
  assert.deepEqual(plain, { state: 'plain', end: closed.length, closing: undefined });
  assert.ok(Math.abs(durationMs - recover(file).durationMs) < 1);
});

test('zeros or old bytes behind the last fragment, as a file system leaves them, end the file', () => {
  const { file } = shoot(FRAMES, 6);
  for (const tail of [Buffer.alloc(4096), Buffer.alloc(500, 0xa7), Buffer.from('00000020moof', 'latin1')]) {
    assert.equal(recover(Buffer.concat([file, tail])).end, file.length);
  }
});

test('recovery reads boxes, not media', () => {
  const frames = Array.from({ length: 100 }, (_, i) => picture(i * 40, 0, i % 25 === 0, 20_000));
  const { file } = shoot(frames, 25);
  let read = 0;
  assert.equal(recover(file, (bytes) => (read += bytes)).end, file.length);
  assert.ok(read < 5_000, `${read} of ${file.length} bytes`);
});

test('a recording takes no other codec record once it has begun', () => {
  const recording = new Mp4Recording();
  recording.configure(avcConfig());
  recording.begin();
  assert.equal(recording.changesInit(avcConfig(4, 1)), true);
  assert.throws(() => recording.configure(avcConfig(4, 1)), /changed after its begin/);
  assert.equal(recording.close(), undefined, 'no media');
});
