import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Program, temporaryFolder, type ProgramEnd } from '../support/programs.ts';
import { freePorts, REPOSITORY, startServerProcess } from '../support/server-process.ts';

const DEADLINE_MS = 20_000;

function doctor(...args: readonly string[]): Promise<ProgramEnd> {
  const srs = [join(REPOSITORY, 'bin/srs'), 'doctor', ...args];
  return new Program(process.execPath, srs, { deadlineMs: DEADLINE_MS }).ended;
}

interface Report {
  readonly healthy: boolean;
  readonly counts: Readonly<Record<string, number>>;
  readonly findings: readonly { readonly check: string; readonly level: string; readonly what: string }[];
}

suite('srs doctor', () => {
  const folder = temporaryFolder();
  const write = (name: string, text: string): string => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  const conf = (port: number, more = ''): string =>
    `listen 127.0.0.1:${port};\ndaemon off;\nmax_connections 100;\nwork_dir ${folder};\npid made/srs.pid;\n` +
    `srs_log_tank file;\nsrs_log_file ${more === '' ? 'made/srs.log' : more};\nvhost __defaultVhost__ { }\n`;

  test('a good configuration: exit code 0, every subject is told, nothing is made', async () => {
    const [port = 0] = await freePorts(1);
    const end = await doctor('-c', write('good.conf', conf(port)));
    assert.equal(end.code, 0, end.stdout + end.stderr);
    assert.equal(end.stderr, '');
    assert.match(end.stdout, new RegExp(`listen 127\\.0\\.0\\.1:${port} \\(.*good\\.conf:1\\) is free`));
    assert.match(end.stdout, /\/usr\/bin\/ffmpeg is version \d/);
    assert.match(end.stdout, /\n0 errors, \d+ warnings?, \d+ notes?, \d+ ok\n$/);
    assert.ok(!end.stdout.includes('\u001b'), 'no colours into a pipe');
    assert.deepEqual(readdirSync(folder), ['good.conf']);
  });

  test('a port that is taken: the directive, the pid and the program', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const end = await doctor('--json', '-c', write('taken.conf', conf(port)));
    holder.close();
    assert.equal(end.code, 1, end.stdout + end.stderr);
    const report = JSON.parse(end.stdout) as Report;
    assert.equal(report.healthy, false);
    const errors = report.findings.filter(({ level }) => level === 'error');
    assert.equal(errors.length, report.counts['error']);
    assert.equal(errors.length, 1, end.stdout);
    const [error] = errors;
    assert.equal(error?.check, 'ports');
    assert.match(
      error.what,
      new RegExp(`^listen 127\\.0\\.0\\.1:${port} \\(.*taken\\.conf:1\\) is taken by pid ${process.pid} \\(`),
    );
  });

  test('a folder that cannot be: the directive and its line', async () => {
    const [port = 0] = await freePorts(1);
    const file = write('file', '');
    const end = await doctor('-c', write('folder.conf', conf(port, join(file, 'srs.log'))));
    assert.equal(end.code, 1, end.stdout + end.stderr);
    assert.match(
      end.stdout,
      /\n {2}error {4}srs_log_file: folder .*\/file \(.*folder\.conf:7\) cannot be: .*\/file is no folder\n/,
    );
    assert.match(end.stdout, /\n1 error, /);
    assert.ok(!existsSync(join(folder, 'made')));
  });

  test('a bad configuration: all its problems', async () => {
    const end = await doctor('-c', write('bad.conf', 'listen 1935;\nmax_conections 1;\ndaemon {}\n'));
    assert.equal(end.code, 1, end.stdout + end.stderr);
    assert.match(end.stdout, /\n {2}error {4}.*bad\.conf:2:1: .*did you mean 'max_connections'/);
    assert.match(end.stdout, /\n {2}error {4}.*bad\.conf:3/);
    assert.match(end.stdout, /all other checks look at the defaults/);
  });

  test('a running server: its ports are its own', async () => {
    const server = await startServerProcess();
    try {
      const end = await doctor('-c', server.conf);
      assert.equal(end.code, 0, end.stdout + end.stderr);
      assert.match(
        end.stdout,
        new RegExp(`\\n {2}ok {7}process ${server.pid} runs with this configuration, version \\d`),
      );
      const own = end.stdout.match(
        new RegExp(`is in use by the running server \\(pid ${server.pid}\\)`, 'g'),
      );
      assert.equal(own?.length, 3, end.stdout);
    } finally {
      await server.stop();
    }
  });
});
