import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatProblem, parseConfig } from '../../../src/config/index.ts';
import { OLD_SPELLINGS, rewriteOldSpellings } from '../../../src/config/legacy.ts';
import { parseTree } from '../../../src/config/parser.ts';
import { printTree } from '../../../src/config/printer.ts';
import { Diagnostics } from '../../../src/config/problem.ts';

/** The tree after the pass, on one line, and what was told. */
function rewrite(text: string): { tree: string; told: string[]; errors: string[] } {
  const diagnostics = new Diagnostics();
  const { directives } = parseTree(text, 'x.conf', diagnostics);
  const tree = printTree(rewriteOldSpellings(directives, diagnostics));
  return {
    tree: tree.replace(/\s+/g, ' ').trim(),
    told: diagnostics.warnings.map(formatProblem),
    errors: diagnostics.errors.map(formatProblem),
  };
}

const OLD: readonly { readonly text: string; readonly tree: string; readonly told: readonly string[] }[] = [
  {
    text: 'http_stream { enabled on; }',
    tree: 'http_server { enabled on; }',
    told: ["x.conf:1:1: http_stream: is an old spelling; expected 'http_server { … }'"],
  },
  {
    text: 'http_stream { enabled on; }\nhttp_server { enabled off; }',
    tree: 'http_server { enabled off; }',
    told: [
      "x.conf:1:1: http_stream: is an old spelling and ignored: line 2 has the new one; expected only 'http_server { … }'",
    ],
  },
  {
    text: 'vhost a { http { enabled on; dir x; } }',
    tree: 'vhost a { http_static { enabled on; dir x; } }',
    told: ["x.conf:1:11: vhost.http: is an old spelling; expected 'http_static { … }'"],
  },
  {
    text: 'vhost a { http_remux { hstrs on; mount /x; } }',
    tree: 'vhost a { http_remux { mount /x; } }',
    told: [
      'x.conf:1:24: vhost.http_remux.hstrs: is an old directive and ignored: it is always on since SRS 3',
    ],
  },
  {
    text: 'vhost a { refer github.com github.io; refer_play x.org; refer_publish y.org; }',
    tree: 'vhost a { refer { enabled on; all github.com github.io; play x.org; publish y.org; } }',
    told: [
      "x.conf:1:11: vhost.refer: is an old spelling; expected 'refer { all …; }'",
      "x.conf:1:39: vhost.refer_play: is an old spelling; expected 'refer { play …; }'",
      "x.conf:1:57: vhost.refer_publish: is an old spelling; expected 'refer { publish …; }'",
    ],
  },
  {
    text: 'vhost a { refer_play x.org; refer { enabled off; } }',
    tree: 'vhost a { refer { enabled off; play x.org; } }',
    told: ["x.conf:1:11: vhost.refer_play: is an old spelling; expected 'refer { play …; }'"],
  },
  {
    text: 'vhost a { mr { enabled on; latency 500; } publish { normal_timeout 7000; } }',
    tree: 'vhost a { publish { normal_timeout 7000; mr on; mr_latency 500; } }',
    told: ["x.conf:1:11: vhost.mr: is an old spelling; expected 'publish { mr …; mr_latency …; }'"],
  },
  {
    text: 'vhost a { publish_1stpkt_timeout 1; publish_normal_timeout 2; }',
    tree: 'vhost a { publish { firstpkt_timeout 1; normal_timeout 2; } }',
    told: [
      "x.conf:1:11: vhost.publish_1stpkt_timeout: is an old spelling; expected 'publish { firstpkt_timeout …; }'",
      "x.conf:1:37: vhost.publish_normal_timeout: is an old spelling; expected 'publish { normal_timeout …; }'",
    ],
  },
  ...[
    'time_jitter full',
    'mix_correct on',
    'atc on',
    'atc_auto on',
    'mw_latency 100',
    'gop_cache off',
    'queue_length 10',
    'send_min_interval 10.0',
    'reduce_sequence_header on',
  ].map((directive) => ({
    text: `vhost a { ${directive}; }`,
    tree: `vhost a { play { ${directive}; } }`,
    told: [
      `x.conf:1:11: vhost.${directive.split(' ')[0] ?? ''}: is an old spelling; expected 'play { ${directive.split(' ')[0] ?? ''} …; }'`,
    ],
  })),
  ...['mode remote', 'origin a:1935 b', 'token_traverse on', 'vhost b', 'debug_srs_upnode off'].map(
    (directive) => ({
      text: `vhost a { ${directive}; }`,
      tree: `vhost a { cluster { ${directive}; } }`,
      told: [
        `x.conf:1:11: vhost.${directive.split(' ')[0] ?? ''}: is an old spelling; expected 'cluster { ${directive.split(' ')[0] ?? ''} …; }'`,
      ],
    }),
  ),
  {
    text: 'vhost a { forward 127.0.0.1:19350 b; }',
    tree: 'vhost a { forward { enabled on; destination 127.0.0.1:19350 b; } }',
    told: ["x.conf:1:11: vhost.forward: is an old spelling; expected 'forward { destination …; }'"],
  },
  {
    text: 'vhost a {\ngop_cache on;\nplay { gop_cache off; } }',
    tree: 'vhost a { play { gop_cache off; } }',
    told: [
      "x.conf:2:1: vhost.gop_cache: is an old spelling and ignored: line 3 has the new one; expected only 'play { gop_cache …; }'",
    ],
  },
  {
    text: 'vhost a { rtc { bframe discard; aac transcode; } }',
    tree: 'vhost a { rtc { keep_bframe off; rtmp_to_rtc on; } }',
    told: [
      "x.conf:1:17: vhost.rtc.bframe: is an old spelling; expected 'keep_bframe off;'",
      "x.conf:1:33: vhost.rtc.aac: is an old spelling; expected 'rtmp_to_rtc on;'",
    ],
  },
  // Where SRS 7 has its RTMP settings: nothing is wrong with that.
  { text: 'rtmp { listen 1935; chunk_size 4096; }', tree: 'listen 1935; chunk_size 4096;', told: [] },
  {
    text: 'listen 1;\nrtmp { listen 2; }',
    tree: 'listen 2;',
    told: ["x.conf:1:1: listen: is ignored: line 2 has it in 'rtmp { … }', which counts"],
  },
  // What is no old spelling stays as it is.
  {
    text: 'vhost a { play { gop_cache on; } refer { all x; } gop_cache { } } gop_cache on;',
    tree: 'vhost a { play { gop_cache on; } refer { all x; } gop_cache { } } gop_cache on;',
    told: [],
  },
];

for (const { text, tree, told } of OLD) {
  test(`old spelling: ${JSON.stringify(text)}`, () => {
    assert.deepEqual(rewrite(text), { tree, told, errors: [] });
  });
}

test('unknown names inside old blocks are told with their place', () => {
  assert.deepEqual(rewrite('rtmp { listn 1; }\nvhost a { mr { latancy 1; } }').errors, [
    "x.conf:1:8: rtmp.listn: there is no directive 'listn' here; did you mean 'listen'?",
    "x.conf:2:16: vhost.mr.latancy: there is no directive 'latancy' here; did you mean 'latency'?",
  ]);
});

test('an old file is a configuration, with values where they belong and places where they were written', () => {
  const text = 'listen 1;\nvhost a {\n  queue_length 10;\n  mr { enabled off; latency 500ms; }\n}';
  const { config, origins, warnings } = parseConfig(text, 'old.conf');
  const [vhost] = config.vhosts;
  assert.deepEqual(
    [vhost?.play.queueLengthMs, vhost?.publish.mr, vhost?.publish.mrLatencyMs],
    [10_000, false, 500],
  );
  assert.deepEqual(origins.get('vhosts[0].play.queueLengthMs'), { file: 'old.conf', line: 3, column: 3 });
  assert.equal(warnings.length, 2);
});

test('each spelling of the table is read without an error, with a warning', () => {
  assert.equal(OLD_SPELLINGS.length, 26);
  for (const { old } of OLD_SPELLINGS) {
    const block = old
      .replaceAll('…;', '1;')
      .replaceAll('…', '')
      .replace(/^vhost \{/, 'vhost v {');
    const { told, errors, tree } = rewrite(block);
    assert.deepEqual([told.length > 0, errors, tree === block], [true, [], false], old);
  }
});

test('a file full of old spellings takes no longer than its size', () => {
  const names = ['http_stream {} ', 'vhost a { gop_cache on; } '];
  for (const name of names) parseConfig(`listen 1; ${name.repeat(10_000)}`, 'x');
  parseConfig(
    `listen 1; vhost a { play { ${'mw_latency 1; '.repeat(20_000)} } ${'gop_cache on; '.repeat(20_000)} }`,
    'x',
  );
});
