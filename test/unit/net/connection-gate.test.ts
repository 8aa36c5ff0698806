import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { ConnectionGate } from '../../../src/net/index.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { MemoryLogger } from '../../support/memory-logger.ts';

function gate(
  maxConnections: number,
  maxPerIp: number,
): { gate: ConnectionGate; clock: ManualClock; lines: string[] } {
  const clock = new ManualClock();
  const logger = new MemoryLogger();
  return {
    gate: new ConnectionGate({ maxConnections, maxPerIp, clock, logger }),
    clock,
    lines: logger.lines,
  };
}

suite('connections of one client', () => {
  test('have a limit, apart from those of others', () => {
    const { gate: one } = gate(10, 2);
    assert.equal(one.enter('192.0.2.1'), true);
    assert.equal(one.enter('192.0.2.1'), true);
    assert.equal(one.enter('192.0.2.1'), false);
    assert.equal(one.enter('192.0.2.2'), true);
    assert.equal(one.open, 3, 'who was refused is not inside');
    one.leave('192.0.2.1');
    assert.equal(one.enter('192.0.2.1'), true);
    assert.equal(one.refusedTotal, 1);
  });

  test('are those of its /64 where it has IPv6', () => {
    const { gate: one } = gate(10, 1);
    assert.equal(one.enter('2001:db8:0:1::1'), true);
    assert.equal(one.enter('2001:db8:0:1:ffff::2'), false);
    assert.equal(one.enter('2001:db8:0:2::1'), true);
    assert.equal(one.enter('::1'), true);
    one.leave('2001:db8:0:1:3::3');
    assert.equal(one.enter('2001:db8:0:1:ffff::2'), true);
  });

  test('have none by default, and a new one holds for those that are inside', () => {
    const { gate: one } = gate(10, 0);
    for (let count = 0; count < 5; count += 1) assert.equal(one.enter('192.0.2.1'), true);
    one.maxPerIp = 5;
    assert.equal(one.enter('192.0.2.1'), false);
    one.leave('192.0.2.1');
    assert.equal(one.enter('192.0.2.1'), true);
  });

  test('of a proxy are nobody’s until it is known whose they are', () => {
    const { gate: one } = gate(3, 1);
    assert.equal(one.enterUnknown('10.0.0.1'), true);
    assert.equal(one.enterUnknown('10.0.0.1'), true);
    assert.equal(one.identify('192.0.2.1'), true);
    assert.equal(one.identify('192.0.2.1'), false);
    one.leave(undefined);
    assert.equal(one.open, 1);
    assert.equal(one.enterUnknown('10.0.0.1'), true);
    assert.equal(one.enterUnknown('10.0.0.1'), true);
    assert.equal(one.enterUnknown('10.0.0.1'), false, 'they count for all connections');
  });

  test('are told of once a second, with the limit', () => {
    const { gate: one, clock, lines } = gate(10, 1);
    for (let count = 0; count < 4; count += 1) one.enter('192.0.2.1');
    clock.advance(1_000);
    assert.equal(lines.length, 1);
    assert.match(
      lines[0] ?? '',
      /CONNECTIONS_EXCEEDED\(1074\): closed 3 connections at accept, the last from 192\.0\.2\.1: max_connections_per_ip is 1/,
    );
    one.close();
  });

  test('leave nothing behind, whatever the order and the limits', () => {
    const ip = fc.constantFrom('192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8::2', '::1');
    fc.assert(
      fc.property(fc.array(fc.tuple(ip, fc.nat(3)), { maxLength: 60 }), fc.nat(3), (steps, limit) => {
        const { gate: one } = gate(10, limit);
        const inside: string[] = [];
        for (const [who, what] of steps) {
          if (what === 0) {
            const gone = inside.pop();
            if (gone !== undefined) one.leave(gone);
          } else if (what === 3) one.maxPerIp = (one.maxPerIp + 1) % 3;
          else if (one.enter(who)) inside.push(who);
          assert.equal(one.open, inside.length);
          assert.ok(one.clients <= inside.length);
        }
        for (const gone of inside) one.leave(gone);
        assert.equal(one.open, 0);
        assert.equal(one.clients, 0);
        one.close();
      }),
      { interruptAfterTimeLimit: 1_000, markInterruptAsFailure: false },
    );
  });
});
