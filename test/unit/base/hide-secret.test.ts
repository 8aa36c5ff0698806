import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hideSecret } from '../../../src/base/hide-secret.ts';

const CASES: readonly (readonly [text: string, secret: string, want: string])[] = [
  ['rtmp://host/live/abc123', 'abc123', 'rtmp://host/live/***'],
  ['rtmp://host/live/abc123?x=1', 'abc123', 'rtmp://host/live/***?x=1'],
  ['?key=abc123&again=abc123', 'abc123', '?key=***&again=***'],
  ['rtmp://host/live', 'live2', 'rtmp://host/live'],
  ['rtmp://host/live/a', 'a', 'rtmp://host/live/***'],
  ['rtmp://alpha/banana', 'a', 'rtmp://alpha/banana'],
  ['http://host/x?k=a%2Fb', 'a/b', 'http://host/x?k=***'],
  ['http://host/x?k=%C3%A4%20b', 'ä b', 'http://host/x?k=***'],
  ['?k=a.*b', 'a.*b', '?k=***'],
  ['?k=aXXb', 'a.*b', '?k=aXXb'],
  ['?k=[x]-^$', '[x]-^$', '?k=***'],
  ['', 'x', ''],
  ['text', '', 'text'],
];

for (const [text, secret, want] of CASES) {
  test(`${JSON.stringify(text)} without ${JSON.stringify(secret)}`, () => {
    assert.equal(hideSecret(text, secret), want);
  });
}

test('property: a secret between the separators of URLs is gone, whatever it is', () => {
  const secret = fc.oneof(fc.string({ minLength: 5 }), fc.string({ unit: 'binary', minLength: 5 }));
  fc.assert(
    fc.property(secret, fc.constantFrom('/', '?', '&', '=', ''), (key, after) => {
      if (/^[*]+$/.test(key)) return;
      for (const form of [key, encodeURIComponent(Buffer.from(key).toString())]) {
        const hidden = hideSecret(`rtmp://h/app/${form}${after === '' ? '' : `${after}rest`}`, key);
        assert.ok(hidden.startsWith('rtmp://h/app/***'), hidden);
      }
    }),
  );
});
