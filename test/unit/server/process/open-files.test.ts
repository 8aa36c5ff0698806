import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseConfig } from '../../../../src/config/index.ts';
import { MAX_API_CONNECTIONS } from '../../../../src/control/api/index.ts';
import {
  apiConnections,
  openFileLimit,
  openFilesProblem,
  OWN_OPEN_FILES,
} from '../../../../src/server/process/open-files.ts';

const LIMITS = `Limit                     Soft Limit           Hard Limit           Units
Max processes             1024                 1024                 processes
Max open files            20000                524288               files
Max locked memory         65536                65536                bytes
`;

suite('open files', () => {
  test('the limit is the soft one, which Node has raised', () => {
    assert.equal(
      openFileLimit(() => LIMITS),
      20_000,
    );
  });

  test('no limit is known where the system says none', () => {
    assert.equal(
      openFileLimit(() => LIMITS.replace('20000 ', 'unlimited')),
      undefined,
    );
    assert.equal(
      openFileLimit(() => {
        throw new Error('no /proc here');
      }),
      undefined,
    );
  });

  test('connections, listeners and our own files must fit exactly', () => {
    const limit = 1_000;
    const most = limit - OWN_OPEN_FILES - 3;
    assert.equal(openFilesProblem(most, 3, limit), undefined);
    const problem = openFilesProblem(most + 1, 3, limit);
    assert.equal(problem?.what, 'max_connections 958 needs about 1001 open files, the limit is 1000');
    assert.match(problem.mend, /ulimit -n 1001.*LimitNOFILE=1001.*--ulimit nofile=1001/);
    assert.notEqual(openFilesProblem(most, 4, limit), undefined);
  });

  test('what would do for SRS is no reason not to start: its default on the usual limit', () => {
    assert.equal(openFilesProblem(1_000, 3, 1_024)?.fatal, false);
    assert.equal(openFilesProblem(1_016, 3, 1_024)?.fatal, false);
    assert.equal(openFilesProblem(1_017, 3, 1_024)?.fatal, true);
  });

  test('the API takes no files from the connections that are promised', () => {
    const { config } = parseConfig('listen 1; max_connections 800; http_api { enabled on; }', 'x');
    const needed = 800 + 2 + OWN_OPEN_FILES;
    assert.equal(apiConnections(config, undefined), MAX_API_CONNECTIONS);
    assert.equal(apiConnections(config, needed + 5_000), MAX_API_CONNECTIONS);
    assert.equal(apiConnections(config, needed + 100), 100);
    assert.equal(apiConnections(config, needed), 16);
  });
});
