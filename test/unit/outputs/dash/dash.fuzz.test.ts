import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Frame } from '../../../../src/media/frame.ts';
import { DashStage } from '../../../support/dash-stage.ts';
import { DashValidator } from '../../../support/dash-validator.ts';
import { aacConfig, avcConfig, picture, sound } from '../../../support/mp4-fixtures.ts';

/** One thing that a publisher does. */
const ACTION = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ kind: fc.constant('play' as const), ms: fc.integer({ min: 40, max: 9_000 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('gap' as const), ms: fc.integer({ min: 1, max: 90_000 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('jump' as const),
      ms: fc.integer({ min: -90_000, max: 90_000 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('video codec' as const), ms: fc.integer({ min: 0, max: 255 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('audio codec' as const), ms: fc.integer({ min: 3, max: 6 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('republish' as const),
      ms: fc.integer({ min: 0, max: 20_000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('restart' as const), ms: fc.integer({ min: 0, max: 20_000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('clock' as const),
      ms: fc.integer({ min: -5_000, max: 60_000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('keyless' as const), ms: fc.integer({ min: 40, max: 30_000 }) }),
  },
);

test('whatever a publisher does, manifests keep the rules and name segments that begin where they say', async () => {
  const property = fc.asyncProperty(
    fc.array(ACTION, { maxLength: 30 }),
    fc.constantFrom<readonly ('video' | 'audio')[]>(['video', 'audio'], ['video'], ['audio']),
    fc.integer({ min: 500, max: 6_000 }),
    async (actions, kinds, fragmentMs) => {
      const stage = new DashStage({ fragmentMs, timeshiftMs: 3_600_000 });
      await stage.settle();
      let validator = new DashValidator(Number.MAX_SAFE_INTEGER);
      let startMs: number | undefined;
      const judge = (): void => {
        const mpd = stage.mpd();
        // Only a publisher that is far ahead of the clock moves it.
        if (mpd.type === 'dynamic') {
          if (startMs !== undefined && (mpd.availabilityStartTimeMs ?? 0) < startMs - 5_000) {
            validator = new DashValidator(Number.MAX_SAFE_INTEGER);
          }
          startMs = mpd.availabilityStartTimeMs;
        }
        validator.take(stage.text());
      };
      const sent = new Map<string, number>();
      let at = 0;
      let count = 0;
      const records = { video: avcConfig(), audio: aacConfig() };
      const configs = (): Frame[] => kinds.map((kind) => records[kind].at(at));
      const play = (ms: number, keyEvery: number): void => {
        const frames: Frame[] = [];
        for (const end = at + ms; at < end; at += 40) {
          count += 1;
          // Bytes that tell the frames apart.
          const size = 9 + (count % 200);
          if (kinds.includes('video')) {
            frames.push(picture(at, count % 3 === 0 ? 80 : 40, count % keyEvery === 0, size));
          }
          if (kinds.includes('audio')) frames.push(sound(at, size));
        }
        for (const frame of frames) {
          const key = `${frame.kind} ${frame.payload.toString('hex')}`;
          sent.set(key, (sent.get(key) ?? 0) + 1);
        }
        stage.play(frames);
      };
      stage.publish();
      stage.play(configs(), at);
      for (const { kind, ms } of actions) {
        if (kind === 'play') play(ms, 25);
        else if (kind === 'keyless') play(ms, 1_000_000);
        else if (kind === 'jump') at = Math.max(0, at + ms);
        else if (kind === 'clock') stage.skewMs = Math.max(stage.skewMs, ms);
        else if (kind === 'gap') {
          stage.clock.advance(ms);
          at += ms;
        } else if (kind === 'video codec' || kind === 'audio codec') {
          if (kind === 'video codec') records.video = avcConfig(4, ms);
          else records.audio = aacConfig(ms);
          stage.play(configs(), at);
        } else {
          if (kind === 'restart') await stage.restart(ms % 2 === 0);
          else stage.output.onState('waiting', 1);
          stage.clock.advance(ms);
          stage.publish();
          stage.play(configs(), at);
        }
        await stage.settle();
        if (stage.disk.files.has(stage.path('live/demo.mpd'))) judge();
      }
      stage.output.onEnd('gone');
      await stage.output.close();
      if (!stage.disk.files.has(stage.path('live/demo.mpd'))) return;
      judge();
      for (const { kind, units } of stage.read()) {
        for (const { payload } of units) {
          const key = `${kind} ${payload.toString('hex')}`;
          const left = sent.get(key) ?? 0;
          assert.ok(left > 0, `${kind} that was not sent, or twice`);
          sent.set(key, left - 1);
        }
      }
      assert.deepEqual(stage.failures, []);
    },
  );
  await fc.assert(property, {
    includeErrorInReport: true,
    interruptAfterTimeLimit: 2_000,
    markInterruptAsFailure: false,
  });
});
