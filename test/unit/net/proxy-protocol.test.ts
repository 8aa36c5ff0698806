import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { ServerError } from '../../../src/base/errors.ts';
import { crc32c } from '../../../src/net/crc32c.ts';
import {
  MAX_PROXY_V1_BYTES,
  MAX_PROXY_V2_BYTES,
  readProxyHeader,
  type ProxyHeader,
} from '../../../src/net/proxy-protocol.ts';
import { proxyV1, proxyV2 } from '../../support/proxy-header.ts';

const text = (line: string): Buffer => Buffer.from(line, 'latin1');
const V4 = { ip: '203.0.113.7', port: 56_324 };
const V6 = { ip: '2001:db8::17', port: 443 };
const tlsFlag = [0x20, Buffer.from('0100000000', 'hex')] as const;
const unix = (header: Buffer): Buffer => {
  header.writeUInt16BE(216, 14);
  return Buffer.concat([header, Buffer.alloc(216)]);
};

const WHOLE: readonly { name: string; bytes: Buffer; want: Omit<ProxyHeader, 'length'> }[] = [
  { name: 'v1 TCP4', bytes: proxyV1(V4), want: { version: 1, source: { ...V4, secure: false } } },
  { name: 'v1 TCP6', bytes: proxyV1(V6), want: { version: 1, source: { ...V6, secure: false } } },
  {
    name: 'v1 TCP6 of all 39 characters, in capitals',
    bytes: text(`PROXY TCP6 ${'FFFF:'.repeat(7)}FFFF ${'ffff:'.repeat(7)}ffff 65535 65535\r\n`),
    want: { version: 1, source: { ip: `${'ffff:'.repeat(7)}ffff`, port: 65_535, secure: false } },
  },
  {
    name: 'v1 TCP6 of an IPv4 address',
    bytes: text('PROXY TCP6 ::ffff:203.0.113.7 ::1 1 2\r\n'),
    want: { version: 1, source: { ip: '203.0.113.7', port: 1, secure: false } },
  },
  { name: 'v1 UNKNOWN, short', bytes: text('PROXY UNKNOWN\r\n'), want: { version: 1, source: undefined } },
  {
    name: 'v1 UNKNOWN of 107 bytes',
    bytes: text(`PROXY UNKNOWN ${'f'.repeat(91)}\r\n`),
    want: { version: 1, source: undefined },
  },
  { name: 'v2 TCP4', bytes: proxyV2(V4), want: { version: 2, source: { ...V4, secure: false } } },
  { name: 'v2 TCP6', bytes: proxyV2(V6), want: { version: 2, source: { ...V6, secure: false } } },
  { name: 'v2 LOCAL', bytes: proxyV2(undefined), want: { version: 2, source: undefined } },
  {
    name: 'v2 LOCAL with addresses, which say nothing',
    bytes: proxyV2(V4, { command: 0 }),
    want: { version: 2, source: undefined },
  },
  {
    name: 'v2 LOCAL with bytes that are no TLVs',
    bytes: proxyV2(V4, { command: 0, familyAndProtocol: 0, tlvs: [[0xff, Buffer.alloc(3, 0xff)]] }),
    want: { version: 2, source: undefined },
  },
  {
    name: 'v2 UNSPEC with bytes',
    bytes: proxyV2(V4, { familyAndProtocol: 0 }),
    want: { version: 2, source: undefined },
  },
  {
    name: 'v2 UDP over IPv4: no client of a TCP connection',
    bytes: proxyV2(V4, { familyAndProtocol: 0x12 }),
    want: { version: 2, source: undefined },
  },
  {
    name: 'v2 UNIX',
    bytes: unix(proxyV2(undefined, { command: 1, familyAndProtocol: 0x31 })),
    want: { version: 2, source: undefined },
  },
  {
    name: 'v2 with TLVs that are stepped over',
    bytes: proxyV2(V4, {
      tlvs: [
        [0x01, text('h2')],
        [0x04, Buffer.alloc(0)],
        [0x05, Buffer.alloc(128, 7)],
        [0xee, text('x')],
      ],
    }),
    want: { version: 2, source: { ...V4, secure: false } },
  },
  {
    name: 'v2 of a client that spoke TLS',
    bytes: proxyV2(V6, { tlvs: [tlsFlag] }),
    want: { version: 2, source: { ...V6, secure: true } },
  },
  {
    name: 'v2 of a client that did not, says the TLV of TLS',
    bytes: proxyV2(V6, { tlvs: [[0x20, Buffer.from('0600000000', 'hex')]] }),
    want: { version: 2, source: { ...V6, secure: false } },
  },
  {
    name: 'v2 with a checksum',
    bytes: proxyV2(V4, { tlvs: [tlsFlag], checksum: 'right' }),
    want: { version: 2, source: { ...V4, secure: true } },
  },
  {
    name: 'v2 as long as it may be',
    bytes: proxyV2(V4, { tlvs: [[0x04, Buffer.alloc(MAX_PROXY_V2_BYTES - 12 - 3)]] }),
    want: { version: 2, source: { ...V4, secure: false } },
  },
];

const BROKEN: readonly { name: string; bytes: Buffer }[] = [
  { name: 'v1 without CRLF in 107 bytes', bytes: text(`PROXY UNKNOWN ${'f'.repeat(93)}`) },
  { name: 'v1 with a CRLF behind 107 bytes', bytes: text(`PROXY UNKNOWN ${'f'.repeat(92)}\r\n`) },
  { name: 'v1 of UDP', bytes: text('PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n') },
  { name: 'v1 in small letters', bytes: text('PROXY tcp4 1.2.3.4 1.2.3.4 1 2\r\n') },
  { name: 'v1 without a protocol', bytes: text('PROXY \r\n') },
  { name: 'v1 with two spaces', bytes: text('PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n') },
  { name: 'v1 with a word too few', bytes: text('PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n') },
  { name: 'v1 with a word too many', bytes: text('PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n') },
  { name: 'v1 with a space at the end', bytes: text('PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n') },
  { name: 'v1 with LF alone', bytes: text(`PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n${' '.repeat(90)}`) },
  { name: 'v1 with an octal number', bytes: text('PROXY TCP4 010.2.3.4 1.2.3.4 1 2\r\n') },
  { name: 'v1 with half an address', bytes: text('PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n') },
  { name: 'v1 with the wrong family', bytes: text('PROXY TCP4 ::1 1.2.3.4 1 2\r\n') },
  { name: 'v1 with two families', bytes: text('PROXY TCP6 ::1 1.2.3.4 1 2\r\n') },
  { name: 'v1 with a zone', bytes: text('PROXY TCP6 fe80::1%lo ::1 1 2\r\n') },
  { name: 'v1 with zeros before a port', bytes: text('PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n') },
  { name: 'v1 with a port too high', bytes: text('PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n') },
  { name: 'v1 with a sign', bytes: text('PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n') },
  { name: 'v2 of version 1', bytes: patched(12, 0x11) },
  { name: 'v2 of version 3', bytes: patched(12, 0x31) },
  { name: 'v2 with command 2', bytes: patched(12, 0x22) },
  { name: 'v2 of family 4', bytes: patched(13, 0x41) },
  { name: 'v2 of protocol 3', bytes: patched(13, 0x13) },
  { name: 'v2 longer than is read', bytes: patched(14, (MAX_PROXY_V2_BYTES >> 8) + 1) },
  { name: 'v2 with half its addresses', bytes: proxyV2(undefined, { command: 1, familyAndProtocol: 0x11 }) },
  { name: 'v2 of IPv6 with the addresses of IPv4', bytes: proxyV2(V4, { familyAndProtocol: 0x21 }) },
  { name: 'v2 with a TLV of one byte', bytes: tail(Buffer.from([4])) },
  { name: 'v2 with a TLV longer than the header', bytes: tail(Buffer.from([4, 0, 9, 0])) },
  { name: 'v2 with a wrong checksum', bytes: proxyV2(V4, { checksum: 'wrong' }) },
  { name: 'v2 with a checksum of two bytes', bytes: proxyV2(V4, { tlvs: [[3, Buffer.alloc(2)]] }) },
];

const ABSENT: readonly { name: string; bytes: Buffer }[] = [
  { name: 'RTMP', bytes: Buffer.from([3, 0, 0, 0]) },
  { name: 'TLS', bytes: Buffer.from('160301', 'hex') },
  { name: 'GET', bytes: text('GET / HTTP/1.1\r\n') },
  { name: 'POST', bytes: text('PO') },
  { name: 'PROPFIND', bytes: text('PROP') },
  { name: 'a word that begins with PROXY', bytes: text('PROXYING 1') },
  { name: 'an empty line before a request', bytes: text('\r\nGET') },
  { name: 'most of a signature', bytes: text('\r\n\r\n\0\r\nQUIX') },
];

/** What a header that is none is refused with. */
function isRefused(error: unknown): boolean {
  return error instanceof ServerError && error.code === 'PROXY_HEADER_INVALID';
}

function patched(at: number, value: number): Buffer {
  const header = proxyV2(V4);
  header[at] = value;
  return header;
}

/** A header of IPv4 with something behind its addresses. */
function tail(bytes: Buffer): Buffer {
  const header = Buffer.concat([proxyV2(V4), bytes]);
  header.writeUInt16BE(12 + bytes.length, 14);
  return header;
}

suite('headers of the PROXY protocol', () => {
  for (const { name, bytes, want } of WHOLE) {
    test(`${name} is read, also with the connection behind it, and not before its end`, () => {
      const whole = { ...want, length: bytes.length };
      assert.deepEqual(readProxyHeader(bytes), whole);
      assert.deepEqual(readProxyHeader(Buffer.concat([bytes, Buffer.from([3, 1, 2])])), whole);
      for (let length = 0; length < bytes.length; length += 1)
        assert.equal(readProxyHeader(bytes.subarray(0, length)), undefined, `after ${length} bytes`);
    });
  }

  for (const { name, bytes } of BROKEN) {
    test(`${name} is refused, however it comes, at its end at the latest`, () => {
      assert.throws(() => readProxyHeader(bytes), isRefused);
      for (let length = 0; length < bytes.length; length += 1) {
        try {
          assert.equal(readProxyHeader(bytes.subarray(0, length)), undefined, `after ${length} bytes`);
        } catch (error) {
          if (!isRefused(error)) throw error;
        }
      }
    });
  }

  for (const { name, bytes } of ABSENT)
    test(`${name} is no header`, () => assert.equal(readProxyHeader(bytes), 'absent'));

  test('the longest line of version 1 has its limit', () => {
    assert.equal(
      WHOLE.find(({ name }) => name === 'v1 UNKNOWN of 107 bytes')?.bytes.length,
      MAX_PROXY_V1_BYTES,
    );
  });

  test('a checksum has the value of the known example', () => {
    assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283); // RFC 3720, appendix B.4 has more.
    assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
  });
});

suite('any bytes', () => {
  const words = fc.constantFrom(
    'PROXY ',
    'TCP4 ',
    'TCP6 ',
    'UNKNOWN',
    '1.2.3.4 ',
    '::1 ',
    '80 ',
    '\r\n',
    '\r',
    ' ',
  );
  const v1 = fc.array(words, { maxLength: 12 }).map((all) => text(all.join('')));
  const v2 = fc
    .tuple(fc.uint8Array({ minLength: 2, maxLength: 2 }), fc.uint8Array({ maxLength: 80 }), fc.nat(90))
    .map(([fixed, rest, length]) =>
      Buffer.concat([proxyV2(V4).subarray(0, 12), fixed, Buffer.from([0, length]), rest]),
    );

  test('are read, found short, absent or refused; never more than there are; the same however they are cut', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          v1,
          v2,
          fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
        ),
        (bytes) => {
          const verdict = (length: number): unknown => {
            try {
              return readProxyHeader(bytes.subarray(0, length));
            } catch (error) {
              if (isRefused(error)) return 'refused';
              throw error;
            }
          };
          let settled: unknown;
          for (let length = 0; length <= bytes.length; length += 1) {
            const now = verdict(length);
            if (settled !== undefined)
              assert.deepEqual(now, settled, `a verdict does not change after ${length} bytes`);
            settled ??= now;
            if (now !== undefined && typeof now === 'object')
              assert.ok((now as ProxyHeader).length <= length);
          }
        },
      ),
      { interruptAfterTimeLimit: 2_000, markInterruptAsFailure: false },
    );
  });
});
