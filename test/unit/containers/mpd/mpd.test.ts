import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { ServerError } from '../../../../src/base/errors.ts';
import {
  expandTemplate,
  MAX_MPD_DEPTH,
  MAX_TIMELINE_SEGMENTS,
  MAX_XML_ATTRIBUTES,
  readMpd,
  TimelineWindow,
  writeMpd,
  type Mpd,
  type TimelineTrack,
  type TimelineWindowOptions,
} from '../../../../src/containers/mpd/index.ts';
import { DashValidator } from '../../../support/dash-validator.ts';

const VIDEO: TimelineTrack = {
  contentType: 'video',
  timescale: 90_000,
  initialization: '$RepresentationID$-init.mp4',
  media: '$RepresentationID$-$Number$.m4s',
  representation: {
    id: 'v<"&\'>',
    bandwidth: 1_000_000,
    mimeType: 'video/mp4',
    codecs: 'avc1.64001F',
    width: 1280,
    height: 720,
    frameRate: '30000/1001',
  },
};
const AUDIO: TimelineTrack = {
  contentType: 'audio',
  timescale: 44_100,
  initialization: 'a-init.mp4',
  media: 'a-$Time$.m4s',
  representation: {
    id: 'a',
    bandwidth: 128_000,
    mimeType: 'audio/mp4',
    codecs: 'mp4a.40.2',
    audioSamplingRate: 44_100,
    channels: 2,
  },
};
const OPTIONS: TimelineWindowOptions = {
  timeShiftBufferDepthMs: 60_000,
  minimumUpdatePeriodMs: 2000,
  minBufferTimeMs: 2000,
  suggestedPresentationDelayMs: 8000,
  utcTiming: { schemeIdUri: 'urn:mpeg:dash:utc:direct:2014', value: 'x' },
};
const WALL = 1_700_000_000_000;

const fails = (code: string) => (error: unknown) => error instanceof ServerError && error.code === code;

suite('manifests', () => {
  test('a live one has what ISO/IEC 23009-1 wants, runs folded, names escaped', () => {
    const window = new TimelineWindow(OPTIONS);
    window.beginPeriod([VIDEO], 1000);
    for (let i = 0; i < 3; i++) window.add(0, 90_000 + i * 180_000, 180_000, WALL + (i + 1) * 2000);
    window.add(0, 640_000, 90_000, WALL + 7000);
    assert.equal(
      writeMpd(window.mpd()),
      `<?xml version="1.0" encoding="utf-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="dynamic" availabilityStartTime="2023-11-14T22:13:20.000Z" publishTime="2023-11-14T22:13:27.000Z" minimumUpdatePeriod="PT2.000S" timeShiftBufferDepth="PT60.000S" suggestedPresentationDelay="PT8.000S" maxSegmentDuration="PT2.000S" minBufferTime="PT2.000S">
  <Period id="p0" start="PT0.000S">
    <AdaptationSet id="0" contentType="video" segmentAlignment="true" startWithSAP="1">
      <SegmentTemplate timescale="90000" presentationTimeOffset="90000" startNumber="1" initialization="$RepresentationID$-init.mp4" media="$RepresentationID$-$Number$.m4s">
        <SegmentTimeline>
          <S t="90000" d="180000" r="2"/>
          <S t="640000" d="90000"/>
        </SegmentTimeline>
      </SegmentTemplate>
      <Representation id="v&lt;&quot;&amp;&apos;&gt;" mimeType="video/mp4" codecs="avc1.64001F" bandwidth="1000000" width="1280" height="720" frameRate="30000/1001"/>
    </AdaptationSet>
  </Period>
  <UTCTiming schemeIdUri="urn:mpeg:dash:utc:direct:2014" value="x"/>
</MPD>
`,
    );
  });

  test('what is written is read back', () => {
    const window = new TimelineWindow(OPTIONS);
    window.beginPeriod([VIDEO, AUDIO], 0);
    window.add(0, 0, 180_000, WALL);
    window.add(1, 0, 88_064, WALL);
    window.add(1, 88_064, 88_064, WALL);
    const live = window.mpd();
    assert.deepEqual(readMpd(writeMpd(live)), live);
    window.end();
    const over = window.mpd();
    assert.equal(over.type, 'static');
    assert.deepEqual(readMpd(Buffer.from(writeMpd(over))), over);
  });

  test('any name survives, but what XML cannot hold', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        const mpd: Mpd = {
          type: 'static',
          minBufferTimeMs: 0,
          periods: [{ id: name, startMs: 0, adaptationSets: [] }],
        };
        const [period] = readMpd(writeMpd(mpd)).periods;
        assert.equal(period?.id, name.replace(/[\u0000-\u001f\ufffe\uffff]|\p{Surrogate}/gu, '\ufffd'));
      }),
    );
  });

  test('the end is static, from zero, with the offset of what has left the window', () => {
    const window = new TimelineWindow(OPTIONS);
    window.beginPeriod([VIDEO], 0);
    for (let i = 0; i < 100; i++) window.add(0, i * 180_000, 180_000, WALL + (i + 1) * 2000);
    window.end();
    const mpd = new DashValidator(0).take(writeMpd(window.mpd()));
    assert.equal(mpd.mediaPresentationDurationMs, 60_000);
    const [period] = mpd.periods;
    const offset = period?.adaptationSets[0]?.template.presentationTimeOffset;
    assert.deepEqual([period?.startMs, offset], [0, 70 * 180_000]);
    window.beginPeriod([VIDEO], 0);
    window.add(0, 0, 180_000, WALL + 300_000);
    assert.equal(window.mpd().type, 'dynamic');
  });

  test('templates', () => {
    const values = { representationId: 'r', number: 7, time: 90_000, bandwidth: 5 };
    const cases = [
      ['$RepresentationID$-$Number$.m4s', 'r-7.m4s'],
      ['$Number%05d$_$Time$_$Bandwidth$', '00007_90000_5'],
      ['$$x$Unknown$', '$x$Unknown$'],
    ] as const;
    for (const [template, want] of cases) assert.equal(expandTemplate(template, values), want);
  });
});

const nested = (n: number): string => `${'<a>'.repeat(n)}${'</a>'.repeat(n)}`;
const timeline = (s: string): string =>
  `<MPD><Period><AdaptationSet contentType="video"><SegmentTemplate media="m"><SegmentTimeline>${s}</SegmentTimeline></SegmentTemplate></AdaptationSet></Period></MPD>`;

suite('manifests that are refused', () => {
  const cases: readonly (readonly [string, string, string?])[] = [
    ['nothing', ''],
    ['another root', '<a/>'],
    ['a document type', '<!DOCTYPE MPD [<!ENTITY a "b">]><MPD/>'],
    ['an unknown entity', '<MPD type="&a;"/>'],
    ['an impossible character', '<MPD type="&#x110000;"/>'],
    ['an open element', '<MPD>'],
    ['elements that cross', '<MPD><Period></MPD></Period>'],
    ['two roots', '<MPD/><MPD/>'],
    ['text behind the root', '<MPD/>x'],
    ['an attribute twice', '<MPD type="static" type="static"/>'],
    ['an open comment', '<MPD><!-- </MPD>'],
    ['a bad duration', '<MPD minBufferTime="P"/>'],
    ['a bad date', '<MPD publishTime="now"/>'],
    ['an unknown type', '<MPD type="live"/>'],
    ['no timeline', '<MPD><Period><AdaptationSet contentType="video"/></Period></MPD>'],
    ['a segment without duration', timeline('<S t="0"/>')],
    ['an open repetition', timeline('<S d="1" r="-1"/>')],
    ['a time beyond 2^53', timeline('<S t="9007199254740990" d="9"/>')],
    ['too deep', nested(MAX_MPD_DEPTH + 1), 'PLAYLIST_TOO_LARGE'],
    ['too many segments', timeline(`<S d="1" r="${MAX_TIMELINE_SEGMENTS}"/>`), 'PLAYLIST_TOO_LARGE'],
    ['too many elements', `<MPD>${'<a/>'.repeat(200_000)}</MPD>`, 'PLAYLIST_TOO_LARGE'],
    ['too long', ' '.repeat(8 * 1024 * 1024 + 1), 'PLAYLIST_TOO_LARGE'],
    [
      'too many attributes',
      `<MPD ${Array.from({ length: MAX_XML_ATTRIBUTES + 1 }, (_, i) => `a${i}=""`).join(' ')}/>`,
      'PLAYLIST_TOO_LARGE',
    ],
  ];
  for (const [name, text, code = 'MPD_INVALID'] of cases) {
    test(name, () => {
      assert.throws(() => readMpd(text), fails(code));
    });
  }

  test('a manifest cut anywhere, and a journal cut anywhere', () => {
    const window = new TimelineWindow(OPTIONS);
    window.beginPeriod([VIDEO, AUDIO], 0);
    window.add(0, 0, 180_000, WALL);
    const text = writeMpd(window.mpd()).trimEnd();
    for (let i = 0; i < text.length; i++)
      assert.throws(() => readMpd(text.slice(0, i)), fails('MPD_INVALID'));
    const journal = window.journal(WALL);
    for (let i = 0; i < journal.length; i++) {
      assert.throws(() => TimelineWindow.restore(journal.slice(0, i), OPTIONS, 0), fails('MPD_INVALID'));
    }
  });
});

suite('the live window', () => {
  test('lists nothing that goes back, and shortens what would overlap', () => {
    const window = new TimelineWindow(OPTIONS);
    assert.equal(window.add(0, 0, 100, WALL), undefined);
    window.beginPeriod([VIDEO], 0);
    assert.equal(window.add(0, 100, 100, WALL), 1);
    assert.equal(window.add(0, 100, 100, WALL), undefined);
    assert.equal(window.add(1, 100, 100, WALL), undefined);
    assert.equal(window.add(0, 150, 100, WALL), 2);
    assert.deepEqual(window.mpd().periods[0]?.adaptationSets[0]?.template.timeline, [
      { time: 100, duration: 50, count: 1 },
      { time: 150, duration: 100, count: 1 },
    ]);
  });

  test('a period that is over says how long its media are: nobody waits in the time when nobody published', () => {
    const window = new TimelineWindow(OPTIONS);
    window.beginPeriod([VIDEO, AUDIO], 0);
    for (const i of [0, 1]) {
      window.add(0, i * 180_000, 180_000, WALL + 2000 * (i + 1));
      window.add(1, i * 88_200, 85_000, WALL + 2000 * (i + 1));
    }
    assert.equal(window.mpd().periods[0]?.durationMs, undefined, 'it may go on');
    window.beginPeriod([VIDEO], 0);
    assert.equal(window.mpd().periods[0]?.durationMs, undefined, 'nothing follows yet');
    const bounds = (): readonly (readonly (number | undefined)[])[] =>
      window.mpd().periods.map(({ startMs, durationMs }) => [startMs, durationMs]);
    window.add(0, 0, 180_000, WALL + 11_000);
    assert.deepEqual(bounds(), [
      [0, 4000],
      [9000, undefined],
    ]);
    assert.deepEqual(readMpd(writeMpd(window.mpd())), window.mpd());
    // By now the first segment has left the window, which counts from zero once it is over.
    for (let i = 1; i < 27; i++) window.add(0, i * 180_000, 180_000, WALL + 11_000 + i * 2000);
    window.end();
    assert.deepEqual(bounds(), [
      [0, 2000],
      [7000, undefined],
    ]);
  });

  test('gives files away an update period and a segment after they left', () => {
    const window = new TimelineWindow(OPTIONS);
    window.beginPeriod([AUDIO], 0);
    for (let i = 0; i < 31; i++) window.add(0, i * 88_200, 88_200, WALL + (i + 1) * 2000);
    assert.deepEqual(window.takeExpired(WALL + 62_000 + 3999), []);
    assert.deepEqual(window.takeExpired(WALL + 62_000 + 4000), ['a-0.m4s']);
  });

  test('an hour with clocks that drift, republishes, restarts and steps of the clock keeps every rule', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 30 }), (start) => {
        let seed = start;
        const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
        const validator = new DashValidator(2500);
        let window = new TimelineWindow(OPTIONS);
        let now = WALL;
        const origin = random(2 ** 33);
        let v = Math.round(origin * 90);
        let a = Math.round(origin * 44.1);
        window.beginPeriod([VIDEO, AUDIO], origin);
        const drift = random(200) - 100; // ppm
        for (let i = 0; i < 1800; i++) {
          if (random(400) === 0) {
            if (random(2) === 0) window = TimelineWindow.restore(window.journal(now), OPTIONS, now);
            now += random(20_000);
            const again = random(2 ** 33);
            v = Math.round(again * 90);
            a = Math.round(again * 44.1);
            window.beginPeriod([VIDEO, AUDIO], again);
          }
          now += 2000 * (1 + drift / 1e6);
          window.add(0, v, 180_000, now);
          v += 180_000;
          const frames = (86 + (i % 8 === 0 ? 1 : 0)) * 1024; // 2 s are 86.13 frames of 1024 samples.
          window.add(1, a, frames, now);
          a += frames;
          const mpd = validator.take(writeMpd(window.mpd()), now);
          assert.ok(mpd.periods.length <= 40);
        }
      }),
      { numRuns: 4 },
    );
  });

  test('times are exact after an hour: no unit is ever converted and added', () => {
    const window = new TimelineWindow(OPTIONS);
    window.beginPeriod([VIDEO], 0);
    for (let i = 0; i < 1798; i++) window.add(0, i * 180_180, 180_180, WALL + (i + 1) * 2002);
    const { periods, availabilityStartTimeMs } = window.mpd();
    const { timeline: runs } = periods[0]?.adaptationSets[0]?.template ?? { timeline: [] };
    assert.equal(runs.length, 1);
    assert.equal((runs[0]?.time ?? 0) + (runs[0]?.duration ?? 0) * (runs[0]?.count ?? 0), 1798 * 180_180);
    assert.equal(availabilityStartTimeMs, WALL);
  });

  test('a clock set back does not make periods overlap, and time of publishing never goes back', () => {
    const window = new TimelineWindow(OPTIONS);
    const validator = new DashValidator(Infinity);
    window.beginPeriod([VIDEO], 0);
    for (let i = 0; i < 5; i++) window.add(0, i * 180_000, 180_000, WALL + (i + 1) * 2000);
    validator.take(writeMpd(window.mpd()));
    window.beginPeriod([VIDEO], 0);
    window.add(0, 0, 180_000, WALL - 3_600_000);
    const mpd = validator.take(writeMpd(window.mpd()));
    assert.deepEqual(
      mpd.periods.map(({ startMs }) => startMs),
      [0, 10_000],
    );
    assert.equal(mpd.periods[1]?.adaptationSets[0]?.template.startNumber, 6);
  });

  test('stays bounded when segments last no time and periods follow each other at once', () => {
    const window = new TimelineWindow({ ...OPTIONS, timeShiftBufferDepthMs: 1e12 });
    for (let i = 0; i < 1100; i++) {
      window.beginPeriod([VIDEO], 0);
      window.add(0, 0, 1, WALL + i);
    }
    assert.ok(window.mpd().periods.length <= 1001);
  });
});
