import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { maskName, maskUrl } from '../../../src/base/mask-url.ts';

const CASES: readonly (readonly [url: string, want: string])[] = [
  ['rtmp://host/live', 'rtmp://host/live'],
  ['rtmp://host:1936/live/show?token=abc', 'rtmp://host:1936/live/show?token=***'],
  ['rtmp://user:pass@host/live', 'rtmp://host/live'],
  ['https://user@host/x?a=1#secret', 'https://host/x?a=***'],
  ['?vhost=a.example&token=abc&audio=0', '?vhost=a.example&token=***&audio=0'],
  ['/live/show.flv?start=1&end=2&sign=abc', '/live/show.flv?start=1&end=2&sign=***'],
  ['?abc', '?***'],
  ['?abc&def', '?***&***'],
  ['?=abc', '?=***'],
  ['?token=a=b==', '?token=***'],
  ['live?vhost=a,token=abc', 'live?vhost=a,token=***'],
  ['live...vhost...a...token...abc', 'live...vhost...a...***...***'],
  ['rtmp://host/live&token=abc', 'rtmp://host/live&token=***'],
  ['?token=a/b@c', '?token=***'],
  ['rtmp://user:S~A.00...x@host/live', 'rtmp://host/live'],
  ['rtmp://user:a?b@host/live', 'rtmp://***'],
  ['rtmp://user:a&b@host/live?x=1', 'rtmp://host/live?x=***'],
  ['', ''],
];

for (const [url, want] of CASES) {
  test(`${JSON.stringify(url)} in a log`, () => assert.equal(maskUrl(url), want));
}

test('property: no value of a query, no password and no fragment is left', () => {
  const secret = fc.stringMatching(/^[A-Z0-9_.~-]{8,40}$/).map((text) => `S${text}`);
  const name = fc.stringMatching(/^[a-z]{1,6}$/).filter((text) => maskUrl(`?${text}=x`) !== `?${text}=x`);
  fc.assert(
    fc.property(
      fc.constantFrom('rtmp://host/live', 'http://host:80/a/b.flv', '/live/show', '', 'live'),
      fc.array(fc.tuple(name, secret), { minLength: 1, maxLength: 4 }),
      fc.constantFrom('&', '&&', ','),
      secret,
      (path, pairs, separator, other) => {
        const query = pairs.map(([key, value]) => `${key}=${value}`).join(separator);
        const masked = maskUrl(`${path.replace('://', `://user:${other}@`)}?${query}#${other}`);
        for (const value of [...pairs.map(([, text]) => text), other])
          assert.ok(!masked.includes(value), masked);
        for (const [key] of pairs) assert.ok(masked.includes(`${key}=***`), masked);
      },
    ),
  );
});

test('a name is known again by its beginning, and never whole', () => {
  assert.deepEqual(['', 'a', 'abc', 'show', 'livestream', 'k'.repeat(40)].map(maskName), [
    '***',
    '***',
    '***',
    's***',
    'li***',
    'kkk***',
  ]);
});
