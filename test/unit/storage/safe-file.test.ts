import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { ServerError } from '../../../src/base/errors.ts';
import { nodeFileSystem, type FileSystem } from '../../../src/storage/file-system.ts';
import { finalPath, leftoverOf, SafeFile, temporaryPath } from '../../../src/storage/safe-file.ts';
import { WholeFiles } from '../../../src/storage/whole-files.ts';
import { eventually } from '../../support/eventually.ts';

const root = mkdtempSync(join(tmpdir(), 'srs-safe-'));
after(() => rmSync(root, { recursive: true, force: true }));

/** The real file system with faults: `take` says how many bytes a write may take, or throws. */
function faulty(take: (length: number) => number | Promise<number>): FileSystem {
  return {
    ...nodeFileSystem,
    async create(path) {
      const real = await nodeFileSystem.create(path);
      return {
        async writev(buffers, position) {
          const all = Buffer.concat(buffers);
          const taken = await take(all.length);
          return taken === 0 ? 0 : real.writev([all.subarray(0, taken)], position);
        },
        sync: () => real.sync(),
        touch: () => real.touch(),
        close: () => real.close(),
      };
    },
  };
}

function fault(code: string): never {
  throw Object.assign(new Error(code), { code });
}

function begin(
  name: string,
  fileSystem: FileSystem = nodeFileSystem,
  more: { maxPendingBytes?: number; onFailure?: 'keep'; onDrain?: () => void } = {},
) {
  const errors: ServerError[] = [];
  const path = join(root, name);
  const file = new SafeFile({
    path,
    fileSystem,
    sync: 'close',
    onError: (error) => void errors.push(error),
    ...more,
  });
  return { errors, path, file };
}

test('a file has its name only when it is whole; patches come after what was written', async () => {
  const { file, path, errors } = begin('new/folder/a.flv');
  assert.equal(file.write(Buffer.from('head ')), true);
  for (let n = 0; n < 2_000; n += 1) file.write(Buffer.from(`${n} `));
  file.patch(Buffer.from('HEAD'), 0);
  file.write(Buffer.from('end'));
  assert.equal(existsSync(path), false);
  assert.equal(await file.close(), true);
  const numbers = Array.from({ length: 2_000 }, (_, n) => `${n} `).join('');
  assert.equal(readFileSync(path, 'utf8'), `HEAD ${numbers}end`);
  assert.deepEqual(readdirSync(join(root, 'new/folder')), ['a.flv']);
  assert.equal(file.stats.pendingBytes, 0);
  assert.equal(file.write(Buffer.from('x')), false);
  await file.abort();
  assert.ok(existsSync(path));
  assert.deepEqual(errors, []);
});

test('an abort leaves nothing; a patch outside of the file is a mistake', async () => {
  const { file, path } = begin('aborted.flv');
  file.write(Buffer.alloc(10));
  assert.throws(() => file.patch(Buffer.alloc(4), 8), /outside/);
  await file.abort();
  assert.equal(await file.close(), false);
  assert.equal(existsSync(path) || existsSync(temporaryPath(path)), false);
});

test('a disk that takes a few bytes at a time', async () => {
  const { file, path } = begin(
    'short.flv',
    faulty((length) => Math.min(length, 3)),
  );
  for (const text of ['one', 'two', 'th', 'ree!']) file.write(Buffer.from(text));
  assert.equal(await file.close(), true);
  assert.equal(readFileSync(path, 'utf8'), 'onetwothree!');
});

for (const [what, take] of [
  ['ENOSPC', () => fault('ENOSPC')],
  ['EIO', () => fault('EIO')],
  ['nothing', () => 0],
] as const) {
  for (const keep of [false, true]) {
    test(`${what} at a write: one error, ${keep ? 'the part is kept' : 'nothing is left'}`, async () => {
      const { file, path, errors } = begin(`${what}.flv`, faulty(take), keep ? { onFailure: 'keep' } : {});
      file.write(Buffer.alloc(100));
      assert.equal(await file.close(), false);
      assert.equal(await file.close(), false);
      assert.deepEqual(
        errors.map(({ code }) => code),
        ['FILE_WRITE_FAILED'],
      );
      assert.equal(existsSync(path), false);
      assert.equal(existsSync(temporaryPath(path)), keep);
    });
  }
}

test('a folder that vanishes is one error', async () => {
  const { file, errors } = begin(
    'vanishing/a.flv',
    faulty((length) => {
      rmSync(join(root, 'vanishing'), { recursive: true });
      return length;
    }),
  );
  file.write(Buffer.alloc(10));
  assert.equal(await file.close(), false);
  assert.deepEqual(
    errors.map(({ code }) => code),
    ['FILE_WRITE_FAILED'],
  );
});

test('a slow disk: false, drained, then given up at the bound', async () => {
  let free: () => void = () => undefined;
  let asked: () => void = () => undefined;
  const writing = new Promise<void>((resolve) => (asked = resolve));
  const disk = faulty(async (length) => {
    asked();
    await new Promise<void>((resolve) => (free = resolve));
    return length;
  });
  let drained: () => void = () => undefined;
  const drain = new Promise<void>((resolve) => (drained = resolve));
  const { file, path, errors } = begin('slow.flv', disk, { maxPendingBytes: 100, onDrain: drained });
  assert.equal(file.write(Buffer.alloc(60)), false);
  await writing;
  free();
  await drain;
  assert.equal(file.write(Buffer.alloc(40)), true);
  assert.equal(file.write(Buffer.alloc(61)), false);
  assert.deepEqual(errors, []); // Not from within the call.
  await Promise.resolve();
  assert.deepEqual(
    errors.map(({ code }) => code),
    ['FILE_TOO_SLOW'],
  );
  free();
  assert.equal(await file.close(), false);
  assert.equal(existsSync(path), false);
});

test('of a playlist the newest is written, after its segment; a removal is not undone', async () => {
  const errors: string[] = [];
  const files = new WholeFiles((error) => void errors.push(error.code));
  const path = join(root, 'live.m3u8');
  let ready: () => void = () => undefined;
  const segment = new Promise<void>((resolve) => (ready = resolve));
  const results = [1, 2, 3].map((n) => files.write(path, Buffer.from(String(n)), segment));
  assert.equal(existsSync(path), false);
  ready();
  assert.deepEqual(await Promise.all(results), ['superseded', 'superseded', 'done']);
  assert.equal(readFileSync(path, 'utf8'), '3');
  void files.write(path, Buffer.from('4'));
  void files.remove(path);
  await files.settled();
  assert.equal(existsSync(path), false);
  mkdirSync(join(root, 'folder.m3u8'));
  assert.equal(await files.write(join(root, 'folder.m3u8'), Buffer.from('x')), 'failed');
  assert.deepEqual(errors, ['FILE_WRITE_FAILED']);
});

test('names of temporary files', () => {
  assert.equal(temporaryPath('/a/b.flv'), '/a/.b.flv.tmp');
  assert.equal(finalPath('/a/.b.flv.tmp'), '/a/b.flv');
  for (const other of ['/a/b.flv', '/a/b.tmp', '/a/.b', '/a/.tmp']) assert.equal(finalPath(other), undefined);
});

test('kill -9 at any moment: a file is whole, temporary or absent', async () => {
  const folder = join(root, 'killed');
  const source = new URL('../../../src/storage/safe-file.ts', import.meta.url).href;
  const script = `
    const { SafeFile } = await import(${JSON.stringify(source)});
    for (let n = 0; ; n += 1) {
      const file = new SafeFile({ path: ${JSON.stringify(folder)} + '/' + n % 20, onError: (error) => { throw error; } });
      for (let i = 0; i < 50; i += 1) file.write(Buffer.alloc(1000, 65));
      file.patch(Buffer.from('B'), 0);
      await file.close();
      if (n % 10 === 0) process.stdout.write('.');
    }`;
  for (let round = 0; round < 4; round += 1) {
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for (let dots = 0; dots <= round * 3; dots += 1) await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const whole = readdirSync(folder).filter((name) => !name.startsWith('.'));
    assert.ok(whole.length > 0);
    for (const name of whole) {
      const bytes = readFileSync(join(folder, name));
      assert.equal(bytes.length, 50_000);
      assert.equal(bytes[0], 66);
    }
    for (const name of readdirSync(folder)) {
      if (name.startsWith('.')) assert.notEqual(finalPath(name), undefined);
    }
  }
});

test('the temporary name tells what a file is worth; only such names are temporary', () => {
  assert.equal(temporaryPath('/a/b.flv', 'recording'), '/a/.b.flv.recording');
  assert.deepEqual(leftoverOf('/a/.b.flv.recording'), { kind: 'recording', final: '/a/b.flv' });
  assert.deepEqual(leftoverOf(temporaryPath('/a/b.ts')), { kind: 'tmp', final: '/a/b.ts' });
  for (const other of ['/a/b.ts.tmp', '/a/.b.ts', '/a/.tmp', '/a/..recording', '/a/.b.recordings']) {
    assert.equal(leftoverOf(other), undefined, other);
  }
});

test('a file goes on where it is told to; what lay behind is gone', async () => {
  const path = join(root, 'on.flv');
  writeFileSync(temporaryPath(path, 'recording'), 'kept lost');
  const errors: ServerError[] = [];
  const file = new SafeFile({
    path,
    kind: 'recording',
    continueAt: 5,
    onError: (error) => void errors.push(error),
  });
  file.write(Buffer.from('more'));
  file.patch(Buffer.from('K'), 0);
  assert.equal(await file.close(), true);
  assert.equal(readFileSync(path, 'utf8'), 'Kept more');
  const none = new SafeFile({
    path: join(root, 'none.flv'),
    continueAt: 5,
    onError: (error) => void errors.push(error),
  });
  assert.equal(await none.close(), false);
  assert.deepEqual(
    errors.map(({ code }) => code),
    ['FILE_WRITE_FAILED'],
  );
});

test('what comes after a sync is written after it; an abort may keep what there is', async () => {
  const calls: string[] = [];
  const slow: FileSystem = {
    ...nodeFileSystem,
    async create(path) {
      const real = await nodeFileSystem.create(path);
      return {
        writev: (buffers, position) => {
          calls.push(`write ${position}`);
          return real.writev(buffers, position);
        },
        sync: () => {
          calls.push('sync');
          return real.sync();
        },
        touch: () => real.touch(),
        close: () => real.close(),
      };
    },
  };
  const { file, path } = begin('synced.flv', slow);
  file.write(Buffer.from('abc'));
  file.sync();
  file.patch(Buffer.from('A'), 0);
  assert.equal(await file.close(), true);
  assert.deepEqual(calls, ['write 0', 'sync', 'write 0', 'sync']);
  assert.equal(readFileSync(path, 'utf8'), 'Abc');
  const kept = begin('kept.flv');
  await kept.file.abort('keep');
  assert.equal(existsSync(kept.path), false);
  assert.ok(existsSync(temporaryPath(kept.path)));
});

test('a touch is seen from outside and changes nothing; a file system without times does no harm', async () => {
  const { file, path } = begin('touched.flv');
  file.write(Buffer.from('abc'));
  await eventually(
    () => existsSync(file.temporary) && readFileSync(file.temporary, 'utf8') === 'abc',
    'its bytes',
  );
  const old = new Date(1_000_000_000_000);
  for (let times = 0; times < 3; times += 1) {
    utimesSync(file.temporary, old, old);
    file.touch();
    await eventually(() => statSync(file.temporary).mtimeMs > Date.now() - 60_000, 'its time');
  }
  assert.equal(await file.close(), true);
  assert.equal(readFileSync(path, 'utf8'), 'abc');
  const untimed: FileSystem = {
    ...nodeFileSystem,
    async create(name) {
      const real = await nodeFileSystem.create(name);
      return {
        writev: (buffers, position) => real.writev(buffers, position),
        sync: () => real.sync(),
        touch: () => Promise.reject(new Error('no times here')),
        close: () => real.close(),
      };
    },
  };
  const other = begin('untimed.flv', untimed);
  other.file.touch();
  assert.equal(await other.file.close(), true);
});

test('a file that was removed while it is written fails at the next touch', async () => {
  const { file, errors } = begin('removed.flv');
  file.write(Buffer.from('abc'));
  file.touch();
  await eventually(() => existsSync(file.temporary), 'the file');
  await eventually(() => file.stats.pendingBytes === 0, 'its bytes');
  assert.equal(errors.length, 0);
  unlinkSync(file.temporary);
  file.write(Buffer.from('def'));
  file.touch();
  file.touch();
  await eventually(() => errors.length > 0, 'the failure');
  assert.equal(errors[0]?.code, 'FILE_WRITE_FAILED');
  assert.equal(await file.close(), false);
  assert.equal(errors.length, 1);
});
