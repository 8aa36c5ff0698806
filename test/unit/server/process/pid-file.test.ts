import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, suite, test } from 'node:test';
import { ServerError } from '../../../../src/base/errors.ts';
import { acquirePidFile } from '../../../../src/server/process/pid-file.ts';

suite('acquirePidFile', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'srs-pid-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const file = (name: string): string => path.join(folder, name);

  test('makes the folder, writes the pid, and removes the file once', () => {
    const mine = acquirePidFile(file('a/b/srs.pid'));
    assert.equal(readFileSync(file('a/b/srs.pid'), 'utf8'), `${process.pid}\n`);
    assert.equal(mine?.leftBy, undefined);
    mine?.release();
    assert.equal(existsSync(file('a/b/srs.pid')), false);
    writeFileSync(file('a/b/srs.pid'), '1');
    mine?.release();
    assert.equal(readFileSync(file('a/b/srs.pid'), 'utf8'), '1');
  });

  test('leaves alone what another one has put in its place', () => {
    const mine = acquirePidFile(file('replaced.pid'));
    rmSync(file('replaced.pid'));
    writeFileSync(file('replaced.pid'), '42\n');
    mine?.release();
    assert.equal(readFileSync(file('replaced.pid'), 'utf8'), '42\n');
  });

  test('the one named in it holds it only while it has it open', async () => {
    const name = file('child.pid');
    writeFileSync(name, '');
    const fd = openSync(name, 'r');
    const child = spawn('/bin/sleep', ['60'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
    await once(child, 'spawn');
    closeSync(fd);
    writeFileSync(name, `${child.pid ?? 0}`);
    assert.throws(
      () => acquirePidFile(name),
      (error) => error instanceof ServerError && error.code === 'PID_FILE_HELD',
    );
    child.kill('SIGKILL');
    await once(child, 'exit');
    const mine = acquirePidFile(name);
    assert.equal(mine?.leftBy, child.pid);
    mine?.release();
  });

  test('a number that another program got after a crash holds nothing, whoever that belongs to', () => {
    writeFileSync(file('first.pid'), '1\n'); // Init, which for anybody but root is somebody else's.
    const mine = acquirePidFile(file('first.pid'));
    assert.equal(mine?.leftBy, 1);
    mine.release();
  });

  test('a guard that a crash left behind does not lock everybody out', () => {
    writeFileSync(file('guard.pid.lock'), '');
    const mine = acquirePidFile(file('guard.pid'));
    assert.equal(existsSync(file('guard.pid.lock')), false);
    mine?.release();
  });

  test('a reload may spell the same place otherwise', () => {
    const before = acquirePidFile(file('same.pid'));
    const now = acquirePidFile(path.join(folder, '.', 'x', '..', 'same.pid'));
    before?.release();
    assert.equal(readFileSync(file('same.pid'), 'utf8'), `${process.pid}\n`);
    now?.release();
    assert.equal(existsSync(file('same.pid')), false);
  });

  for (const content of ['hello', '12 34', '-1', '1e3', '9'.repeat(200)]) {
    test(`is refused where a file holds ${JSON.stringify(content.slice(0, 12))}`, () => {
      writeFileSync(file('other'), content);
      assert.throws(
        () => acquirePidFile(file('other')),
        (error) => error instanceof ServerError && error.code === 'PID_FILE_FAILED',
      );
      assert.equal(readFileSync(file('other'), 'utf8'), content);
    });
  }

  test('is refused, and does not hang, where no folder can be made', () => {
    assert.throws(
      () => acquirePidFile('/proc/none/none/srs.pid'),
      (error) => error instanceof ServerError && error.code === 'PID_FILE_FAILED',
    );
  });

  test('none is wanted', () => {
    assert.equal(acquirePidFile(''), undefined);
    assert.equal(acquirePidFile('/dev/null'), undefined);
  });
});
