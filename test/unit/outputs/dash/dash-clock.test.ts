import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame } from '../../../../src/media/frame.ts';
import { DashStage } from '../../../support/dash-stage.ts';
import { DashValidator } from '../../../support/dash-validator.ts';
import { aacConfig, avcConfig, picture, sound } from '../../../support/mp4-fixtures.ts';

const AUDIO_MS = 1024 / 44.1;
const FRAGMENT_MS = 4_000;

interface Publisher {
  readonly seconds: number;
  /** Its clock against ours, parts per million; negative is slow. */
  readonly ppm: number;
  /** How late the network delivers at most, ms. */
  readonly jitterMs?: number;
}

/** What one publication looked like to players that count from the wall clock. */
interface Seen {
  readonly periods: number;
  /** How long after their time segments were listed, ms. */
  readonly earliest: number;
  readonly latest: number;
}

/** The same each time, between 0 and 1. */
function* noise(): Generator<number, never> {
  for (let seed = 1; ; seed = (seed * 48_271) % 2_147_483_647) yield seed / 2_147_483_647;
}

/** Publishes at the pace of a clock that is not ours; each manifest is judged when it appears. */
async function publish(stage: DashStage, publisher: Publisher, from = 0): Promise<Seen> {
  const { seconds, ppm, jitterMs = 0 } = publisher;
  const pace = 1 + ppm / 1e6;
  const random = noise();
  const validator = new DashValidator(Number.MAX_SAFE_INTEGER);
  const periods = new Set<string>();
  let [earliest, latest] = [Infinity, -Infinity];
  let text = '';
  let spent = 0;
  let late = 0;
  stage.play([avcConfig(), aacConfig()]);
  let audio = 0;
  for (let i = 0; i < seconds * 25; i++) {
    const dts = from + i * 40;
    if (i % 25 === 0) late = random.next().value * jitterMs;
    // The wall clock at which this picture arrives.
    const at = (i * 40) / pace + late;
    if (at > spent) {
      stage.clock.advance(at - spent);
      spent = at;
    }
    stage.output.onFrame(picture(dts, 0, i % 50 === 0, 5));
    for (; audio * AUDIO_MS < (i + 1) * 40; audio++) {
      stage.output.onFrame(sound(from + Math.round(audio * AUDIO_MS), 3));
    }
    if (i % 50 !== 0) continue;
    if (i % 1_000 === 0) await stage.settle();
    const shown = stage.resources.find(stage.path('live/demo.mpd')) === undefined ? '' : stage.text();
    if (shown === text || shown === '') continue;
    text = shown;
    const mpd = validator.take(text);
    for (const { id } of mpd.periods) periods.add(id);
    const last = mpd.periods.at(-1);
    for (const { template } of last?.adaptationSets ?? []) {
      const run = template.timeline.at(-1);
      const end =
        (run?.time ?? 0) + (run?.duration ?? 0) * (run?.count ?? 0) - template.presentationTimeOffset;
      const availableMs =
        (mpd.availabilityStartTimeMs ?? 0) + (last?.startMs ?? 0) + (end * 1_000) / template.timescale;
      earliest = Math.min(earliest, stage.wall - availableMs);
      latest = Math.max(latest, stage.wall - availableMs);
    }
  }
  return { periods: periods.size, earliest, latest };
}

suite('the wall clock and the clocks of publishers', () => {
  const begin = async (): Promise<DashStage> => {
    const stage = new DashStage({ fragmentMs: FRAGMENT_MS });
    await stage.settle();
    stage.publish();
    return stage;
  };

  for (const ppm of [0, 200, -200]) {
    test(`an hour at ${ppm} ppm is one period, at most a second from its time`, async () => {
      const seen = await publish(await begin(), { seconds: 3_600, ppm });
      assert.equal(seen.periods, 1);
      assert.ok(seen.earliest > -1_000 && seen.latest < 1_000, JSON.stringify(seen));
    });
  }

  test('an hour over a network that delivers up to a second late', async () => {
    const seen = await publish(await begin(), { seconds: 3_600, ppm: 0, jitterMs: 900 });
    assert.equal(seen.periods, 1);
    assert.ok(seen.earliest > -1_000 && seen.latest < 1_000, JSON.stringify(seen));
  });

  test('a publisher that is 2000 ppm slow: players stay at the live edge by periods', async () => {
    const seen = await publish(await begin(), { seconds: 3_600, ppm: -2_000 });
    assert.ok(seen.periods >= 6 && seen.periods <= 9, JSON.stringify(seen));
    // A second until it is noticed, and what four segments lose.
    assert.ok(seen.latest < 1_200, JSON.stringify(seen));
  });

  test('the clock of the machine is set: forward begins a period, back keeps the order', async () => {
    const stage = await begin();
    await publish(stage, { seconds: 60, ppm: 0 });
    stage.skewMs = 5_000;
    const forward = await publish(stage, { seconds: 60, ppm: 0 }, 60_000);
    assert.equal(forward.periods, 2, JSON.stringify(forward));
    stage.skewMs = 0;
    const back = await publish(stage, { seconds: 60, ppm: 0 }, 120_000);
    assert.ok(back.earliest > -6_000, JSON.stringify(back));
  });

  test('a publisher faster than time: segments stay listed until their time has come', async () => {
    const stage = await begin();
    const frames: Frame[] = [];
    for (let i = 0; i < 600 * 25; i++) frames.push(picture(i * 40, 0, i % 50 === 0, 5));
    stage.play([avcConfig()]);
    for (const [i, frame] of frames.entries()) {
      if (i % 2 === 0) stage.clock.advance(40);
      stage.output.onFrame(frame);
    }
    await stage.settle();
    const mpd = stage.mpd();
    const [set] = mpd.periods[0]?.adaptationSets ?? [];
    const run = set?.template.timeline.at(-1);
    const end = ((run?.time ?? 0) + (run?.duration ?? 0) * (run?.count ?? 0)) / 90;
    const aheadMs = (mpd.availabilityStartTimeMs ?? 0) + end - stage.wall;
    assert.ok(aheadMs < 30_000, `${aheadMs} ms ahead`);
    assert.equal(mpd.periods.length, 1);
  });
});
