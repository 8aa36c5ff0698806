import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkClaims, matches } from '../../../../../src/control/access/tokens/claims.ts';

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

test('a claim for any stream of an app opens no app below it', () => {
  for (const [claims, app, stream, fits] of [
    [{ app: 'live', stream: '*' }, 'live', 'show', true],
    [{ app: 'live', stream: '*' }, 'live/secret', 'show', false],
    [{ app: 'live', stream: '*' }, 'live', 'secret/show', false],
    [{ app: 'live', stream: 's*w' }, 'live', 's/show', false],
    [{ app: 'live', stream: 'open/*' }, 'live', 'open/show', true],
    [{ app: 'live', stream: 'open/*' }, 'live', 'secret/show', false],
    [{ app: 'live/secret', stream: '*' }, 'live/secret', 'show', true],
    [{ path: 'live/*' }, 'live', 'secret/show', true],
  ] as const) {
    const use = { action: 'play', vhost: 'v', app, stream, ip: '192.0.2.1' } as const;
    const check = (): unknown => checkClaims({ action: 'play', ...claims }, use);
    const what = `${JSON.stringify(claims)} ${app} ${stream}`;
    if (fits) assert.doesNotThrow(check, what);
    else assert.throws(check, { code: 'TOKEN_INVALID' }, what);
  }
});
