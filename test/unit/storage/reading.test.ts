import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { openForReading } from '../../../src/storage/reading.ts';

let dir = '';
before(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'reading-'));
});
after(() => rm(dir, { recursive: true }));

test('a file comes in chunks of at most 64 KiB, each with its own memory', async () => {
  const bytes = Buffer.alloc(150_001, 'abc');
  await writeFile(path.join(dir, 'file'), bytes);
  const file = await openForReading(path.join(dir, 'file'));
  const chunks: Buffer[] = [];
  for await (const chunk of file.chunks()) chunks.push(chunk);
  assert.deepEqual(
    chunks.map((chunk) => chunk.length),
    [65_536, 65_536, 18_929],
  );
  assert.equal(Buffer.concat(chunks).equals(bytes), true);
  assert.equal(new Set(chunks.map((chunk) => chunk.buffer)).size, 3);
  await file.close();
  await file.close();
});

test('an empty file has no chunks', async () => {
  await writeFile(path.join(dir, 'empty'), '');
  const file = await openForReading(path.join(dir, 'empty'));
  assert.equal((await file.chunks().next()).done, true);
  await file.close();
});

test('reading a closed file fails with a code', async () => {
  await writeFile(path.join(dir, 'closed'), 'x');
  const file = await openForReading(path.join(dir, 'closed'));
  await file.close();
  await assert.rejects(file.chunks().next(), { code: 'FILE_READ_FAILED' });
});

test('missing files, folders, devices and pipes without a writer are refused at once', async () => {
  execFileSync('mkfifo', [path.join(dir, 'pipe')]);
  for (const name of ['missing', '.', '/dev/zero', 'pipe', 'a\0b']) {
    await assert.rejects(openForReading(path.resolve(dir, name)), { code: 'FILE_OPEN_FAILED' }, name);
  }
});
