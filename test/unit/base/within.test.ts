import assert from 'node:assert/strict';
import { test } from 'node:test';
import { within } from '../../../src/base/within.ts';
import { ManualClock } from '../../support/manual-clock.ts';

test('what is done in time is waited for, and nothing is left of the clock', async () => {
  const clock = new ManualClock();
  assert.equal(await within(clock, 100, Promise.resolve('done')), true);
  await assert.rejects(() => within(clock, 100, Promise.reject(new Error('broken'))), /broken/);
  assert.equal(clock.pending, 0);
});

test('what is not done in time is left', async () => {
  const clock = new ManualClock();
  const waiting = within(clock, 100, new Promise(() => undefined));
  clock.advance(100);
  assert.equal(await waiting, false);
});
