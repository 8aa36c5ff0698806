import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { loadConfig } from '../../src/config/index.ts';
import { makeCertificate } from '../support/certificates.ts';
import { accepts, Program, temporaryFolder, until } from '../support/programs.ts';
import { freePorts, REPOSITORY } from '../support/server-process.ts';

const CONF = join(REPOSITORY, 'conf');
const STOP_MS = 5000;

/** The file with its TCP ports replaced by free ones of 127.0.0.1, so that several of them can run at once. */
async function onFreePorts(text: string): Promise<string> {
  const free = await freePorts([...text.matchAll(/^\s*listen\s/gm)].length);
  return text.replaceAll(
    /^(\s*listen\s+)(?:[\d.]+:)?\d+;/gm,
    (_, before: string) => `${before}127.0.0.1:${free.pop() ?? 0};`,
  );
}

/** Where the server should accept connections. */
function portsOf(file: string): number[] {
  const { config } = loadConfig(file);
  return [
    ...config.listen.map(({ port }) => port),
    ...(config.httpServer.enabled ? [config.httpServer.listen.port] : []),
    ...(config.httpApi.enabled ? [config.httpApi.listen.port] : []),
  ];
}

/** full.conf shows every directive at once and is no scenario; the other is a part of include.conf. */
const NOT_STARTED = ['full.conf', 'include.vhost.conf'];
/** Files whose features all exist. */
const files = readdirSync(CONF).filter(
  (name) =>
    name.endsWith('.conf') &&
    !NOT_STARTED.includes(name) &&
    loadConfig(join(CONF, name)).warnings.length === 0,
);

// Each is a process of its own that does little but start: two at a time is what a small machine can take.
suite('conf/', { concurrency: 2 }, () => {
  const folder = temporaryFolder();
  const certificate = makeCertificate();

  test('some files have nothing but features that exist', () =>
    assert.ok(files.length >= 10, files.join(' ')));

  for (const name of files) {
    test(`${name} starts, listens and stops`, async () => {
      const home = join(folder, name);
      mkdirSync(home);
      // What they name by a relative path.
      symlinkSync(join(REPOSITORY, 'media'), join(home, 'media'));
      cpSync(CONF, join(home, 'conf'), { recursive: true });
      const { key, cert } = await certificate;
      cpSync(key, join(home, 'conf/server.key'));
      cpSync(cert, join(home, 'conf/server.crt'));
      const file = join(home, name);
      writeFileSync(file, await onFreePorts(readFileSync(join(CONF, name), 'utf8')));
      const server = new Program(process.execPath, [join(REPOSITORY, 'bin/srs'), '-c', name], { cwd: home });
      const ports = portsOf(file);
      assert.ok(ports.length > 0);
      for (const port of ports) {
        await until(`port ${port}`, () => {
          assert.ok(server.running, server.output);
          return accepts(port);
        });
      }
      const from = performance.now();
      const end = await server.stop('SIGINT');
      assert.equal(end.code, 0, server.output);
      assert.ok(performance.now() - from < STOP_MS, 'it ends at once');
      const { srsLogTank, srsLogFile } = loadConfig(file).config;
      const log = srsLogTank === 'console' ? end.stdout : readFileSync(join(home, srsLogFile), 'utf8');
      assert.match(log, /stopped/);
      assert.doesNotMatch(log + end.stderr, /not everything closed|unexpected|\[error\]/i);
    });
  }
});
