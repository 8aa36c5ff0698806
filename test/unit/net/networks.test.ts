import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientOfIp, rangeOfClient } from '../../../src/net/index.ts';

const CLIENTS = [
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8::/64'],
  ['fe80::1', 'fe80::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['febf::1', 'febf::1'],
  ['fec0::1', 'fec0::/64'],
] as const;

for (const [ip, range] of CLIENTS) {
  test(`the range of the client ${ip} is ${range}`, () => {
    assert.equal(rangeOfClient(ip), range);
  });
}

test('addresses of one /64 are one client, those of another are another one', () => {
  assert.equal(clientOfIp('2001:db8::1'), clientOfIp('2001:DB8:0:0:ffff::2'));
  assert.notEqual(clientOfIp('2001:db8::1'), clientOfIp('2001:db8:0:1::1'));
  assert.notEqual(clientOfIp('192.0.2.1'), clientOfIp('192.0.2.2'));
});
