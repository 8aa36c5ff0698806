import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { ipBytes, IpRange, networkOf } from '../../../src/net/index.ts';

const ADDRESSES: readonly (readonly [text: string, bytes: string | undefined])[] = [
  ['192.0.2.1', '192.0.2.1'],
  ['0.0.0.0', '0.0.0.0'],
  ['255.255.255.255', '255.255.255.255'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:c000:201', '192.0.2.1'],
  ['::1', '0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1'],
  ['fe80::1%eth0', '254.128.0.0.0.0.0.0.0.0.0.0.0.0.0.1'],
  ['2001:DB8::a', '32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.10'],
  ['', undefined],
  ['all', undefined],
  ['1', undefined],
  ['1.2.3', undefined],
  ['010.0.0.1', undefined],
  ['0x7f.0.0.1', undefined],
  ['1.2.3.4 ', undefined],
  ['256.0.0.1', undefined],
  ['1.2.3.4/8', undefined],
  ['1::2::3', undefined],
  ['[::1]', undefined],
  [`::${'1'.repeat(100)}`, undefined],
];

for (const [text, bytes] of ADDRESSES)
  test(`address ${JSON.stringify(text.slice(0, 30))}`, () => assert.equal(ipBytes(text)?.join('.'), bytes));

const RANGES: readonly (readonly [text: string, shown: string | undefined])[] = [
  ['10.1.2.3', '10.1.2.3'],
  ['10.1.2.3/32', '10.1.2.3'],
  ['10.1.2.3/8', '10.0.0.0/8'],
  ['10.1.2.3/0', '0.0.0.0/0'],
  ['10.1.255.3/17', '10.1.128.0/17'],
  ['2001:db8::1', '2001:db8::1'],
  ['2001:db8:1::/33', '2001:db8::/33'],
  ['::/0', '::/0'],
  ['::ffff:10.1.2.3', '10.1.2.3'],
  ['::ffff:10.1.2.3/104', '10.0.0.0/8'],
  ['::ffff:10.1.2.3/96', '0.0.0.0/0'],
  ['::ffff:10.1.2.3/95', undefined],
  ['10.0.0.0/33', undefined],
  ['::1/129', undefined],
  ['10.0.0.0/', undefined],
  ['10.0.0.0/08', undefined],
  ['10.0.0.0/-1', undefined],
  ['10.0.0.0/8/8', undefined],
  ['fe80::1%eth0/64', undefined],
  ['/8', undefined],
];

for (const [text, shown] of RANGES)
  test(`range ${text}`, () => assert.equal(IpRange.parse(text)?.toString(), shown));

const HELD: readonly (readonly [range: string, inside: readonly string[], outside: readonly string[]])[] = [
  ['10.0.0.0/8', ['10.0.0.0', '10.255.255.255', '::ffff:10.0.0.1'], ['9.255.255.255', '11.0.0.0', 'a00::']],
  ['10.0.0.7/32', ['10.0.0.7'], ['10.0.0.6', '10.0.0.8']],
  ['10.0.0.6/31', ['10.0.0.6', '10.0.0.7'], ['10.0.0.5', '10.0.0.8']],
  ['0.0.0.0/0', ['0.0.0.0', '255.255.255.255'], ['::1']],
  ['::/0', ['::', 'ffff::', 'fe80::1%lo'], ['10.0.0.1', '::ffff:10.0.0.1']],
  ['fe80::/10', ['fe80::', 'febf:ffff::1'], ['fe7f:ffff::', 'fec0::']],
];

for (const [range, inside, outside] of HELD)
  test(`${range} holds what it holds`, () => {
    const parsed = IpRange.parse(range);
    const holds = (text: string): boolean => parsed?.contains(ipBytes(text) ?? []) === true;
    assert.deepEqual(
      inside.filter((text) => !holds(text)),
      [],
    );
    assert.deepEqual(outside.filter(holds), []);
  });

const v4 = fc.array(fc.nat(255), { minLength: 4, maxLength: 4 }).map((bytes) => bytes.join('.'));
const v6 = fc
  .array(fc.nat(0xffff), { minLength: 8, maxLength: 8 })
  .map((parts) => parts.map((part) => part.toString(16)).join(':'))
  .filter((text) => !text.startsWith('0:0:0:0:0:ffff:'));

/** The bits of an address, told by nobody but Node. */
function bitsOf(text: string): string {
  const parts =
    isIP(text) === 4
      ? text.split('.').map((part) => Number(part).toString(2).padStart(8, '0'))
      : text.split(':').map((part) => Number.parseInt(part, 16).toString(2).padStart(16, '0'));
  return parts.join('');
}

suite('properties', () => {
  for (const [family, address, length] of [
    ['IPv4', v4, 32],
    ['IPv6', v6, 128],
  ] as const)
    test(`a range of ${family} holds an address exactly when the first bits are the same`, () => {
      // Addresses next to the network, too: of two random ones few bits agree.
      const pair = fc.tuple(address, address, fc.nat(length), fc.nat(length));
      fc.assert(
        fc.property(pair, ([network, other, bits, common]) => {
          const mixed = bitsOf(network).slice(0, common) + bitsOf(other).slice(common);
          const bytes = Array.from(mixed.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2));
          const range = IpRange.parse(`${network}/${bits}`);
          assert.ok(range);
          assert.equal(range.contains(bytes), mixed.startsWith(bitsOf(network).slice(0, bits)));
          assert.deepEqual(range.bytes, networkOf(ipBytes(network) ?? [], bits));
          assert.equal(IpRange.parse(range.toString())?.toString(), range.toString());
        }),
      );
    });

  test('text is an address exactly when Node takes it for one', () => {
    const pieces = fc.array(
      fc.constantFrom('1', '10', '255', '256', '0', '00', '.', '.', ':', ':', '::', 'f', 'ffff', 'g', '%e'),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          pieces.map((all) => all.join('')),
          v4,
          v6,
        ),
        (text) => {
          assert.equal(ipBytes(text) !== undefined, isIP(text) !== 0, text);
        },
      ),
      { numRuns: 2_000, interruptAfterTimeLimit: 2_000, markInterruptAsFailure: false },
    );
  });
});
