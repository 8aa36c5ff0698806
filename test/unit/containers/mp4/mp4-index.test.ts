import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  childBoxes,
  cutMovie,
  mp4Track,
  Mp4Index,
  readMovie,
  type Movie,
} from '../../../../src/containers/mp4/index.ts';
import { aacConfig, avcConfig } from '../../../support/mp4-fixtures.ts';

const VIDEO = mp4Track(avcConfig()) ?? assert.fail();
const AUDIO = mp4Track(aacConfig(3)) ?? assert.fail();
const GIB = 2 ** 30;

function read(moov: Buffer): Movie {
  return readMovie(childBoxes(moov)[0]?.body ?? assert.fail());
}

function offsets(movie: Movie): number[] {
  return [...(movie.tracks[0]?.table.samples() ?? [])].map(({ offset }) => offset);
}

/** All steps at once, and how many they were. */
function finish<T>(steps: Generator<undefined, T, undefined>): { value: T; count: number } {
  for (let count = 1; ; count++) {
    const step = steps.next();
    if (step.done === true) return { value: step.value, count };
  }
}

test('what was noted is read back, however equal or different; and noting goes on after an index was made', () => {
  const noted = fc.record({
    size: fc.integer({ min: 1, max: 3 }),
    step: fc.constantFrom(0, 1800, 3600),
    cts: fc.constantFrom(0, 0, 3600, -3600),
    isSync: fc.boolean(),
    newChunk: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(noted, { minLength: 1, maxLength: 12 }), fc.nat(11), (samples, stop) => {
      const index = new Mp4Index();
      const track = index.addTrack(1, VIDEO);
      const expected: object[] = [];
      let [offset, dts] = [48, 90_000];
      for (const [i, { size, step, cts, isSync, newChunk }] of samples.entries()) {
        if (newChunk || i === 0) track.beginChunk((offset += 5));
        track.add(size, dts, 900, cts, isSync);
        const duration = i === samples.length - 1 ? 900 : step;
        expected.push({ trackId: 1, offset, size, dts: dts - 90_000, cts, duration, isSync });
        offset += size;
        dts += step;
        if (i === stop) index.moov();
      }
      const lift = Math.max(0, -Math.min(...samples.map(({ cts }, i) => cts + dtsOf(samples, i))));
      const table = read(index.moov()).tracks[0]?.table ?? assert.fail();
      assert.deepEqual(
        [...table.samples()].map((sample) => ({ ...sample, cts: sample.cts - lift })),
        expected,
      );
    }),
  );
});

function dtsOf(samples: readonly { readonly step: number }[], count: number): number {
  return samples.slice(0, count).reduce((sum, { step }) => sum + step, 0);
}

test('half of a recording of 4 hours: its index is made in steps, none of which has many samples', () => {
  const index = new Mp4Index();
  const video = index.addTrack(1, VIDEO);
  const PICTURES = 4 * 3600 * 25;
  for (let i = 0; i < PICTURES; i++) {
    video.beginChunk(48 + i * 1000);
    video.add(900 + (i % 100), i * 3600, 3600, (i % 2) * 3600, i % 50 === 0);
  }
  const moov = finish(index.moovInFront());
  assert.ok(moov.count > 4, `${moov.count} steps`);
  const cut = finish(cutMovie(childBoxes(moov.value)[0]?.body ?? assert.fail(), 7200));
  assert.ok(cut.count > PICTURES / 8192, `${cut.count} steps`);
  const MDAT_HEADER_BYTES = 16;
  const boxes = childBoxes(cut.value?.head.subarray(0, -MDAT_HEADER_BYTES) ?? assert.fail());
  const head = boxes.find(({ type }) => type === 'moov');
  const samples = [...(readMovie(head?.body ?? assert.fail()).tracks[0]?.table.samples() ?? [])];
  assert.equal(samples.length, PICTURES / 2);
  assert.deepEqual(
    samples.map(({ size }) => size),
    Array.from({ length: PICTURES / 2 }, (_, i) => 900 + (i % 100)),
  );
});

test('a file of 100 GiB has 64-bit offsets, every sample where it is, and 64-bit durations', () => {
  const index = new Mp4Index();
  const track = index.addTrack(1, VIDEO);
  const expected: number[] = [];
  for (let second = 0; second < 100; second++) {
    track.beginChunk(second * GIB + 48);
    for (let i = 0; i < 3; i++) {
      expected.push(second * GIB + 48 + i * 1000);
      track.add(1000, (second * 3 + i) * 2 ** 31, 2 ** 31, 0, i === 0);
    }
  }
  const movie = read(index.moov());
  assert.deepEqual(offsets(movie), expected);
  const samples = [...(movie.tracks[0]?.table.samples() ?? [])];
  assert.deepEqual(
    samples.map(({ dts }) => dts),
    expected.map((_, i) => i * 2 ** 31),
  );
  assert.deepEqual(
    samples.map(({ isSync }) => isSync),
    expected.map((_, i) => i % 3 === 0),
  );
  assert.equal(movie.duration, Math.ceil((300 * 2 ** 31) / 90));
});

test('offsets have 32 bits while they fit, and a moov in front counts its own size in', () => {
  for (const [at, box] of [
    [48, 'stco'],
    [2 ** 32 - 1, 'stco'],
    [2 ** 32, 'co64'],
  ] as const) {
    const index = new Mp4Index();
    index.addTrack(1, VIDEO).beginChunk(at);
    index.track(1).add(9, 0, 3600, 0, true);
    const moov = index.moov();
    assert.ok(moov.includes(box), `${at}: ${box}`);
    assert.deepEqual(offsets(read(moov)), [at]);
    const front = finish(index.moovInFront()).value;
    assert.deepEqual(offsets(read(front)), [at + front.length]);
    assert.equal(front.includes('co64'), at + front.length >= 2 ** 32);
  }
});

test('edit lists: a late track waits, and the first picture is shown at once however late its offset makes it', () => {
  const index = new Mp4Index();
  const video = index.addTrack(1, VIDEO);
  const audio = index.addTrack(2, AUDIO);
  video.beginChunk(48);
  // Shown from 1080 ms on; audio begins at 1000 ms.
  video.add(10, 90_000, 3600, 7200, true);
  video.add(10, 93_600, 3600, 10_800, false);
  video.add(10, 97_200, 3600, 0, false);
  audio.beginChunk(78);
  audio.add(5, 48_000, 1024, 0, true);
  const movie = read(index.moov());
  assert.deepEqual(
    movie.tracks.map(({ edits }) => edits),
    [
      [
        { duration: 80, mediaTime: -1 },
        { duration: 120, mediaTime: 7200 },
      ],
      [{ duration: 22, mediaTime: 0 }],
    ],
  );
  assert.equal(movie.duration, 200);
  assert.deepEqual(
    [...(movie.tracks[0]?.table.samples() ?? [])].map(({ cts }) => cts),
    [7200, 10_800, 0],
  );
});

test('a picture shown before the first decoding time moves all offsets up, not the picture', () => {
  const index = new Mp4Index();
  const video = index.addTrack(1, VIDEO);
  video.beginChunk(48);
  video.add(10, 0, 3600, 0, true);
  video.add(10, 3600, 3600, -7200, false);
  const { tracks } = read(index.moov());
  assert.deepEqual(
    [...(tracks[0]?.table.samples() ?? [])].map(({ cts }) => cts),
    [3600, -3600],
  );
  assert.deepEqual(tracks[0]?.edits, [{ duration: 80, mediaTime: 0 }]);
});

test('a track without samples is left out', () => {
  const index = new Mp4Index();
  index.addTrack(1, VIDEO);
  index.addTrack(2, AUDIO).beginChunk(48);
  index.track(2).add(5, 0, 1024, 0, true);
  assert.deepEqual(
    read(index.moov()).tracks.map(({ id }) => id),
    [2],
  );
});
