import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { temporaryFolder, until } from '../support/programs.ts';
import { srsHome } from '../support/srs-home.ts';

suite('a disk that does not answer', () => {
  const folder = temporaryFolder();

  test('SIGTERM ends the process all the same', async () => {
    const home = (await srsHome(folder, 'hangs')).configure('srs_log_tank console;');
    // Nobody ever writes: whoever opens it waits, as for a network disk that is gone.
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const preload = join(folder, 'hang.mjs');
    writeFileSync(preload, `import { open } from 'node:fs'; open(${JSON.stringify(pipe)}, 'r', () => {});`);
    const server = home.start({ node: ['--import', preload] });
    await until('it is up', async () => {
      const answer = await fetch(`${home.apiUrl}/api/v1/versions`).catch(() => undefined);
      return answer?.ok;
    });
    const from = performance.now();
    const end = await server.stop('SIGTERM');
    assert.ok(performance.now() - from < 4_000);
    assert.equal(end.signal, 'SIGKILL');
    assert.match(end.stdout, /stopping: SIGTERM/);
    assert.equal(existsSync(home.pidFile), false);
  });
});
