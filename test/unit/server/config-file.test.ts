import assert from 'node:assert/strict';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { replaceConfigFile } from '../../../src/server/config-file.ts';

let folder = '';
beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'config-file-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('another text, with the mode and the owner that the file has', async () => {
  const file = path.join(folder, 'srs.conf');
  writeFileSync(file, 'old');
  chmodSync(file, 0o640);
  const before = statSync(file);
  await replaceConfigFile(file, 'old', 'nüw');
  const after = statSync(file);
  assert.equal(readFileSync(file, 'utf8'), 'nüw');
  assert.deepEqual([after.mode, after.uid, after.gid], [before.mode, before.uid, before.gid]);
  assert.notEqual(after.ino, before.ino, 'a new file took the place of the old one');
  assert.deepEqual(readdirSync(folder), ['srs.conf']);
});

test('through links into what they point to', async () => {
  mkdirSync(path.join(folder, 'real'));
  writeFileSync(path.join(folder, 'real/srs.conf'), 'old');
  symlinkSync('real/srs.conf', path.join(folder, 'srs.conf'));
  await replaceConfigFile(path.join(folder, 'srs.conf'), 'old', 'new');
  assert.ok(lstatSync(path.join(folder, 'srs.conf')).isSymbolicLink());
  assert.equal(readFileSync(path.join(folder, 'real/srs.conf'), 'utf8'), 'new');
});

test('what somebody else has changed meanwhile stays', async () => {
  const file = path.join(folder, 'srs.conf');
  writeFileSync(file, 'other');
  await assert.rejects(replaceConfigFile(file, 'old', 'new'), {
    code: 'CONFIG_WRITE_FAILED',
    message: /somebody else/,
  });
  assert.equal(readFileSync(file, 'utf8'), 'other');
  assert.deepEqual(readdirSync(folder), ['srs.conf']);
});

test('where nothing can be written nothing changes', async () => {
  await assert.rejects(replaceConfigFile(path.join(folder, 'none'), 'old', 'new'), {
    code: 'CONFIG_WRITE_FAILED',
    apiCode: 1059,
  });
  await assert.rejects(replaceConfigFile('/proc/version', 'old', 'new'), { code: 'CONFIG_WRITE_FAILED' });
  assert.deepEqual(readdirSync(folder), []);
});
