import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, renameSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { suite, test } from 'node:test';
import { temporaryFolder, until } from '../support/programs.ts';
import { readIfThere, srsHome } from '../support/srs-home.ts';

const ROTATIONS = 5;

suite('log rotation', () => {
  const folder = temporaryFolder();

  test('by SIGUSR1 under traffic loses no line, and the server writes to the new file', async () => {
    const home = (await srsHome(folder, 'rotation')).configure('srs_log_tank file;');
    const server = await home.up();
    // Each connection that speaks HTTP to RTMP is told of by one line with the code of that error.
    let sent = 0;
    const done = new AbortController();
    const traffic = (async () => {
      while (!done.signal.aborted) {
        const client = connect(home.ports.rtmp, '127.0.0.1').on('error', () => undefined);
        client.write('GET / HTTP/1.1\r\n\r\n');
        await once(client, 'close');
        sent += 1;
      }
    })();
    for (let turn = 1; turn <= ROTATIONS; turn += 1) {
      const before = sent;
      await until('traffic', () => sent > before + 100);
      renameSync(home.logFile, `${home.logFile}.${turn}`);
      process.kill(server.pid, 'SIGUSR1');
      await until('the new file', () => home.log() !== '');
    }
    done.abort();
    await traffic;
    assert.equal((await server.stop('SIGTERM')).code, 0);
    const names = readdirSync(dirname(home.logFile)).filter((name) => name.startsWith('srs.log'));
    assert.equal(names.length, ROTATIONS + 1);
    const lines = names.flatMap((name) => readIfThere(join(dirname(home.logFile), name)).split('\n'));
    assert.equal(lines.filter((line) => line.includes('RTMP_HANDSHAKE_NOT_RTMP')).length, sent);
    assert.match(home.log(), /stopped\n$/);
  });
});
