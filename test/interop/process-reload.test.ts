import assert from 'node:assert/strict';
import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { accepts, temporaryFolder, until, type Program } from '../support/programs.ts';
import { readIfThere, srsHome, SrsHome } from '../support/srs-home.ts';

/** Reload by SIGHUP alone, also in a container. */
const BY_SIGNAL = 'srs_log_tank console; auto_reload_for_docker off;';
const BY_FILE = 'srs_log_tank console; inotify_auto_reload on;';

/** How often the log tells of a reload. */
const reloads = (server: Program): number => server.output.match(/reload by /g)?.length ?? 0;

suite('reload', () => {
  const folder = temporaryFolder();

  test('by SIGHUP: the log moves to its new place with its new level, no line is lost', async () => {
    const home = (await srsHome(folder, 'log')).configure('srs_log_tank file; auto_reload_for_docker off;');
    const server = await home.up();
    const first = join(home.folder, 'objs/srs.log');
    await until('the terminal says where the log is', () =>
      server.output.endsWith(`srs-ts is live, pid ${server.pid}; its log is ${first}\n`),
    );
    home.configure(
      'srs_log_tank file; auto_reload_for_docker off; srs_log_file ./logs/new.log; utc_time on;',
    );
    process.kill(server.pid, 'SIGHUP');
    const moved = join(home.folder, 'logs/new.log');
    await until('the new log', () => readIfThere(moved).includes('reload by SIGHUP: 2 applied'));
    home.configure(
      'srs_log_tank file; auto_reload_for_docker off; srs_log_file ./logs/new.log; srs_log_level warn;',
    );
    process.kill(server.pid, 'SIGHUP');
    await home.answers();
    assert.equal((await server.stop('SIGTERM')).code, 0);
    assert.doesNotMatch(readIfThere(moved), /stopping/, 'the level holds');
  });

  test('by SIGHUP: a listener moves, and the old one is gone', async () => {
    const home = (await srsHome(folder, 'listener')).configure(BY_SIGNAL);
    const server = await home.up();
    const other = new SrsHome(home.folder, (await srsHome(folder, 'ports')).ports);
    other.configure(BY_SIGNAL);
    process.kill(server.pid, 'SIGHUP');
    await until('the new port', () => other.answers());
    for (const port of [home.ports.rtmp, home.ports.http, home.ports.api])
      await until('the old port is closed', async () => !(await accepts(port)));
    assert.equal((await server.stop('SIGTERM')).code, 0);
  });

  test('a bad file changes nothing and says where it is wrong', async () => {
    const home = (await srsHome(folder, 'bad')).configure(BY_SIGNAL);
    const server = await home.up();
    home.configure(`${BY_SIGNAL}\npid ./objs/other.pid;\nmax_connectionz 10;`);
    process.kill(server.pid, 'SIGHUP');
    await until('the log tells', () => /reload by SIGHUP: .*nothing has changed/.test(server.output));
    assert.match(server.output, /srs\.conf:5:1: .*max_connectionz/);
    assert.equal(existsSync(join(home.folder, 'objs/other.pid')), false);
    assert.equal(home.pid(), server.pid);
    assert.equal(await home.answers(), true);
    // Mended, it applies.
    home.configure(`${BY_SIGNAL}\npid ./objs/other.pid;`);
    process.kill(server.pid, 'SIGHUP');
    await until('the new pid file', () => existsSync(join(home.folder, 'objs/other.pid')));
    assert.equal((await server.stop('SIGTERM')).code, 0);
  });

  test('what needs a restart is said, and the grace of an end is that of the newest file', async () => {
    const home = (await srsHome(folder, 'grace')).configure(`${BY_SIGNAL} grace_start_wait 600000;`);
    const server = await home.up();
    home.configure(`${BY_SIGNAL} grace_start_wait 10; grace_final_wait 10; asprocess on;`);
    process.kill(server.pid, 'SIGHUP');
    await until('the log tells', () => /asprocess: .*needs a restart/.test(server.output));
    assert.equal((await server.stop('SIGQUIT')).code, 0);
  });

  test('max_connections above the limit of open files is refused', async () => {
    const home = (await srsHome(folder, 'files')).configure(BY_SIGNAL);
    const server = await home.up();
    home.configure(`${BY_SIGNAL} max_connections 1000000;`);
    process.kill(server.pid, 'SIGHUP');
    await until('the refusal', () =>
      /max_connections: .*refused: max_connections 1000000 needs about \d+ open files/.test(server.output),
    );
    assert.equal((await server.stop('SIGTERM')).code, 0);
  });

  test('by the file: an editor renames over it, and a file that is away for a moment changes nothing', async () => {
    const home = (await srsHome(folder, 'editor')).configure(BY_FILE);
    const server = await home.up();
    const draft = `${home.conf}.tmp`;
    for (const wait of [20, 30, 40]) {
      writeFileSync(draft, home.text(`${BY_FILE} grace_final_wait ${wait};`));
      renameSync(draft, home.conf);
      await until('it is applied', () =>
        new RegExp(`grace_final_wait: .* -> ${wait}ms, applied`).test(server.output),
      );
    }
    await until('three reloads', () => reloads(server) === 3);

    const away = `${home.conf}.away`;
    renameSync(home.conf, away);
    await sleep(1000); // Longer than the files must be at rest, shorter than what is worth a line.
    renameSync(away, home.conf);
    writeFileSync(home.conf, home.text(`${BY_FILE} grace_final_wait 50;`)); // In place this time.
    await until('it is applied', () => /grace_final_wait: .* -> 50ms, applied/.test(server.output));
    await until('the report', () => reloads(server) >= 4);
    assert.equal(reloads(server), 4, server.output);
    assert.doesNotMatch(server.output, /is gone/);
    assert.equal((await server.stop('SIGTERM')).code, 0);
  });

  test('by the file: what is included may come later, by its name or by a pattern', async () => {
    const home = (await srsHome(folder, 'later')).configure(BY_FILE);
    const server = await home.up();
    home.configure(`${BY_FILE} include later.conf;`);
    await until('it is not there', () => server.output.includes("there is no file 'later.conf'"));
    writeFileSync(join(home.folder, 'later.conf'), 'grace_final_wait 60; include conf.d/*.conf;');
    await until('it is applied', () => /grace_final_wait: .* -> 60ms, applied/.test(server.output));
    mkdirSync(join(home.folder, 'conf.d'));
    writeFileSync(join(home.folder, 'conf.d/one.conf'), 'grace_start_wait 70;');
    await until('it is applied', () => /grace_start_wait: .* -> 70ms, applied/.test(server.output), 15_000);
    assert.doesNotMatch(server.output, /cannot be watched/);
    assert.equal((await server.stop('SIGTERM')).code, 0);
  });

  test('by the file: Kubernetes switches a ConfigMap', async () => {
    const home = await srsHome(folder, 'configmap');
    const CONTAINER = 'srs_log_tank console; in_docker on;';
    // What the kubelet makes: srs.conf -> ..data/srs.conf, ..data -> ..VERSION.
    const version = (name: string, text: string): void => {
      mkdirSync(join(home.folder, name));
      writeFileSync(join(home.folder, name, 'srs.conf'), text);
      symlinkSync(name, join(home.folder, '..data_tmp'));
      renameSync(join(home.folder, '..data_tmp'), join(home.folder, '..data'));
    };
    version('..1', home.text(CONTAINER));
    symlinkSync('..data/srs.conf', home.conf);
    const server = await home.up();
    for (const [name, wait] of [
      ['..2', 20],
      ['..3', 30],
    ] as const) {
      version(name, home.text(`${CONTAINER} grace_final_wait ${wait};`));
      rmSync(join(home.folder, `..${Number(name.slice(2)) - 1}`), { recursive: true });
      await until('it is applied', () =>
        new RegExp(`reload: grace_final_wait: .* -> ${wait}ms, applied`).test(server.output),
      );
    }
    assert.match(server.output, /reload by file: 1 applied/);
    assert.equal((await server.stop('SIGTERM')).code, 0);
  });
});
