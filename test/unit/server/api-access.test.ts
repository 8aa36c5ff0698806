import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../../src/config/index.ts';
import { apiAccess } from '../../../src/server/api-access.ts';

const TOKEN = 'token read 0123456789abcdef;';
const HTTPS = (listen: string): string => `https { enabled on; listen ${listen}; }`;

for (const [text, want] of [
  ['listen 1985;', 'closed'],
  ['', 'closed'],
  ['listen 0.0.0.0:1985;', 'closed'],
  ['listen [::]:1985;', 'closed'],
  ['listen 192.168.1.1:1985;', 'closed'],
  ['listen example.org:1985;', 'closed'],
  ['listen localhost.example.org:1985;', 'closed'],
  ['listen 127.0.0.1:1985;', 'loopback'],
  ['listen 127.1.2.3:1985;', 'loopback'],
  ['listen [::1]:1985;', 'loopback'],
  ['listen [::ffff:127.0.0.1]:1985;', 'loopback'],
  ['listen localhost:1985;', 'loopback'],
  ['listen 127.0.0.1:1985; auth { enabled on; }', 'closed'],
  ['listen 127.0.0.1:1985; auth { enabled off; }', 'open'],
  ['listen 127.0.0.1:1985; auth { enabled auto; }', 'loopback'],
  ['listen 1985; auth { enabled auto; }', 'closed'],
  ['listen 1985; auth { enabled off; }', 'open'],
  ['listen 1985; auth { enabled off; username a; password b; }', 'open'],
  ['listen 127.0.0.1:1985; auth { username a; password b; }', 'closed'],
  ['listen 127.0.0.1:1985; auth { username a; }', 'loopback'],
  [`listen 127.0.0.1:1985; auth { ${TOKEN} }`, 'closed'],
  [`listen 127.0.0.1:1985; ${HTTPS('1990')}`, 'closed'],
  [`listen 127.0.0.1:1985; ${HTTPS('127.0.0.1:1990')}`, 'loopback'],
  [`listen 127.0.0.1:1985; ${HTTPS('127.0.0.1:1990 192.168.1.1:1990')}`, 'closed'],
  ['listen 127.0.0.1:1985; https { enabled off; listen 1990; }', 'loopback'],
] as const)
  test(`http_api { ${text} } is ${want}`, () => {
    const { config } = parseConfig(`listen 1935; http_api { enabled on; ${text} }`, 'x');
    assert.equal(apiAccess(config), want);
  });

test('on the port of the HTTP server its TLS listeners count', () => {
  const of = (server: string): string =>
    apiAccess(
      parseConfig(
        `listen 1935; http_api { enabled on; listen 127.0.0.1:8080; } http_server { enabled on; ${server} }`,
        'x',
      ).config,
    );
  assert.equal(of(`listen 127.0.0.1:8080; ${HTTPS('8088')}`), 'closed');
  assert.equal(of(`listen 127.0.0.1:8080; ${HTTPS('127.0.0.1:8088')}`), 'loopback');
  assert.equal(of(`listen 127.0.0.1:8081; ${HTTPS('8088')}`), 'loopback');
});
