import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { suite, test } from 'node:test';
import { MAX_STREAM_KEYS, StreamKeyTable } from '../../../../../src/control/access/tokens/stream-keys.ts';

const KEY = 'key-of-16-characters';

suite('files of stream keys', () => {
  test('lines, comments, words behind them', () => {
    const hash = createHash('sha256').update('another-key-of-somebody').digest('hex');
    const table = StreamKeyTable.parse(`
      # who may publish
      ${KEY}   show   # Anna
      sha256:${hash.toUpperCase()} sport/one app=live off until=2030-01-01T00:00:00Z\r
      key-with-a-number-at-end news until=1900000000`);
    assert.equal(table.size, 3);
    assert.deepEqual(table.find(KEY), {
      stream: 'show',
      app: undefined,
      enabled: true,
      expiresAtMs: Infinity,
    });
    assert.deepEqual(table.find('another-key-of-somebody'), {
      stream: 'sport/one',
      app: 'live',
      enabled: false,
      expiresAtMs: Date.UTC(2030, 0, 1),
    });
    assert.equal(table.find('key-with-a-number-at-end')?.expiresAtMs, 1_900_000_000_000);
    for (const other of ['', 'show', hash, `sha256:${hash}`, `${KEY}x`, KEY.slice(1), KEY.toUpperCase()])
      assert.equal(table.find(other), undefined, other);
    assert.equal(StreamKeyTable.parse('').size, 0);
  });

  const bad: readonly [name: string, text: string, message: RegExp][] = [
    ['no name', KEY, /^line 1: KEY NAME is expected$/],
    ['a short key', `\nsecret-key x`, /^line 2: a key has 16/],
    ['an odd key', 'secret-key-with-a-! x', /^line 1: a key has 16/],
    ['a hash that is none', 'sha256:0123 x', /^line 1: a key has 16/],
    ['a path', `${KEY} ../x`, /no name/],
    ['a query', `${KEY} x?y=1`, /no name/],
    ['another word', `${KEY} x on`, /only app=APP/],
    ['a time that is none', `${KEY} x until=tomorrow`, /only app=APP/],
    ['a time without a zone', `${KEY} x until=2030-01-01T00:00:00`, /only app=APP/],
    ['the same key twice', `${KEY} x\n${KEY} y`, /^line 2: the key of line 1 again$/],
    [
      'a name that is a key',
      `${KEY} another-key-of-somebody\nanother-key-of-somebody y`,
      /^line 1: the name is/,
    ],
  ];
  for (const [name, text, message] of bad)
    test(name, () =>
      assert.throws(
        () => StreamKeyTable.parse(text),
        (error: Error) => {
          assert.match(error.message, message);
          assert.ok(!error.message.includes(KEY) && !error.message.includes('secret-key'));
          return true;
        },
      ),
    );

  test('too many', () => {
    const lines = Array.from({ length: MAX_STREAM_KEYS + 1 }, (_, i) => `key-of-16-characters-${i} s${i}`);
    assert.throws(() => StreamKeyTable.parse(lines.join('\n')), /more than/);
    assert.equal(StreamKeyTable.parse(lines.slice(1).join('\n')).size, MAX_STREAM_KEYS);
  });
});
