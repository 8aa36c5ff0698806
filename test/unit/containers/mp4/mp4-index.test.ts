import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  childBoxes,
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
    const front = index.moovInFront();
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
