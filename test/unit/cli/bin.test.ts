import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const BIN = new URL('../../../bin/srs', import.meta.url).pathname;

/** Runs a copy of `bin/srs` through a link in another folder; `entry` is what was built, if anything. */
function run(entry: string | undefined): {
  status: number | null;
  stdout: string;
  stderr: string;
  pid: number;
} {
  const folder = mkdtempSync(join(tmpdir(), 'srs-bin-'));
  try {
    mkdirSync(join(folder, 'package/bin'), { recursive: true });
    mkdirSync(join(folder, 'package/dist/cli'), { recursive: true });
    mkdirSync(join(folder, 'elsewhere'));
    writeFileSync(join(folder, 'package/package.json'), '{ "type": "module" }');
    copyFileSync(BIN, join(folder, 'package/bin/srs'));
    if (entry !== undefined) writeFileSync(join(folder, 'package/dist/cli/bin.js'), entry);
    symlinkSync('../package/bin/srs', join(folder, 'elsewhere/link'));
    const { status, stdout, stderr, pid } = spawnSync('./link', ['-t', 'x y'], {
      cwd: join(folder, 'elsewhere'),
      encoding: 'utf8',
    });
    return { status, stdout, stderr, pid };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('bin/srs may be executed', () => assert.equal(statSync(BIN).mode & 0o111, 0o111));

test('bin/srs runs what was built, in its own process, from any folder and through a link', () => {
  const { status, stdout, stderr, pid } = run(
    'process.stdout.write(JSON.stringify([process.pid, process.argv.slice(2)])); process.exitCode = 3;',
  );
  assert.equal(stderr, '');
  assert.deepEqual(JSON.parse(stdout), [pid, ['-t', 'x y']]);
  assert.equal(status, 3);
});

test('bin/srs says how to build it when it is not built', () => {
  const { status, stdout, stderr } = run(undefined);
  assert.deepEqual([status, stdout], [1, '']);
  assert.match(stderr, /^srs is not built yet\. Build it with: npm --prefix "\/.*\/package\/" run build\n$/);
});
