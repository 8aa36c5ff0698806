import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Program, requireProgram, temporaryFolder, until } from '../support/programs.ts';
import { srsHome } from '../support/srs-home.ts';

const PYTHON = '/usr/bin/python3';
const BASE = 'srs_log_tank console; auto_reload_for_docker off;';

/** Node has no Unix datagrams: one line for each that arrives, its lines joined by spaces. */
const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('bound', flush=True)
while True:
    # Descriptors come along with BARRIER=1; they are closed by forgetting them, which is the answer to it.
    data, fds, flags, _ = socket.recv_fds(s, 4096, 4)
    import os
    for fd in fds: os.close(fd)
    print(' '.join(data.decode().split()), flush=True)
`;

suite('the service manager', () => {
  const folder = temporaryFolder();
  requireProgram('/usr/bin/systemd-notify', 'systemd');

  test('is told of readiness, life, reload and end, in this order', async () => {
    const home = (await srsHome(folder, 'told')).configure(`${BASE} daemon on;`);
    const script = join(home.folder, 'receiver.py');
    writeFileSync(script, RECEIVER);
    const socket = join(home.folder, 'notify.sock');
    const manager = new Program(requireProgram(PYTHON, 'python3'), [script, socket]);
    await until('the receiver', () => manager.output.includes('bound'));
    const server = await home.up({ env: { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '400000' } });
    await until('READY', () => /^READY=1 STATUS=serving/m.test(manager.output));
    const beats = (): number => manager.output.match(/WATCHDOG=1/g)?.length ?? 0;
    await until('signs of life', () => beats() >= 3);
    home.configure(`${BASE} daemon on; grace_final_wait 10;`);
    process.kill(server.pid, 'SIGHUP');
    await until('RELOADING, then READY', () =>
      /^RELOADING=1 MONOTONIC_USEC=\d+$[^]*^READY=1$/m.test(manager.output),
    );
    // A process that stands still gives no sign of life.
    process.kill(server.pid, 'SIGSTOP');
    await until('the last ones arrive', async () => {
      const before = beats();
      await new Promise((resolve) => setTimeout(resolve, 1000));
      return beats() === before;
    });
    process.kill(server.pid, 'SIGCONT');
    const before = beats();
    await until('signs of life again', () => beats() > before);
    assert.equal((await server.stop('SIGTERM')).code, 0);
    await until('STOPPING', () => manager.output.includes('STOPPING=1'));
    await manager.stop();
    assert.doesNotMatch(server.output, /cannot be told/);
  });

  test('that cannot be told: one warning, and the server serves', async () => {
    const home = (await srsHome(folder, 'deaf')).configure(BASE);
    const server = await home.up({ env: { NOTIFY_SOCKET: '/nowhere/notify', WATCHDOG_USEC: '200000' } });
    await until('the warning', () => server.output.includes('cannot be told'));
    process.kill(server.pid, 'SIGHUP');
    await until('the reload', () => server.output.includes('reload by SIGHUP'));
    assert.equal((await server.stop('SIGTERM')).code, 0);
    assert.equal(server.output.match(/cannot be told/g)?.length, 1);
  });
});
