import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../../src/config/index.ts';
import { banner } from '../../../src/server/banner.ts';

const { config } = parseConfig('listen 1935; http_server { enabled on; } vhost v {}', 'x.conf');
const at = (port: number): readonly { host: string; port: number }[] => [{ host: '::', port }];
const NONE = { rtmp: [], rtmps: [], http: [], api: [], https: [], apiHttps: [], exporter: [] };

test('how to publish and play, over TLS too where it is on', () => {
  const plain = banner({ ...NONE, rtmp: at(1935), http: at(8080) }, config);
  assert.match(plain, /Server rtmp:\/\/localhost\/live /);
  assert.match(plain, /http:\/\/localhost:8080\/live\/mystream\.flv/);
  assert.doesNotMatch(plain, /TLS|rtmps|https/);
  const secure = banner({ ...NONE, rtmp: at(1936), rtmps: at(1443), https: at(8088) }, config);
  assert.match(secure, /rtmp:\/\/localhost:1936\/live/);
  assert.match(secure, /TLS {6}rtmps:\/\/localhost:1443\/live {3}https:\/\/localhost:8088\//);
  assert.doesNotMatch(plain, /Manage/);
  assert.match(
    banner({ ...NONE, rtmp: at(1935), api: at(1985) }, config),
    /Manage {3}http:\/\/localhost:1985\/console\/\n/,
  );
  assert.equal(banner(NONE, config), '');
});
