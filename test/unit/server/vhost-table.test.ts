import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig, type Config } from '../../../src/config/index.ts';
import { VhostTable } from '../../../src/server/vhost-table.ts';

const configOf = (vhosts: string): Config => parseConfig(`listen 1; ${vhosts}`, 'x').config;
const stream = (vhost: string) => ({ vhost, app: 'live', stream: 's' });
const UNKNOWN = { code: 'VHOST_UNKNOWN' };

test('which vhost serves a name', () => {
  let config = configOf('vhost a {} vhost off { enabled off; } vhost __defaultVhost__ {}');
  const table = new VhostTable(() => config);
  assert.equal(table.select('a')?.name, 'a');
  assert.equal(table.select('other')?.name, '__defaultVhost__');
  assert.equal(table.select('off'), undefined);
  config = configOf('vhost a {}');
  assert.equal(table.select('other'), undefined);
  assert.equal(table.select('a')?.name, 'a');
});

test('a stream has the options of its own vhost or none', () => {
  let config = configOf('vhost a { tcp_nodelay off; } vhost off { enabled off; } vhost __defaultVhost__ {}');
  const table = new VhostTable(() => config);
  assert.equal(table.of(stream('a')).tcpNodelay, false);
  assert.throws(() => table.of(stream('off')), UNKNOWN);
  assert.throws(() => table.of(stream('other')), UNKNOWN);
  config = configOf('vhost __defaultVhost__ {}');
  assert.throws(() => table.of(stream('a')), UNKNOWN);
});

test('of two blocks with one name the first one counts', () => {
  const config = configOf('vhost a { min_latency on; } vhost a {}');
  assert.equal(new VhostTable(() => config).select('a')?.minLatency, true);
});

test('thousands of sessions ask thousands of vhosts without a halt', () => {
  const config = configOf(Array.from({ length: 3000 }, (_, index) => `vhost v${index} {}`).join(' '));
  const table = new VhostTable(() => config);
  const from = performance.now();
  for (let session = 0; session < 100_000; session += 1) assert.ok(table.select('v2999'));
  // A search through the list took 1.1 s for a fifth of this.
  assert.ok(performance.now() - from < 500);
});
