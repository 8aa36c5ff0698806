import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import {
  ConfigError,
  formatProblem,
  loadConfig,
  MAX_CONFIG_BYTES,
  parseConfig,
} from '../../../src/config/index.ts';
import type { ConfigReader, LoadedConfig } from '../../../src/config/index.ts';
import { MAX_INCLUDE_DEPTH, MAX_INCLUDED_FILES } from '../../../src/config/include.ts';

/** Files by their absolute path. */
function readerOf(files: Readonly<Record<string, string>>): ConfigReader {
  return {
    read(file, maxBytes) {
      const text = files[file];
      if (text === undefined) return { ok: false, reason: 'missing', why: 'there is no such file' };
      if (text === 'folder') return { ok: false, reason: 'unreadable', why: 'is a directory, not a file' };
      const bytes = Buffer.byteLength(text);
      return bytes > maxBytes
        ? { ok: false, reason: 'too-large', why: 'is too large' }
        : { ok: true, text, bytes };
    },
    list: (folder) =>
      Object.keys(files)
        .filter((file) => path.dirname(file) === folder)
        .map((file) => path.basename(file)),
  };
}

function load(main: string, files: Readonly<Record<string, string>>): LoadedConfig {
  return parseConfig(main, 'conf/main.conf', { cwd: '/srs', reader: readerOf(files) });
}

function errors(main: string, files: Readonly<Record<string, string>>): string[] {
  try {
    load(main, files);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems.map(formatProblem);
  }
  return [];
}

test('directives of included files stand where the include stands, in any block', () => {
  const { config, files, origins, warnings } = load(
    'include ports.conf log.conf;\nvhost a {\n  include play.conf;\n}\n',
    {
      '/srs/conf/ports.conf': 'listen 1935;',
      '/srs/conf/log.conf': '\n  srs_log_level warn;',
      '/srs/conf/play.conf': 'play { gop_cache off; include sub/more.conf; }',
      '/srs/conf/sub/more.conf': 'include queue.conf;',
      '/srs/conf/sub/queue.conf': 'queue_length 7;',
    },
  );
  assert.deepEqual([config.listen[0]?.port, config.srsLogLevel], [1935, 'warn']);
  assert.deepEqual([config.vhosts[0]?.play.gopCache, config.vhosts[0]?.play.queueLengthMs], [false, 7000]);
  assert.deepEqual(warnings, []);
  assert.deepEqual(files, [
    '/srs/conf/main.conf',
    '/srs/conf/ports.conf',
    '/srs/conf/log.conf',
    '/srs/conf/play.conf',
    '/srs/conf/sub/more.conf',
    '/srs/conf/sub/queue.conf',
  ]);
  const from = { file: 'conf/main.conf', line: 1, column: 20 };
  assert.deepEqual(origins.get('srsLogLevel'), { file: 'conf/log.conf', line: 2, column: 3, from });
  assert.equal(origins.get('vhosts[0].play.queueLengthMs')?.file, 'conf/sub/queue.conf');
});

test('a file beside the including one comes before one in the working directory; absolute paths are what they are', () => {
  const only = { '/srs/a.conf': 'listen 1;' };
  assert.deepEqual(load('include a.conf;', only).files, ['/srs/conf/main.conf', '/srs/a.conf']);
  const both = { ...only, '/srs/conf/a.conf': 'listen 2;' };
  assert.equal(load('include a.conf;', both).config.listen[0]?.port, 2);
  assert.equal(load('include /etc/a.conf;', { '/etc/a.conf': 'listen 3;' }).config.listen[0]?.port, 3);
});

test('a star stands for every file of a folder, in the order of their names', () => {
  const files = {
    '/srs/conf/vhosts/b.conf': 'vhost b {}',
    '/srs/conf/vhosts/a.conf': 'vhost a {}',
    '/srs/conf/vhosts/.hidden.conf': 'nonsense;',
    '/srs/conf/vhosts/a.conf.bak': 'nonsense;',
    '/srs/conf/vhosts/abc': 'nonsense;',
  };
  const { config } = load('listen 1; include vhosts/*.conf;', files);
  assert.deepEqual(
    config.vhosts.map(({ name }) => name),
    ['a', 'b'],
  );
  assert.deepEqual(load('listen 1; include vhosts/*.nothing none/*;', files).files, ['/srs/conf/main.conf']);
  assert.equal(load('listen 1; include vhosts/*.c*f;', files).config.vhosts.length, 2);
});

const LISTEN = 'listen 1;\n';
const BAD: readonly {
  readonly main: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly problems: readonly string[];
}[] = [
  {
    main: 'include none.conf;',
    problems: [
      "conf/main.conf:1:9: include: there is no file 'none.conf'; expected a path from the folder of this file or from the working directory",
    ],
  },
  { main: 'include;', problems: ['conf/main.conf:1:1: include: has no value; expected one or more files'] },
  {
    main: 'include x {}',
    problems: ["conf/main.conf:1:1: include: is not a block; expected 'include FILE;'"],
  },
  {
    main: 'include f;',
    files: { '/srs/conf/f': 'folder' },
    problems: ["conf/main.conf:1:9: include: 'f' is a directory, not a file"],
  },
  {
    main: `${LISTEN}include a.conf;`,
    files: { '/srs/conf/a.conf': '\ninclude b.conf;', '/srs/conf/b.conf': 'daemon on;\n  nonsense;' },
    problems: [
      "conf/b.conf:2:3: nonsense: there is no directive 'nonsense' here; included from conf/a.conf:2, conf/main.conf:2",
    ],
  },
  {
    main: `${LISTEN}include a.conf;`,
    files: { '/srs/conf/a.conf': 'include main.conf;' },
    problems: [
      "conf/a.conf:1:9: include: 'main.conf' is being read already: a file cannot include itself; included from conf/main.conf:2",
    ],
  },
  {
    main: `${LISTEN}vhost a { include a.conf; }`,
    files: { '/srs/conf/a.conf': 'play {\n' },
    problems: [
      "conf/a.conf:2:1: unexpected end of file; expected '}' for the block 'play' of line 1; included from conf/main.conf:2",
    ],
  },
  // What stands behind a brace too many stands in the wrong place: it is not told of as well.
  {
    main: `${LISTEN}vhost a { include a.conf; }`,
    files: { '/srs/conf/a.conf': '}\ndaemon on;' },
    problems: [
      "conf/a.conf:1:1: unexpected '}'; expected a directive: no block is open here; included from conf/main.conf:2",
    ],
  },
  {
    main: `${LISTEN}include b.conf a.conf;\nvhost x { plai {} }`,
    files: { '/srs/conf/a.conf': 'daemon on off;', '/srs/conf/b.conf': 'max_connections 0;\nchunk_size x;' },
    problems: [
      "conf/main.conf:3:11: vhost.plai: there is no directive 'plai' here; did you mean 'play'?",
      'conf/a.conf:1:11: daemon: takes one value, not 2; included from conf/main.conf:2',
      "conf/b.conf:1:17: max_connections: '0' is not possible here; expected a whole number from 1 to 1000000; included from conf/main.conf:2",
      "conf/b.conf:2:12: chunk_size: 'x' is not possible here; expected an amount such as 4096, 64K or 50M from 1 to 2147483647; included from conf/main.conf:2",
    ],
  },
  {
    main: `${LISTEN}vhost v { ingest a {} include i.conf; }`,
    files: { '/srs/conf/i.conf': 'ingest a {}' },
    problems: [
      "conf/i.conf:1:1: vhost.ingest: conf/main.conf:2 has an ingest 'a' already; expected ids that differ; included from conf/main.conf:2",
    ],
  },
];

for (const { main, files, problems } of BAD) {
  test(`bad include: ${JSON.stringify(main)}`, () => assert.deepEqual(errors(main, files ?? {}), problems));
}

test('a directive that an included file repeats names the file that has it', () => {
  const { warnings } = load('daemon off; include a.conf;', { '/srs/conf/a.conf': LISTEN + 'daemon on;' });
  assert.deepEqual(warnings.map(formatProblem), [
    'conf/a.conf:2:1: daemon: is ignored: conf/main.conf:1 has it already, and the first one counts; included from conf/main.conf:1',
  ]);
});

test('how deep, how many and how large is bounded', () => {
  const chain: Record<string, string> = {};
  for (let i = 0; i < 20; i++) chain[`/srs/conf/${i}`] = `include ${i + 1};`;
  chain['/srs/conf/20'] = LISTEN;
  const [deep] = errors('include 0;', chain);
  assert.match(
    deep ?? '',
    new RegExp(
      `^conf/${MAX_INCLUDE_DEPTH - 1}:1:9: include: more than ${MAX_INCLUDE_DEPTH} files include each other; `,
    ),
  );

  const one = { '/srs/conf/a': '', '/srs/conf/listen': LISTEN };
  assert.deepEqual(errors(`include listen${' a'.repeat(MAX_INCLUDED_FILES - 1)};`, one), []);
  const many = errors(`include listen${' a'.repeat(MAX_INCLUDED_FILES + 5)};`, one);
  assert.deepEqual(many, [
    `conf/main.conf:1:${15 + 2 * MAX_INCLUDED_FILES - 1}: include: more than ${MAX_INCLUDED_FILES} files`,
  ]);
  // Each file includes the next one twice: that would be 2^8 files.
  const twice: Record<string, string> = {};
  for (let i = 0; i < 9; i++) twice[`/srs/conf/${i}`] = `include ${i + 1} ${i + 1};`;
  assert.ok(errors('include 0 0 0;', { ...twice, '/srs/conf/9': '' }).length > 0);

  const half = { '/srs/conf/a': `#${' '.repeat(MAX_CONFIG_BYTES / 2)}`, '/srs/conf/listen': LISTEN };
  assert.deepEqual(errors('include listen a;', half), []);
  assert.deepEqual(errors('include listen a a;', half), [
    "conf/main.conf:1:18: include: 'a' makes the configuration too large",
  ]);

  const nest = (depth: number): string => 'play {'.repeat(depth) + ' include a; ' + '}'.repeat(depth);
  const inner = { '/srs/conf/a': 'a {'.repeat(10) + '}'.repeat(10) };
  assert.match(
    errors(LISTEN + nest(7), inner).join('\n'),
    /a: more than 16 blocks inside each other; included from/,
  );
});

test('real files, from a folder that is not the one of the process', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'srs-include-'));
  try {
    mkdirSync(path.join(folder, 'conf.d'));
    writeFileSync(path.join(folder, 'srs.conf'), 'listen 1935;\ninclude conf.d/*.conf;\n');
    writeFileSync(path.join(folder, 'conf.d/a.conf'), 'vhost a { include ../play.inc; }');
    writeFileSync(path.join(folder, 'play.inc'), 'play { atc on; }');
    const { config, files } = loadConfig('srs.conf', { cwd: folder });
    assert.equal(config.vhosts[0]?.play.atc, true);
    assert.deepEqual(
      files,
      ['srs.conf', 'conf.d/a.conf', 'play.inc'].map((name) => path.join(folder, name)),
    );
    writeFileSync(path.join(folder, 'srs.conf'), 'listen 1935; include conf.d;');
    assert.throws(() => loadConfig('srs.conf', { cwd: folder }), /'conf\.d' is a directory, not a file/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('what was asked for is known, be it there or not, also of a file that cannot be used', () => {
  const there = { '/srs/a.conf': 'daemon off;', '/srs/conf/sub/b.conf': 'include c/*.conf;' };
  const { asked } = load('listen 1935; include a.conf sub/b.conf;', there);
  assert.deepEqual(asked, [
    '/srs/conf/a.conf',
    '/srs/a.conf',
    '/srs/conf/sub/b.conf',
    '/srs/conf/sub/c/*.conf',
    '/srs/c/*.conf',
  ]);
  assert.throws(
    () => load('listen x; include none.conf;', {}),
    (error) => {
      assert.ok(error instanceof ConfigError);
      assert.deepEqual(error.asked, ['/srs/conf/none.conf', '/srs/none.conf']);
      return true;
    },
  );
});
