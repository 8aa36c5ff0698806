import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { FactsMeter } from '../../../../src/outputs/hls/facts.ts';
import { FloorClock } from '../../../../src/outputs/hls/floor-clock.ts';
import { SampleTimes } from '../../../../src/outputs/hls/sample-times.ts';
import { WallAnchor } from '../../../../src/outputs/hls/wall-anchor.ts';
import { aacConfig, aacFrame, avcConfig } from '../../../support/ts-frames.ts';

suite('What a master playlist tells', () => {
  test('the peak of what lasts half a target duration, and the average', () => {
    const meter = new FactsMeter(4_000);
    meter.begin({ video: avcConfig(0), audio: aacConfig(0) });
    assert.equal(meter.facts.bandwidth, 0);
    meter.segment(250_000, 2_000, 50);
    meter.segment(1_000_000, 2_000, 50);
    // Too short to count by itself.
    meter.segment(900_000, 500, 12);
    const { bandwidth, averageBandwidth, frameRate, codecs } = meter.facts;
    assert.equal(bandwidth, 4_000_000);
    assert.equal(averageBandwidth, Math.ceil((2_150_000 * 8) / 4.5));
    assert.ok(frameRate !== undefined);
    assert.match(codecs ?? '', /^avc1\.[0-9A-F]{6},mp4a\.40\.2$/);
  });

  test('a new run of segments is expected to have the rates of the one before, until it has its own', () => {
    const meter = new FactsMeter(4_000);
    meter.begin({ video: avcConfig(0), audio: aacConfig(0) });
    meter.segment(250_000, 2_000, 50);
    for (let i = 0; i < 2; i += 1) {
      meter.begin({ video: undefined, audio: aacConfig(0) });
      assert.equal(meter.facts.bandwidth, 1_000_000);
      assert.equal(meter.facts.codecs, 'mp4a.40.2');
    }
    meter.segment(25_000, 2_000, 0);
    assert.equal(meter.facts.bandwidth, 100_000);
  });
});

suite('Times of day', () => {
  test('hls_ts_floor: numbers follow each other, drift is made good, a jump of the clock is taken over', () => {
    const clock = new FloorClock(10_000);
    assert.equal(clock.next(1_000_000), 99);
    assert.equal(clock.next(1_010_000), 100);
    assert.equal(clock.correctionMs, -3_000);
    assert.equal(clock.timeOf(100), 1_000_000);
    // Segments were too short: the count is ahead of the time, so the next one is longer.
    for (let i = 0; i < 4; i += 1) clock.next(1_015_000);
    // Not by more, however much it is: that would be longer than the target duration.
    assert.equal(clock.correctionMs, 3_000);
    assert.equal(clock.next(9_000_000), 899);
    assert.equal(clock.next(1_000_000), 99);
  });

  test('hls_dts_directly off: times are counted, until the stream is a tenth of a second off', () => {
    const times = new SampleTimes();
    times.configure(aacConfig(0));
    const frameMs = times.at(aacFrame(1_000, 8)).dts === 1_000 ? times.at(aacFrame(1_021, 8)).dts - 1_000 : 0;
    assert.ok(frameMs > 20 && frameMs < 24, String(frameMs));
    assert.equal(times.at(aacFrame(1_044, 8)).dts, 1_000 + 2 * frameMs);
    assert.equal(times.at(aacFrame(1_044 + 21 + 90, 8)).dts, 1_000 + 3 * frameMs);
    assert.equal(times.at(aacFrame(5_000, 8)).dts, 5_000);
    assert.equal(times.at(aacFrame(5_021, 8)).dts, 5_000 + frameMs);
  });

  test('dates follow the stream by one anchor, until its clock is two seconds off', () => {
    const anchor = new WallAnchor();
    assert.equal(anchor.at(500, 1_000_000), 1_000_000);
    assert.equal(anchor.at(10_500, 1_011_900), 1_010_000);
    assert.equal(anchor.at(20_500, 1_022_100), 1_022_100);
    assert.equal(anchor.at(30_500, 1_032_000), 1_032_100);
    anchor.reset();
    assert.equal(anchor.at(0, 5_000), 5_000);
  });
});
