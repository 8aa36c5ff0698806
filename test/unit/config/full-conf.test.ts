import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderFullConf } from '../../../src/config/full-conf.ts';
import { parseConfig } from '../../../src/config/index.ts';
import type { Rows } from '../../../src/config/schema/row.ts';
import { ROOT } from '../../../src/config/schema/root.ts';

const TEXT = renderFullConf();
const DEFAULTS = parseConfig('listen 1935; vhost __defaultVhost__ {}', 'x').config;
/** Addresses remember where they were written: that is all that may differ. */
const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (key, member: unknown) => (key === 'origin' ? undefined : member)));

test('it loads without a warning and says nothing but the defaults', () => {
  const { config, warnings, origins } = parseConfig(TEXT, 'full.conf');
  assert.deepEqual(warnings, []);
  assert.deepEqual(plain(config), plain(DEFAULTS));
  for (const key of ['listen', 'daemon', 'httpServer.page', 'vhosts[0].play.mwLatencyMs'])
    assert.ok((origins.get(key)?.line ?? 0) > 0, `${key} is written`);
});

test('each directive that is not set loads too, once its # is gone', () => {
  const all = TEXT.replace(/^( *)#(?=[a-z}])/gm, '$1');
  const { config, warnings } = parseConfig(all, 'full.conf');
  const [vhost] = config.vhosts;
  assert.ok(vhost);
  assert.deepEqual(
    vhost.ingests.map(({ id, enabled }) => [id, enabled]),
    [['livestream', false]],
  );
  const { allows, denys } = vhost.security;
  assert.deepEqual([allows, denys], [[['play', 'all']], [['play', 'all']]]);
  const security = { ...vhost.security, allows: [], denys: [] };
  assert.deepEqual([vhost.access.signKeys.length, vhost.access.jwtSecrets.length], [1, 1]);
  const { httpApi } = config;
  const auth = { ...httpApi.auth, tokens: [] };
  const access = { ...vhost.access, signKeys: [], jwtSecrets: [] };
  // The examples, and what is a default but in a block that was not there.
  const [first] = plain(DEFAULTS.vhosts) as [object];
  assert.deepEqual(
    plain({
      ...config,
      httpApi: { ...httpApi, auth },
      srsLogLevelV2: '',
      vhosts: [{ ...vhost, ingests: [], security, access }],
    }),
    {
      ...(plain(DEFAULTS) as object),
      vhosts: [first],
    },
  );
  for (const { message } of warnings) assert.match(message, /no effect/);
});

test('every directive is in it, with what it does', () => {
  const lines = TEXT.split('\n').map((line) => line.trim());
  const visit = (rows: Rows): void => {
    for (const [name, row] of Object.entries(rows)) {
      const mark = row.feature === undefined ? '' : row.feature === 'none' ? 'never: ' : 'not yet: ';
      assert.ok(
        lines.some((line) => line.startsWith(`# ${mark}${row.doc}`)),
        row.doc,
      );
      assert.ok(
        lines.some((line) => new RegExp(`^#?${name}[ ;{]`).test(line)),
        name,
      );
      if ('rows' in row) visit(row.rows);
    }
  };
  visit(ROOT);
});
