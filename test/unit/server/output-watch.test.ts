import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerError } from '../../../src/base/errors.ts';
import type { OutputFailed } from '../../../src/hub/output-events.ts';
import { OutputWatch } from '../../../src/server/output-watch.ts';
import { LIVE_DEMO, sessionOf } from '../../support/hub-fixtures.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { MemoryLogger } from '../../support/memory-logger.ts';

const FAILED: OutputFailed = {
  output: 'hls',
  name: LIVE_DEMO,
  session: sessionOf('a'),
  error: new ServerError('FILE_WRITE_FAILED', 'cannot write x.ts'),
  then: 'continues',
};

test('what fails again and again is told once a minute, with how often; observers and the count have all', () => {
  const clock = new ManualClock();
  const logger = new MemoryLogger();
  let heard = 0;
  const watch = new OutputWatch(clock, logger, [{ outputFailed: () => (heard += 1) }]);
  for (let i = 0; i < 5; i += 1) {
    watch.outputFailed(FAILED);
    clock.advance(10_000);
  }
  assert.equal(logger.lines.length, 1);
  clock.advance(10_000);
  watch.outputFailed(FAILED);
  assert.equal(logger.lines.length, 2);
  assert.match(logger.lines[1] ?? '', /^error \[a\] hls of .*\(4 more like it since the last line\)$/);
  assert.equal(heard, 6);
  assert.equal(watch.failures.total, 6);
});

test('another stream, output or code, and whoever stops, is told at once', () => {
  const logger = new MemoryLogger();
  const watch = new OutputWatch(new ManualClock(), logger, []);
  watch.outputFailed(FAILED);
  watch.outputFailed({ ...FAILED, output: 'dash' });
  watch.outputFailed({ ...FAILED, name: { ...LIVE_DEMO, stream: 'other' } });
  watch.outputFailed({ ...FAILED, error: new ServerError('FILE_TOO_SLOW', 'slow') });
  watch.outputFailed({ ...FAILED, then: 'stops' });
  watch.outputFailed({ ...FAILED, then: 'stops' });
  assert.equal(logger.lines.length, 6);
});
