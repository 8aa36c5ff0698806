import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StreamHealth, type HealthOptions } from '../../../../src/control/health/index.ts';
import { createHub, type ClosableHub } from '../../../../src/hub/hub.ts';
import type { StreamWarning } from '../../../../src/hub/health-events.ts';
import type { Frame } from '../../../../src/media/frame.ts';
import type { PublishLease } from '../../../../src/hub/ports.ts';
import {
  audioConfig,
  audioFrame,
  LIVE_DEMO,
  sessionOf,
  STREAM_OPTIONS,
  videoConfig,
  videoFrame,
} from '../../../support/hub-fixtures.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { MemoryLogger } from '../../../support/memory-logger.ts';

const OPTIONS: HealthOptions = {
  noKeyframeMs: 15_000,
  noMediaMs: 4_000,
  silentAudioMs: 30_000,
  interleaveMs: 2_000,
  lowBitratePercent: 25,
  unsteadyRepairs: 20,
};

/** How one second of media differs from that of a stream that is well: 25 pictures of 400 bytes, a keyframe each second. */
interface Second {
  readonly video?: boolean;
  readonly audio?: boolean;
  readonly keyframe?: boolean;
  /** Of a picture. */
  readonly bytes?: number;
  /** Of a keyframe. @default bytes */
  readonly keyframeBytes?: number;
  /** Of so many pictures one comes. @default 1 */
  readonly every?: number;
  /** Of a frame of sound. */
  readonly audioBytes?: number;
  /** How much sound is ahead in time, ms. */
  readonly lead?: number;
  /** Added to every other timestamp of pictures, ms. */
  readonly shake?: number;
}

class Scene {
  readonly clock = new ManualClock();
  readonly log = new MemoryLogger();
  readonly told: StreamWarning[] = [];
  readonly health: StreamHealth;
  readonly hub: ClosableHub;
  lease: PublishLease;
  options: HealthOptions | undefined = OPTIONS;
  #at = 0;

  constructor(timeJitter: 'full' | 'zero' = 'full') {
    const { clock } = this;
    this.health = new StreamHealth({
      clock,
      unixTime: () => 1_000_000 + clock.now(),
      logger: this.log,
      options: () => this.options,
      observers: [
        {
          streamWarned: () => {
            throw new Error('of an observer');
          },
        },
        { streamWarned: (warning) => this.told.push(warning) },
      ],
    });
    this.hub = createHub({
      clock,
      logger: this.log,
      optionsFor: () => ({ ...STREAM_OPTIONS, holdMs: 0, timeJitter }),
      describeTrack: (frame) =>
        frame.kind === 'audio' ? { kind: 'audio', codec: 'aac', channels: 2, sampleRate: 44_100 } : undefined,
      observers: [this.health],
    });
    this.lease = this.publish();
  }

  publish(): PublishLease {
    this.lease = this.hub.publish(LIVE_DEMO, sessionOf('pub'));
    this.lease.write(videoConfig());
    this.lease.write(audioConfig());
    return this.lease;
  }

  run(seconds: number, second: Second = {}): void {
    const { video = true, audio = true, keyframe = true, bytes = 400, lead = 0, shake = 0 } = second;
    for (let count = 0; count < seconds; count += 1) {
      for (let n = 0; n < 25; n += 1) {
        const frames: Frame[] = [];
        const shaken = shake !== 0 && n % 5 === 0 ? shake : 0;
        const isKeyframe = keyframe && n === 0;
        const size = isKeyframe ? (second.keyframeBytes ?? bytes) : bytes;
        if (video && n % (second.every ?? 1) === 0)
          frames.push(videoFrame(this.#at + shaken, isKeyframe, 0, size));
        if (audio) frames.push(audioFrame(Math.max(0, this.#at + lead), 0, second.audioBytes ?? 200));
        for (const frame of frames) this.lease.write(frame);
        this.#at += 40;
        this.clock.advance(40);
      }
    }
  }

  problems(): string[] {
    return this.health.warnings(LIVE_DEMO).map(({ problem }) => problem);
  }

  /** What was told since the last call, as `+problem` and `-problem`. */
  heard(): string[] {
    return this.told.splice(0).map(({ active, problem }) => `${active ? '+' : '-'}${problem}`);
  }
}

test('nothing is said of a stream that is well, with or without one of its tracks', () => {
  for (const second of [{}, { audio: false }, { video: false }]) {
    const scene = new Scene();
    scene.run(120, second);
    assert.deepEqual(scene.heard(), []);
    assert.deepEqual(scene.problems(), []);
  }
});

const CASES: readonly (readonly [string, Second, number, RegExp])[] = [
  ['no_keyframe', { keyframe: false }, 20, /no keyframe for 1\d s/],
  ['no_video', { video: false }, 8, /no picture for [4-6] s/],
  ['no_audio', { audio: false }, 8, /no sound for [4-6] s/],
  ['silent_audio', { audioBytes: 12 }, 40, /silence for 3\d s/],
  ['bad_interleave', { lead: 3_000 }, 8, /up to 3\d{3} ms apart/],
  ['low_bitrate', { bytes: 30, audioBytes: 60 }, 12, /kbit\/s, where 1\d\d kbit\/s are usual/],
  ['unsteady_time', { shake: 900 }, 10, /\d+ timestamps were repaired in 30 s/],
];

for (const [problem, second, seconds, message] of CASES) {
  test(`${problem} is told once, lasts, and is over when the stream is well again`, () => {
    // `full` takes a track that jumps for a clock that jumped, and keeps it where it was.
    const scene = new Scene(problem === 'bad_interleave' ? 'zero' : 'full');
    scene.run(60);
    scene.run(seconds, second);
    assert.deepEqual(scene.problems(), [problem]);
    const told = scene.told.at(0);
    assert.match(told?.message ?? '', message);
    assert.equal(told?.publisherId, 'pub');
    assert.ok(told.sinceMs > 1_060_000);
    assert.deepEqual(scene.heard(), [`+${problem}`]);
    scene.run(5, second);
    assert.deepEqual(scene.heard(), []);
    scene.run(60);
    assert.deepEqual(scene.heard(), [`-${problem}`]);
    assert.deepEqual(scene.problems(), []);
    assert.deepEqual(
      scene.log.lines.filter((line) => line.includes(problem)).length,
      2,
      scene.log.lines.join('\n'),
    );
  });

  test(`${problem} can be switched off, live`, () => {
    const scene = new Scene(problem === 'bad_interleave' ? 'zero' : 'full');
    scene.options = {
      noKeyframeMs: 0,
      noMediaMs: 0,
      silentAudioMs: 0,
      interleaveMs: 0,
      lowBitratePercent: 0,
      unsteadyRepairs: 0,
    };
    scene.run(60);
    scene.run(seconds, second);
    assert.deepEqual(scene.heard(), []);
    scene.options = undefined;
    scene.run(seconds, second);
    assert.deepEqual(scene.heard(), []);
  });
}

test('the end of the publish ends what is wrong; the next one begins anew', () => {
  const scene = new Scene();
  scene.run(20);
  scene.run(20, { keyframe: false });
  assert.deepEqual(scene.heard(), ['+no_keyframe']);
  assert.equal(scene.health.active.length, 1);
  scene.lease.release();
  assert.deepEqual(scene.heard(), ['-no_keyframe']);
  assert.equal(scene.health.active.length, 0);
  scene.publish();
  scene.run(10);
  assert.deepEqual(scene.heard(), []);
  scene.options = undefined;
  scene.run(20, { keyframe: false });
  assert.deepEqual(scene.heard(), []);
});

test('what is switched off while it lasts is over at the next look', () => {
  const scene = new Scene();
  scene.run(20);
  scene.run(20, { keyframe: false });
  scene.options = undefined;
  scene.run(3, { keyframe: false });
  assert.deepEqual(scene.heard(), ['+no_keyframe', '-no_keyframe']);
});

test('a problem that comes and goes within seconds is one problem', () => {
  const scene = new Scene();
  scene.run(20);
  for (let round = 0; round < 6; round += 1) {
    scene.run(7, { audio: false });
    scene.run(2);
  }
  assert.deepEqual(scene.heard(), ['+no_audio']);
});

test('after the end nobody looks any more', () => {
  const scene = new Scene();
  scene.run(20);
  scene.health.close();
  scene.run(30, { keyframe: false });
  assert.deepEqual(scene.heard(), []);
});

test('a picture that stands still is no rate that broke down; one that gets worse, or late, is', () => {
  const moving: Second = { audio: false, keyframeBytes: 6_000, bytes: 1_000 };
  const cases: readonly (readonly [string, Second, string[]])[] = [
    ['stands still', { ...moving, bytes: 10 }, []],
    ['gets worse', { ...moving, keyframeBytes: 1_000, bytes: 150 }, ['low_bitrate']],
    ['is black', { ...moving, keyframeBytes: 100, bytes: 10 }, ['low_bitrate']],
    ['comes seldom', { ...moving, every: 25 }, ['low_bitrate']],
  ];
  for (const [what, second, problems] of cases) {
    const scene = new Scene();
    scene.run(60, moving);
    scene.run(20, second);
    assert.deepEqual(scene.problems(), problems, what);
    if (problems.length === 0) assert.deepEqual(scene.heard(), [], what);
  }
});

test('nor is one of which a picture comes each second, some larger, and a keyframe every ten', () => {
  const scene = new Scene();
  scene.run(60, { audio: false, keyframeBytes: 6_000, bytes: 1_000 });
  const seldom: Second = { audio: false, every: 25 };
  for (let round = 0; round < 12; round += 1) {
    scene.run(1, { ...seldom, bytes: 6_000 });
    scene.run(4, { ...seldom, keyframe: false, bytes: 100 });
    scene.run(1, { ...seldom, keyframe: false, bytes: 1_000 });
    scene.run(4, { ...seldom, keyframe: false, bytes: 100 });
  }
  assert.deepEqual(scene.heard(), []);
});

test('a pause of the sound is no rate that broke down, nor is what comes right behind it', () => {
  for (const sound of [{ video: false }, { keyframeBytes: 100, bytes: 10 }] satisfies readonly Second[]) {
    const scene = new Scene();
    scene.run(60, sound);
    for (let round = 0; round < 3; round += 1) {
      scene.run(14, { ...sound, audioBytes: 10 });
      scene.run(25, sound);
    }
    assert.deepEqual(scene.heard(), []);
    scene.run(30, { ...sound, audioBytes: 30 });
    assert.deepEqual(scene.heard(), ['+low_bitrate'], 'an encoder that has to save');
  }
});

test('a picture that moves again is not warned of', () => {
  const scene = new Scene();
  scene.options = { ...OPTIONS, lowBitratePercent: 50 };
  const moving: Second = { audio: false, keyframeBytes: 2_000, bytes: 1_000 };
  scene.run(60, moving);
  for (let round = 0; round < 4; round += 1) {
    scene.run(13, { ...moving, bytes: 10 });
    scene.run(25 + round, moving);
  }
  assert.deepEqual(scene.heard(), []);
});
