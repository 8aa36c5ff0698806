import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  environmentName,
  environmentOnlyTree,
  environmentVariables,
} from '../../../src/config/environment.ts';
import type { EnvironmentVariable } from '../../../src/config/environment.ts';
import { isForeign, KNOWN_VARIABLES } from '../../../src/config/foreign-variables.ts';
import { ConfigError, formatProblem, loadEnvironment, parseConfig } from '../../../src/config/index.ts';
import type { LoadedConfig } from '../../../src/config/index.ts';
import { optionKey } from '../../../src/config/schema/row.ts';
import { ROOT } from '../../../src/config/schema/root.ts';
import type { Rows } from '../../../src/config/schema/row.ts';

type Env = Readonly<Record<string, string>>;

const FILE = 'listen 1935;\nvhost a {\n    play { queue_length 3; }\n}\nvhost b {}\n';

function load(env: Env, text = FILE): LoadedConfig {
  return parseConfig(text, 'x.conf', { env, localAddresses: 2 });
}

function warnings(env: Env, text = FILE): string[] {
  return load(env, text).warnings.map(formatProblem);
}

function errors(env: Env, text = FILE): string[] {
  try {
    load(env, text);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems.map(formatProblem);
  }
  throw new assert.AssertionError({ message: 'no error' });
}

const ALL = environmentVariables();

test('names of variables, as SRS has them', () => {
  const names = new Map(ALL.map(({ path, name, aliases }) => [path.join('.'), [name, ...aliases]]));
  const expected: Readonly<Record<string, readonly string[]>> = {
    listen: ['SRS_LISTEN', 'SRS_RTMP_LISTEN'],
    chunk_size: ['SRS_CHUNK_SIZE', 'SRS_RTMP_CHUNK_SIZE'],
    max_connections: ['SRS_MAX_CONNECTIONS'],
    srs_log_tank: ['SRS_SRS_LOG_TANK', 'SRS_LOG_TANK'],
    srs_log_level_v2: ['SRS_SRS_LOG_LEVEL_V2', 'SRS_LOG_LEVEL_V2'],
    'http_api.enabled': ['SRS_HTTP_API_ENABLED'],
    'http_api.raw_api.enabled': ['SRS_HTTP_API_RAW_API_ENABLED'],
    'http_api.auth.password': ['SRS_HTTP_API_AUTH_PASSWORD'],
    'rtc_server.tcp.listen': ['SRS_RTC_SERVER_TCP_LISTEN'],
    'stats.network': ['SRS_STATS_NETWORK'],
    'vhost.chunk_size': ['SRS_VHOST_CHUNK_SIZE'],
    'vhost.hls.hls_fragment': ['SRS_VHOST_HLS_HLS_FRAGMENT'],
    'vhost.play.gop_cache': ['SRS_VHOST_PLAY_GOP_CACHE'],
    'vhost.cluster.vhost': ['SRS_VHOST_CLUSTER_VHOST'],
  };
  for (const [path, all] of Object.entries(expected)) assert.deepEqual(names.get(path), all, path);
  assert.equal(environmentName(['vhost', 'play', 'mw_latency']), 'SRS_VHOST_PLAY_MW_LATENCY');
  for (const path of names.keys()) assert.doesNotMatch(path, /ingest|transcode|stream_caster|engine/);
});

test('no name means two directives, or something that others set', () => {
  const names = [...ALL.flatMap(({ name, aliases }) => [name, ...aliases]), ...KNOWN_VARIABLES];
  assert.ok(names.length > 250);
  assert.deepEqual(
    names.filter((name, i) => names.indexOf(name) !== i),
    [],
  );
  for (const name of names) {
    assert.match(name, /^SRS_[A-Z0-9_]+$/);
    if (!KNOWN_VARIABLES.includes(name)) assert.equal(isForeign(name, 'tcp://10.0.0.1:1935'), false, name);
  }
});

/** A value that is possible for the directive and is not its default, and the option that it makes. */
function sample({ row, path }: EnvironmentVariable): readonly [text: string, option: unknown] {
  switch (row.type) {
    case 'flag':
      return [row.default ? 'off' : 'on', !row.default];
    case 'int': {
      const value =
        row.form === 'local-address' ? 1 : (row.min ?? 0) + (row.default === (row.min ?? 0) ? 1 : 0);
      return [String(value), value];
    }
    case 'float':
      return ['1.25', 1.25];
    case 'duration': {
      const ms = Math.min(row.max ?? 77_000, 77_000);
      return [`${ms}ms`, ms];
    }
    case 'bytes':
      return [String((row.min ?? 0) + 7001), (row.min ?? 0) + 7001];
    case 'enum': {
      const value = row.values.find((one) => one !== row.default) ?? '';
      return [value, value];
    }
    case 'text':
      return row.form === 'http-url' ? ['http://a/b', 'http://a/b'] : [`a 'b' $HOME ;`, `a 'b' $HOME ;`];
    case 'list':
      return LIST_SAMPLES[row.form ?? 'any'];
    case 'lists':
      return LISTS_SAMPLES[row.form ?? 'any'];
    case 'listen':
    case 'listens':
      return ['127.0.0.1:1999', undefined];
    default:
      throw new RangeError(path.join('.'), { cause: row satisfies never });
  }
}

const LIST_SAMPLES = {
  any: [' x  y\t', ['x', 'y']],
  'http-url': ['http://a/b  https://c/d', ['http://a/b', 'https://c/d']],
  'deciding-hook': [' on_play  on_publish\t', ['on_play', 'on_publish']],
  networks: ['::1  10.0.0.0/8 ', ['::1', '10.0.0.0/8']],
  'publish-proof': ['signed', ['signed']],
  'play-proof': ['signed', ['signed']],
} as const;

const SECRET = 's'.repeat(32);
const LISTS_SAMPLES = {
  any: ['a b ; c', [['a', 'b'], ['c']]],
  'access-rule': [
    'publish all; play 10.0.0.0/8;',
    [
      ['publish', 'all'],
      ['play', '10.0.0.0/8'],
    ],
  ],
  'api-token': [`read ${SECRET}`, [['read', SECRET]]],
  'sign-key': [
    `a ${SECRET}; b ${SECRET}`,
    [
      ['a', SECRET],
      ['b', SECRET],
    ],
  ],
  'jwt-secret': [`a ${SECRET}`, [['a', SECRET]]],
} as const;

/** The option of a path and where its origin is kept; vhosts are represented by the second one. */
function find(loaded: LoadedConfig, path: readonly string[]): { value: unknown; origin: string | undefined } {
  let rows: Rows = ROOT;
  let value: unknown = loaded.config;
  let key = '';
  for (const name of path) {
    const row = rows[name];
    assert.ok(row);
    const option = optionKey(name, row);
    value = (value as Record<string, unknown>)[option];
    key += `${key === '' ? '' : '.'}${option}`;
    if (row.type === 'blocks') {
      value = (value as unknown[])[1];
      key += '[1]';
    }
    rows = 'rows' in row ? row.rows : {};
  }
  return { value, origin: loaded.origins.get(key)?.file };
}

function isPlanned(path: readonly string[]): boolean {
  let rows: Rows = ROOT;
  for (const name of path) {
    const row = rows[name];
    assert.ok(row);
    if (row.feature !== undefined) return true;
    rows = 'rows' in row ? row.rows : {};
  }
  return false;
}

for (const variable of ALL) {
  const { name, aliases, path, row } = variable;
  test(`${name}: sets ${path.join('.')}`, () => {
    const [text, option] = sample(variable);
    const company =
      path[0] === 'asprocess'
        ? { SRS_DAEMON: 'off' }
        : path[1] === 'access' && (path[2] === 'publish' || path[2] === 'play')
          ? { SRS_VHOST_ACCESS_SIGN_KEY: `k ${SECRET}` }
          : {};
    for (const used of [name, ...aliases]) {
      const loaded = load({ [used]: text, ...company });
      if (isPlanned(path)) continue; // Checked, but no option is made of it.
      const { value, origin } = find(loaded, path);
      assert.equal(origin, `environment ${used}`);
      if (row.type === 'listen') assert.equal((value as { port: number }).port, 1999);
      else if (row.type === 'listens') assert.equal((value as [{ port: number }])[0].port, 1999);
      else assert.deepEqual(value, option);
    }
  });

  if (['int', 'float', 'duration', 'bytes', 'listen', 'listens'].includes(row.type))
    test(`${name}: a bad value is an error that names the variable`, () => {
      const [first = ''] = errors({ [name]: 'nonsense' });
      assert.ok(first.startsWith(`environment ${name}: ${path.join('.')}: 'nonsense'`), first);
    });
}

test('messages are located by the variable', () => {
  assert.deepEqual(errors({ SRS_LISTEN: 'x', SRS_MAX_CONNECTIONS: '0' }), [
    "environment SRS_LISTEN: listen: 'x' is not a port; expected a port from 1 to 65535, 127.0.0.1:PORT or [::1]:PORT",
    "environment SRS_MAX_CONNECTIONS: max_connections: '0' is not possible here; expected a whole number from 1 to 1000000",
  ]);
  assert.deepEqual(warnings({ SRS_DAEMON: 'maybe' }), [
    "environment SRS_DAEMON: daemon: 'maybe' is read as on; expected on or off",
  ]);
  assert.match(
    warnings({ SRS_VHOST_EXEC_ENABLED: 'on' })[0] ?? '',
    /^environment SRS_VHOST_EXEC_ENABLED: vhost\.exec: .*no effect/,
  );
  assert.deepEqual(errors({ SRS_PID: 'a\uFFFD' }), [
    'environment SRS_PID: pid: holds bytes that are not UTF-8 text',
  ]);
  assert.deepEqual(errors({ SRS_LISTEN: '1 '.repeat(1025) }), [
    'environment SRS_LISTEN: listen: more than 1024 arguments',
  ]);
});

test('the environment wins over the file, in every vhost', () => {
  const { config } = load({
    SRS_LISTEN: '127.0.0.1:1 [::1]:2',
    SRS_VHOST_PLAY_QUEUE_LENGTH: '7',
    SRS_HTTP_SERVER_LISTEN: '8081',
  });
  assert.deepEqual(
    config.listen.map(({ host, port }) => [host, port]),
    [
      ['127.0.0.1', 1],
      ['::1', 2],
    ],
  );
  assert.deepEqual(
    config.vhosts.map(({ name, play }) => [name, play.queueLengthMs]),
    [
      ['a', 7000],
      ['b', 7000],
    ],
  );
  assert.equal(config.httpServer.listen.port, 8081);
});

test('a directive that stands twice is replaced as a whole, without a word about the second one', () => {
  const text = 'listen 1;\nlisten 2;\nhttp_api { listen 3; listen 4; }\nhttp_api { listen 5; }\n';
  const { config, warnings: told } = load({ SRS_LISTEN: '9', SRS_HTTP_API_LISTEN: '8' }, text);
  assert.deepEqual([config.listen.length, config.listen[0]?.port, config.httpApi.listen.port], [1, 9, 8]);
  assert.equal(told.length, 1); // The second http_api, which never counted.
});

test('with no vhost at all a variable of vhosts makes the default one', () => {
  const { config } = load({ SRS_VHOST_TCP_NODELAY: 'off' }, 'listen 1935;');
  assert.deepEqual(
    config.vhosts.map(({ name, tcpNodelay }) => [name, tcpNodelay]),
    [['__defaultVhost__', false]],
  );
  assert.deepEqual(load({}, 'listen 1935;').config.vhosts, []);
});

test('a value is not expanded, and an empty one is none', () => {
  const { config } = load({ SRS_PID: '$HOME/${X}', SRS_SRS_LOG_FILE: '', SRS_LISTEN: '' });
  assert.deepEqual(
    [config.pid, config.srsLogFile, config.listen[0]?.port],
    ['$HOME/${X}', './objs/srs.log', 1935],
  );
});

test('blanks around a value mean nothing, but in a text they do', () => {
  const { config } = load({ SRS_MAX_CONNECTIONS: ' 7 ', SRS_DAEMON: 'off\n', SRS_PID: ' a b ' });
  assert.deepEqual([config.maxConnections, config.daemon, config.pid], [7, false, ' a b ']);
});

test('of two names for one directive the regular one counts', () => {
  const env = { SRS_LOG_TANK: 'file', SRS_SRS_LOG_TANK: 'console' };
  assert.equal(load(env).config.srsLogTank, 'console');
  assert.deepEqual(warnings(env), [
    'environment SRS_LOG_TANK: srs_log_tank: is ignored: SRS_SRS_LOG_TANK says it too',
  ]);
  assert.deepEqual(warnings({ SRS_LOG_TANK: 'console', SRS_SRS_LOG_TANK: 'console' }), []);
});

test('a variable that names no directive gets a warning', () => {
  assert.deepEqual(warnings({ SRS_LISTENN: '1', SRS_HTTP_API_ENABLE: 'on', SRS_QQQQQQQQQQQQQQ: 'x' }), [
    "environment SRS_HTTP_API_ENABLE: is ignored: there is no directive of that name; did you mean 'SRS_HTTP_API_ENABLED'?",
    "environment SRS_LISTENN: is ignored: there is no directive of that name; did you mean 'SRS_LISTEN'?",
    'environment SRS_QQQQQQQQQQQQQQ: is ignored: there is no directive of that name',
  ]);
  assert.deepEqual(warnings({ SRS_VHOST_INGEST_ENABLED: 'on' }), [
    'environment SRS_VHOST_INGEST_ENABLED: is ignored: a variable cannot say which of several blocks it means; expected the directive in a file',
  ]);
  assert.deepEqual(warnings({ PATH: '/bin', LISTEN: '1', srs_listen: '1', SRSLISTEN: '1' }), []);
});

/** What a pod sees when its namespace has the services `srs` and `srs-http-api`. */
const KUBERNETES: Env = {
  SRS_SERVICE_HOST: '10.0.0.1',
  SRS_SERVICE_PORT: '1935',
  SRS_SERVICE_PORT_RTMP: '1935',
  SRS_SERVICE_PORT_HTTP_API: '1985',
  SRS_PORT: 'tcp://10.0.0.1:1935',
  SRS_PORT_1935_TCP: 'tcp://10.0.0.1:1935',
  SRS_PORT_1935_TCP_PROTO: 'tcp',
  SRS_PORT_1935_TCP_PORT: '1935',
  SRS_PORT_1935_TCP_ADDR: '10.0.0.1',
  SRS_PORT_8000_UDP: 'udp://10.0.0.1:8000',
  SRS_PORT_8000_UDP_ADDR: '10.0.0.1',
  SRS_HTTP_API_SERVICE_HOST: '10.0.0.2',
  SRS_HTTP_API_SERVICE_PORT: '1985',
  SRS_HTTP_API_PORT: 'tcp://10.0.0.2:1985',
  SRS_HTTP_API_PORT_1985_TCP: 'tcp://10.0.0.2:1985',
  SRS_HTTP_API_PORT_1985_TCP_ADDR: '10.0.0.2',
};

test('what Kubernetes and Docker inject for a service named srs is neither read nor warned about', () => {
  const env = {
    ...KUBERNETES,
    SRS_NAME: '/web/srs',
    SRS_ENV_PATH: '/bin',
    SRS_VERSION: '6.0',
    SRS_CONFIG_FILE: 'x',
  };
  const loaded = load(env);
  assert.deepEqual(loaded.warnings, []);
  assert.deepEqual(loaded.config, load({}).config);
  for (const origin of loaded.origins.values()) assert.equal(origin.file, 'x.conf');
});

test('a port that somebody means for the server is no link of Kubernetes', () => {
  assert.deepEqual(warnings({ SRS_RTMP_PORT: '1936' }), [
    "environment SRS_RTMP_PORT: is ignored: there is no directive of that name; did you mean 'SRS_RTMP_LISTEN'?",
  ]);
});

test('without a file: foreground, console, port 1935 and the default vhost, unless a variable says otherwise', () => {
  const { config, warnings: told, files, origins } = loadEnvironment({});
  assert.deepEqual(
    [config.listen[0]?.port, config.daemon, config.srsLogTank, config.vhosts.map(({ name }) => name)],
    [1935, false, 'console', ['__defaultVhost__']],
  );
  assert.deepEqual([told, files, origins.get('daemon')?.file], [[], [], 'environment only']);
  const other = loadEnvironment({
    SRS_LISTEN: '19350',
    SRS_LOG_TANK: 'file',
    SRS_DAEMON: 'on',
    SRS_VHOST_PLAY_ATC: 'on',
  });
  assert.deepEqual(
    [
      other.config.listen[0]?.port,
      other.config.daemon,
      other.config.srsLogTank,
      other.config.vhosts[0]?.play.atc,
    ],
    [19350, true, 'file', true],
  );
  assert.equal(other.config.vhosts.length, 1);
  assert.equal(environmentOnlyTree().length, 4);
  assert.throws(
    () => loadEnvironment({ SRS_LISTEN: 'x' }),
    /environment SRS_LISTEN: listen: 'x' is not a port/,
  );
});
