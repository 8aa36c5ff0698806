import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { ServerError } from '../../../../src/base/errors.ts';
import {
  deltaUpdate,
  MAX_WINDOW_SEGMENTS,
  readMediaPlaylist,
  SegmentWindow,
  writeMediaPlaylist,
  type SegmentWindowOptions,
} from '../../../../src/containers/m3u8/index.ts';
import { HlsValidator } from '../../../support/hls-validator.ts';

const OPTIONS: SegmentWindowOptions = { fragmentMs: 10_000, targetRatio: 1.5, windowMs: 60_000 };
const HOUR = 3_600_000;

const add = (window: SegmentWindow, durationMs: number, nowMs = 0): number =>
  window.add({ uri: `s-${window.nextSequence}.ts`, durationMs }, nowMs);

const numbers = (window: SegmentWindow): number[] =>
  window.playlist().segments.map(({ uri }) => Number(/\d+/.exec(uri)?.[0]));

suite('the window', () => {
  test('keeps hls_window seconds and counts what left', () => {
    const window = new SegmentWindow(OPTIONS);
    for (let i = 0; i < 9; i++) assert.equal(add(window, 10_000), i);
    assert.deepEqual(numbers(window), [3, 4, 5, 6, 7, 8]);
    assert.equal(window.playlist().mediaSequence, 3);
    assert.equal(window.playlist().targetDurationSec, 15);
  });

  test('never holds less than three target durations, however small hls_window is (RFC 8216, 6.2.2)', () => {
    const window = new SegmentWindow({ ...OPTIONS, windowMs: 1000 });
    for (let i = 0; i < 20; i++) add(window, 10_000);
    assert.equal(window.playlist().segments.length, 5); // 50 s; four would be less than 45 s.
  });

  test('a segment over the target raises it once and for good', () => {
    const window = new SegmentWindow(OPTIONS);
    assert.equal(window.maxSegmentMs, 15_499);
    add(window, 15_499);
    assert.equal(window.targetDurationSec, 15);
    add(window, 15_500);
    assert.equal(window.targetDurationSec, 16);
    add(window, 31_499.6); // Shown as 31.500, which rounds to 32.
    assert.equal(window.targetDurationSec, 32);
    for (let i = 0; i < 50; i++) add(window, 5000);
    assert.equal(window.targetDurationSec, 32);
  });

  test('a discontinuity is counted when its segment leaves, not before', () => {
    const window = new SegmentWindow(OPTIONS);
    add(window, 10_000);
    window.markDiscontinuity();
    for (let i = 1; i < 7; i++) add(window, 10_000);
    assert.equal(window.playlist().segments[0]?.discontinuity, true); // Segment 1 is the first now.
    assert.equal(window.playlist().discontinuitySequence, 0);
    add(window, 10_000);
    assert.equal(window.playlist().discontinuitySequence, 1);
  });

  test('the first segment of all has nothing to be discontinuous with', () => {
    const window = new SegmentWindow(OPTIONS);
    window.markDiscontinuity();
    add(window, 10_000);
    add(window, 10_000);
    assert.deepEqual(
      window.playlist().segments.map(({ discontinuity }) => discontinuity),
      [undefined, undefined],
    );
  });

  test('files stay for their duration and that of the longest playlist they were in (RFC 8216, 6.2.2)', () => {
    const window = new SegmentWindow(OPTIONS);
    for (let i = 0; i < 6; i++) add(window, 10_000, i * 10_000);
    add(window, 10_000, 60_000); // s-0 leaves; it was in playlists of 60 s at most.
    assert.deepEqual(window.takeExpired(60_000 + 69_999).segments, []);
    assert.deepEqual(window.takeExpired(60_000 + 70_000).segments, ['s-0.ts']);
    assert.deepEqual(window.takeExpired(10 * HOUR).segments, []);
  });

  test('maps and keys go with the last segment that needs them; a name in use is never given away', () => {
    const window = new SegmentWindow(OPTIONS);
    const key = (n: number) => ({ method: 'AES-128' as const, uri: `${n}.key` });
    for (let i = 0; i < 8; i++) {
      window.add(
        { uri: `s-${i}.m4s`, durationMs: 10_000, key: key(i >> 1), map: { uri: i < 4 ? 'a.mp4' : 'b.mp4' } },
        i * 10_000,
      );
    }
    assert.deepEqual(window.takeExpired(HOUR), {
      segments: ['s-0.m4s', 's-1.m4s'],
      maps: [],
      keys: ['0.key'],
    });
    for (let i = 8; i < 12; i++) {
      window.add({ uri: 's-2.m4s', durationMs: 10_000, map: { uri: 'b.mp4' } }, i * 10_000);
    }
    assert.deepEqual(window.takeExpired(2 * HOUR), {
      segments: ['s-3.m4s', 's-4.m4s', 's-5.m4s'],
      maps: ['a.mp4'],
      keys: ['1.key', '2.key'],
    });
  });

  test('segments without duration do not grow it without end', () => {
    const window = new SegmentWindow(OPTIONS);
    for (let i = 0; i < MAX_WINDOW_SEGMENTS + 5; i++) add(window, i % 2 === 0 ? 0 : Number.NaN);
    assert.equal(window.playlist().segments.length, MAX_WINDOW_SEGMENTS);
    assert.equal(window.playlist().mediaSequence, 5);
  });

  test('the playlist is the same object until something changes', () => {
    const window = new SegmentWindow(OPTIONS);
    add(window, 10_000);
    const before = window.playlist();
    assert.equal(window.playlist(), before);
    add(window, 10_000);
    assert.notEqual(window.playlist(), before);
  });

  test('an ended playlist says so, and goes on when a publisher comes back', () => {
    const window = new SegmentWindow(OPTIONS);
    add(window, 10_000);
    window.end();
    assert.match(writeMediaPlaylist(window.playlist()), /#EXT-X-ENDLIST\n$/);
    add(window, 10_000);
    assert.doesNotMatch(writeMediaPlaylist(window.playlist()), /ENDLIST/);
    assert.equal(window.playlist().segments[1]?.discontinuity, true);
  });
});

suite('the journal', () => {
  const key = { method: 'AES-128' as const, uri: 'a.key', iv: '000102030405060708090a0b0c0d0e0f' };

  test('continues sequence, discontinuities, target and what is still to be deleted', () => {
    const before = new SegmentWindow(OPTIONS);
    for (let i = 0; i < 9; i++) {
      before.add(
        {
          uri: `s-${i}.ts`,
          durationMs: i === 1 ? 20_000 : 10_000,
          title: 't',
          key,
          map: { uri: 'i.mp4', byteRange: { length: 9, offset: 0 } },
          programDateTimeMs: 1e12 + i,
        },
        i * 10_000,
      );
    }
    const after = SegmentWindow.restore(before.journal(90_000), OPTIONS, 5_000_000);
    assert.deepEqual(after.playlist(), before.playlist());
    assert.equal(after.nextSequence, 9);
    add(after, 10_000, 5_000_000);
    const { segments, targetDurationSec } = after.playlist();
    assert.equal(segments.at(-1)?.discontinuity, true);
    assert.equal(targetDurationSec, 20);
    assert.deepEqual(after.takeExpired(5_000_000).segments, []);
    assert.deepEqual(after.takeExpired(5_100_000).segments.slice(0, 3), ['s-0.ts', 's-1.ts', 's-2.ts']);
  });

  test('a playlist alone is enough to continue its numbers', () => {
    const before = new SegmentWindow(OPTIONS);
    for (let i = 0; i < 9; i++) add(before, 10_000);
    const text = writeMediaPlaylist(before.playlist());
    const after = SegmentWindow.resume(readMediaPlaylist(text), OPTIONS);
    assert.equal(writeMediaPlaylist(after.playlist()), text);
    assert.equal(add(after, 10_000), 9);
  });

  const BROKEN = [
    '',
    'null',
    '[]',
    '{}',
    '{"version":2}',
    '{"version":1,"targetDurationSec":-1}',
    '{"version":1,"targetDurationSec":1e300}',
    '{"version":1,"targetDurationSec":1,"mediaSequence":"1"}',
    '{"version":1,"targetDurationSec":1,"mediaSequence":1,"discontinuitySequence":0,"segments":[{}],"retired":[]}',
    '{"version":1,"targetDurationSec":1,"mediaSequence":1,"discontinuitySequence":0,"segments":[],"retired":[{"uris":[1],"keepMs":0}]}',
  ];
  for (const journal of BROKEN) {
    test(`is refused when broken: ${journal}`, () => {
      assert.throws(
        () => SegmentWindow.restore(journal, OPTIONS, 0),
        (error) => error instanceof ServerError && error.code === 'M3U8_INVALID',
      );
    });
  }

  test('is refused when cut anywhere', () => {
    const window = new SegmentWindow(OPTIONS);
    window.add({ uri: 'a', durationMs: 1, key, parts: [{ uri: 'p', durationMs: 1 }] }, 0);
    const journal = window.journal(0);
    for (let i = 0; i < journal.length; i++) {
      assert.throws(() => SegmentWindow.restore(journal.slice(0, i), OPTIONS, 0), ServerError);
    }
  });
});

type Step =
  readonly ['add', number, boolean] | readonly ['republish'] | readonly ['restart'] | readonly ['lost'];

const STEP: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.tuple(fc.constant('add' as const), fc.integer({ min: 0, max: 15_499 }), fc.boolean()),
  },
  { weight: 2, arbitrary: fc.constant(['republish'] as const) },
  { weight: 1, arbitrary: fc.constant(['restart'] as const) },
  { weight: 1, arbitrary: fc.constant(['lost'] as const) },
);

suite('successive playlists', () => {
  test('obey the rules over segments, discontinuities, republishes and restarts', () => {
    fc.assert(
      fc.property(
        fc.array(STEP, { maxLength: 120 }),
        fc.integer({ min: 0, max: 90_000 }),
        (steps, windowMs) => {
          const options = { ...OPTIONS, windowMs };
          const validator = new HlsValidator();
          let window = new SegmentWindow(options);
          let now = 0;
          for (const step of steps) {
            if (step[0] === 'add') {
              now += step[1];
              if (step[2]) window.markDiscontinuity();
              const map = { uri: `i${now % 3}.mp4` };
              window.add({ uri: `s-${window.nextSequence}.ts`, durationMs: step[1], map }, now);
              validator.take(writeMediaPlaylist(window.playlist()));
            } else if (step[0] === 'republish') {
              window.markDiscontinuity();
            } else if (step[0] === 'restart') {
              window = SegmentWindow.restore(window.journal(now), options, 0);
              now = 0;
              validator.take(writeMediaPlaylist(window.playlist()));
            } else {
              const text = writeMediaPlaylist(window.playlist());
              window = SegmentWindow.resume(readMediaPlaylist(text), options);
            }
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  test('obey them with segments over the target, which raise it and nothing else', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 120_000 }), { maxLength: 60 }), (durations) => {
        const validator = new HlsValidator({ mayRaiseTarget: true });
        const window = new SegmentWindow(OPTIONS);
        for (const duration of durations) {
          add(window, duration);
          validator.take(writeMediaPlaylist(window.playlist()));
        }
      }),
    );
  });

  test('obey them for a day with republishes, restarts and a clock that jumps; the disk stays bounded', () => {
    const validator = new HlsValidator();
    const options = { ...OPTIONS, fragmentMs: 4000, targetRatio: 1.5, windowMs: 30_000 };
    let window = new SegmentWindow(options);
    const files = new Set<string>();
    let most = 0;
    let seed = 1;
    const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
    let wall = 1.7e12;
    for (let now = 0; now < 24 * HOUR;) {
      const durationMs = 3500 + random(2500);
      now += durationMs;
      wall += durationMs + (random(500) === 0 ? random(7_200_000) - 3_600_000 : 0);
      if (random(300) === 0) window.markDiscontinuity();
      if (random(1000) === 0) window = SegmentWindow.restore(window.journal(now), options, now);
      const uri = `s-${window.nextSequence}.ts`;
      files.add(uri);
      window.add({ uri, durationMs, programDateTimeMs: wall }, now);
      const { segments } = validator.take(writeMediaPlaylist(window.playlist()));
      for (const gone of window.takeExpired(now).segments) assert.ok(files.delete(gone), gone);
      for (const segment of segments) assert.ok(files.has(segment.uri), `${segment.uri} is listed but gone`);
      most = Math.max(most, files.size);
    }
    assert.ok(window.nextSequence > 15_000);
    assert.ok(most <= 40, `${most} files at once`);
  });
});

suite('low latency', () => {
  const options = { fragmentMs: 4000, targetRatio: 1, windowMs: 40_000, partTargetMs: 500 };

  /** One segment of eight parts, with the validator behind every part. */
  function segment(window: SegmentWindow, validator: HlsValidator): void {
    const sequence = window.nextSequence;
    const map = { uri: 'init.mp4' };
    window.begin({ map });
    for (let i = 0; i < 8; i++) {
      window.addPart({ uri: `s-${sequence}.${i}.m4s`, durationMs: 500, independent: i % 4 === 0 });
      window.setHints(
        [{ type: 'PART', uri: `s-${sequence}.${i + 1}.m4s` }],
        [{ uri: 'b.m3u8', lastMsn: sequence }],
      );
      validator.take(writeMediaPlaylist(window.playlist()));
    }
    window.add({ uri: `s-${sequence}.m4s`, durationMs: 4000, map }, sequence * 4000);
    validator.take(writeMediaPlaylist(window.playlist()));
  }

  test('parts obey the rules, over a republish too', () => {
    const window = new SegmentWindow(options);
    const validator = new HlsValidator();
    for (let i = 0; i < 20; i++) {
      segment(window, validator);
      if (i === 10) {
        window.addPart({ uri: 'half', durationMs: 500 });
        window.abandon();
        assert.equal(window.partCount, 0);
      }
    }
    assert.equal(window.playlist().discontinuitySequence + 0, 0);
    assert.equal(window.playlist().segments.filter(({ discontinuity }) => discontinuity === true).length, 1);
  });

  test('a delta update skips what is older than six targets and tells the map again', () => {
    const window = new SegmentWindow(options);
    for (let i = 0; i < 20; i++) segment(window, new HlsValidator());
    const full = window.playlist();
    const delta = deltaUpdate(full);
    assert.ok(delta !== undefined);
    const text = writeMediaPlaylist(delta);
    assert.match(text, /^#EXT-X-SKIP:SKIPPED-SEGMENTS=4$/m);
    assert.match(text, /^#EXT-X-VERSION:9$/m);
    assert.match(text, /^#EXT-X-MAP:URI="init.mp4"$/m);
    assert.equal(readMediaPlaylist(text).mediaSequence, full.mediaSequence);
    assert.deepEqual(delta.segments, full.segments.slice(4));
    assert.match(writeMediaPlaylist(full), /^#EXT-X-VERSION:9$/m);
    assert.equal(deltaUpdate(new SegmentWindow(options).playlist()), undefined);
    assert.equal(deltaUpdate(new SegmentWindow(OPTIONS).playlist()), undefined);
  });
});
