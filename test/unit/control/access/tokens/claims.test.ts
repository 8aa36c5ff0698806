import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { matches } from '../../../../../src/control/access/tokens/claims.ts';

test('patterns', () => {
  for (const [pattern, text, want] of [
    ['a', 'a', true],
    ['a', 'ab', false],
    ['*', '', true],
    ['*', 'x/y', true],
    ['live/*', 'live/show', true],
    ['live/*', 'live2/show', false],
    ['*a', 'ba', true],
    ['a*a', 'a', false],
    ['a*b*c', 'a-b-c', true],
    ['a*b*c', 'a-c-b', false],
    ['a*bc*c', 'abc', false],
    ['**', 'x', true],
    ['.', 'x', false],
    ['', 'x', false],
  ] as const)
    assert.equal(matches(pattern, text), want, `${pattern} ${text}`);
});

test('patterns mean what the same regular expression means', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 12 });
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*'), maxLength: 6 });
  fc.assert(
    fc.property(pattern, text, (one, other) => {
      const expected = new RegExp(`^${one.replaceAll('*', '.*')}$`).test(other);
      assert.equal(matches(one, other), expected);
    }),
    { numRuns: 5_000 },
  );
});
