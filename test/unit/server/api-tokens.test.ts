import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import {
  makeTokenFile,
  MAX_FILE_TOKENS,
  MAX_TOKEN_FILE_BYTES,
  readTokenFile,
} from '../../../src/server/api-tokens.ts';

let folder = '';
let file = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'api-tokens-'));
  file = path.join(folder, 'objs', 'api.token');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(text: string, mode = 0o600): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text, { mode });
}

test('a made token is long, another one each time, for nobody else, and is read again', () => {
  assert.equal(readTokenFile(file), undefined);
  const [made, ...more] = makeTokenFile(file);
  assert.ok(made);
  assert.equal(more.length, 0);
  assert.equal(made.role, 'admin');
  assert.match(made.value, /^[\w-]{43}$/);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(readFileSync(file, 'utf8'), `${made.value}\n`);
  assert.deepEqual(readTokenFile(file), { tokens: [made], problems: [] });
  assert.deepEqual(readdirSync(path.dirname(file)), ['api.token']);
  assert.notEqual(makeTokenFile(file)[0]?.value, made.value);
});

test('lines of a file', () => {
  const hash = `sha256:${'0f'.repeat(32)}`;
  write(`# who\n\n0123456789abcdef\n read\t0123456789abcdeg \r\noperate ${hash}\nroot 0123456789abcdef
read short\nread 0123456789abcdef x\n0123456789abcde\nread  # nothing\n`);
  const { tokens, problems } = readTokenFile(file) ?? {};
  assert.deepEqual(tokens, [
    { role: 'admin', value: '0123456789abcdef' },
    { role: 'read', value: '0123456789abcdeg' },
    { role: 'operate', value: hash },
  ]);
  assert.deepEqual(
    problems,
    [6, 7, 8, 9, 10].map((line) => `${file}:${line} is no token and ignored`),
  );
});

test('a file that others may read is told', () => {
  write('0123456789abcdef\n', 0o644);
  assert.deepEqual(readTokenFile(file)?.problems, [`${file} may be read by other users: chmod 600 mends it`]);
});

test('a file has bounds', () => {
  write(
    Array.from({ length: MAX_FILE_TOKENS + 1 }, (_, i) => `read ${String(i).padStart(16, '0')}\n`).join(''),
  );
  const { tokens, problems } = readTokenFile(file) ?? {};
  assert.equal(tokens?.length, MAX_FILE_TOKENS);
  assert.deepEqual(problems, [`${file}:${MAX_FILE_TOKENS + 1} is one token too many`]);
  write('#'.repeat(MAX_TOKEN_FILE_BYTES + 1));
  assert.throws(() => readTokenFile(file), { code: 'API_TOKENS_FAILED', message: /more than 65536 bytes/ });
});

test('what cannot be read or made is an error that names the file', () => {
  mkdirSync(file, { recursive: true });
  assert.throws(() => readTokenFile(file), {
    code: 'API_TOKENS_FAILED',
    message: /api\.token cannot be read/,
  });
  assert.throws(() => makeTokenFile(file), {
    code: 'API_TOKENS_FAILED',
    message: /api\.token cannot be made/,
  });
  assert.deepEqual(readdirSync(path.dirname(file)), ['api.token']);
  assert.throws(() => makeTokenFile('/proc/no/api.token'), { code: 'API_TOKENS_FAILED' });
});
