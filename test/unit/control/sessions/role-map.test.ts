import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RoleMap } from '../../../../src/control/sessions/index.ts';

const name = (stream: string): { vhost: string; app: string; stream: string } => ({
  vhost: 'v',
  app: 'live',
  stream,
});

test('an end that had no begin takes nothing, least of all another role of the session', () => {
  const roles = new RoleMap();
  assert.ok(roles.add('a', { name: name('x'), publishes: true }));
  assert.equal(roles.take('a', { name: name('x'), publishes: false }), undefined);
  assert.equal(roles.take('a', { name: name('y'), publishes: true }), undefined);
  assert.equal(roles.take('b', { name: name('x'), publishes: true }), undefined);
  assert.equal(roles.size, 1);
});

test('it holds what a map by session, role and stream would hold', () => {
  const role = fc.record({
    adds: fc.boolean(),
    id: fc.constantFrom('a', 'b'),
    stream: fc.constantFrom('x', 'y'),
    publishes: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(role, { maxLength: 40 }), (steps) => {
      const roles = new RoleMap();
      const model = new Map<string, object>();
      for (const { adds, id, stream, publishes } of steps) {
        const key = `${id} ${stream} ${publishes}`;
        const made = { name: name(stream), publishes };
        if (adds) {
          assert.equal(roles.add(id, made), !model.has(key));
          if (!model.has(key)) model.set(key, made);
        } else {
          assert.equal(roles.take(id, made), model.get(key));
          model.delete(key);
        }
        assert.equal(roles.size, model.size);
      }
    }),
  );
});
