import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { accepts, temporaryFolder, until } from '../support/programs.ts';
import { srsHome } from '../support/srs-home.ts';

/** Loaded into the server by `--import`: what goes wrong when the test sends SIGUSR2. */
const FAULTS = {
  exception: "process.on('SIGUSR2', () => { throw new Error('boom in a handler'); });",
  rejection:
    "process.on('SIGUSR2', () => { void Promise.reject(new Error('boom in a promise', { cause: new Error('the cause') })); });",
  // After our own handler has run, the event loop never turns again.
  stuck:
    "process.on('SIGUSR2', () => { process.on('uncaughtException', () => { for (;;); }); throw new Error('boom and stuck'); });",
  'no error': "process.on('SIGUSR2', () => { throw 'only\\ntext \\x1b[31m'; });",
  // Once while it runs, and again while it ends.
  again:
    "process.on('SIGUSR2', () => { process.on('uncaughtException', () => { setImmediate(() => { throw new Error('second boom'); }); }); throw new Error('first boom'); });",
} as const;

suite('an unexpected error', () => {
  const folder = temporaryFolder();

  /** Runs a server into a fault with a connection open; resolves when it has ended. */
  async function crash(fault: keyof typeof FAULTS, top: string) {
    const home = (await srsHome(folder, fault.replace(' ', '-'))).configure(top);
    const file = join(home.folder, 'fault.mjs');
    writeFileSync(file, FAULTS[fault]);
    const server = await home.up({ node: ['--import', file] });
    const client = connect(home.ports.rtmp, '127.0.0.1');
    const left = new Promise<void>((resolve) => {
      client.on('error', () => undefined).once('close', () => resolve());
    });
    await new Promise((resolve) => client.once('connect', resolve));
    const from = performance.now();
    process.kill(server.pid, 'SIGUSR2');
    const end = await server.ended;
    await left;
    return { home, end, took: performance.now() - from };
  }

  test('thrown: its stack is in the log and on the error stream, everything closes, exit code 70', async () => {
    const { home, end, took } = await crash('exception', 'srs_log_tank file;');
    assert.equal(end.code, 70);
    assert.ok(took < 2000, `${took} ms`);
    for (const text of [home.log(), end.stderr]) {
      assert.match(text, /unexpected: .*boom in a handler/);
      assert.match(text, /at process\.<anonymous> .*fault\.mjs:1/);
    }
    assert.match(home.log(), /stopping: unexpected: .*boom in a handler[^]*stopped\n$/);
    assert.equal(existsSync(home.pidFile), false);
    for (const port of [home.ports.rtmp, home.ports.http, home.ports.api])
      assert.equal(await accepts(port), false);
  });

  test('rejected: the same, with its cause', async () => {
    const { home, end } = await crash('rejection', 'srs_log_tank file;');
    assert.equal(end.code, 70);
    assert.match(home.log(), /unexpected: .*boom in a promise <- the cause/);
    assert.match(home.log(), /caused by the cause/);
  });

  test('that is no error: told on one harmless line', async () => {
    const { home, end } = await crash('no error', 'srs_log_tank file;');
    assert.equal(end.code, 70);
    assert.match(home.log(), /\[Error\].*unexpected: only\\x0atext \\x1b\[31m/);
    assert.doesNotMatch(end.stderr, /\x1b/);
  });

  test('with a stuck event loop: the process is gone all the same', async () => {
    const { home, end, took } = await crash('stuck', 'srs_log_tank file;');
    assert.equal(end.signal, 'SIGKILL');
    assert.ok(took > 1500 && took < 6000, `${took} ms`);
    assert.match(home.log(), /unexpected: .*boom and stuck/, 'told before it hung');
    // What it left is taken over.
    const next = await home.up();
    assert.equal((await next.stop('SIGTERM')).code, 0);
  });

  test('and another one while it ends: exit code 70, both told', async () => {
    const { home, end } = await crash('again', 'srs_log_tank file;');
    assert.equal(end.code, 70);
    assert.match(home.log(), /first boom[^]*second boom/);
    assert.equal(existsSync(home.pidFile), false);
  });

  test('before it listens: no half-started server', async () => {
    const home = (await srsHome(folder, 'early')).configure('srs_log_tank file;');
    const file = join(home.folder, 'fault.mjs');
    // The log is open by the time that the first port is looked up.
    writeFileSync(
      file,
      `import net from 'node:net';
       const listen = net.Server.prototype.listen;
       net.Server.prototype.listen = function (...args) {
         setImmediate(() => { throw new Error('boom at the start'); });
         return listen.apply(this, args);
       };`,
    );
    const end = await home.start({ node: ['--import', file] }).ended;
    assert.equal(end.code, 70);
    assert.match(home.log(), /boom at the start/);
    await until('nobody listens', async () => !(await accepts(home.ports.rtmp)));
    assert.equal(existsSync(home.pidFile), false);
  });
});
