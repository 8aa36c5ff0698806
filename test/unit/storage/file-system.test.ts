import assert from 'node:assert/strict';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { nodeFileSystem } from '../../../src/storage/file-system.ts';

suite('Folders', () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'srs-folders-'));
  });
  after(() => rm(root, { recursive: true, force: true }));

  test('many that are made at the same time, in a new folder, are all there', async () => {
    for (let round = 0; round < 100; round += 1) {
      const paths = Array.from({ length: 12 }, (_, i) => join(root, `${round}/html/vhost${i % 4}/live/${i}`));
      await Promise.all(paths.map((path) => nodeFileSystem.makeFolder(path)));
      for (const path of paths) assert.ok((await stat(path)).isDirectory());
    }
  });

  test('where nothing can be made it says so', async () => {
    await assert.rejects(nodeFileSystem.makeFolder('/proc/none/none'), { code: 'ENOENT' });
  });
});
