import assert from 'node:assert/strict';
import { probe, type Media, type MediaTrack } from './ffmpeg.ts';

/** One picture at 25 pictures a second, ms. */
const PICTURE_MS = 40;

export interface RecordingExpectation {
  /**
   * The recorder was there before the publisher: nothing may be missing at the beginning but sound from before the first
   * picture.
   */
  readonly fromStart?: boolean;
  /** The recorder left before the publisher: the end may be missing. */
  readonly cut?: boolean;
}

/**
 * What a viewer recorded is what was published: the same codecs and config records, the same packets without a gap, the same
 * steps in time, beginning at 0 on a keyframe, with audio and video as far apart as they were.
 */
export async function assertRecording(
  file: string,
  source: Media,
  expected: RecordingExpectation = {},
): Promise<Media> {
  const recorded = await probe(file);
  const shifts: number[] = [];
  const starts: number[] = [];
  for (const kind of ['video', 'audio'] as const) {
    const from = source[kind];
    const to = recorded[kind];
    assert.equal(to?.codec, from?.codec, `${file}: ${kind} codec`);
    if (from === undefined || to === undefined) continue;
    assert.deepEqual(describe(to), describe(from), `${file}: ${kind} track`);
    const firstPicture = kind === 'audio' ? (source.video?.packets[0]?.dts ?? -1) : -1;
    shifts.push(assertTrack(`${file}: ${kind}`, from, to, { firstPicture, ...expected }));
    starts.push(to.packets[0]?.dts ?? NaN);
  }
  const start = Math.min(...starts);
  assert.ok(start >= 0 && start <= PICTURE_MS, `${file}: begins at ${start} ms`);
  if (recorded.video !== undefined)
    assert.ok(recorded.video.packets[0]?.key, `${file}: begins on a keyframe`);
  const [video, audio = video] = shifts;
  assert.ok(
    Math.abs((video ?? NaN) - (audio ?? NaN)) <= 1,
    `${file}: audio and video moved apart: ${video} and ${audio} ms`,
  );
  return recorded;
}

/** Each track's time only grows. */
export function assertMonotonic(file: string, media: Media): void {
  for (const kind of ['video', 'audio'] as const) {
    const packets = media[kind]?.packets ?? [];
    for (const [index, { dts }] of packets.entries()) {
      const before = packets[index - 1]?.dts ?? -1;
      assert.ok(dts > before, `${file}: ${kind} packet ${index} at ${dts} ms follows one at ${before} ms`);
    }
  }
}

function describe(track: MediaTrack): Omit<MediaTrack, 'packets'> {
  const { codec, width, height, sampleRate, configHash } = track;
  return { codec, width, height, sampleRate, configHash };
}

/** Recorded time minus source time, ms. */
function assertTrack(
  what: string,
  from: MediaTrack,
  to: MediaTrack,
  expected: RecordingExpectation & { readonly firstPicture: number },
): number {
  const first = to.packets[0];
  assert.ok(first, `${what}: nothing was recorded`);
  const offset = from.packets.findIndex(({ hash }) => hash === first.hash);
  assert.ok(offset >= 0, `${what}: the first packet was never published`);
  if (expected.fromStart === true) {
    const missing = from.packets.slice(0, offset).filter(({ dts }) => dts > expected.firstPicture);
    assert.deepEqual(missing, [], `${what}: packets are missing at the beginning`);
  }
  const shift = first.dts - (from.packets[offset]?.dts ?? NaN);
  const wanted = from.packets.slice(offset, offset + to.packets.length).map((packet) => ({
    ...packet,
    dts: packet.dts + shift,
  }));
  for (const [index, packet] of to.packets.entries()) {
    assert.deepEqual(packet, wanted[index], `${what}: packet ${index} of ${to.packets.length}`);
  }
  if (expected.cut !== true) {
    assert.equal(offset + to.packets.length, from.packets.length, `${what}: packets are missing at the end`);
  }
  return shift;
}
