import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hostName, parseTarget } from '../../../../src/endpoints/http/request-target.ts';

test('targets', () => {
  assert.deepEqual(parseTarget('/a%20b/c.flv?x=%2e'), {
    path: '/a b/c.flv',
    rawPath: '/a%20b/c.flv',
    query: 'x=%2e',
  });
  assert.deepEqual(parseTarget('HTTP://host:80/a'), { path: '/a', rawPath: '/a', query: '' });
  assert.deepEqual(parseTarget('http://host?x'), { path: '/', rawPath: '/', query: 'x' });
  assert.deepEqual(parseTarget('/a/#frag?x'), { path: '/a/', rawPath: '/a/', query: '' });
  assert.deepEqual(parseTarget('/%252e%252e/a'), { path: '/%2e%2e/a', rawPath: '/%252e%252e/a', query: '' });
  for (const bad of [
    '',
    'a',
    '*',
    '/..',
    '/a/../b',
    '/%2e%2e/',
    '/a//b',
    '//',
    '/a\\b',
    '/%5c',
    '/%00',
    '/%0a',
    '/%',
    '/%c0%ae',
  ]) {
    assert.equal(parseTarget(bad), undefined, bad);
  }
});

test('hosts', () => {
  assert.equal(hostName('EXAMPLE.com:8080'), 'example.com');
  assert.equal(hostName('[::1]:8080'), '::1');
  assert.equal(hostName('example.com.'), 'example.com');
  assert.equal(hostName(undefined), '');
});

test('whatever is asked for, an accepted path stays below the root and is found again by its encoded form', () => {
  const piece = fc.constantFrom(
    '/',
    '.',
    '..',
    '%2e',
    '%2f',
    '%5c',
    '\\',
    '%25',
    'a',
    '?',
    '#',
    '%00',
    '\0',
    'é',
    '%c3%a9',
    'http://x',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), fc.string(), (pieces, tail) => {
      const target = parseTarget(pieces.join('') + tail);
      if (target === undefined) return;
      assert.ok(target.path.startsWith('/'));
      assert.ok(!target.path.split('/').includes('..'));
      assert.doesNotMatch(target.path, /[\\\u0000-\u001f]/);
      const encoded = target.path.split('/').map(encodeURIComponent).join('/');
      assert.equal(parseTarget(encoded)?.path, target.path);
    }),
    { interruptAfterTimeLimit: 2_000, markInterruptAsFailure: false },
  );
});
