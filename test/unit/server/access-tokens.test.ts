import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { SignJWT } from 'jose';
import { systemClock } from '../../../src/base/clock.ts';
import { ServerError } from '../../../src/base/errors.ts';
import { parseConfig, type Config } from '../../../src/config/index.ts';
import { AccessTokens } from '../../../src/server/access-tokens.ts';
import { readSmallFile } from '../../../src/server/read-small-file.ts';
import { VhostTable } from '../../../src/server/vhost-table.ts';
import { sessionOf } from '../../support/hub-fixtures.ts';
import { MemoryLogger } from '../../support/memory-logger.ts';

const KEY = 'key-of-a-publisher-of-this-test';

suite('files of access', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'srs-access-tokens-'));
  });
  after(() => rm(folder, { recursive: true }));

  function configOf(access: string): Config {
    const text = `listen 1935; vhost v { access { ${access.replaceAll('ROOT', folder)} } }`;
    return parseConfig(text, 'x').config;
  }

  async function verdict(tokens: AccessTokens, stream: string, params = ''): Promise<string> {
    const session = sessionOf('s');
    try {
      const grant = await tokens.policy.check({
        action: 'publish',
        session,
        vhost: 'v',
        app: 'live',
        stream,
        params,
      });
      return grant?.stream ?? 'yes';
    } catch (error) {
      assert.ok(error instanceof ServerError);
      return error.code;
    }
  }

  test('what cannot be read lets nobody in; what was read before stays', async () => {
    let config = configOf('stream_keys ROOT/keys;');
    const logger = new MemoryLogger();
    const vhosts = new VhostTable(() => config);
    const tokens = new AccessTokens({ clock: systemClock, unixTime: () => Date.now(), logger, vhosts });
    try {
      tokens.use(config);
      assert.equal(await verdict(tokens, KEY), 'TOKEN_UNCHECKED', 'there is no such file');
      await writeFile(join(folder, 'keys'), `${KEY} show\n`);
      config = configOf('stream_keys ROOT/keys; clock_skew 1;');
      tokens.use(config);
      assert.equal(await verdict(tokens, KEY), 'show');
      await writeFile(join(folder, 'keys'), `${KEY} show\n${KEY}2 \n`);
      config = configOf('stream_keys ROOT/keys; clock_skew 2;');
      tokens.use(config);
      assert.equal(await verdict(tokens, KEY), 'show', 'half a file counts for nothing');
      assert.equal(await verdict(tokens, `${KEY}2`), 'TOKEN_INVALID');
      config = configOf('');
      tokens.use(config);
      assert.equal(await verdict(tokens, KEY), 'yes', 'nothing is asked any more');
      const lines = logger.lines.join('\n');
      assert.match(lines, /access\.stream_keys .*keys cannot be used, who needs it is refused/);
      assert.match(lines, /what it held before stays in use: line 2: KEY NAME is expected/);
      assert.ok(!lines.includes(KEY), lines);
    } finally {
      tokens.close();
    }
  });

  test('another JWKS URL: its keys alone are good from then on', async () => {
    const pairs = ['one', 'two'].map((kid) => ({
      kid,
      ...generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    }));
    const server = createServer((request, response) => {
      const found = pairs.find(({ kid }) => request.url === `/${kid}`);
      response.end(JSON.stringify({ keys: [{ ...found?.publicKey.export({ format: 'jwk' }), kid: 'k' }] }));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const access = (kid: string): Config => configOf(`publish jwt; jwks http://127.0.0.1:${port}/${kid};`);
    let config = access('one');
    const vhosts = new VhostTable(() => config);
    const unixTime = (): number => Date.now();
    const tokens = new AccessTokens({ clock: systemClock, unixTime, logger: new MemoryLogger(), vhosts });
    const verdicts = (): Promise<string[]> =>
      Promise.all(
        pairs.map(async ({ privateKey }) => {
          const claims = { action: 'publish', path: '*', exp: Math.floor(Date.now() / 1000) + 60 };
          const made = await new SignJWT(claims)
            .setProtectedHeader({ alg: 'ES256', kid: 'k' })
            .sign(privateKey);
          return verdict(tokens, 'show', `token=${made}`);
        }),
      );
    try {
      tokens.use(config);
      assert.deepEqual(await verdicts(), ['yes', 'TOKEN_INVALID']);
      config = access('two');
      tokens.use(config);
      assert.deepEqual(await verdicts(), ['TOKEN_INVALID', 'yes']);
    } finally {
      tokens.close();
      server.closeAllConnections();
      server.close();
    }
  });

  test('small files, and no others', async () => {
    const file = join(folder, 'small');
    await writeFile(file, 'größe');
    assert.equal(readSmallFile(file, 7), 'größe');
    assert.throws(() => readSmallFile(file, 6), /longer than 6 bytes/);
    assert.throws(() => readSmallFile(folder, 10), /no plain file|EISDIR/);
    assert.throws(() => readSmallFile(join(folder, 'none'), 10), /ENOENT/);
    await symlink('/dev/zero', join(folder, 'endless'));
    assert.throws(() => readSmallFile(join(folder, 'endless'), 10), /no plain file/);
  });
});
