import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ROOT } from '../../../../src/config/schema/root.ts';
import type { Row, Rows } from '../../../../src/config/schema/row.ts';
import { ProcessTarget } from '../../../../src/server/process/process-target.ts';
import type { RootLogger } from '../../../../src/observe/index.ts';
import { ServerTarget, type ServerParts } from '../../../../src/server/reload/server-target.ts';

interface Listed {
  readonly path: string;
  readonly row: Row;
}

/** Every directive that does something. */
function list(rows: Rows, prefix = ''): Listed[] {
  return Object.entries(rows).flatMap(([name, row]) => {
    if (row.feature !== undefined) return [];
    const path = prefix + name;
    const inner = 'rows' in row ? list(row.rows, `${path}.`) : [];
    return row.type === 'block' ? inner : [{ path, row }, ...inner];
  });
}

const OWNERS = {
  server: new ServerTarget({} as ServerParts),
  process: new ProcessTarget({} as RootLogger, undefined),
};
const ownersOf = (path: string): string[] =>
  Object.entries(OWNERS).flatMap(([name, target]) => (target.owns(path) ? [name] : []));

for (const { path, row } of list(ROOT)) {
  if (row.reload === 'restart') {
    test(`${path} needs a restart, so nobody applies it`, () => {
      assert.deepEqual(ownersOf(path), []);
    });
  } else {
    test(`${path} is applied by exactly one`, () => {
      assert.equal(ownersOf(path).length, 1, `owners: ${ownersOf(path).join(', ')}`);
    });
  }
}

test('a whole vhost and everything in it is the business of the server', () => {
  assert.deepEqual(ownersOf('vhost'), ['server']);
  assert.deepEqual(ownersOf('vhost.play.mw_latency'), ['server']);
  assert.deepEqual(ownersOf('vhosts'), []);
  assert.deepEqual(ownersOf('http_apix'), []);
});
