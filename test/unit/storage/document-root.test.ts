import assert from 'node:assert/strict';
import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { DocumentRoot, readAt, streamFrom } from '../../../src/storage/document-root.ts';

let dir: string;
let root: DocumentRoot;

before(async () => {
  const base = await mkdtemp(join(tmpdir(), 'srs-root-'));
  dir = join(base, 'www');
  await mkdir(join(dir, 'sub'), { recursive: true });
  await mkdir(join(base, 'www-other'));
  await writeFile(join(base, 'secret.flv'), 'SECRET');
  await writeFile(join(base, 'www-other', 'index.html'), 'SECRET');
  await writeFile(join(dir, 'a.txt'), '0123456789');
  await writeFile(join(dir, 'sub', 'index.html'), 'index');
  await writeFile(join(dir, '.env'), 'SECRET');
  await symlink(join(base, 'secret.flv'), join(dir, 'link.flv'));
  await symlink(join(base, 'www-other'), join(dir, 'linked'));
  await symlink(join(dir, 'sub'), join(dir, 'alias'));
  await symlink('loop', join(dir, 'loop'));
  root = new DocumentRoot(dir);
});

const CASES: [path: string, want: string | undefined][] = [
  ['/a.txt', 'a.txt'],
  ['/sub/', 'sub/index.html'],
  ['/sub', '-> /sub/'],
  ['/alias/', 'sub/index.html'],
  ['/', undefined],
  ['/missing', undefined],
  ['/a.txt/', undefined],
  ['/a.txt/x', undefined],
  // Outside of the root: by name, by link, by a folder whose name begins with the root's.
  ['/../secret.flv', undefined],
  ['/../www-other/index.html', undefined],
  ['/link.flv', undefined],
  ['/linked/', undefined],
  ['/linked/index.html', undefined],
  ['/.env', undefined],
  ['/loop', undefined],
  ['/a.txt\0', undefined],
  [`/${'x'.repeat(5_000)}`, undefined],
];

test('only what lies below the root is found', async () => {
  for (const [path, want] of CASES) {
    const located = await root.locate(path);
    const got = located && ('redirect' in located ? `-> ${located.redirect}` : located.file.path);
    assert.equal(got, want, path);
  }
  assert.equal(await new DocumentRoot(join(dir, 'nowhere')).locate('/a.txt'), undefined);
});

test('bytes of a file, not beyond its end', async () => {
  const located = await root.locate('/a.txt');
  assert.ok(located && 'file' in located);
  const { file } = located;
  assert.equal(file.sizeBytes, 10);
  assert.equal((await readAt(file, 8, 100)).toString(), '89');
  assert.equal((await readAt(file, 20, 100)).length, 0);
  let rest = '';
  for await (const chunk of streamFrom(file, 3)) rest += String(chunk);
  assert.equal(rest, '3456789');
});
