import assert from 'node:assert/strict';
import { createSecretKey, generateKeyPairSync } from 'node:crypto';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { base64url, SignJWT, UnsecuredJWT } from 'jose';
import { ServerError } from '../../../../../src/base/errors.ts';
import {
  signedQuery,
  StreamKeyTable,
  TokenPolicy,
  type SignedText,
  type TokenOptions,
} from '../../../../../src/control/access/tokens/index.ts';
import { readPublicKeys } from '../../../../../src/control/access/tokens/public-keys.ts';
import { UsedTokens } from '../../../../../src/control/access/tokens/used-tokens.ts';
import type { AccessGrant, AccessRequest } from '../../../../../src/hub/ports.ts';
import { sessionOf } from '../../../../support/hub-fixtures.ts';

const NOW = 1_800_000_000;
const SECRET = 'a-secret-of-32-characters-for-one';
const OTHER = 'a-secret-of-32-characters-for-two';
const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 });
const EC = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const PEM = RSA.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const EC_PEM = EC.publicKey.export({ type: 'spki', format: 'pem' }).toString();

function options(changes: Partial<TokenOptions> = {}): TokenOptions {
  return {
    publish: ['signed', 'jwt'],
    play: ['signed', 'jwt'],
    signKeys: [
      { id: 'k1', secret: SECRET },
      { id: 'k2', secret: OTHER },
    ],
    jwt: {
      keys: [
        { id: 'h1', algorithm: 'HS256', key: createSecretKey(Buffer.from(SECRET)) },
        ...readPublicKeys(PEM),
        ...readPublicKeys(EC_PEM),
      ],
      jwks: undefined,
      issuers: [],
      audiences: [],
      expRequired: true,
      skewSeconds: 10,
    },
    jwtParameter: 'token',
    skewMs: 10_000,
    expireSessions: false,
    oneTime: false,
    streamKeys: undefined,
    ...changes,
  };
}

interface Asked extends Partial<Omit<AccessRequest, 'session'>> {
  readonly ip?: string;
  readonly options?: Partial<TokenOptions>;
  readonly nowMs?: number;
}

async function ask(params: string, asked: Asked = {}): Promise<AccessGrant | undefined> {
  const { ip = '192.0.2.7', options: changes, nowMs = NOW * 1000, ...rest } = asked;
  const policy = new TokenPolicy({ options: () => options(changes), unixTime: () => nowMs });
  return policy.check(requestOf(params, ip, rest));
}

function requestOf(params: string, ip = '192.0.2.7', rest: Partial<AccessRequest> = {}): AccessRequest {
  const session = { ...sessionOf('s1'), ip };
  return { action: 'play', session, vhost: 'v', app: 'live', stream: 'show', params, ...rest };
}

/** `yes`, or the code of the refusal; fails when its message tells more than the code. */
async function verdict(params: string, asked: Asked = {}): Promise<string> {
  try {
    await ask(params, asked);
    return 'yes';
  } catch (error) {
    assert.ok(error instanceof ServerError, String(error));
    assert.match(
      error.message,
      /^(a token is needed|the token (is|was)|tokens cannot|there is no such)[a-z ]+$/,
    );
    const cause = error.cause instanceof Error ? error.cause.message : '';
    for (const part of [params, SECRET, ...params.split(/[&=.]/).filter(({ length }) => length > 20)])
      if (part !== '') assert.ok(!cause.includes(part), cause);
    return error.code;
  }
}

function signed(changes: Partial<SignedText> = {}, secret = SECRET, kid = ''): string {
  const text: SignedText = {
    action: 'play',
    vhost: 'v',
    app: 'live',
    stream: 'show',
    expires: String(NOW + 60),
  };
  return signedQuery({ ...text, ...changes }, secret, kid);
}

suite('signed URLs', () => {
  const cases: readonly [name: string, query: string, asked: Asked, want: string][] = [
    ['a good one', signed(), {}, 'yes'],
    ['with the ? in front, as RTMP has it', `?${signed()}`, {}, 'yes'],
    ['among others', `vhost=v&${signed()}&x=1`, {}, 'yes'],
    ['none', '', {}, 'TOKEN_MISSING'],
    ['none among others', '?vhost=v&x=1', {}, 'TOKEN_MISSING'],
    ['an empty signature', 'expires=1900000000&sign=', {}, 'TOKEN_INVALID'],
    ['to publish', signed({ action: 'publish' }), { action: 'publish' }, 'yes'],
    ['to publish, for playing', signed({ action: 'publish' }), {}, 'TOKEN_INVALID'],
    ['to play, for publishing', signed(), { action: 'publish' }, 'TOKEN_INVALID'],
    ['for both, playing', signed({ action: 'both' }), {}, 'yes'],
    ['for both, publishing', signed({ action: 'both' }), { action: 'publish' }, 'yes'],
    ['made one for both', `action=both&${signed()}`, {}, 'TOKEN_INVALID'],
    ['an action that is none', `action=x&${signed()}`, {}, 'TOKEN_INVALID'],
    ['another stream', signed(), { stream: 'show2' }, 'TOKEN_INVALID'],
    ['another app', signed(), { app: 'live2' }, 'TOKEN_INVALID'],
    ['another vhost', signed(), { vhost: 'w' }, 'TOKEN_INVALID'],
    ['expired', signed({ expires: String(NOW - 11) }), {}, 'TOKEN_EXPIRED'],
    ['expired within the skew', signed({ expires: String(NOW - 9) }), {}, 'yes'],
    ['expired and forged', signed({ expires: String(NOW - 11) }, 'x'.repeat(32)), {}, 'TOKEN_INVALID'],
    ['no expiry', signed({ expires: '' }), {}, 'TOKEN_INVALID'],
    ['an expiry that is no number', signed({ expires: '1e12' }), {}, 'TOKEN_INVALID'],
    ['an expiry in ms', signed({ expires: '1800000000000' }), {}, 'TOKEN_INVALID'],
    ['of an address', signed({ ip: '192.0.2.7' }), {}, 'yes'],
    ['of another address', signed({ ip: '192.0.2.8' }), {}, 'TOKEN_INVALID'],
    ['of a network', signed({ ip: '192.0.2.0/24' }), {}, 'yes'],
    ['of another network', signed({ ip: '192.0.3.0/24' }), {}, 'TOKEN_INVALID'],
    ['of an address of IPv6', signed({ ip: '2001:db8::7' }), { ip: '2001:DB8:0::7' }, 'yes'],
    ['of a network of IPv6', signed({ ip: '2001:db8::/32' }), { ip: '2001:db8:1::1' }, 'yes'],
    ['of IPv4 for IPv6', signed({ ip: '0.0.0.0/0' }), { ip: '2001:db8::1' }, 'TOKEN_INVALID'],
    ['of IPv4 within IPv6', signed({ ip: '192.0.2.7' }), { ip: '::ffff:192.0.2.7' }, 'yes'],
    ['of an address, from nobody knows where', signed({ ip: '0.0.0.0/0' }), { ip: '' }, 'TOKEN_INVALID'],
    ['of what is no address', signed({ ip: 'all' }), {}, 'TOKEN_INVALID'],
    [
      'whose address was taken away',
      signed({ ip: '192.0.2.8' }).replace(/&ip=[^&]*/, ''),
      {},
      'TOKEN_INVALID',
    ],
    ['by the second key', signed({}, OTHER), {}, 'yes'],
    ['by the second key, by name', signed({}, OTHER, 'k2'), {}, 'yes'],
    ['by the second key, in the name of the first', signed({}, OTHER, 'k1'), {}, 'TOKEN_INVALID'],
    ['by a key that is not known', signed({}, SECRET, 'k9'), {}, 'TOKEN_INVALID'],
    [
      'by a key that was taken away',
      signed({}, OTHER),
      { options: { signKeys: [{ id: 'k1', secret: SECRET }] } },
      'TOKEN_INVALID',
    ],
    ['cut', signed().slice(0, -1), {}, 'TOKEN_INVALID'],
    ['one character more', `${signed()}A`, {}, 'TOKEN_INVALID'],
    ['twice the same', `${signed()}&${signed()}`, {}, 'yes'],
    ['two signatures', `${signed()}&sign=x`, {}, 'TOKEN_INVALID'],
    ['two expiries', `expires=1900000000&${signed()}`, {}, 'TOKEN_INVALID'],
    ['percent-encoded', signed({ ip: '192.0.2.0/24' }).replace(/1/g, '%31'), {}, 'yes'],
    ['very long', `${signed()}&x=${'x'.repeat(20_000)}`, {}, 'TOKEN_INVALID'],
    ['a very long value', signed({ nonce: 'n'.repeat(257) }), {}, 'TOKEN_INVALID'],
    ['a line feed in a value', signed({ nonce: 'a\nb' }), {}, 'TOKEN_INVALID'],
    ['a limit that is none', signed({ kbps: '0' }), {}, 'TOKEN_INVALID'],
    [
      'characters whose last bits are those of the signature',
      signed().replace(
        /sign=(.)/,
        (_, first: string) => `sign=${String.fromCharCode(first.charCodeAt(0) + 256)}`,
      ),
      {},
      'TOKEN_INVALID',
    ],
    ['signed as another character set', signed().replace(/sign=(.)/, 'sign=%FF$1'), {}, 'TOKEN_INVALID'],
  ];
  for (const [name, query, asked, want] of cases)
    test(name, async () => assert.equal(await verdict(query, asked), want));

  test('limits are granted', async () => {
    const query = signed({ kbps: '2000', duration: '3600' });
    assert.deepEqual(await ask(query), { maxKbps: 2000, durationMs: 3_600_000 });
    const until = { options: { expireSessions: true } };
    assert.deepEqual(await ask(query, until), { maxKbps: 2000, durationMs: 60_000 });
    assert.deepEqual(await ask(signed(), until), { durationMs: 60_000 });
    assert.equal(await ask(signed()), undefined);
  });

  test('any change of one character of what is signed makes it invalid', async () => {
    const text = { action: 'both', ip: '192.0.2.0/24', nonce: 'n1', kbps: '2000', duration: '3600' } as const;
    const query = decodeURIComponent(signed(text));
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: query.length - 1 }),
        fc.constantFrom(...Array.from('ABZabz019-_./:&=')),
        async (at, by) => {
          fc.pre(query[at] !== by);
          const changed = query.slice(0, at) + by + query.slice(at + 1);
          // A parameter that is not read any more is no change of what is signed only where it was empty: none is here.
          assert.match(await verdict(changed), /^TOKEN_(INVALID|MISSING)$/, changed);
        },
      ),
      { numRuns: 2_000, interruptAfterTimeLimit: 2_000, markInterruptAsFailure: false },
    );
    assert.equal(await verdict(query), 'yes');
  });
});

type Claims = Record<string, unknown>;
const CLAIMS: Claims = { action: 'play', path: 'live/show', exp: NOW + 60 };

function jwt(
  claims: Claims = CLAIMS,
  header: { alg?: string; kid?: string } = {},
  secret = SECRET,
): Promise<string> {
  const { alg = 'HS256', ...rest } = header;
  const key = alg === 'RS256' ? RSA.privateKey : alg === 'ES256' ? EC.privateKey : Buffer.from(secret);
  return new SignJWT(claims).setProtectedHeader({ alg, ...rest }).sign(key);
}

suite('JWT', () => {
  const rules = (changes: Partial<TokenOptions['jwt']>): Asked => ({
    options: { jwt: { ...options().jwt, ...changes } },
  });
  const cases: readonly [name: string, token: () => string | Promise<string>, asked: Asked, want: string][] =
    [
      ['HS256', () => jwt(), {}, 'yes'],
      ['RS256', () => jwt(CLAIMS, { alg: 'RS256' }), {}, 'yes'],
      ['ES256', () => jwt(CLAIMS, { alg: 'ES256' }), {}, 'yes'],
      ['HS256 with its kid', () => jwt(CLAIMS, { kid: 'h1' }), {}, 'yes'],
      ['HS256 with another kid', () => jwt(CLAIMS, { kid: 'h2' }), {}, 'TOKEN_INVALID'],
      ['HS384', () => jwt(CLAIMS, { alg: 'HS384' }, SECRET + OTHER), {}, 'TOKEN_INVALID'],
      ['another secret', () => jwt(CLAIMS, {}, OTHER), {}, 'TOKEN_INVALID'],
      ['HS256 by the public key', () => jwt(CLAIMS, {}, PEM), {}, 'TOKEN_INVALID'],
      [
        'HS256 by the public key, where there are no secrets',
        () => jwt(CLAIMS, {}, PEM),
        rules({ keys: readPublicKeys(PEM) }),
        'TOKEN_INVALID',
      ],
      ['RS256 said of a MAC', async () => reheaded(await jwt(), { alg: 'RS256' }), {}, 'TOKEN_INVALID'],
      ['not signed', () => new UnsecuredJWT(CLAIMS).encode(), {}, 'TOKEN_INVALID'],
      ['alg none with a signature', async () => reheaded(await jwt(), { alg: 'none' }), {}, 'TOKEN_INVALID'],
      ['alg None', async () => reheaded(await jwt(), { alg: 'None' }), {}, 'TOKEN_INVALID'],
      [
        'a kid that is a number',
        async () => reheaded(await jwt(), { alg: 'HS256', kid: 7 }),
        {},
        'TOKEN_INVALID',
      ],
      [
        'critical extensions',
        async () => reheaded(await jwt(), { alg: 'HS256', crit: ['x'], x: 1 }),
        {},
        'TOKEN_INVALID',
      ],
      ['rubbish', () => 'x.y.z', {}, 'TOKEN_INVALID'],
      ['four parts', async () => `${await jwt()}.x`, {}, 'TOKEN_INVALID'],
      ['cut', async () => (await jwt()).slice(0, -2), {}, 'TOKEN_INVALID'],
      ['very long', async () => `${await jwt()}${'A'.repeat(8_192)}`, {}, 'TOKEN_INVALID'],
      ['expired', () => jwt({ ...CLAIMS, exp: NOW - 11 }), {}, 'TOKEN_EXPIRED'],
      ['expired within the skew', () => jwt({ ...CLAIMS, exp: NOW - 9 }), {}, 'yes'],
      ['expired and forged', () => jwt({ ...CLAIMS, exp: NOW - 11 }, {}, OTHER), {}, 'TOKEN_INVALID'],
      ['for ever', () => jwt({ ...CLAIMS, exp: undefined }), {}, 'TOKEN_INVALID'],
      ['for ever, allowed', () => jwt({ ...CLAIMS, exp: undefined }), rules({ expRequired: false }), 'yes'],
      ['not yet', () => jwt({ ...CLAIMS, nbf: NOW + 11 }), {}, 'TOKEN_INVALID'],
      ['not yet within the skew', () => jwt({ ...CLAIMS, nbf: NOW + 9 }), {}, 'yes'],
      ['the issuer', () => jwt({ ...CLAIMS, iss: 'a' }), rules({ issuers: ['b', 'a'] }), 'yes'],
      ['another issuer', () => jwt({ ...CLAIMS, iss: 'c' }), rules({ issuers: ['b', 'a'] }), 'TOKEN_INVALID'],
      ['no issuer', () => jwt(), rules({ issuers: ['a'] }), 'TOKEN_INVALID'],
      ['the audience', () => jwt({ ...CLAIMS, aud: ['x', 'a'] }), rules({ audiences: ['a'] }), 'yes'],
      ['another audience', () => jwt({ ...CLAIMS, aud: 'x' }), rules({ audiences: ['a'] }), 'TOKEN_INVALID'],
      ['no audience', () => jwt(), rules({ audiences: ['a'] }), 'TOKEN_INVALID'],
      ['no action', () => jwt({ ...CLAIMS, action: undefined }), {}, 'TOKEN_INVALID'],
      ['another action', () => jwt({ ...CLAIMS, action: 'publish' }), {}, 'TOKEN_INVALID'],
      ['both', () => jwt({ ...CLAIMS, action: 'both' }), { action: 'publish' }, 'yes'],
      ['several actions', () => jwt({ ...CLAIMS, action: ['publish', 'play'] }), {}, 'yes'],
      ['no stream', () => jwt({ ...CLAIMS, path: undefined }), {}, 'TOKEN_INVALID'],
      ['another stream', () => jwt(), { stream: 'other' }, 'TOKEN_INVALID'],
      ['a pattern', () => jwt({ ...CLAIMS, path: ['a', 'live/s*w'] }), {}, 'yes'],
      ['a pattern that does not fit', () => jwt({ ...CLAIMS, path: 'live/*x' }), {}, 'TOKEN_INVALID'],
      ['a stream', () => jwt({ ...CLAIMS, path: undefined, stream: 'show' }), {}, 'yes'],
      [
        'the stream of another app',
        () => jwt({ ...CLAIMS, path: undefined, stream: '*', app: 'x' }),
        {},
        'TOKEN_INVALID',
      ],
      ['a path and a stream', () => jwt({ ...CLAIMS, stream: 'other' }), {}, 'TOKEN_INVALID'],
      ['another vhost', () => jwt({ ...CLAIMS, vhost: 'w' }), {}, 'TOKEN_INVALID'],
      ['the vhost', () => jwt({ ...CLAIMS, vhost: ['w', 'v'] }), {}, 'yes'],
      ['another address', () => jwt({ ...CLAIMS, ip: '192.0.2.8' }), {}, 'TOKEN_INVALID'],
      ['the network', () => jwt({ ...CLAIMS, ip: ['::/0', '192.0.2.0/24'] }), {}, 'yes'],
      ['a claim of another kind', () => jwt({ ...CLAIMS, path: { x: 1 } }), {}, 'TOKEN_INVALID'],
      ['a claim that is nothing', () => jwt({ ...CLAIMS, stream: null }), {}, 'TOKEN_INVALID'],
      ['an empty list', () => jwt({ ...CLAIMS, path: [] }), {}, 'TOKEN_INVALID'],
      [
        'too many values',
        () => jwt({ ...CLAIMS, path: Array<string>(65).fill('live/show') }),
        {},
        'TOKEN_INVALID',
      ],
      ['a rate that is a text', () => jwt({ ...CLAIMS, max_kbps: '7' }), {}, 'TOKEN_INVALID'],
      ['a time that is endless', () => jwt({ ...CLAIMS, duration: 1e12 }), {}, 'TOKEN_INVALID'],
    ];
  for (const [name, token, asked, want] of cases)
    test(name, async () => {
      const made = await token();
      assert.equal(await verdict(`token=${made}`, asked), want);
      assert.equal(await verdict('', { ...asked, bearer: made }), want, 'in the header');
    });

  test('the name of the parameter, and what is granted', async () => {
    const token = await jwt({ ...CLAIMS, max_kbps: 900, duration: 30, sub: 'x' });
    assert.deepEqual(await ask(`t=${token}`, { options: { jwtParameter: 't' } }), {
      maxKbps: 900,
      durationMs: 30_000,
    });
    assert.equal(await verdict(`token=${token}`, { options: { jwtParameter: 't' } }), 'TOKEN_MISSING');
  });

  test('any one proof suffices, and only those that are asked for', async () => {
    const token = await jwt();
    assert.equal(await verdict(`${signed({}, 'x'.repeat(32))}&token=${token}`), 'yes');
    assert.equal(await verdict(`${signed()}&token=x`), 'yes');
    assert.equal(await verdict(`token=${token}`, { options: { play: ['signed'] } }), 'TOKEN_MISSING');
    assert.equal(await verdict(signed(), { options: { play: ['jwt'] } }), 'TOKEN_MISSING');
    assert.equal(await verdict('', { options: { play: [] } }), 'yes');
    assert.equal(await verdict('', { action: 'connect' }), 'yes');
  });
});

/** The token with another header and the signature of the first. */
function reheaded(token: string, header: object): string {
  const [, claims = '', signature = ''] = token.split('.');
  return `${base64url.encode(JSON.stringify(header))}.${claims}.${signature}`;
}

suite('one-time tokens', () => {
  function policyOf(used: UsedTokens, changes: Partial<TokenOptions> = {}): TokenPolicy {
    const all = options({ oneTime: true, ...changes });
    return new TokenPolicy({ options: () => all, unixTime: () => NOW * 1000, used });
  }
  const code = async (asked: Promise<unknown>): Promise<string> =>
    asked.then(
      () => 'yes',
      (error: unknown) => (error instanceof ServerError ? error.code : String(error)),
    );

  test('an id is good once, whichever session comes', async () => {
    const policy = policyOf(new UsedTokens());
    const tokens = [signed({ nonce: 'n1' }), `token=${await jwt({ ...CLAIMS, jti: 'n1' })}`];
    for (const token of tokens) {
      const asked = [1, 2, 3].map(() => code(policy.check(requestOf(token))));
      assert.deepEqual((await Promise.all(asked)).sort(), ['TOKEN_USED', 'TOKEN_USED', 'yes']);
    }
    assert.equal(await code(policy.check(requestOf(signed({ nonce: 'n2' })))), 'yes');
    assert.equal(await code(policy.check(requestOf(signed()))), 'yes', 'without an id');
    assert.equal(await code(policy.check(requestOf(signed()))), 'yes', 'again');
  });

  test('an id is used up in its vhost alone', async () => {
    const policy = policyOf(new UsedTokens());
    const token = `token=${await jwt({ ...CLAIMS, jti: 'n1' })}`;
    for (const [vhost, want] of [
      ['v', 'yes'],
      ['w', 'yes'],
      ['v', 'TOKEN_USED'],
      ['w', 'TOKEN_USED'],
    ] as const)
      assert.equal(await code(policy.check(requestOf(token, undefined, { vhost }))), want, vhost);
  });

  test('what is refused uses nothing up', async () => {
    const policy = policyOf(new UsedTokens());
    const token = signed({ nonce: 'n1', ip: '192.0.2.7' });
    assert.equal(await code(policy.check(requestOf(token, '192.0.2.8'))), 'TOKEN_INVALID');
    assert.equal(await code(policy.check(requestOf(token))), 'yes');
  });

  test('while too many are remembered no more are taken', async () => {
    const policy = policyOf(new UsedTokens(2));
    for (const [nonce, want] of [
      ['a', 'yes'],
      ['b', 'yes'],
      ['c', 'TOKEN_UNCHECKED'],
      ['a', 'TOKEN_USED'],
    ] as const)
      assert.equal(await code(policy.check(requestOf(signed({ nonce })))), want);
  });

  test('an id without an end cannot be remembered', async () => {
    const policy = policyOf(new UsedTokens(), { jwt: { ...options().jwt, expRequired: false } });
    const token = await jwt({ ...CLAIMS, exp: undefined, jti: 'x' });
    assert.equal(await code(policy.check(requestOf(`token=${token}`))), 'TOKEN_INVALID');
  });

  test('ids are forgotten when their tokens expire', () => {
    const used = new UsedTokens(2);
    assert.equal(used.use('a', 1_000, 0), 'taken');
    assert.equal(used.use('b', 5_000, 0), 'taken');
    assert.equal(used.use('c', 9_000, 999), 'full');
    assert.equal(used.use('c', 9_000, 2_000), 'taken');
    assert.equal(used.use('b', 5_000, 2_000), 'used');
    assert.equal(used.size, 2);
  });
});

suite('stream keys', () => {
  const KEY = 'key-of-16-characters';
  const streamKeys = StreamKeyTable.parse(
    `${KEY} show\nother-key-of-this-app show app=other\nkey-that-is-off-now- show off\nkey-that-is-old-now- show until=${NOW - 11}`,
  );
  const keyed = (stream: string, changes: Partial<TokenOptions> = {}): Asked => ({
    action: 'publish',
    stream,
    options: { publish: ['key'], play: [], streamKeys, ...changes },
  });
  const cases: readonly [name: string, asked: Asked, want: string][] = [
    ['a good one', keyed(KEY), 'yes'],
    ['the public name', keyed('show'), 'TOKEN_INVALID'],
    ['one that is not known', keyed(`${KEY}x`), 'TOKEN_INVALID'],
    ['of another app', keyed('other-key-of-this-app'), 'TOKEN_INVALID'],
    ['that is off', keyed('key-that-is-off-now-'), 'TOKEN_INVALID'],
    ['that is old', keyed('key-that-is-old-now-'), 'TOKEN_EXPIRED'],
    [
      'that is old, where names are signed',
      keyed('key-that-is-old-now-', { publish: ['signed'] }),
      'TOKEN_EXPIRED',
    ],
    ['in the app, too', { ...keyed(KEY), app: `live/${KEY}` }, 'TOKEN_INVALID'],
    ['of a table that cannot be read', keyed(KEY, { streamKeys: 'broken' }), 'TOKEN_UNCHECKED'],
    ['to play', { ...keyed(KEY), action: 'play' }, 'STREAM_NOT_FOUND'],
    ['the public name to play', { ...keyed('show'), action: 'play' }, 'yes'],
    ['alone, where a signature is asked for', keyed(KEY, { publish: ['signed'] }), 'TOKEN_MISSING'],
  ];
  for (const [name, asked, want] of cases)
    test(name, async () => assert.equal(await verdict('', asked), want));

  test('the stream is published under its public name', async () => {
    assert.deepEqual(await ask('', keyed(KEY)), { stream: 'show', isKey: true });
    const both = keyed(KEY, { publish: ['key', 'signed'] });
    assert.deepEqual(await ask('', both), { stream: 'show', isKey: true });
    const query = signed({ action: 'publish', stream: KEY, kbps: '5' });
    const grant = await ask(query, keyed(KEY, { publish: ['signed'] }));
    assert.deepEqual(grant, { stream: 'show', isKey: true, maxKbps: 5 });
    const named = signed({ action: 'publish' });
    assert.equal(await verdict(named, keyed('show', { publish: ['key', 'signed'] })), 'yes');
  });
});
