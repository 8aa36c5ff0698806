import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AUTH_WINDOW_MS,
  AuthFailures,
  MAX_AUTH_ADDRESSES,
  MAX_AUTH_FAILURES,
} from '../../../../src/control/api/auth-failures.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

test('an address waits after too many failures until its window ends, and no other address does', () => {
  const clock = new ManualClock();
  const failures = new AuthFailures(clock);
  for (let i = 1; i < MAX_AUTH_FAILURES; i += 1) failures.add('10.0.0.1', 'own');
  assert.equal(failures.waitSeconds('10.0.0.1', 'own'), 0);
  clock.advance(20_500);
  failures.add('10.0.0.1', 'own');
  assert.equal(failures.waitSeconds('10.0.0.1', 'own'), 40);
  assert.equal(failures.waitSeconds('10.0.0.2', 'own'), 0);
  clock.advance(AUTH_WINDOW_MS - 20_501);
  assert.equal(failures.waitSeconds('10.0.0.1', 'own'), 1);
  clock.advance(1);
  assert.equal(failures.waitSeconds('10.0.0.1', 'own'), 0);
  assert.equal(failures.size, 0);
});

test('all addresses of an IPv6 prefix of 64 bits are one', () => {
  for (const [a, b, same] of [
    ['2001:db8:0:1::1', '2001:db8:0:1:ffff:1:2:3', true],
    ['2001:db8::1', '2001:DB8:0:0:5::', true],
    ['fe80::1%eth0', 'fe80::2', true],
    ['::1', '::2', true],
    ['2001:db8:0:1::1', '2001:db8:0:2::1', false],
    ['2001:db8::1', '2001:db8:0:1::1', false],
  ] as const) {
    const failures = new AuthFailures(new ManualClock());
    for (let i = 0; i < MAX_AUTH_FAILURES; i += 1) failures.add(a, 'own');
    assert.equal(failures.waitSeconds(b, 'own') > 0, same, `${a} ${b}`);
  }
});

test('no more addresses are remembered than the limit; the oldest is forgotten', () => {
  const failures = new AuthFailures(new ManualClock());
  for (let i = 0; i < MAX_AUTH_FAILURES; i += 1) failures.add('first', 'own');
  for (let i = 1; i < MAX_AUTH_ADDRESSES; i += 1) failures.add(`a${i}`, 'own');
  assert.ok(failures.waitSeconds('first', 'own') > 0);
  failures.add('one more', 'own');
  assert.equal(failures.size, MAX_AUTH_ADDRESSES);
  assert.equal(failures.waitSeconds('first', 'own'), 0);
});

test('what pages of others guess keeps them out, and nobody else at the same address', () => {
  const failures = new AuthFailures(new ManualClock());
  for (let i = 0; i < MAX_AUTH_FAILURES; i += 1) failures.add('10.0.0.1', 'foreign');
  assert.ok(failures.waitSeconds('10.0.0.1', 'foreign') > 0);
  for (const site of ['own', 'machine', 'unknown'] as const)
    assert.equal(failures.waitSeconds('10.0.0.1', site), 0, site);
});
