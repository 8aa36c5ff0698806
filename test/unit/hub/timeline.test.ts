import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Timeline, type TimelineMode } from '../../../src/hub/timeline.ts';

/** kind, timestamp as it came, arrival, expected. */
type Row = readonly ['v' | 'a', number, number, number];

interface Case {
  readonly name: string;
  readonly mode?: TimelineMode;
  readonly rows: readonly Row[];
  readonly repairs: number;
}

const CASES: readonly Case[] = [
  {
    name: 'a clean stream passes as it is',
    rows: [
      ['v', 1000, 0, 1000],
      ['a', 990, 1, 990],
      ['a', 1013, 20, 1013],
      ['v', 1040, 40, 1040],
    ],
    repairs: 0,
  },
  {
    name: 'one bad frame is set one step after the one before it',
    rows: [
      ['v', 0, 0, 0],
      ['v', 40, 40, 40],
      ['v', 900_000, 80, 80],
      ['v', 120, 120, 120],
      ['v', 160, 160, 160],
    ],
    repairs: 1,
  },
  {
    name: 'one frame at 0 in the middle',
    rows: [
      ['v', 50_000, 0, 50_000],
      ['v', 50_040, 40, 50_040],
      ['v', 0, 80, 50_080],
      ['v', 50_120, 120, 50_120],
    ],
    repairs: 1,
  },
  {
    name: 'a lasting jump forward is joined for both tracks',
    rows: [
      ['v', 0, 0, 0],
      ['a', 5, 5, 5],
      ['v', 40, 40, 40],
      ['a', 28, 41, 28],
      ['v', 1_000_080, 80, 80],
      ['a', 1_000_051, 81, 51],
      ['v', 1_000_120, 120, 120],
      ['a', 1_000_074, 121, 74],
    ],
    repairs: 3,
  },
  {
    name: 'a lasting jump back is joined',
    rows: [
      ['v', 70_000, 0, 70_000],
      ['v', 70_040, 40, 70_040],
      ['v', 0, 80, 70_080],
      ['v', 40, 120, 70_120],
    ],
    repairs: 2,
  },
  {
    name: 'a gap that really passed is kept',
    rows: [
      ['v', 0, 0, 0],
      ['v', 40, 40, 40],
      ['v', 5_040, 5_040, 5_040],
      ['v', 5_080, 5_080, 5_080],
    ],
    repairs: 0,
  },
  {
    name: 'a gap that did not pass is not',
    rows: [
      ['v', 0, 0, 0],
      ['v', 40, 40, 40],
      ['v', 5_040, 80, 80],
      ['v', 5_080, 120, 120],
    ],
    repairs: 2,
  },
  {
    name: 'a track never goes back; a small step back is clamped',
    rows: [
      ['v', 1000, 0, 1000],
      ['v', 900, 40, 1000],
      ['v', 990, 80, 1000],
      ['v', 1040, 120, 1040],
    ],
    repairs: 2,
  },
  {
    name: 'wrap at 2^32',
    rows: [
      ['v', 4_294_967_290, 0, 4_294_967_290],
      ['a', 4_294_967_295, 1, 4_294_967_295],
      ['v', 34, 40, 4_294_967_330],
      ['a', 22, 41, 4_294_967_318],
    ],
    repairs: 0,
  },
  {
    name: 'wrap at 2^24',
    rows: [
      ['v', 16_777_210, 0, 16_777_210],
      ['v', 34, 40, 16_777_250],
      ['v', 74, 80, 16_777_290],
    ],
    repairs: 0,
  },
  {
    name: 'a track that begins far from the other is set beside it',
    rows: [
      ['v', 10_000_000, 0, 10_000_000],
      ['a', 0, 1, 10_000_000],
      ['a', 23, 24, 10_000_023],
      ['v', 10_000_040, 40, 10_000_040],
    ],
    repairs: 1,
  },
  {
    name: 'zero leaves steps alone',
    mode: 'zero',
    rows: [
      ['v', 100, 0, 100],
      ['v', 90_000, 40, 90_000],
      ['v', 140, 80, 140],
    ],
    repairs: 0,
  },
  {
    name: 'off leaves all alone, also a 24-bit wrap',
    mode: 'off',
    rows: [
      ['v', 16_777_210, 0, 16_777_210],
      ['v', 34, 40, 34],
    ],
    repairs: 0,
  },
];

for (const { name, mode, rows, repairs } of CASES) {
  test(`timeline: ${name}`, () => {
    const timeline = new Timeline(mode ?? 'full');
    timeline.begin(mode ?? 'full', 0);
    const got = rows.map(([kind, raw, at]) => timeline.map(kind === 'v' ? 'video' : 'audio', raw, at));
    assert.deepEqual(
      got,
      rows.map((row) => row[3]),
    );
    assert.equal(timeline.repairs, repairs);
  });
}

test('a republish continues after the last output plus the real gap', () => {
  const timeline = new Timeline('full');
  timeline.begin('full', 0);
  timeline.map('video', 80_000, 0);
  timeline.map('audio', 80_020, 10);
  timeline.begin('full', 2_010);
  assert.equal(timeline.map('video', 0, 2_010), 82_020);
  assert.equal(timeline.map('audio', 5, 2_015), 82_025);
  assert.equal(timeline.repairs, 0);
});

test('a republish in mode off is as it came', () => {
  const timeline = new Timeline('off');
  timeline.begin('off', 0);
  timeline.map('video', 80_000, 0);
  timeline.begin('off', 2_000);
  assert.equal(timeline.map('video', 3, 2_000), 3);
});

test('config records and data go along whatever their own time is', () => {
  const timeline = new Timeline('full');
  timeline.begin('full', 0);
  assert.equal(timeline.follow('video', 0), 0);
  timeline.map('video', 50_000, 0);
  timeline.map('audio', 49_990, 0);
  assert.equal(timeline.follow('video', 0), 50_000);
  assert.equal(timeline.follow('audio', 0), 49_990);
  assert.equal(timeline.follow('data', 0), 50_000);
  assert.equal(timeline.follow('data', 50_200), 50_200);
  assert.equal(timeline.follow('data', 50_100), 50_200, 'data never goes back either');
  assert.equal(timeline.map('video', 50_040, 40), 50_040);
  assert.equal(timeline.repairs, 0);
});

test('after a republish config records do not go back before the first frame', () => {
  const timeline = new Timeline('full');
  timeline.begin('full', 0);
  timeline.map('video', 50_000, 0);
  timeline.begin('full', 1_000);
  assert.ok(timeline.follow('video', 0) >= 50_000);
  assert.equal(timeline.map('video', 0, 1_000), 51_000);
});

const VIDEO_STEP = 40;
const AUDIO_STEP = 23;

/** Two interleaved tracks that arrive in bursts; `shiftAt` gives the publisher's clock error at a true time. */
function play(shiftAt: (time: number) => number, ms: number, audioLead: number, burstMs = 1) {
  const timeline = new Timeline('full');
  timeline.begin('full', 0);
  const out: { kind: 'audio' | 'video'; time: number; out: number }[] = [];
  let video = 0;
  let audio = Math.max(0, audioLead);
  while (Math.min(video, audio) < ms) {
    const kind = video <= audio ? 'video' : 'audio';
    const time = kind === 'video' ? video : audio;
    const raw = (time + 10_000 + shiftAt(time)) >>> 0;
    out.push({ kind, time, out: timeline.map(kind, raw, Math.floor(time / burstMs) * burstMs) });
    if (kind === 'video') video += VIDEO_STEP;
    else audio += AUDIO_STEP;
  }
  return { out, timeline };
}

test('whatever comes, each track in full mode is monotonic', () => {
  const frame = fc.record({
    kind: fc.constantFrom('audio' as const, 'video' as const),
    raw: fc.oneof(fc.integer({ min: 0, max: 2_000 }), fc.nat(0xffffffff)),
    wait: fc.nat(500),
    begin: fc.integer({ min: 0, max: 20 }),
  });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 60 }), (frames) => {
      const timeline = new Timeline('full');
      let now = 0;
      timeline.begin('full', now);
      const last = { audio: -Infinity, video: -Infinity };
      for (const { kind, raw, wait, begin } of frames) {
        now += wait;
        if (begin === 0) timeline.begin('full', now);
        const out = timeline.map(kind, raw, now);
        assert.ok(Number.isInteger(out));
        assert.ok(out >= last[kind], `${kind} ${out} after ${last[kind]}`);
        last[kind] = out;
      }
    }),
    { numRuns: 2_000, interruptAfterTimeLimit: 4_000, markInterruptAsFailure: false },
  );
});

test('after one jump of the publisher audio and video keep their offset within a frame', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.integer({ min: -330, max: 330 }), fc.integer({ min: -9_000, max: 100_000_000 })),
      fc.integer({ min: 1_000, max: 2_000 }),
      fc.integer({ min: 0, max: 60 }),
      fc.constantFrom(1, 100, 200),
      (jump, at, lead, burstMs) => {
        const { out } = play((time) => (time >= at ? jump : 0), 5_000, lead, burstMs);
        const settled = out.filter(({ time }) => time > at + 1_500);
        const shifts = { audio: new Set<number>(), video: new Set<number>() };
        for (const { kind, time, out: dts } of settled) shifts[kind].add(dts - time);
        assert.equal(shifts.audio.size, 1, 'audio runs evenly again');
        assert.equal(shifts.video.size, 1, 'video runs evenly again');
        const [audio] = shifts.audio;
        const [video] = shifts.video;
        assert.ok(audio !== undefined && video !== undefined);
        assert.ok(Math.abs(audio - video) <= VIDEO_STEP, `offset changed by ${audio - video}`);
      },
    ),
    { numRuns: 1_500, interruptAfterTimeLimit: 6_000, markInterruptAsFailure: false },
  );
});

test('one bad frame anywhere changes nothing else', () => {
  fc.assert(
    fc.property(fc.nat(60), fc.nat(0xffffffff), (index, bad) => {
      const timeline = new Timeline('full');
      timeline.begin('full', 0);
      for (let n = 0; n < 80; n += 1) {
        const true_ = 10_000 + n * VIDEO_STEP;
        const out = timeline.map('video', n === index + 5 ? bad : true_, n * VIDEO_STEP);
        if (n !== index + 5 && (n < index + 5 || n > index + 11)) assert.equal(out, true_);
      }
    }),
    { numRuns: 500 },
  );
});

test('50 days of a stream: the wrap of 32 bits is not seen', () => {
  const timeline = new Timeline('full');
  timeline.begin('full', 0);
  const step = 200;
  const days = 50 * 86_400_000;
  for (let time = 0; time < days; time += step * 20) {
    // Sampled: arrival and timestamps agree, so each step counts as a gap that really passed.
    assert.equal(timeline.map('video', time >>> 0, time), time);
  }
  assert.equal(timeline.repairs, 0);
});

test('10 hours of an encoder that wraps at 24 bits', () => {
  const timeline = new Timeline('full');
  timeline.begin('full', 0);
  for (let time = 0; time < 36_000_000; time += VIDEO_STEP) {
    assert.equal(timeline.map('video', time % 0x1000000, time), time);
  }
  assert.equal(timeline.repairs, 0);
});
