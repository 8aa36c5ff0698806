import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { frameFromFlv, TAG_TYPE } from '../../../../src/containers/flv/index.ts';
import { FragmentReader } from '../../../../src/containers/mp4/index.ts';
import { createHub } from '../../../../src/hub/hub.ts';
import { writeAacConfig } from '../../../../src/media/codecs/aac.ts';
import type { Frame } from '../../../../src/media/frame.ts';
import { demuxTs, HlsRig } from '../../../support/hls-rig.ts';
import { LIVE_DEMO, sessionOf, STREAM_OPTIONS } from '../../../support/hub-fixtures.ts';
import { aacConfig, aacFrame, avcConfig, mp3Frame, picture } from '../../../support/ts-frames.ts';

const FRAME_MS = 40;
const PICTURES = 50;
/** Sound is placed by its samples, at most half a frame from the time in ms: with HE-AAC so much, ms. */
const SOUND_ROUNDING_MS = 24;
/** 33 bits of 90 kHz. */
const TS_WRAP = 2 ** 33;

type Sound = 'lc' | 'he' | 'mp3' | 'none';

/** What a publisher does before a group of two seconds. */
interface Group {
  /** Its clock goes on by so much more than time does, ms. */
  readonly step: number;
  /** So long nothing comes, ms. */
  readonly gap: number;
  readonly level: number;
  readonly sound: Sound;
}

interface Script {
  /** Where the publisher's 32-bit clock begins. */
  readonly begin: number;
  readonly bFrames: boolean;
  readonly groups: readonly Group[];
}

const SOUNDS: Readonly<Record<Exclude<Sound, 'none'>, { samples: number; rate: number }>> = {
  lc: { samples: 1024, rate: 44_100 },
  he: { samples: 2048, rate: 44_100 },
  mp3: { samples: 1152, rate: 44_100 },
};

function heConfig(dts: number): Frame {
  const record = writeAacConfig({
    objectType: 2,
    sampleRate: 22_050,
    channels: 2,
    sbr: true,
    ps: false,
    outputRate: 44_100,
  });
  return frameFromFlv(TAG_TYPE.AUDIO, dts, Buffer.concat([Buffer.from([0xaf, 0]), record]));
}

/** Frames of a group in the order of an encoder; `at` stamps a time of the group as the publisher's clock has it. */
function* groupFrames(
  group: Group,
  bFrames: boolean,
  at: (ms: number) => number,
): Generator<[number, Frame]> {
  const { level, sound } = group;
  yield [0, avcConfig(at(0), level)];
  if (sound === 'lc') yield [0, aacConfig(at(0))];
  if (sound === 'he') yield [0, heConfig(at(0))];
  let sounds = 0;
  for (let n = 0; n < PICTURES; n += 1) {
    const ms = n * FRAME_MS;
    const cts = bFrames ? (n === 0 ? 80 : ([80, 160, 40, 0][n % 4] ?? 0)) : 0;
    yield [ms, picture(at(ms), cts, n === 0, [n === 0 ? 300 : 30 + (n % 9), 20])];
    if (sound === 'none') continue;
    const { samples, rate } = SOUNDS[sound];
    for (;;) {
      const time = Math.round((sounds * samples * 1000) / rate);
      if (time >= ms + FRAME_MS) break;
      yield [ms, sound === 'mp3' ? mp3Frame(at(time)) : aacFrame(at(time), 40 + (sounds % 13))];
      sounds += 1;
    }
  }
}

/** Lets the hub repair what the publisher sends, and gives it to HLS: the frames as the hub told them. */
async function publish(rig: HlsRig, { begin, bFrames, groups }: Script): Promise<Frame[]> {
  const hub = createHub({ clock: rig.clock, logger: rig.logger, optionsFor: () => STREAM_OPTIONS });
  const lease = hub.publish(LIVE_DEMO, sessionOf('p'));
  const told: Frame[] = [];
  hub.find(LIVE_DEMO)?.tap({
    name: 'test',
    onFrame: (frame) => {
      told.push(frame);
      rig.give(frame);
    },
    onState: () => undefined,
    onEnd: () => undefined,
  });
  let origin = begin;
  for (const group of groups) {
    rig.clock.advance(group.gap);
    origin += group.gap + group.step;
    let now = 0;
    for (const [ms, frame] of groupFrames(group, bFrames, (time) => (origin + time) >>> 0)) {
      rig.clock.advance(ms - now);
      now = ms;
      lease.write(frame);
    }
    rig.clock.advance(FRAME_MS);
    origin += PICTURES * FRAME_MS;
  }
  hub.close();
  await rig.end('off');
  return told.filter(({ isConfig }) => !isConfig);
}

/** Whether the beginning waits for sound: MP3 shows itself only behind the first picture. */
const soundOf = ({ groups }: Script): { readonly expectsAudio: boolean } => ({
  expectsAudio: groups.some(({ sound }) => sound !== 'none'),
});

interface Unit {
  readonly kind: string;
  readonly dts: number;
  readonly pts: number;
  readonly hex: string;
}

const unitOf = ({ kind, dts, pts, payload }: Frame): Unit => ({
  kind,
  dts,
  pts,
  hex: payload.toString('hex'),
});

/** The same access units in the same order, each at its time. `distance`: between two times, in ms. */
function compare(
  given: readonly Unit[],
  got: readonly Unit[],
  distance: (a: number, b: number) => number,
): void {
  for (const kind of ['video', 'audio']) {
    const from = given.filter((unit) => unit.kind === kind);
    const to = got.filter((unit) => unit.kind === kind);
    assert.deepEqual(
      to.map(({ hex }) => hex),
      from.map(({ hex }) => hex),
      kind,
    );
    const rounding = kind === 'video' ? 0.6 : SOUND_ROUNDING_MS;
    for (const [n, { dts, pts }] of to.entries()) {
      const sent = from[n] as Unit;
      const what = `${kind} ${n}: ${dts}/${pts}, not ${sent.dts}/${sent.pts}`;
      assert.ok(distance(dts, sent.dts) <= rounding && distance(pts, sent.pts) <= rounding, what);
    }
  }
}

async function tsTrip(script: Script): Promise<void> {
  const rig = await HlsRig.start({ windowMs: 3_600_000, ...soundOf(script) });
  try {
    await rig.publish();
    const told = await publish(rig, script);
    const { segments } = await rig.diskPlaylist();
    const got = demuxTs(segments.map(({ uri }) => rig.disk(uri)));
    const distance = (a: number, b: number): number => {
      const ticks = Math.abs((a - b) * 90) % TS_WRAP;
      return Math.min(ticks, TS_WRAP - ticks) / 90;
    };
    compare(told.map(unitOf), got.filter(({ isConfig }) => !isConfig).map(unitOf), distance);
  } finally {
    await rig.close();
  }
}

async function mp4Trip(script: Script): Promise<void> {
  const rig = await HlsRig.start({ windowMs: 3_600_000, ...soundOf(script), fmp4: true });
  try {
    await rig.publish();
    const told = await publish(rig, script);
    const got: Unit[] = [];
    for (const { uri, map } of (await rig.diskPlaylist()).segments) {
      const reader = new FragmentReader();
      reader.push(rig.disk(map?.uri ?? ''));
      for (const { trackId, dts, cts, payload } of reader.push(rig.disk(uri))) {
        const track = reader.movie?.tracks.find(({ id }) => id === trackId)?.track;
        assert.ok(track !== undefined);
        const msOf = (ticks: number): number => (ticks * 1_000) / track.timescale;
        const hex = payload.toString('hex');
        got.push({ kind: track.kind, dts: msOf(dts), pts: msOf(dts + cts), hex });
      }
    }
    compare(told.map(unitOf), got, (a, b) => Math.abs(a - b));
  } finally {
    await rig.close();
  }
}

const calm: Group = { step: 0, gap: 0, level: 31, sound: 'lc' };

const CASES: readonly { readonly what: string; readonly script: Script }[] = [
  ...[false, true].flatMap((bFrames) =>
    (['lc', 'he', 'mp3', 'none'] as const).map((sound) => ({
      what: `${bFrames ? 'with' : 'without'} B-frames, ${sound}`,
      script: { begin: 0, bFrames, groups: Array.from({ length: 3 }, () => ({ ...calm, sound })) },
    })),
  ),
  {
    what: 'over the end of 32 bits',
    script: { begin: 2 ** 32 - 3_000, bFrames: true, groups: [calm, calm, calm] },
  },
  {
    what: 'gaps and steps',
    script: {
      begin: 5_000,
      bFrames: true,
      groups: [
        calm,
        { ...calm, gap: 3_000 },
        { ...calm, gap: 40_000 },
        { ...calm, step: -4_000 },
        { ...calm, step: 90_000 },
      ],
    },
  },
  {
    what: 'other codecs',
    script: {
      begin: 0,
      bFrames: false,
      groups: [calm, { ...calm, sound: 'he' }, { ...calm, level: 32 }, { ...calm, level: 33 }],
    },
  },
];

/** What came of a publisher whose sound becomes another one behind the first picture of the second group. */
async function soundChanges(
  fmp4: boolean,
): Promise<{ readonly pictures: number; readonly lengths: number[] }> {
  const rig = await HlsRig.start({ windowMs: 3_600_000, fmp4 });
  try {
    await rig.publish();
    const groups = [calm, { ...calm, sound: 'mp3' as const }, { ...calm, sound: 'mp3' as const }];
    const told = await publish(rig, { begin: 0, bFrames: false, groups });
    const { segments } = await rig.diskPlaylist();
    assert.deepEqual(
      segments.map(({ discontinuity = false }) => discontinuity),
      [false, false, true],
    );
    let pictures = 0;
    for (const { uri, map } of segments) {
      if (map === undefined) {
        pictures += demuxTs([rig.disk(uri)]).filter(
          ({ kind, isConfig }) => kind === 'video' && !isConfig,
        ).length;
        continue;
      }
      const reader = new FragmentReader();
      reader.push(rig.disk(map.uri));
      const units = reader.push(rig.disk(uri));
      pictures += units.filter(({ trackId }) => trackId === 1).length;
    }
    assert.equal(told.filter(({ kind }) => kind === 'video').length, groups.length * PICTURES);
    return { pictures, lengths: segments.map(({ durationMs }) => Math.round(durationMs / 1_000)) };
  } finally {
    await rig.close();
  }
}

for (const fmp4 of [false, true]) {
  test(`other sound between keyframes costs no picture: it begins with the next one (fMP4: ${fmp4})`, async () => {
    assert.deepEqual(await soundChanges(fmp4), { pictures: 3 * PICTURES, lengths: [2, 2, 2] });
  });
}

const group = fc.record({
  step: fc.oneof(fc.constant(0), fc.integer({ min: -10_000, max: 100_000 })),
  gap: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 60_000 })),
  level: fc.constantFrom(31, 31, 32),
});

const script: fc.Arbitrary<Script> = fc
  .record({
    begin: fc.constantFrom(0, 777, 2 ** 32 - 3_000, 2 ** 31),
    bFrames: fc.boolean(),
    // A track that ends is not told, so sound there is, or is not.
    sounds: fc.oneof(
      fc.constantFrom<readonly Sound[]>(['none'], ['mp3']),
      fc.array(fc.constantFrom<Sound>('lc', 'he'), { minLength: 1, maxLength: 5 }),
    ),
    groups: fc.array(group, { minLength: 1, maxLength: 5 }),
  })
  .map(({ sounds, groups, ...rest }) => ({
    ...rest,
    groups: groups.map((one, n) => ({ ...one, sound: sounds[n % sounds.length] as Sound })),
  }));

for (const [container, trip] of [
  ['MPEG-TS', tsTrip],
  ['fragmented MP4', mp4Trip],
] as const) {
  suite(`Publisher → hub → HLS of ${container} → frames`, () => {
    for (const { what, script: fixed } of CASES) test(what, () => trip(fixed));

    test('whatever publishers do', () =>
      fc.assert(fc.asyncProperty(script, trip), {
        numRuns: 60,
        interruptAfterTimeLimit: 3_000,
        markInterruptAsFailure: false,
      }));
  });
}
