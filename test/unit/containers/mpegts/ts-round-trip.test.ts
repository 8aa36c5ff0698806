import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { TsDemuxer, TsMuxer, type TsDemuxerStats } from '../../../../src/containers/mpegts/index.ts';
import { GrowingBytes } from '../../../../src/hub/slab-log.ts';
import type { Frame } from '../../../../src/media/frame.ts';
import { aacConfig, aacFrame, audioTime, avcConfig, mp3Frame, picture } from '../../../support/ts-frames.ts';

function mux(frames: readonly Frame[]): Buffer {
  const muxer = new TsMuxer();
  const out = new GrowingBytes();
  for (const frame of frames) muxer.write(frame, out);
  muxer.flush(out);
  return Buffer.from(out.view());
}

function demux(bytes: Buffer, cuts: readonly number[] = []): { frames: Frame[]; stats: TsDemuxerStats } {
  const demuxer = new TsDemuxer();
  const frames: Frame[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = cuts.length === 0 ? bytes.length : Math.max(1, cuts[i % cuts.length] ?? 1);
    frames.push(...demuxer.push(Buffer.from(bytes.subarray(at, at + size))));
    at += size;
  }
  frames.push(...demuxer.end());
  return { frames, stats: demuxer.stats };
}

const ofKind = (frames: readonly Frame[], kind: string): readonly Frame[] =>
  frames.filter((frame) => frame.kind === kind);

const shown = (frames: readonly Frame[]): readonly unknown[] =>
  frames.map((frame) => [
    frame.codec,
    frame.isConfig ? 'config' : frame.isKeyframe ? 'key' : '',
    frame.cts,
    frame.payload.toString('hex'),
  ]);

const times = (frames: readonly Frame[]): number[] =>
  frames.filter(({ isConfig }) => !isConfig).map(({ dts }) => dts);

/** Where the 33 bits begin again, ms. */
const WRAP_MS = 2 ** 33 / 90;

interface Plan {
  readonly base: number;
  readonly pictures: readonly { key: boolean; cts: number; sizes: number[]; step: number }[];
  readonly sounds: readonly { size: number; gap: number }[];
  readonly codec: 'aac' | 'mp3';
  readonly newLevelAt: number;
}

/** Frames as a stream has them: interleaved by time, with a change of the record where the plan wants it. */
function framesOf(plan: Plan): Frame[] {
  const frames: Frame[] = [];
  let time = plan.base;
  plan.pictures.forEach(({ key, cts, sizes, step }, index) => {
    const isKey = key || index === 0 || index === plan.newLevelAt;
    frames.push(picture(time, cts, isKey, sizes.every((size) => size === 0) ? [1] : sizes));
    time += step;
  });
  let origin = plan.base;
  let count = 0;
  for (const { size, gap } of plan.sounds) {
    if (gap > 0) {
      origin = audioTime(origin, count, plan.codec === 'mp3' ? 1152 : 1024) + gap;
      count = 0;
    }
    const at = audioTime(origin, count, plan.codec === 'mp3' ? 1152 : 1024);
    frames.push(plan.codec === 'mp3' ? mp3Frame(at) : aacFrame(at, size));
    count += 1;
  }
  frames.sort((a, b) => a.dts - b.dts);
  const changed = frames.findIndex(
    (frame, index) => index > 0 && frame === frames.filter(({ kind }) => kind === 'video')[plan.newLevelAt],
  );
  const before = [
    avcConfig(plan.base),
    ...(plan.codec === 'aac' && plan.sounds.length > 0 ? [aacConfig(plan.base)] : []),
  ];
  if (changed < 0) return [...before, ...frames];
  return [
    ...before,
    ...frames.slice(0, changed),
    avcConfig(frames[changed]?.dts ?? 0, 40),
    ...frames.slice(changed),
  ];
}

const plan: fc.Arbitrary<Plan> = fc.record({
  base: fc.constantFrom(0, 1, 12_345, Math.floor(WRAP_MS) - 200, 47_721_858, 2 ** 32),
  pictures: fc.array(
    fc.record({
      key: fc.boolean(),
      cts: fc.constantFrom(0, 40, 80, -40, 3_000),
      sizes: fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 900 })), {
        minLength: 1,
        maxLength: 4,
      }),
      step: fc.constantFrom(40, 33, 1, 500, 5_000, 0),
    }),
    { minLength: 1, maxLength: 12 },
  ),
  sounds: fc.array(
    fc.record({
      size: fc.oneof(fc.integer({ min: 1, max: 600 }), fc.constant(8_184)),
      gap: fc.constantFrom(0, 0, 0, 0, 60, 700),
    }),
    { maxLength: 40 },
  ),
  codec: fc.constantFrom('aac', 'mp3'),
  newLevelAt: fc.constantFrom(-1, 3, 6),
});

/** Length-prefixed units without those of no bytes, which Annex B cannot tell. */
function plainUnits(frames: readonly Frame[]): Frame[] {
  return frames.map((frame) => {
    if (frame.kind !== 'video' || frame.isConfig) return frame;
    const sizes: number[] = [];
    for (let at = 5; at < frame.flvBody.length;) {
      const size = frame.flvBody.readUInt32BE(at);
      at += 4 + size;
      if (size > 0) sizes.push(size);
    }
    const parts = [frame.flvBody.subarray(0, 5)];
    for (let at = 5; at < frame.flvBody.length;) {
      const size = frame.flvBody.readUInt32BE(at);
      if (size > 0) parts.push(frame.flvBody.subarray(at, at + 4 + size));
      at += 4 + size;
    }
    return Object.assign(Object.create(Object.getPrototypeOf(frame) as object) as Frame, frame, {
      flvBody: Buffer.concat(parts),
    });
  });
}

suite('MPEG-TS round trip', () => {
  test('the same access units and times come out, however the bytes are cut', () => {
    fc.assert(
      fc.property(plan, fc.array(fc.integer({ min: 1, max: 600 }), { maxLength: 6 }), (input, cuts) => {
        const sent = plainUnits(framesOf(input));
        const { frames: got, stats } = demux(mux(sent), cuts);
        assert.deepEqual(shown(ofKind(got, 'video')), shown(ofKind(sent, 'video')));
        assert.deepEqual(shown(ofKind(got, 'audio')), shown(ofKind(sent, 'audio')));
        assert.equal(stats.continuityErrors + stats.skippedBytes + stats.badSections, 0);
        // Times beyond the first 33 bits come back without the rounds before.
        const rounds = Math.floor((input.base * 90) / 2 ** 33) * WRAP_MS;
        const wanted = times(ofKind(sent, 'video'));
        times(ofKind(got, 'video')).forEach((time, i) =>
          assert.ok(Math.abs(time + rounds - (wanted[i] ?? 0)) <= 0.5),
        );
        // Only the first sound of a packet has a time of its own: the others follow by samples, within rounding.
        const sounds = times(ofKind(sent, 'audio'));
        times(ofKind(got, 'audio')).forEach((time, i) =>
          assert.ok(Math.abs(time + rounds - (sounds[i] ?? 0)) <= 1.5),
        );
      }),
      { numRuns: 150, interruptAfterTimeLimit: 6_000 },
    );
  });

  test('times step back and come back exactly', () => {
    const sent = [
      avcConfig(0),
      picture(9_000, 0, true, [9]),
      picture(8_990, 0, false, [9]),
      picture(100, 0, true, [9]),
    ];
    assert.deepEqual(times(demux(mux(sent)).frames), [9_000, 8_990, 100]);
  });

  test('the sound changes its codec', () => {
    const sent = [
      aacConfig(0),
      aacFrame(0, 30),
      aacFrame(23, 30),
      mp3Frame(46),
      mp3Frame(72),
      aacConfig(98),
      aacFrame(98, 20),
    ];
    const { frames } = demux(mux(sent));
    assert.deepEqual(shown(frames), shown(sent));
  });

  test('several access units of one packet are told apart by their delimiters', () => {
    const bytes = mux([avcConfig(0), picture(0, 0, true, [20])]);
    // The same picture again behind the first, both in a PES packet of open length.
    const unit = Buffer.from('0000000109f00000000141aabbcc', 'hex');
    const packet = Buffer.from(bytes.subarray(2 * 188));
    const used = packet.readUInt8(4) + 5;
    const payload = Buffer.concat([packet.subarray(used), unit]);
    payload.writeUInt16BE(0, 4);
    const room = 184 - payload.length;
    assert.ok(room >= 2);
    const again = Buffer.concat([
      packet.subarray(0, 4),
      Buffer.from([room - 1, 0]),
      Buffer.alloc(room - 2, 0xff),
      payload,
    ]);
    const { frames } = demux(Buffer.concat([bytes.subarray(0, 2 * 188), again]));
    assert.deepEqual(
      frames.map(({ dts, isConfig, isKeyframe }) => [dts, isConfig, isKeyframe]),
      [
        [0, true, false],
        [0, false, true],
        [40, false, false],
      ],
    );
  });

  const clip = [avcConfig(0), aacConfig(0)];
  for (let i = 0; i < 20; i++)
    clip.push(picture(i * 40, 0, i % 5 === 0, [700]), aacFrame(audioTime(0, i), 100));

  test('a lost packet costs its access unit and is counted', () => {
    const bytes = mux(clip);
    const whole = demux(bytes).frames;
    // The fourth packet is inside the first picture.
    const { frames, stats } = demux(Buffer.concat([bytes.subarray(0, 3 * 188), bytes.subarray(4 * 188)]));
    assert.equal(stats.continuityErrors, 1);
    // Its parameter sets were in it too: pictures come again from the next keyframe on, sound all the time.
    assert.deepEqual(shown(ofKind(frames, 'audio')), shown(ofKind(whole, 'audio')));
    assert.equal(ofKind(frames, 'video').length, ofKind(whole, 'video').length - 5);
  });

  test('noise before and between packets is skipped and counted', () => {
    const bytes = mux(clip);
    const noise = Buffer.alloc(301, 0x47);
    noise[188] = 1;
    const noisy = Buffer.concat([
      Buffer.alloc(99, 7),
      bytes.subarray(0, 20 * 188),
      Buffer.alloc(50, 9),
      bytes.subarray(20 * 188),
    ]);
    const { frames, stats } = demux(noisy, [7, 190, 400]);
    assert.equal(stats.skippedBytes, 149);
    assert.deepEqual(shown(frames), shown(demux(bytes).frames));
  });

  test('bytes that are no transport stream are refused', () => {
    const demuxer = new TsDemuxer();
    assert.throws(
      () => {
        for (let i = 0; i < 20; i++) demuxer.push(Buffer.alloc(65_536, 1));
      },
      { code: 'TS_INVALID' },
    );
  });

  test('an endless access unit is refused', () => {
    const demuxer = new TsDemuxer();
    demuxer.push(mux([avcConfig(0), picture(0, 0, true, [20])]));
    const packet = Buffer.alloc(188, 1);
    packet.set([0x47, 0x41, 0, 0x11]);
    packet.set([0, 0, 1, 0xe0, 0, 0, 0x80, 0, 0], 4);
    demuxer.push(packet);
    assert.throws(
      () => {
        for (let i = 0; i < 50_000; i++) {
          packet[1] = 0x01;
          packet[3] = 0x10 | ((i + 2) & 15);
          demuxer.push(packet);
        }
      },
      { code: 'TS_PES_TOO_LARGE' },
    );
  });
});
