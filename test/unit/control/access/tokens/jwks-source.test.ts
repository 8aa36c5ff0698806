import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { suite, test } from 'node:test';
import { JwksSource, MIN_JWKS_INTERVAL_MS } from '../../../../../src/control/access/tokens/jwks-source.ts';
import { MAX_PUBLIC_KEYS, readPublicKeys } from '../../../../../src/control/access/tokens/public-keys.ts';
import { ManualClock } from '../../../../support/manual-clock.ts';
import { MemoryLogger } from '../../../../support/memory-logger.ts';

const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 });
const WEAK = generateKeyPairSync('rsa', { modulusLength: 1024 });
const EC = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const OTHER_EC = generateKeyPairSync('ec', { namedCurve: 'secp384r1' });

function jwk(key: KeyObject, more: object = {}): object {
  return { ...key.export({ format: 'jwk' }), ...more };
}

const ONE = JSON.stringify({ keys: [jwk(RSA.publicKey, { kid: 'a' })] });
const TWO = JSON.stringify({ keys: [jwk(RSA.publicKey, { kid: 'a' }), jwk(EC.publicKey, { kid: 'b' })] });

/** A JWKS server that answers what and when the test says. */
class Rig {
  readonly clock = new ManualClock();
  readonly logger = new MemoryLogger();
  answer: () => Promise<string> = () => Promise.resolve(ONE);
  calls = 0;
  readonly source = new JwksSource({
    clock: this.clock,
    logger: this.logger,
    name: 'http://keys/jwks',
    fetch: () => {
      this.calls += 1;
      return this.answer();
    },
    refreshMs: 300_000,
    keepMs: 3_600_000,
  });

  async ids(algorithm = 'RS256', kid?: string): Promise<(string | undefined)[] | undefined> {
    return (await this.source.find(algorithm, kid))?.map(({ id }) => id);
  }
}

suite('keys of a JWKS server', () => {
  test('are fetched once, however many ask', async () => {
    const rig = new Rig();
    const all = await Promise.all([1, 2, 3].map(() => rig.ids('RS256', 'a')));
    assert.deepEqual(all, [['a'], ['a'], ['a']]);
    assert.deepEqual(await rig.ids('RS256'), ['a']);
    assert.deepEqual(await rig.ids('ES256'), []);
    assert.equal(rig.calls, 1);
  });

  test('a kid that is not known makes one request per interval', async () => {
    const rig = new Rig();
    await rig.ids();
    rig.answer = () => Promise.resolve(TWO);
    for (let i = 0; i < 50; i += 1) assert.deepEqual(await rig.ids('ES256', 'b'), []);
    assert.equal(rig.calls, 1, 'it was asked a moment ago');
    rig.clock.advance(MIN_JWKS_INTERVAL_MS);
    assert.deepEqual(await Promise.all([rig.ids('ES256', 'b'), rig.ids('ES256', 'b')]), [['b'], ['b']]);
    assert.equal(rig.calls, 2);
    for (let i = 0; i < 50; i += 1) assert.deepEqual(await rig.ids('RS256', `forged-${i}`), []);
    assert.equal(rig.calls, 2);
  });

  test('who has a key that is known never waits for a slow server', async () => {
    const rig = new Rig();
    await rig.ids();
    rig.clock.advance(300_000);
    rig.answer = () => new Promise(() => undefined);
    assert.deepEqual(await rig.ids('RS256', 'a'), ['a']);
    assert.equal(rig.calls, 2, 'it is asked all the same');
    const waits = rig.ids('RS256', 'new').then(() => 'done');
    assert.equal(await Promise.race([waits, rig.ids('RS256', 'a')]).then(String), 'a');
    assert.equal(rig.calls, 2, 'and not asked twice');
  });

  test('are used while the server is dead, for so long and no longer', async () => {
    const rig = new Rig();
    await rig.ids();
    rig.answer = () => Promise.reject(new Error('refused'));
    rig.clock.advance(3_599_999);
    assert.deepEqual(await rig.ids('RS256', 'a'), ['a']);
    rig.clock.advance(1);
    assert.equal(await rig.ids('RS256', 'a'), undefined);
    rig.answer = () => Promise.resolve(ONE);
    assert.equal(await rig.ids('RS256', 'a'), undefined, 'it was asked a moment ago');
    rig.clock.advance(MIN_JWKS_INTERVAL_MS);
    assert.deepEqual(await rig.ids('RS256', 'a'), ['a']);
    assert.match(rig.logger.lines.join('\n'), /no keys from http:\/\/keys\/jwks, .*refused/);
  });

  const lies: readonly [name: string, text: string][] = [
    ['no JSON', '<html>secret</html>'],
    ['JSON that is no object', 'null'],
    ['no keys', '{"keys":[]}'],
    ['keys that are no list', '{"keys":{"a":1}}'],
    [
      'keys that are none',
      '{"keys":[1,null,"x",{},{"kty":"RSA"},{"kty":"EC","crv":"P-256","x":"A","y":"A"}]}',
    ],
    ['a secret', '{"keys":[{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","alg":"HS256"}]}'],
    ['a weak key', JSON.stringify({ keys: [jwk(WEAK.publicKey)] })],
    ['a key of another curve', JSON.stringify({ keys: [jwk(OTHER_EC.publicKey)] })],
    ['a key to encrypt', JSON.stringify({ keys: [jwk(RSA.publicKey, { use: 'enc' })] })],
    ['a key of another algorithm', JSON.stringify({ keys: [jwk(RSA.publicKey, { alg: 'HS256' })] })],
    ['too many keys', JSON.stringify({ keys: Array(MAX_PUBLIC_KEYS + 1).fill(jwk(EC.publicKey)) })],
  ];
  for (const [name, text] of lies)
    test(`${name}: the old ones stay`, async () => {
      const rig = new Rig();
      await rig.ids();
      rig.answer = () => Promise.resolve(text);
      rig.clock.advance(MIN_JWKS_INTERVAL_MS);
      assert.deepEqual(await rig.ids('RS256', 'x'), []);
      assert.equal(rig.calls, 2);
      assert.deepEqual(await rig.ids('RS256', 'a'), ['a']);
      assert.ok(!rig.logger.lines.join('').includes('secret'));
    });
});

suite('public keys from files', () => {
  const pem = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString();

  test('PEM, several in one file', () => {
    const found = readPublicKeys(`# comment\n${pem(RSA.publicKey)}\n${pem(EC.publicKey)}`);
    assert.deepEqual(
      found.map(({ id, algorithm }) => [id, algorithm]),
      [
        [undefined, 'RS256'],
        [undefined, 'ES256'],
      ],
    );
  });

  test('a single JWK', () => {
    const [found] = readPublicKeys(JSON.stringify(jwk(EC.publicKey, { kid: 'k' })));
    assert.deepEqual([found?.id, found?.algorithm], ['k', 'ES256']);
  });

  test('of a private JWK there is only its public half', () => {
    const [found] = readPublicKeys(JSON.stringify(jwk(EC.privateKey)));
    assert.equal(found?.key.type, 'public');
  });

  const bad: readonly [name: string, text: string, message: RegExp][] = [
    ['nothing', '', /no public key/],
    ['a private key', RSA.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), /private key/],
    ['a weak key', pem(WEAK.publicKey), /no public key/],
    ['a broken key', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----', /cannot be read/],
    ['broken JSON', '{"keys": secret', /no JSON$/],
  ];
  for (const [name, text, message] of bad)
    test(name, () => assert.throws(() => readPublicKeys(text), { message }));
});
