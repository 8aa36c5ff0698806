import assert from 'node:assert/strict';
import { resolve, sep } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { ServerError } from '../../../src/base/errors.ts';
import { expandPath, safePath, type PathValues } from '../../../src/storage/path-template.ts';

const VALUES: PathValues = {
  vhost: 'example.com',
  app: 'live',
  stream: 'demo',
  timeMs: Date.UTC(2026, 2, 4, 5, 6, 7, 8),
  utc: true,
  sequence: 12,
  durationMs: 3_400,
};

for (const [template, expected, values = {}] of [
  ['[vhost]/[app]/[stream].flv', 'example.com/live/demo.flv'],
  ['[2006]/[01]/[02]/[15].[04].[05].[999].mp4', '2026/03/04/05.06.07.008.mp4'],
  ['[stream]-[seq]-[duration]-[timestamp].ts', `demo-12-3400-${VALUES.timeMs}.ts`],
  ['[unknown]/[stream][stream]', '[unknown]/demodemo'],
  ['[stream].ts', '[app].ts', { stream: '[app]' }],
  ['[app]/x', '%2E./%2E./etc/x', { app: '../../etc' }],
  ['[stream]', '%2Ehidden', { stream: '.hidden' }],
  ['[stream]', 'a%00b%0Ac%5Cd', { stream: 'a\0b\nc\\d' }],
  ['[stream]', 'a%2500b%', { stream: 'a%00b%' }],
  ['[app]/[stream]', '%2F/%2F/etc', { app: '', stream: '/etc' }],
] as [string, string, Partial<PathValues>?][]) {
  test(`${template} → ${JSON.stringify(expected)}`, () => {
    assert.equal(expandPath(template, { ...VALUES, ...values }), expected);
  });
}

test('local time is that of the machine', () => {
  const date = new Date(VALUES.timeMs);
  const hours = String(date.getHours()).padStart(2, '0');
  assert.equal(expandPath('[15]', { ...VALUES, utc: false }), hours);
});

for (const bad of ['../x', 'a/../../x', '/etc/x', 'a\0b', 'a\nb', '', '.', './', 'x'.repeat(241)]) {
  test(`no path of a file: ${JSON.stringify(bad.slice(0, 20))}`, () => {
    assert.throws(
      () => safePath('/data', bad),
      (error) => error instanceof ServerError && error.code === 'STREAM_NAME_INVALID',
    );
  });
}

const anyName = fc.oneof(
  fc.string({ maxLength: 600 }),
  fc.string({ unit: 'binary', maxLength: 400 }),
  fc
    .array(fc.constantFrom('..', '.', '/', '\\', '\0', '%2e', 'a', 'é'), { maxLength: 20 })
    .map((parts) => parts.join('')),
);

test('no names lead out of the root', () => {
  fc.assert(
    fc.property(anyName, anyName, anyName, (vhost, app, stream) => {
      const expanded = expandPath('[vhost]/[app]/[stream]-[seq].ts', { ...VALUES, vhost, app, stream });
      let path: string;
      try {
        path = safePath('/data/media', expanded);
      } catch (error) {
        assert.ok(Buffer.byteLength(expanded) > 1_000, String(error)); // Only length is a reason.
        return;
      }
      assert.ok(resolve(path).startsWith(`${sep}data${sep}media${sep}`), path);
      assert.ok(path.split(sep).every((part) => !part.startsWith('.') && Buffer.byteLength(part) <= 240));
    }),
  );
});

test('different streams have different files', () => {
  fc.assert(
    fc.property(anyName, anyName, (one, other) => {
      fc.pre(Buffer.compare(Buffer.from(one), Buffer.from(other)) !== 0);
      const path = (stream: string): string => expandPath('[stream].ts', { ...VALUES, stream });
      assert.notEqual(path(one), path(other));
    }),
  );
});
