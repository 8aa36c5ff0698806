import assert from 'node:assert/strict';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, suite, test } from 'node:test';
import { StaticMounts, type StaticMount } from '../../../../src/endpoints/http/static-mounts.ts';

let base = '';
const dir = (name: string): string => join(base, name);

before(async () => {
  base = await mkdtemp(join(tmpdir(), 'srs-mounts-'));
  for (const name of ['server', 'page', 'a', 'b', 'default', 'all']) {
    await mkdir(join(dir(name), 'sub'), { recursive: true });
    await writeFile(join(dir(name), 'same.txt'), '');
    await writeFile(join(dir(name), `${name}.txt`), '');
  }
});

const mount = (vhost: string, template: string, folder: string): StaticMount => ({
  vhost,
  template,
  dir: dir(folder),
});

/** `FOLDER/FILE` that a path leads to, `-> PATH` for a redirect. */
async function found(
  mounts: readonly StaticMount[],
  host: string,
  path: string,
): Promise<string | undefined> {
  const all = new StaticMounts({ mounts, dir: dir('server'), pageDir: dir('page') });
  const located = await all.locate(host, path);
  if (located === undefined) return undefined;
  if ('redirect' in located) return `-> ${located.redirect}`;
  return `${located.file.root.slice(base.length + 1)}/${located.file.path}`;
}

suite('which folder a URL path is served from', () => {
  const A = (): StaticMount => mount('a.com', '[vhost]/', 'a');
  const B = (): StaticMount => mount('B.com', '[vhost]/files', 'b');
  const DEFAULT = (): StaticMount => mount('__defaultVhost__', '[vhost]/', 'default');
  const ALL = (): StaticMount => mount('c.com', '/[vhost]/all/', 'all');
  const cases: readonly (readonly [() => readonly StaticMount[], string, string, string | undefined])[] = [
    [() => [], 'x', '/same.txt', 'server/same.txt'],
    [() => [], 'x', '/page.txt', 'page/page.txt'],
    [() => [A(), B()], 'a.com', '/same.txt', 'a/same.txt'],
    [() => [A(), B()], 'a.com', '/server.txt', undefined],
    [() => [A(), B()], 'a.com', '/page.txt', undefined],
    [() => [A(), B()], 'x', '/same.txt', 'server/same.txt'],
    [() => [A(), B()], 'b.com', '/files/same.txt', 'b/same.txt'],
    [() => [A(), B()], 'b.com', '/same.txt', 'server/same.txt'],
    [() => [A(), B()], 'b.com', '/filesame.txt', undefined],
    [() => [A(), B()], 'b.com', '/files', '-> /files/'],
    [() => [A(), B()], 'b.com', '/files/sub', '-> /files/sub/'],
    [() => [A(), B()], 'x', '/files/same.txt', undefined],
    [() => [DEFAULT(), A()], 'x', '/same.txt', 'default/same.txt'],
    [() => [DEFAULT(), A()], 'x', '/server.txt', undefined],
    [() => [DEFAULT(), A()], 'x', '/page.txt', 'page/page.txt'],
    [() => [DEFAULT(), A()], 'a.com', '/same.txt', 'a/same.txt'],
    [() => [ALL(), A()], 'x', '/c.com/all/same.txt', 'all/same.txt'],
    [() => [ALL(), A()], 'a.com', '/c.com/all/same.txt', undefined],
    [() => [mount('v', 'other.com', 'b')], 'other.com', '/same.txt', 'b/same.txt'],
    [() => [mount('v', '/x', 'a'), mount('v', '/x/y', 'b')], 'h', '/x/y/same.txt', 'b/same.txt'],
    [() => [mount('v', '/x', 'a'), mount('v', '/x/y', 'b')], 'h', '/x/same.txt', 'a/same.txt'],
    [() => [mount('v', '/', 'missing')], 'h', '/same.txt', 'page/same.txt'],
  ];
  for (const [i, [mounts, host, path, want]] of cases.entries()) {
    test(`${i}: ${host}${path} is ${want ?? 'nowhere'}`, async () => {
      assert.equal(await found(mounts(), host, path), want);
    });
  }
});
