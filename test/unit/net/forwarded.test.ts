import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { forwardedClient, MAX_FORWARDED_HOPS, type ForwardedHeader } from '../../../src/net/forwarded.ts';
import { NetworkSet } from '../../../src/net/networks.ts';

const PROXIES = new NetworkSet(['10.0.0.0/8', '2001:db8:ffff::/48']);
const PEER = '10.0.0.1';

const client = (
  header: ForwardedHeader,
  value: string | undefined,
  more: Record<string, string> = {},
): ReturnType<typeof forwardedClient> =>
  forwardedClient({ ...(value === undefined ? {} : { [header]: value }), ...more }, header, PEER, (ip) =>
    PROXIES.has(ip),
  );

const CASES: readonly { header: ForwardedHeader; value: string | undefined; ip: string; secure?: boolean }[] =
  [
    { header: 'x-forwarded-for', value: undefined, ip: PEER },
    { header: 'x-forwarded-for', value: '', ip: PEER },
    { header: 'x-forwarded-for', value: '203.0.113.7', ip: '203.0.113.7' },
    { header: 'x-forwarded-for', value: ' 203.0.113.7 ', ip: '203.0.113.7' },
    { header: 'x-forwarded-for', value: '203.0.113.7:4711', ip: '203.0.113.7' },
    { header: 'x-forwarded-for', value: '2001:db8::17', ip: '2001:db8::17' },
    { header: 'x-forwarded-for', value: '2001:DB8:0:0:0:0:0:17', ip: '2001:db8::17' },
    { header: 'x-forwarded-for', value: '[2001:db8::17]', ip: '2001:db8::17' },
    { header: 'x-forwarded-for', value: '[2001:db8::17]:443', ip: '2001:db8::17' },
    { header: 'x-forwarded-for', value: '::ffff:203.0.113.7', ip: '203.0.113.7' },
    // What clients wrote themselves is on the left.
    { header: 'x-forwarded-for', value: '127.0.0.1, 203.0.113.7', ip: '203.0.113.7' },
    { header: 'x-forwarded-for', value: '127.0.0.1,203.0.113.7,10.0.0.2, 10.0.0.3', ip: '203.0.113.7' },
    { header: 'x-forwarded-for', value: '127.0.0.1, 203.0.113.7, 2001:db8:ffff::1', ip: '203.0.113.7' },
    // All of them are proxies: the first one asks for itself.
    { header: 'x-forwarded-for', value: '10.9.9.9, 10.0.0.2', ip: '10.9.9.9' },
    // Whoever wrote what cannot be read is the last one known.
    { header: 'x-forwarded-for', value: '203.0.113.7, garbage', ip: PEER },
    { header: 'x-forwarded-for', value: '203.0.113.7, unknown, 10.0.0.2', ip: '10.0.0.2' },
    { header: 'x-forwarded-for', value: '203.0.113.7,', ip: PEER },
    { header: 'x-forwarded-for', value: '1, 0x7f.1', ip: PEER },
    { header: 'x-forwarded-for', value: '[203.0.113.7', ip: PEER },
    { header: 'x-forwarded-for', value: '203.0.113.7\u0000', ip: PEER },
    { header: 'x-real-ip', value: '203.0.113.7', ip: '203.0.113.7' },
    { header: 'x-real-ip', value: 'x', ip: PEER },
    { header: 'x-real-ip', value: undefined, ip: PEER },
    // RFC 7239, 4 and 7.
    { header: 'forwarded', value: 'for=203.0.113.7', ip: '203.0.113.7' },
    { header: 'forwarded', value: 'For="[2001:db8::17]:4711"', ip: '2001:db8::17' },
    {
      header: 'forwarded',
      value: 'for=203.0.113.7;proto=https;by=10.0.0.2',
      ip: '203.0.113.7',
      secure: true,
    },
    { header: 'forwarded', value: 'proto=http ; FOR=203.0.113.7', ip: '203.0.113.7', secure: false },
    {
      header: 'forwarded',
      value: 'for=192.0.2.1;proto=http, for="203.0.113.7";proto=https',
      ip: '203.0.113.7',
      secure: true,
    },
    {
      header: 'forwarded',
      value: 'for=203.0.113.7;proto=https, for=10.0.0.2',
      ip: '203.0.113.7',
      secure: true,
    },
    { header: 'forwarded', value: 'for="203.0.113.7", for=unknown', ip: PEER },
    { header: 'forwarded', value: 'for=_hidden', ip: PEER },
    { header: 'forwarded', value: 'for=203.0.113.7, for="_SEVKISEK"', ip: PEER },
    { header: 'forwarded', value: 'by="a,b;for=192.0.2.1";for=203.0.113.7', ip: '203.0.113.7' },
    { header: 'forwarded', value: 'by="a\\",for=192.0.2.1";for=203.0.113.7', ip: '203.0.113.7' },
    { header: 'forwarded', value: 'for="203.0.113.7', ip: PEER },
    { header: 'forwarded', value: ';;,;', ip: PEER },
    { header: 'forwarded', value: 'for', ip: PEER },
    { header: 'off', value: undefined, ip: PEER },
  ];

suite('the client that a trusted proxy names', () => {
  for (const { header, value, ip, secure } of CASES)
    test(`${header}: ${JSON.stringify(value ?? 'none')} is ${ip}`, () =>
      assert.deepEqual(client(header, value), { ip, secure }));

  test('is taken from the one header that is configured', () => {
    const all = {
      'x-forwarded-for': '203.0.113.1',
      forwarded: 'for=203.0.113.2',
      'x-real-ip': '203.0.113.3',
    };
    assert.equal(client('x-forwarded-for', all['x-forwarded-for'], all).ip, '203.0.113.1');
    assert.equal(client('forwarded', all.forwarded, all).ip, '203.0.113.2');
    assert.equal(client('x-real-ip', all['x-real-ip'], all).ip, '203.0.113.3');
    assert.equal(client('off', undefined, { ...all, 'x-forwarded-proto': 'https' }).ip, PEER);
  });

  test('has X-Forwarded-Proto beside the headers that say nothing of it', () => {
    const secure = (header: ForwardedHeader, proto: string): boolean | undefined =>
      client(header, undefined, { 'x-forwarded-proto': proto }).secure;
    assert.equal(secure('x-forwarded-for', 'https'), true);
    assert.equal(secure('x-forwarded-for', 'WSS'), true);
    assert.equal(secure('x-forwarded-for', 'http'), false);
    assert.equal(secure('x-forwarded-for', 'https, http'), false);
    assert.equal(secure('x-real-ip', 'https'), true);
    assert.equal(secure('x-forwarded-for', ''), undefined);
    assert.equal(secure('forwarded', 'https'), undefined);
    assert.equal(secure('off', 'https'), undefined);
  });

  test('is looked for in so many stations', () => {
    const chain = (proxies: number): string =>
      ['203.0.113.7', ...Array<string>(proxies).fill('10.0.0.2')].join(',');
    assert.equal(client('x-forwarded-for', chain(MAX_FORWARDED_HOPS - 1)).ip, '203.0.113.7');
    assert.equal(client('x-forwarded-for', chain(MAX_FORWARDED_HOPS)).ip, '10.0.0.2');
  });

  test('is never what stands left of an address that is not trusted, whatever the text', () => {
    const junk = fc.string({ unit: fc.constantFrom(...Array.from('for=",;[]:. 1a\\')), maxLength: 30 });
    fc.assert(
      fc.property(junk, (left) => {
        assert.equal(client('x-forwarded-for', `${left},203.0.113.7`).ip, '203.0.113.7');
        const quotes = left.replace(/[\\"]/g, '');
        assert.equal(client('forwarded', `${quotes},for=203.0.113.7`).ip, '203.0.113.7');
      }),
      { interruptAfterTimeLimit: 1_000, markInterruptAsFailure: false },
    );
  });
});
