import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, diffConfig, parseConfig } from '../../../src/config/index.ts';
import { optionKey } from '../../../src/config/schema/row.ts';
import type { Row, Rows } from '../../../src/config/schema/row.ts';
import { ROOT } from '../../../src/config/schema/root.ts';

interface Listed {
  readonly row: Row;
  /** Names of the blocks around it, outermost first. */
  readonly blocks: readonly string[];
  readonly name: string;
  /** It or a block around it has no feature yet. */
  readonly planned: boolean;
  readonly siblings: Rows;
}

function list(rows: Rows, blocks: readonly string[] = [], planned = false): Listed[] {
  return Object.entries(rows).flatMap(([name, row]) => {
    const here = { row, blocks, name, planned: planned || row.feature !== undefined, siblings: rows };
    return [here, ...('rows' in row ? list(row.rows, [...blocks, name], here.planned) : [])];
  });
}

const ALL = list(ROOT);
/** A machine with two addresses. */
const OPTIONS = { localAddresses: 2 } as const;
const pathOf = ({ blocks, name }: Listed): string => [...blocks, name].join('.');

/** A file with one directive in its blocks; `extra` stands beside it. */
function fileWith({ blocks, name }: Listed, body: string, extra = ''): string {
  const open = blocks.map((block) => `${block}${block === 'vhost' ? ' v' : ''} { `).join('');
  const text = `${open}${extra}${name}${body}${' }'.repeat(blocks.length)}\n`;
  return blocks.length === 0 && name === 'listen' ? text : `listen 1935;\n${text}`;
}

/** The option of a directive; repeatable blocks have one member here. */
function optionOf(options: object, { blocks, name, row }: Listed): unknown {
  let rows: Rows = ROOT;
  let at: unknown = options;
  for (const block of blocks) {
    const blockRow = rows[block];
    assert.ok(blockRow !== undefined && 'rows' in blockRow);
    at = (at as Record<string, unknown>)[optionKey(block, blockRow)];
    if (blockRow.type === 'blocks') at = (at as unknown[])[0];
    rows = blockRow.rows;
  }
  return (at as Record<string, unknown>)[optionKey(name, row)];
}

interface Samples {
  readonly good: readonly { readonly text: string; readonly value: unknown }[];
  readonly bad: readonly string[];
}

/** Values of the directives whose words have a form of their own. */
const FORMS: Readonly<
  Record<
    | 'http-url'
    | 'access-rule'
    | 'api-token'
    | 'deciding-hook'
    | 'networks'
    | 'publish-proof'
    | 'play-proof'
    | 'sign-key'
    | 'jwt-secret'
    | 'local-address',
    Samples
  >
> = {
  'http-url': {
    good: [],
    bad: ['x', 'ftp://a/b', 'http://', 'http:/a', '127.0.0.1:8085', '//a/b'],
  },
  'access-rule': {
    good: [
      { text: 'publish all', value: [['publish', 'all']] },
      { text: 'play 10.0.0.1', value: [['play', '10.0.0.1']] },
      { text: 'play 10.0.0.0/8', value: [['play', '10.0.0.0/8']] },
      { text: 'publish fe80::/10', value: [['publish', 'fe80::/10']] },
    ],
    bad: [
      '',
      'publish',
      'all publish',
      'play example.org',
      'play 10.0.0.1/33',
      'play ::1/129',
      'play 10.0.0.1/8/8',
      'play 10.0.0.0/',
      'play all all',
    ],
  },
  'api-token': {
    good: [
      { text: 'read 0123456789abcdef', value: [['read', '0123456789abcdef']] },
      {
        text: `admin sha256:${'aF'.repeat(32)}`,
        value: [['admin', `sha256:${'aF'.repeat(32)}`]],
      },
    ],
    bad: [
      '',
      'read',
      '0123456789abcdef',
      'all 0123456789abcdef',
      'read 0123456789abcde',
      'read 0123456789abcdef!',
      'read sha256:0123456789abcdef',
      'read 0123456789abcdef x',
    ],
  },
  'deciding-hook': {
    good: [
      { text: 'on_play', value: ['on_play'] },
      { text: 'on_connect on_publish', value: ['on_connect', 'on_publish'] },
    ],
    bad: ['on_stop', 'play', 'all', 'on_play off'],
  },
  networks: {
    good: [
      { text: '10.0.0.0/8 ::1', value: ['10.0.0.0/8', '::1'] },
      { text: 'fd00::/8', value: ['fd00::/8'] },
    ],
    bad: ['all', '10.0.0.0/33', '::1/129', 'localhost', '10.0.0.1 proxy.example.com'],
  },
  'publish-proof': {
    good: [
      { text: 'key', value: ['key'] },
      { text: 'signed jwt', value: ['signed', 'jwt'] },
    ],
    bad: ['sign', 'on', 'signed,jwt'],
  },
  'play-proof': {
    good: [{ text: 'jwt signed', value: ['jwt', 'signed'] }],
    bad: ['key', 'all'],
  },
  'sign-key': {
    good: [{ text: 'k-1 0123456789abcdef', value: [['k-1', '0123456789abcdef']] }],
    bad: ['', 'k', '0123456789abcdef', 'k 0123456789abcde', 'k/1 0123456789abcdef', 'k 0123456789abcdef x'],
  },
  'jwt-secret': {
    good: [{ text: `a.b ${'s'.repeat(32)}`, value: [['a.b', 's'.repeat(32)]] }],
    bad: ['', 'k', `k ${'s'.repeat(31)}`, `k ${'s'.repeat(513)}`, `'' ${'s'.repeat(32)}`],
  },
  'local-address': {
    good: [
      { text: '0', value: 0 },
      { text: '1', value: 1 },
    ],
    bad: ['', '-1', '2', 'eth0'],
  },
};

/** What must stand beside a directive for it to be right. */
const NEEDS: Readonly<Record<string, string>> = {
  'vhost.ingest.enabled': 'input { url x; } engine { output y; } ',
  'http_api.raw_api': 'enabled on; ', // Else nothing is in use, and nothing needs a warning.
  'http_api.auth': 'enabled on; ',
  'http_api.https': 'enabled on; ',
  'http_server.https': 'enabled on; ',
  'stream_caster.sip': 'enabled on; ',
  'rtc_server.tcp': 'enabled on; ',
  'vhost.access.publish': `stream_keys x; sign_key k ${'s'.repeat(16)}; jwt_secret k ${'s'.repeat(32)}; `,
  'vhost.access.play': `sign_key k ${'s'.repeat(16)}; jwt_secret k ${'s'.repeat(32)}; `,
  asprocess: 'daemon off; ',
};

function samples(row: Row): Samples {
  const range = 'max' in row ? [String(row.max + 1)] : [];
  const below = 'min' in row && row.min > 0 ? ['0'] : [];
  if ('form' in row) return FORMS[row.form];
  switch (row.type) {
    case 'flag':
      return {
        good: [
          { text: 'on', value: true },
          { text: 'off', value: false },
        ],
        bad: ['', 'on off'],
      };
    case 'int':
      return {
        good: [row.max ?? row.min ?? 7, row.default].map((value) => ({ text: String(value), value })),
        bad: ['', 'x', '7.5', '7x', String((row.min ?? 0) - 1), '1e3', '7 8', ...range, ...below],
      };
    case 'float':
      return {
        good: [
          { text: '7.5', value: 7.5 },
          { text: '7', value: 7 },
        ],
        bad: ['', 'x', '7.', '-1', '1e3', ...range, ...below],
      };
    case 'duration':
      return {
        good: [
          { text: '7', value: row.unit === 's' ? 7000 : 7 },
          { text: '7ms', value: 7 },
          { text: '2s', value: 2000 },
          { text: '1.5m', value: 90_000 },
          { text: '1h', value: 3_600_000 },
          { text: '24d', value: 2_073_600_000 },
        ].filter(({ value }) => value >= (row.min ?? 0) && value <= (row.max ?? Infinity)),
        bad: [
          '',
          'x',
          '-1',
          '7x',
          '25d',
          '99999999999999999999',
          ...below,
          ...(row.max === undefined ? [] : [`${row.max + 1}ms`]),
          ...(row.fraction === true ? [] : ['0.1ms']),
        ],
      };
    case 'bytes':
      return {
        good: [
          { text: '70000', value: 70_000 },
          { text: '64K', value: 65_536 },
          { text: '1mb', value: 1_048_576 },
        ],
        bad: ['', 'x', '-1', '7x', '0.0001K', '9999999999G', ...range, ...below],
      };
    case 'enum':
      return {
        good: row.values.map((value) => ({ text: value, value })),
        bad: row.otherwise === undefined ? ['', 'nonsense', `${row.default}x`] : [''],
      };
    case 'text':
      return {
        good: [{ text: '"a b"', value: 'a b' }],
        bad: ['a b', ...(row.notEmpty === true ? ['', '""'] : [])],
      };
    case 'list':
      return {
        good: [
          { text: 'a b', value: ['a', 'b'] },
          { text: '', value: [] },
        ],
        bad: [],
      };
    case 'lists':
      return { good: [{ text: 'a b', value: [['a', 'b']] }], bad: [] };
    case 'listen':
    case 'listens':
      return { good: [], bad: ['', '0', '65536', 'x', '::1', ...(row.type === 'listen' ? ['1 2'] : [])] }; // Good ones: load.test.ts.
    case 'block':
    case 'blocks':
    case 'free':
      return { good: [], bad: [] };
    default:
      return row satisfies never;
  }
}

/** An old spelling is the same name without a block. */
const ALSO_WORDS = new Set(['vhost.forward', 'vhost.refer']);

for (const listed of ALL) {
  const { row, planned } = listed;
  const path = pathOf(listed);
  const isBlock = row.type === 'block' || row.type === 'blocks' || row.type === 'free';

  test(`${path}: documented, and of the right shape`, () => {
    assert.match(row.doc, /^[^|\n]+\.$/);
    assert.ok(row.doc.length >= 10 && row.doc.length <= 160, row.doc);
    assert.ok(['live', 'hook', 'restart'].includes(row.reload));
    if (ALSO_WORDS.has(path)) return;
    assert.throws(
      () => parseConfig(fileWith(listed, isBlock ? ' x;' : ' {}'), 'x'),
      (error) => told(error, path),
    );
  });

  for (const { text, value } of samples(row).good) {
    test(`${path} ${text}: good`, () => {
      const { config } = parseConfig(fileWith(listed, ` ${text};`, NEEDS[path]), 'x', OPTIONS);
      // What is planned is checked, but makes no option.
      if (!planned) assert.deepEqual(optionOf(config, listed), value);
      else if (listed.blocks.length === 0)
        assert.equal(Object.hasOwn(config, optionKey(listed.name, row)), false);
    });
  }

  for (const text of samples(row).bad) {
    test(`${path} ${JSON.stringify(text)}: bad`, () => {
      assert.throws(
        () => parseConfig(fileWith(listed, ` ${text};`), 'x', OPTIONS),
        (error) => told(error, path),
      );
    });
  }

  if (row.type === 'list' && row.form === 'http-url')
    test(`${path}: several URLs, with variables`, () => {
      const urls = 'http://127.0.0.1:8085/api/[app]/[stream]?t=[ts_url] https://example.org';
      parseConfig(fileWith(listed, ` ${urls};`), 'x', OPTIONS);
    });

  if ('default' in row && !planned && row.type !== 'listen' && row.type !== 'listens') {
    test(`${path}: default`, () => {
      // Written nowhere, but the blocks around it are.
      const [sibling] = Object.keys(listed.siblings).filter(
        (name) => name === 'enabled' && name !== listed.name,
      );
      const { config } = parseConfig(
        fileWith({ ...listed, name: sibling ?? '' }, sibling === undefined ? '' : ' off;'),
        'x',
      );
      const expected = row.default === 'inherited' ? config.chunkSizeBytes : row.default;
      assert.deepEqual(optionOf(config, listed), expected);
    });
  }
}

const RELOADED = ALL.flatMap((listed) => {
  const addresses = listed.row.type === 'listen' || listed.row.type === 'listens';
  const texts = addresses ? ['127.0.0.1:1999'] : samples(listed.row).good.map(({ text }) => text);
  return texts.length === 0 ? [] : [{ listed, texts }];
});

for (const { listed, texts } of RELOADED) {
  const path = pathOf(listed);
  test(`${path}: a reload notices it, and treats it as the table says`, () => {
    const { row, planned } = listed;
    const load = (text: string): ReturnType<typeof parseConfig> => parseConfig(text, 'x', OPTIONS);
    const before = load(
      path === 'listen' ? 'listen 1935;' : fileWith({ ...listed, name: '' }, '', NEEDS[path]),
    );
    // Engines have no name to know them by, so they are compared all together.
    const whole = path.replace(/^(vhost\.ingest\.engine)\..*/, '$1');
    let noticed = 0;
    for (const text of texts) {
      const after = load(fileWith(listed, ` ${text};`, NEEDS[path]));
      const changes = diffConfig(before, after);
      for (const change of changes)
        assert.deepEqual(
          [change.directive, change.reload, change.kind],
          [whole, row.reload, 'changed'],
          text,
        );
      assert.ok(changes.length <= 1);
      noticed += changes.length;
    }
    // What is planned makes no option, and a directive may have a sample that is its default, but not two.
    if (planned) assert.equal(noticed, 0);
    else assert.ok(noticed > 0, `none of ${texts.join(', ')}`);
  });
}

/** The error names the directive and its line. */
function told(error: unknown, path: string): boolean {
  assert.ok(error instanceof ConfigError, String(error));
  const [problem] = error.problems;
  assert.equal(problem?.directive, path);
  assert.equal(problem.line, path === 'listen' ? 1 : 2);
  return true;
}

for (const listed of ALL.filter(
  ({ row, blocks }) =>
    row.feature !== undefined &&
    'rows' in row &&
    blocks.length < 2 &&
    blocks[0] !== 'stream_caster' &&
    blocks[0] !== 'rtc_server',
)) {
  test(`${pathOf(listed)}: one warning that it has no effect`, () => {
    assert.ok('rows' in listed.row);
    const flags = Object.hasOwn(listed.row.rows, 'enabled') ? 'enabled on;' : '';
    const { warnings } = parseConfig(fileWith(listed, ` { ${flags} }`, NEEDS[pathOf(listed)]), 'x');
    assert.deepEqual(
      warnings.map(({ directive }) => directive),
      [pathOf(listed)],
    );
    assert.match(warnings[0]?.message ?? '', listed.row.feature === 'none' ? /does not apply/ : /not .* yet/);
    if (flags !== '') assert.deepEqual(parseConfig(fileWith(listed, ' { enabled off; }'), 'x').warnings, []);
  });
}

/** SRS's own defaults, written by hand: the table above is checked against itself only. */
test('the defaults are those of SRS 3, but for tcp_nodelay and mr', () => {
  const { config } = parseConfig('listen 1935; vhost v {}', 'x');
  const { listen, rtmps, httpApi, httpServer, exporter, vhosts, ...root } = config;
  assert.equal(listen.length, 1);
  assert.deepEqual(root, {
    maxConnections: 1000,
    maxConnectionsPerIp: 0,
    httpHooksSpool: './objs/hooks.spool',
    httpHooksSpoolSizeBytes: 64 * 1024 * 1024,
    httpHooksSpoolAgeMs: 86_400_000,
    banFile: './objs/bans.json',
    trustedProxies: [],
    proxyProtocol: 'auto',
    proxyHeader: 'x-forwarded-for',
    chunkSizeBytes: 60_000,
    rtmpHandshakeTimeoutMs: 10_000,
    daemon: true,
    workDir: './',
    srsLogTank: 'file',
    srsLogFile: './objs/srs.log',
    srsLogLevel: 'trace',
    srsLogLevelV2: '',
    srsLogFormat: 'srs',
    utcTime: false,
    pithyPrintMs: 10_000,
    pid: './objs/srs.pid',
    asprocess: false,
    emptyIpOk: true,
    graceStartWaitMs: 2300,
    graceFinalWaitMs: 3200,
    graceDrainTimeoutMs: 0,
    forceGraceQuit: false,
    disableDaemonForDocker: true,
    inDocker: false,
    inotifyAutoReload: false,
    autoReloadForDocker: true,
    serverId: '',
    heartbeat: {
      enabled: false,
      intervalMs: 9_900,
      url: 'http://127.0.0.1:8085/api/v1/servers',
      deviceId: '',
      ports: false,
      summaries: false,
    },
    stats: { enabled: true, network: 0, disk: [] },
  });
  const { listen: exporterListen, ...figures } = exporter;
  assert.deepEqual(
    exporterListen.map(({ port }) => port),
    [9972],
  );
  assert.deepEqual(figures, { enabled: false, label: '', tag: '', maxStreams: 1000 });
  assert.deepEqual(
    [httpApi.enabled, httpApi.listen.host, httpApi.listen.port, httpApi.crossdomain],
    [false, undefined, 1985, true],
  );
  const { listen: httpListen, https, ...http } = httpServer;
  assert.equal(httpListen.port, 8080);
  const files = { enabled: false, key: './conf/server.key', cert: './conf/server.crt' };
  for (const [{ listen: secure, ...rest }, port] of [
    [https, 8088],
    [httpApi.https, 1990],
    [rtmps, 1443],
  ] as const) {
    assert.deepEqual(rest, files);
    assert.deepEqual(
      secure.map((address) => address.port),
      [port],
    );
  }
  assert.deepEqual(http, {
    enabled: false,
    dir: './objs/nginx/html',
    crossdomain: true,
    liveMemoryBytes: 268_435_456,
    page: true,
  });
  assert.deepEqual(vhosts, [
    {
      name: 'v',
      enabled: true,
      minLatency: false,
      tcpNodelay: true,
      chunkSizeBytes: 60_000,
      inAckSizeBytes: 0,
      outAckSizeBytes: 2_500_000,
      hls: {
        enabled: false,
        hlsFragmentMs: 10_000,
        hlsTdRatio: 1.5,
        hlsAofRatio: 2,
        hlsWindowMs: 60_000,
        hlsOnError: 'continue',
        hlsPath: './objs/nginx/html',
        hlsM3u8File: '[app]/[stream].m3u8',
        hlsTsFile: '[app]/[stream]-[seq].ts',
        hlsTsFloor: false,
        hlsEntryPrefix: '',
        hlsAcodec: 'aac',
        hlsVcodec: 'h264',
        hlsCleanup: true,
        hlsDisposeMs: 0,
        hlsNbNotifyBytes: 64,
        hlsWaitKeyframe: true,
        hlsKeys: false,
        hlsFragmentsPerKey: 5,
        hlsKeyFile: '[app]/[stream]-[seq].key',
        hlsKeyFilePath: '',
        hlsKeyUrl: '',
        hlsDtsDirectly: true,
        hlsCtx: true,
        hlsTsCtx: true,
        hlsUseFmp4: false,
        hlsFmp4File: '[app]/[stream]-[seq].m4s',
        hlsInitFile: '[app]/[stream]-init.mp4',
        hlsRecover: true,
        hlsMasterM3u8PathRelative: false,
        hlsLl: false,
        hlsLlPartMs: 333,
        hlsProgramDateTime: false,
        hlsEndlist: false,
      },
      httpHooks: {
        enabled: false,
        onConnect: [],
        onClose: [],
        onPublish: [],
        onUnpublish: [],
        onPlay: [],
        onStop: [],
        onDvr: [],
        onHls: [],
        onHlsNotify: [],
        timeoutMs: 10_000, // Own; SRS waits 30 seconds.
        retries: 7,
        failOpen: [],
        secret: '',
        tlsVerify: true,
      },
      hds: { enabled: false, hdsFragmentMs: 10_000, hdsWindowMs: 60_000, hdsPath: './objs/nginx/html' },
      refer: { enabled: false, all: [], publish: [], play: [] },
      security: { enabled: false, allows: [], denys: [] },
      limits: {
        maxClients: 0,
        maxPublishers: 0,
        maxViewers: 0,
        maxStreams: 0,
        maxViewersPerStream: 0,
        maxClientsPerIp: 0,
      },
      access: {
        publish: [],
        play: [],
        signKeys: [],
        jwtSecrets: [],
        jwtKeyFile: [],
        jwks: '',
        jwksRefreshMs: 300_000,
        jwksKeepMs: 86_400_000,
        jwtIssuer: [],
        jwtAudience: [],
        jwtParameter: 'token',
        jwtExpRequired: true,
        clockSkewMs: 10_000,
        expireSessions: false,
        oneTime: false,
        streamKeys: '',
      },
      health: {
        enabled: true,
        noKeyframeMs: 15_000,
        noMediaMs: 4_000,
        silentAudioMs: 30_000,
        interleaveMs: 2_000,
        lowBitrate: 25,
        unsteadyTime: 20,
      },
      dash: {
        enabled: false,
        dashFragmentMs: 30_000,
        dashUpdatePeriodMs: 150_000,
        dashTimeshiftMs: 300_000,
        dashPath: './objs/nginx/html',
        dashMpdFile: '[app]/[stream].mpd',
        dashWindowSize: 5,
        dashCleanup: true,
        dashCtx: true,
        dashDisposeMs: 120_000,
      },
      dvr: {
        enabled: false,
        dvrApply: ['all'],
        dvrPlan: 'session',
        dvrPath: './objs/nginx/html/[app]/[stream].[timestamp].flv',
        dvrFmp4: false,
        dvrPublic: false,
        dvrDurationMs: 30_000,
        dvrWaitKeyframe: true,
        timeJitter: 'full',
      },
      play: {
        gopCache: true,
        gopCacheMaxFrames: 2500,
        queueLengthMs: 30_000,
        queueMaxSizeBytes: 33_554_432,
        sendTimeoutMs: 30_000,
        mwLatencyMs: 350,
        mwAdaptive: true,
        timeJitter: 'full',
        mixCorrect: false,
        atc: false,
        atcAuto: false,
        reduceSequenceHeader: false,
        sendMinIntervalMs: 0,
      },
      publish: {
        mr: true,
        mrLatencyMs: 350,
        firstpktTimeoutMs: 20_000,
        normalTimeoutMs: 5000,
        parseSps: true,
        holdTimeMs: 5000,
      },
      httpStatic: { enabled: false, mount: '[vhost]/', dir: './objs/nginx/html' },
      httpRemux: {
        enabled: false,
        fastCacheMs: 0,
        mount: '[vhost]/[app]/[stream].flv',
        hasAudio: true,
        hasVideo: true,
        guessHasAv: true,
        dropIfNotMatch: true,
      },
      ingests: [],
    },
  ]);
});
