import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite, test } from 'node:test';
import { accepts, temporaryFolder, until } from '../support/programs.ts';
import { readIfThere, srsHome, SrsHome } from '../support/srs-home.ts';

/** A change of the file is no reload here, also in a container. */
const CONSOLE = 'srs_log_tank console; auto_reload_for_docker off;';

suite('the pid file', () => {
  const folder = temporaryFolder();

  test('holds the process id while the server runs, is held against a second one, and is gone afterwards', async () => {
    const home = (await srsHome(folder, 'held')).configure(CONSOLE);
    const server = await home.up();
    assert.equal(readFileSync(home.pidFile, 'utf8'), `${server.pid}\n`);

    const other = new SrsHome(home.folder, (await srsHome(folder, 'other')).ports).configure(CONSOLE);
    const end = await other.start().ended;
    assert.equal(end.code, 1);
    assert.match(
      end.stdout + end.stderr,
      new RegExp(`PID_FILE_HELD\\(1035\\): pid file \\./objs/srs\\.pid: process ${server.pid} holds it`),
    );
    assert.equal(await accepts(other.ports.rtmp), false);

    // The refused one has not touched what it did not own.
    assert.equal(home.pid(), server.pid);
    assert.equal(await home.answers(), true);
    assert.equal((await server.stop('SIGTERM')).code, 0);
    assert.equal(existsSync(home.pidFile), false);
    assert.equal(existsSync(`${home.pidFile}.lock`), false);
  });

  test('of a server that was killed is taken over', async () => {
    const home = (await srsHome(folder, 'killed')).configure(CONSOLE);
    const first = await home.up();
    await first.stop('SIGKILL');
    assert.equal(home.pid(), first.pid);
    const second = await home.up();
    assert.equal(home.pid(), second.pid);
    assert.match(second.output, new RegExp(`process ${first.pid} has left it behind, taken over`));
    await second.stop('SIGTERM');
    assert.equal(existsSync(home.pidFile), false);
  });

  test('whose number another program has by now is taken over', async () => {
    const home = (await srsHome(folder, 'recycled')).configure(CONSOLE);
    mkdirSync(dirname(home.pidFile));
    writeFileSync(home.pidFile, String(process.pid)); // This test lives, but does not hold the file.
    const server = await home.up();
    assert.equal(home.pid(), server.pid);
    await server.stop('SIGTERM');
  });

  test('two that start at once: one serves, the other says who does', async () => {
    const home = (await srsHome(folder, 'race')).configure(CONSOLE);
    const rival = new SrsHome(home.folder, (await srsHome(folder, 'rival')).ports);
    mkdirSync(dirname(home.pidFile));
    writeFileSync(home.pidFile, '999999999'); // Both find a leftover.
    const one = home.start();
    const conf = join(home.folder, 'rival.conf');
    writeFileSync(conf, rival.text(CONSOLE));
    const two = Object.assign(Object.create(rival) as SrsHome, { conf }).start();
    const loser = await Promise.race([one.ended, two.ended]);
    const winner = one.running ? one : two;
    assert.equal(loser.code, 1);
    assert.match(loser.stdout, new RegExp(`process ${winner.pid} holds it`));
    assert.equal(home.pid(), winner.pid);
    assert.equal((await winner.stop('SIGTERM')).code, 0);
  });

  test('pid /dev/null: none is written', async () => {
    const home = (await srsHome(folder, 'null')).configure(`${CONSOLE} pid /dev/null;`);
    const server = await home.up();
    assert.equal(existsSync(join(home.folder, 'objs')), false);
    await server.stop('SIGTERM');
  });

  test('is refused where something else stands, and that stays as it was', async () => {
    const home = (await srsHome(folder, 'precious')).configure(`${CONSOLE} pid ./precious.txt;`);
    const precious = join(home.folder, 'precious.txt');
    writeFileSync(precious, 'my notes\n');
    const end = await home.start().ended;
    assert.equal(end.code, 1);
    assert.match(end.stdout, /PID_FILE_FAILED\(1034\): pid file \.\/precious\.txt: .*no process id/);
    assert.equal(readIfThere(precious), 'my notes\n');
  });

  test('that cannot be written, and a log that cannot: told on the terminal, exit code 1', async () => {
    const home = await srsHome(folder, 'unwritable');
    writeFileSync(join(home.folder, 'file'), '');
    home.configure('pid ./file/srs.pid; srs_log_tank file;');
    const pid = await home.start().ended;
    assert.equal(pid.code, 1);
    assert.match(pid.stderr, /PID_FILE_FAILED\(1034\): pid file \.\/file\/srs\.pid: cannot be written <- /);
    assert.match(home.log(), /\[Error\].*PID_FILE_FAILED/);

    home.configure('srs_log_tank file; srs_log_file ./file/srs.log;');
    const log = await home.start().ended;
    assert.equal(log.code, 1);
    assert.match(log.stderr, /LOG_OPEN_FAILED\(1042\): the log file \.\/file\/srs\.log cannot be opened <- /);
    assert.equal(existsSync(home.pidFile), false);

    home.configure('work_dir ./nowhere;');
    const dir = await home.start().ended;
    assert.equal(dir.code, 1);
    assert.match(dir.stderr, /WORK_DIR_FAILED\(1023\): work_dir \.\/nowhere: cannot be entered/);
  });

  test('moves by a reload, and stays where it is when the new place is held', async () => {
    const home = (await srsHome(folder, 'moves')).configure(CONSOLE);
    const server = await home.up();
    const moved = join(home.folder, 'run/new.pid');
    home.configure(`${CONSOLE} pid ./run/new.pid;`);
    process.kill(server.pid, 'SIGHUP');
    await until('the new file', () => readIfThere(moved) === `${server.pid}\n` && !existsSync(home.pidFile));

    const other = (await srsHome(folder, 'holder')).configure(CONSOLE);
    const holder = await other.up();
    home.configure(`${CONSOLE} pid ${other.pidFile};`);
    process.kill(server.pid, 'SIGHUP');
    await until('the refusal', () =>
      new RegExp(`reload: pid.*refused:.*process ${holder.pid} holds it`).test(server.output),
    );
    assert.equal(readIfThere(moved), `${server.pid}\n`);
    assert.equal(other.pid(), holder.pid);
    await holder.stop('SIGTERM');
    await server.stop('SIGTERM');
    assert.equal(existsSync(moved), false);
  });

  test('relative paths start from work_dir', async () => {
    const home = await srsHome(folder, 'workdir');
    mkdirSync(join(home.folder, 'work'));
    home.configure('work_dir ./work; srs_log_tank file;');
    const server = await home.up();
    assert.equal(readIfThere(join(home.folder, 'work/objs/srs.pid')), `${server.pid}\n`);
    assert.match(readIfThere(join(home.folder, 'work/objs/srs.log')), /started with/);
    await server.stop('SIGTERM');
  });
});
