import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { makeFolder } from '../../../src/storage/make-folder.ts';

const root = mkdtempSync(join(tmpdir(), 'srs-folder-'));
after(() => rmSync(root, { recursive: true, force: true }));

test('a folder and those above it; again, and one that is there', () => {
  const folder = join(root, 'a', 'b', 'c');
  makeFolder(folder);
  makeFolder(folder);
  makeFolder('.');
  assert.ok(statSync(folder).isDirectory());
});

test('where nothing can be made it throws, and does not try for ever', () => {
  writeFileSync(join(root, 'file'), '');
  assert.throws(() => makeFolder(join(root, 'file', 'x')), { code: 'ENOTDIR' });
  assert.throws(() => makeFolder('/proc/none/none'), { code: 'ENOENT' });
});
