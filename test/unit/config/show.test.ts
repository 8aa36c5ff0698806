import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { loadConfig, parseConfig } from '../../../src/config/index.ts';
import type { LoadedConfig } from '../../../src/config/index.ts';
import type { Row, Rows } from '../../../src/config/schema/row.ts';
import { ROOT } from '../../../src/config/schema/root.ts';
import { effectiveConfig } from '../../../src/config/effective.ts';
import { configToJson, showConfig } from '../../../src/config/show.ts';
import { jsonValue, writeValue } from '../../../src/config/write-value.ts';

/** Not the files that others include. */
const isWhole = (file: string): boolean => file.endsWith('.conf') && !/^include\.[^.]+\.conf$/.test(file);

/** Options without the places that addresses remember. */
function plain({ config }: LoadedConfig): unknown {
  return JSON.parse(
    JSON.stringify(config, (key, value: unknown) => {
      if (key === 'origin' || key === 'directive') return undefined;
      if (key === 'password' && value !== '') return SOME_SECRET;
      return SECRETS.includes(key) ? (value as string[][]).map(([name]) => [name, SOME_SECRET]) : value;
    }),
  );
}

/** Options whose words behind the first one are masked. */
const SECRETS = ['tokens', 'signKeys', 'jwtSecrets'];
const SOME_SECRET = 's'.repeat(32);

function assertSameAgain(loaded: LoadedConfig): void {
  for (const changed of [false, true]) {
    const shown = showConfig(loaded, { changed });
    const text = shown.replace(/^( *(?:token|sign_key|jwt_secret) \S+) \*{6};/gm, `$1 ${SOME_SECRET};`);
    assert.deepEqual(plain(parseConfig(text, 'shown', { allowPortZero: true })), plain(loaded), text);
  }
}

test('each line says where its value comes from', () => {
  const text = 'listen 1935;\nvhost a {\n    play { mw_latency 1s; }\n}\n';
  const env = { SRS_PID: '/run/srs.pid', SRS_VHOST_PLAY_ATC: 'on' };
  const lines = showConfig(parseConfig(text, 'conf/a.conf', { env })).split('\n');
  const line = (start: string): string =>
    (lines.find((one) => one.trimStart().startsWith(start)) ?? '').trim().replace(/ +#/, ' #');
  assert.equal(line('listen'), 'listen 1935; # conf/a.conf:1');
  assert.equal(line('pid'), 'pid /run/srs.pid; # environment SRS_PID');
  assert.equal(line('max_connections'), 'max_connections 1000; # default');
  assert.equal(line('vhost'), 'vhost a { # conf/a.conf:2');
  assert.equal(line('mw_latency'), 'mw_latency 1000; # conf/a.conf:3');
  assert.equal(line('atc '), 'atc on; # environment SRS_VHOST_PLAY_ATC');
  assert.equal(line('queue_length'), 'queue_length 30; # default');
  assert.equal(line('# srs_log_level_v2'), '# srs_log_level_v2 is not set # default');
  assert.equal(line('srt_server'), ''); // Without effect.
});

test('--changed shows what is not the default, and every vhost', () => {
  const text = 'listen 1935; max_connections 1000; daemon off; vhost a {} vhost b { play { atc on; } }';
  const loaded = parseConfig(text, 'x');
  assert.equal(
    showConfig(loaded, { changed: true }).replace(/ +# x:1$/gm, ''),
    'listen 1935;\ndaemon off;\nvhost a {\n}\nvhost b {\n    play {\n        atc on;\n    }\n}\n',
  );
  assert.deepEqual(configToJson(loaded, { changed: true }), {
    listen: ['1935'],
    daemon: false,
    vhost: [{ name: 'a' }, { name: 'b', play: { atc: true } }],
    $sources: {
      listen: 'x:1',
      daemon: 'x:1',
      'vhost[0]': 'x:1',
      'vhost[1]': 'x:1',
      'vhost[1].play': 'x:1',
      'vhost[1].play.atc': 'x:1',
    },
  });
});

test('a vhost that says what the root says has the default; one that says something else has not', () => {
  const shown = (size: number): unknown => {
    const text = `listen 1; chunk_size 4096; vhost a { chunk_size ${size}; }`;
    return configToJson(parseConfig(text, 'x'), { changed: true })['vhost'];
  };
  assert.deepEqual(shown(4096), [{ name: 'a' }]);
  assert.deepEqual(shown(8192), [{ name: 'a', chunk_size: 8192 }]);
});

test('passwords in URLs are masked', () => {
  const url = 'rtsp://cam:hunter2@10.0.0.1/a?b=rtmp://x:swordfish@y';
  const loaded = parseConfig(
    `listen 1; vhost a { ingest i { enabled on; input { type stream; url "${url}"; } engine { output rtmp://o; } } }`,
    'x',
  );
  for (const shown of [showConfig(loaded), JSON.stringify(configToJson(loaded))]) {
    assert.match(shown, /rtsp:\/\/cam:\*{6}@10\.0\.0\.1\/a\?b=rtmp:\/\/x:\*{6}@y/);
    assert.doesNotMatch(shown, /hunter2|swordfish/);
  }
});

const QUERIES: readonly (readonly [url: string, shown: string])[] = [
  ['rtsp://cam:pa@ss@10.0.0.1/a', 'rtsp://cam:******@10.0.0.1/a'],
  ['rtsp://h/a?token=s3cret&x=1', 'rtsp://h/a?token=******&x=1'],
  ['rtsp://h/a?x=1&stream_Key=s3cret', 'rtsp://h/a?x=1&stream_Key=******'],
  ['rtsp://h/a?sign=s3cret#f', 'rtsp://h/a?sign=******#f'],
  ['rtsp://h:554/a@b?monkey', 'rtsp://h:554/a@b?monkey'],
];

for (const [url, shown] of QUERIES) {
  test(`what opens something is masked in ${url}`, () => {
    const text = `listen 1; vhost a { ingest i { enabled off; input { url "${url}"; } } }`;
    assert.ok(showConfig(parseConfig(text, 'x')).includes(shown), shown);
  });
}

test('what is a secret is marked in the schema', () => {
  const secrets: string[] = [];
  const visit = (rows: Rows, path: string): void => {
    for (const [name, row] of Object.entries<Row>(rows)) {
      if ((row.type === 'text' || row.type === 'lists') && row.secret === true)
        secrets.push(`${path}${name}`);
      else if (/passw|passphrase|secret_key|token$/.test(name) && row.type === 'text')
        assert.fail(`${path}${name} looks like a secret`);
      if ('rows' in row) visit(row.rows, `${path}${name}.`);
    }
  };
  visit(ROOT, '');
  assert.ok(secrets.includes('http_api.auth.password'));
  assert.ok(secrets.includes('http_api.auth.token'));
  assert.ok(secrets.includes('srt_server.passphrase'));
});

test('a secret is masked, and what is not set needs no mask', () => {
  const secret: Row = { type: 'text', default: '', secret: true, doc: '', reload: 'live' };
  const config = { password: 'hunter2', key: '' } as unknown as LoadedConfig['config'];
  const loaded: LoadedConfig = { config, warnings: [], origins: new Map(), files: [], asked: [] };
  const shown = effectiveConfig(loaded, { password: secret, key: secret });
  assert.deepEqual(
    shown.map((one) => one.kind === 'value' && [one.json, one.lines, one.isDefault]),
    [
      ['******', [['******']], false],
      ['', [[]], true],
    ],
  );
});

test('a value that no file can say is a comment', () => {
  const env = { SRS_PID: `a "b" 'c'`, SRS_SRS_LOG_FILE: 'two\nlines' };
  const loaded = parseConfig('listen 1;', 'x', { env });
  const text = showConfig(loaded);
  assert.match(text, /^# pid has no form in a file: \["a \\"b\\" 'c'"\] +# environment SRS_PID$/m);
  assert.match(text, /^srs_log_file "two\nlines"; +# environment SRS_SRS_LOG_FILE$/m);
  assert.equal(configToJson(loaded)['pid'], `a "b" 'c'`);
});

test('a file name cannot break out of its comment', () => {
  const shown = showConfig(parseConfig('listen 1935;', 'a\n}\u001b[0m'));
  assert.match(shown, /# a\\u\{0a\}\}\\u\{1b\}\[0m:1$/m);
});

/** Words of directives that do not take any word. A secret is shown as its mask. */
const FORMS: ReadonlyMap<string, readonly string[]> = new Map([
  ['http-url', ['http://a/b', "'https://c/[app]?x=1'"]],
  ['deciding-hook', ['on_connect', 'on_play']],
  ['networks', ['::1', '10.0.0.0/8']],
  ['local-address', ['0']],
  ['secret', ['******']],
]);

suite('what is shown means the same when it is read again', () => {
  const folder = fileURLToPath(new URL('../../../conf/', import.meta.url));
  for (const name of readdirSync(folder).filter(isWhole))
    test(name, () => assertSameAgain(loadConfig(`${folder}${name}`)));

  const word = fc
    .string({ unit: fc.constantFrom(...Array.from('ab[]/.;{}#"\' \t\n\\é')), minLength: 1, maxLength: 8 })
    .filter((text) => !(text.includes('"') && text.includes("'")));

  /** The text of a directive with any value that its row takes. */
  const directive = (name: string, row: Row): fc.Arbitrary<string> => {
    const quoted = word.map((text) => (text.includes('"') ? `'${text}'` : `"${text}"`));
    const number = fc.integer({
      min: 'min' in row ? Math.max(row.min, 1) : 1,
      max: 'max' in row ? row.max : 1_000_000_000,
    });
    const values: Readonly<Record<string, fc.Arbitrary<string>>> = {
      // Low latency excludes keys.
      flag: name === 'hls_ll' ? fc.constant('off') : fc.constantFrom('on', 'off'),
      int: number.map(String),
      bytes: number.map(String),
      float: fc.constantFrom('0.5', '3', '0.000000000001'),
      duration: number.map((ms) => `${ms}ms`),
      enum: row.type === 'enum' ? fc.constantFrom(...row.values) : fc.constant(''),
      // A mount of http_remux ends in the name of a format.
      text: name === 'mount' ? word.map((text) => `'${text.replaceAll("'", '')}.ts'`) : quoted,
      list: fc.array(quoted, { maxLength: 3 }).map((words) => words.join(' ')),
      listen: fc.constantFrom('0', '1985', '[::1]:1', 'name:2', '10.0.0.1:3'),
      listens: fc
        .uniqueArray(fc.constantFrom('1935', '[::1]:1', 'name:2'), { minLength: 1 })
        .map((all) => all.join(' ')),
    };
    if ('rows' in row) {
      const argument = row.type === 'blocks' ? quoted : fc.constant('');
      return fc.tuple(argument, block(row.rows)).map(([text, body]) => `${name} ${text} { ${body} }`);
    }
    // Its ending says what is served.
    if (name === 'mount') return fc.constantFrom("mount '[vhost]/x.ts';", "mount '/a b.flv';");
    const form = 'form' in row ? row.form : undefined;
    // A mask is no token, and some words need company.
    if (form === 'api-token' || form === 'sign-key' || form === 'jwt-secret') return fc.constant('');
    if (form === 'publish-proof' || form === 'play-proof') return fc.constant('');
    const words = FORMS.get(form ?? (row.type === 'text' && row.secret === true ? 'secret' : ''));
    const value =
      words === undefined
        ? values[row.type]
        : fc
            .subarray([...words], { minLength: 1, maxLength: row.type === 'text' ? 1 : words.length })
            .map((some) => some.join(' '));
    // A float is the only one without a bound of its own here; others take any of these.
    return value === undefined ? fc.constant('') : value.map((text) => `${name} ${text};`);
  };
  const block = (rows: Rows): fc.Arbitrary<string> =>
    fc
      .subarray(Object.entries(rows).filter(([name, row]) => row.feature === undefined && name !== 'ingest'))
      .chain((some) => fc.tuple(...some.map(([name, row]) => directive(name, row))))
      .map((texts) => texts.join('\n'));

  test('any configuration', () => {
    fc.assert(
      fc.property(block(ROOT), (text) => {
        const whole = `asprocess off;\n${text}\nlisten 1935;`;
        assertSameAgain(parseConfig(whole, 'x', { allowPortZero: true }));
      }),
      { numRuns: 300, interruptAfterTimeLimit: 4000, markInterruptAsFailure: false },
    );
  });
});

test('numbers are written without exponents', () => {
  const float: Row = { type: 'float', default: 0, doc: '', reload: 'live' };
  const seconds: Row = { type: 'duration', unit: 's', default: 0, doc: '', reload: 'live' };
  assert.deepEqual(writeValue(float, 1e-7), [['0.0000001']]);
  assert.deepEqual(writeValue(seconds, 0.001), [['0.000001']]);
  assert.equal(jsonValue(seconds, 1234.567), 1.234567);
});

test('a path names each directive once', () => {
  const paths: string[] = [];
  const visit = (all: ReturnType<typeof effectiveConfig>): void => {
    for (const one of all) {
      paths.push(one.path);
      if (one.kind === 'block') visit(one.members);
    }
  };
  visit(effectiveConfig(parseConfig('listen 1; vhost a { ingest x {} } vhost b {}', 'x')));
  assert.equal(new Set(paths).size, paths.length);
  assert.ok(paths.includes('vhost[1].play.mw_latency'));
  assert.ok(paths.includes('vhost[0].ingest[0].input.url'));
});
