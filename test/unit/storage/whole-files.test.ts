import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_UNWRITTEN_FILES, WholeFiles } from '../../../src/storage/whole-files.ts';
import { MemoryFileSystem } from '../../support/memory-file-system.ts';

/** A disk that hangs until `free` is called. */
function hangingDisk(): { readonly disk: MemoryFileSystem; readonly free: () => void } {
  const disk = new MemoryFileSystem();
  let free: () => void = () => undefined;
  disk.blocked = new Promise((resolve) => (free = resolve));
  return {
    disk,
    free: () => {
      disk.blocked = undefined;
      free();
    },
  };
}

test('a disk that hangs holds a bounded number of bytes; it is told once, and again after it had caught up', async () => {
  const { disk, free } = hangingDisk();
  const told: string[] = [];
  const files = new WholeFiles((error, path) => told.push(`${error.code} ${path}`), disk, 1_000);
  const results = ['/a', '/b', '/c'].map((path) => files.write(path, Buffer.alloc(400)));
  assert.equal(files.isSlow, false);
  assert.equal(await files.write('/d', Buffer.alloc(1)), 'failed');
  assert.equal(await files.write('/e', Buffer.alloc(1)), 'failed');
  assert.deepEqual([told, files.isSlow], [['FILE_TOO_SLOW /d'], true]);
  free();
  assert.deepEqual(await Promise.all(results), ['done', 'done', 'done']);
  assert.deepEqual([disk.renamed.sort(), files.isSlow], [['/a', '/b', '/c'], false]);
  const again = hangingDisk();
  disk.blocked = again.disk.blocked;
  void files.write('/f', Buffer.alloc(1_000));
  assert.equal(await files.write('/g', Buffer.alloc(1)), 'failed');
  assert.deepEqual(told, ['FILE_TOO_SLOW /d', 'FILE_TOO_SLOW /g']);
  disk.blocked = undefined;
  again.free();
  await files.settled();
});

test('bytes that newer ones replace do not count, nor do those that failed', async () => {
  const { disk, free } = hangingDisk();
  const told: string[] = [];
  const files = new WholeFiles((error) => told.push(error.code), disk, 1_000);
  const results = Array.from({ length: 50 }, () => files.write('/live.m3u8', Buffer.alloc(400)));
  disk.broken = new Error('no space left');
  free();
  const ends = await Promise.all(results);
  assert.deepEqual([ends.at(-1), ends.includes('done')], ['failed', false]);
  disk.broken = undefined;
  assert.equal(await files.write('/big', Buffer.alloc(5_000)), 'done');
  assert.equal(told.includes('FILE_TOO_SLOW'), false);
});

test('so is the number of files', async () => {
  const { disk, free } = hangingDisk();
  const files = new WholeFiles(() => undefined, disk);
  const results = Array.from({ length: MAX_UNWRITTEN_FILES + 1 }, (_, n) =>
    files.write(`/${n}`, Buffer.alloc(1)),
  );
  free();
  const ends = await Promise.all(results);
  assert.deepEqual([ends.slice(0, -1).every((end) => end === 'done'), ends.at(-1)], [true, 'failed']);
});
