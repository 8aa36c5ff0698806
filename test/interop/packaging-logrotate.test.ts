import assert from 'node:assert/strict';
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, suite, test } from 'node:test';
import { accepts, Program, requireProgram, run, temporaryFolder, until } from '../support/programs.ts';
import { freePorts, REPOSITORY } from '../support/server-process.ts';

const FILE = join(REPOSITORY, 'packaging/logrotate/srs');
const LOGROTATE = '/usr/sbin/logrotate';

suite('packaging/logrotate', () => {
  const folder = temporaryFolder();
  const pid = join(folder, 'srs.pid');
  const log = join(folder, 'srs.log');
  const here = join(folder, 'logrotate.conf');
  before(() => {
    requireProgram(LOGROTATE, 'logrotate');
    const text = readFileSync(FILE, 'utf8')
      .replaceAll('/var/log/srs/', `${folder}/`)
      .replaceAll('/run/srs/srs.pid', pid)
      // The account of an installed server.
      .replace(/^ *su .*\n/m, '');
    writeFileSync(here, text);
    // logrotate refuses files and folders that others may write to.
    chmodSync(here, 0o600);
    chmodSync(folder, 0o700);
  });

  test('renames and signals; never copies and cuts', () => {
    const text = readFileSync(FILE, 'utf8').replaceAll(/^\s*#.*$/gm, '');
    assert.match(text, /kill -USR1/);
    assert.doesNotMatch(text, /copytruncate|^\s*create/m);
  });

  test('logrotate understands it', async () => {
    const { stderr } = await run(LOGROTATE, ['-d', '-s', join(folder, 'state-d'), here]);
    assert.doesNotMatch(stderr, /^error/m);
    assert.match(stderr, /rotating pattern/);
  });

  test('a rotation under a running server loses no line', async () => {
    const [port = 0] = await freePorts(1);
    const conf = join(folder, 'srs.conf');
    writeFileSync(
      conf,
      `listen 127.0.0.1:${port}; daemon off; pid ${pid}; srs_log_tank file; srs_log_file ${log}; vhost __defaultVhost__ {}`,
    );
    const server = new Program(process.execPath, [join(REPOSITORY, 'bin/srs'), '-c', conf], { cwd: folder });
    await until('it listens', () => {
      assert.ok(server.running, server.output);
      return accepts(port);
    });
    await until('it has logged', () => readFileSync(log, 'utf8').includes('started with'));
    const state = join(folder, 'state');
    for (let round = 1; round <= 2; round++) {
      const end = await new Program(LOGROTATE, ['-f', '-s', state, here]).ended;
      assert.equal(end.code, 0, end.stderr);
      await until('there is a new log', () => readdirSync(folder).includes('srs.log'));
      // SIGHUP leaves a line: it must be in the new file.
      process.kill(server.pid, 'SIGHUP');
      await until('the new log is written to', () => readFileSync(log, 'utf8').length > 0);
    }
    assert.equal((await server.stop('SIGTERM')).code, 0, server.output);
    const files = readdirSync(folder).filter((name) => name.startsWith('srs.log'));
    assert.deepEqual(files.sort(), ['srs.log', 'srs.log.1', 'srs.log.2.gz']);
    const { stdout: oldest } = await run('zcat', [join(folder, 'srs.log.2.gz')]);
    const middle = readFileSync(join(folder, 'srs.log.1'), 'utf8');
    const newest = readFileSync(log, 'utf8');
    assert.match(oldest, /started with/);
    assert.match(middle, /SIGHUP/);
    assert.match(newest, /SIGHUP/);
    assert.match(newest, /stopped/);
  });
});
