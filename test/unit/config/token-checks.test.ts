import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  ConfigError,
  configToJson,
  describeChange,
  diffConfig,
  formatProblem,
  parseConfig,
  showConfig,
} from '../../../src/config/index.ts';

const SECRET = 'nobody-may-see-this-secret-of-forty-chars';

function problems(access: string): string[] {
  try {
    parseConfig(`listen 1935;\nvhost v { access { ${access} } }`, 'x');
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems.map(formatProblem);
  }
}

suite('what is asked of clients can be checked', () => {
  for (const access of [
    '',
    'publish; play;',
    `publish signed; sign_key k ${SECRET};`,
    `play jwt; jwt_secret k ${SECRET};`,
    'play jwt; jwks https://example.org/keys;',
    'play jwt; jwt_key_file a.pem b.pem;',
    'publish key; stream_keys ./keys;',
    'stream_keys ./keys;',
  ])
    test(`${access}: good`, () => assert.deepEqual(problems(access), []));

  for (const [access, proof, what] of [
    ['publish signed;', 'signed', 'sign_key'],
    [`play jwt signed; sign_key k ${SECRET};`, 'jwt', 'jwt_secret, jwt_key_file or jwks'],
    ['play jwt; jwt_key_file "";', 'jwt', 'jwt_secret, jwt_key_file or jwks'],
    [`publish signed key; sign_key k ${SECRET};`, 'key', 'stream_keys'],
  ] as const)
    test(`${access}: bad`, () => {
      const action = access.startsWith('play') ? 'play' : 'publish';
      assert.deepEqual(problems(access), [
        `x:2:20: vhost.access.${action}: asks for ${proof}, but there is nothing to check it with; expected ${what} beside it`,
      ]);
    });

  test('a wrong secret is not told', () => {
    for (const access of [
      `sign_key ${SECRET};`,
      `sign_key k ${SECRET} ${SECRET};`,
      `sign_key '${SECRET}/' x;`,
    ]) {
      const told = problems(access).join('\n');
      assert.match(told, /vhost\.access\.sign_key/);
      assert.ok(!told.includes(SECRET), told);
    }
  });
});

test('secrets are shown nowhere', () => {
  const text = (secret: string): string =>
    `listen 1935; vhost v { access { publish signed jwt; sign_key k1 ${secret}; jwt_secret j1 ${secret};
     jwks https://example.org/keys?token=${secret}; } }`;
  const loaded = parseConfig(text(SECRET), 'x');
  const changes = diffConfig(loaded.config, parseConfig(text(`${SECRET}2`), 'x'));
  assert.equal(changes.length, 3);
  for (const shown of [
    showConfig(loaded),
    showConfig(loaded, { changed: true }),
    JSON.stringify(configToJson(loaded)),
    changes.map(describeChange).join('\n'),
  ]) {
    assert.match(shown, /sign_key/);
    assert.ok(!shown.includes(SECRET), shown);
  }
  assert.match(showConfig(loaded), /sign_key k1 \*{6};/);
});

test('what is wrong is told without the secrets of URLs and tokens that were written the wrong way round', () => {
  const URLS = [
    `ftp://user:${SECRET}@h/?x=1`,
    `http://h:99999/x?k=${SECRET}`,
    `ht!tp://u:${SECRET}@h/a#${SECRET}`,
  ];
  for (const text of [
    ...URLS.map((url) => `vhost v { access { jwks "${url}"; } }`),
    ...URLS.map((url) => `vhost v { http_hooks { on_publish "${url}"; } }`),
    ...URLS.map((url) => `heartbeat { url "${url}"; }`),
    `http_api { auth { token ${SECRET} read; } }`,
  ])
    assert.throws(
      () => parseConfig(`listen 1935;\n${text}`, 'x'),
      (error) => {
        assert.ok(error instanceof ConfigError);
        assert.match(error.message, /is not possible here/);
        assert.ok(!error.message.includes(SECRET), error.message);
        return true;
      },
    );
});
