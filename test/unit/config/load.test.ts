import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { MAX_REPEATED_BLOCKS } from '../../../src/config/resolve.ts';
import {
  ConfigError,
  formatListen,
  formatProblem,
  loadConfig,
  MAX_CONFIG_BYTES,
  parseConfig,
} from '../../../src/config/index.ts';

const CONF = new URL('../../../conf/', import.meta.url).pathname;

function errors(text: string): string[] {
  try {
    parseConfig(text, 'x.conf');
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    assert.equal(error.code, 'CONFIG_INVALID');
    return error.problems.map(formatProblem);
  }
  return [];
}

function warnings(text: string): string[] {
  return parseConfig(text, 'x.conf').warnings.map(formatProblem);
}

const BAD: readonly { readonly text: string; readonly problems: readonly (string | RegExp)[] }[] = [
  {
    text: 'listen 1; vhost a { http_remux { enabled on; mount /[app]/[stream].ogg; } }',
    problems: [
      "x.conf:1:46: vhost.http_remux.mount: '/[app]/[stream].ogg' has no ending of a live body; expected one of .flv .ts .aac .mp3",
    ],
  },
  {
    text: 'listen 1; vhost a { hls { enabled on; hls_keys on; hls_ll on; } }',
    problems: [
      'x.conf:1:52: vhost.hls.hls_ll: is on, but hls_keys is on too: parts of segments are not encrypted; expected one of the two',
    ],
  },
  { text: '', problems: ["x.conf: the file has no directives; expected at least 'listen 1935;'"] },
  { text: '# nothing\n', problems: ["x.conf: the file has no directives; expected at least 'listen 1935;'"] },
  { text: 'daemon off;', problems: ["x.conf: listen: is missing; expected 'listen 1935;'"] },
  {
    text: 'listen;',
    problems: [
      'x.conf:1:1: listen: has no value; expected one or more of a port from 1 to 65535, 127.0.0.1:PORT or [::1]:PORT',
    ],
  },
  {
    text: 'listen 0;',
    problems: [
      'x.conf:1:8: listen: port 0 is out of range; expected a port from 1 to 65535, 127.0.0.1:PORT or [::1]:PORT',
    ],
  },
  {
    text: 'listen 1935\nmax_connections 10;',
    problems: ["x.conf:2:1: listen: takes addresses only; is a ';' missing at the end of line 1?"],
  },
  {
    text: 'listen 1935\nvhost a {\n}',
    problems: [
      "x.conf:1:1: listen: is not a block; is a ';' missing at the end of line 1?; expected 'listen VALUE;'",
    ],
  },
  {
    text: 'listen 1;\nvhost a { play { gop_cach on; } }',
    problems: [
      "x.conf:2:18: vhost.play.gop_cach: there is no directive 'gop_cach' here; did you mean 'gop_cache'?",
    ],
  },
  {
    text: 'listen 1;\nvhost a { parse_sps on; }',
    problems: [
      "x.conf:2:11: vhost.parse_sps: does not belong here; expected it as 'vhost.publish.parse_sps'",
    ],
  },
  { text: 'listen 1; nonsense;', problems: ["x.conf:1:11: nonsense: there is no directive 'nonsense' here"] },
  { text: 'listen 1; vhost {}', problems: ["x.conf:1:11: vhost: has no name; expected 'vhost NAME {'"] },
  { text: 'listen 1; vhost a b {}', problems: ['x.conf:1:19: vhost: takes one name, not 2'] },
  { text: 'listen 1; vhost a;', problems: ["x.conf:1:11: vhost: is a block; expected 'vhost { … }'"] },
  { text: 'listen 1; http_api on {}', problems: ["x.conf:1:20: http_api: takes no argument; expected '{'"] },
  {
    text: 'listen 1; max_connections 0;',
    problems: [
      "x.conf:1:27: max_connections: '0' is not possible here; expected a whole number from 1 to 1000000",
    ],
  },
  {
    text: 'listen 1; vhost a { play { time_jitter fulll; mw_latency -1;\nqueue_length on\nmix_correct on; } }',
    problems: [
      "x.conf:1:40: vhost.play.time_jitter: 'fulll' is not possible here; expected full, zero or off; did you mean 'full'?",
      "x.conf:1:58: vhost.play.mw_latency: '-1' is not possible here; expected a time such as 500ms, 10s or a number of milliseconds from 0ms to 24d",
      "x.conf:3:1: vhost.play.queue_length: takes one value, not 3; is a ';' missing at the end of line 2?",
    ],
  },
  {
    text: 'listen 1; http_api { listen; }',
    problems: [
      'x.conf:1:22: http_api.listen: has no value; expected a port from 1 to 65535, 127.0.0.1:PORT or [::1]:PORT',
    ],
  },
  {
    text: 'listen 1; http_server { listen 8080 127.0.0.1:8081; }',
    problems: ['x.conf:1:37: http_server.listen: takes one address, not 2'],
  },
  {
    text: 'listen 1; srs_log_tank file; srs_log_file "";',
    problems: ['x.conf:1:30: srs_log_file: is empty, but srs_log_tank is file; expected a path'],
  },
  {
    text: 'listen 1; asprocess on;',
    problems: [
      "x.conf:1:11: asprocess: is on, but daemon is on too: a daemon has no parent process; expected 'daemon off;'",
    ],
  },
  {
    text: 'listen 1; stats { network 99999; }',
    problems: [
      /^x\.conf:1:27: stats\.network: 99999 is too large: this machine has \d+ addresses; expected a number from 0 to \d+$/,
    ],
  },
  {
    text: 'listen 1; vhost a { http_hooks { enabled on; on_play 127.0.0.1:8085/api http://ok; } }',
    problems: [
      "x.conf:1:54: vhost.http_hooks.on_play: '127.0.0.1:8085/api' is not possible here; expected a URL such as http://127.0.0.1:8085/api or https://example.org/api",
    ],
  },
  {
    text: 'listen 1; vhost a { security { allow plya all;\ndeny publish 10.0.0.0/40; deny play; deny play all all; } }',
    problems: [
      "x.conf:1:38: vhost.security.allow: 'plya' is not possible here; expected publish or play; did you mean 'play'?",
      "x.conf:2:14: vhost.security.deny: '10.0.0.0/40' is not possible here; expected all, an IP address or a range such as 10.0.0.0/8",
      'x.conf:2:27: vhost.security.deny: is not complete; expected publish or play, then all, an IP address or a range such as 10.0.0.0/8',
      'x.conf:2:52: vhost.security.deny: takes two values, not 3; expected publish or play, then all, an IP address or a range such as 10.0.0.0/8',
    ],
  },
  {
    text: 'listen 1; srs_log_level_v2 trase;',
    problems: [
      "x.conf:1:28: srs_log_level_v2: 'trase' is not possible here; expected trace, debug, info, warn or error; did you mean 'trace'?",
    ],
  },
  {
    text: 'listen 1; vhost a { rtc { enabled on; pli_for_rtmp 31; opus_bitrate 7999; } }',
    problems: [
      "x.conf:1:52: vhost.rtc.pli_for_rtmp: '31' is not possible here; expected a time such as 500ms, 10s or a number of seconds from 500ms to 30s",
      "x.conf:1:69: vhost.rtc.opus_bitrate: '7999' is not possible here; expected a whole number from 8000 to 320000",
    ],
  },
  {
    text: 'listen 1; vhost a { ingest i {}\ningest i {} }',
    problems: ["x.conf:2:1: vhost.ingest: line 1 has an ingest 'i' already; expected ids that differ"],
  },
  {
    text: 'listen 1; vhost a {\ningest i { enabled on; } }',
    problems: [
      'x.conf:2:1: vhost.ingest.input.url: is not set; expected a path or a URL',
      'x.conf:2:1: vhost.ingest.engine.output: is not set; expected an RTMP URL',
    ],
  },
  {
    text: 'listen 1;; chunk_size 0;',
    problems: [
      "x.conf:1:10: unexpected ';'; expected a directive name",
      "x.conf:1:23: chunk_size: '0' is not possible here; expected an amount such as 4096, 64K or 50M from 1 to 2147483647",
    ],
  },
  {
    text: 'listen 1; \u001b[31m;',
    problems: ["x.conf:1:11: \\u{1b}[31m: there is no directive '\\u{1b}[31m' here"],
  },
  // Blocks that do not close: only that is told, not what would follow from it.
  {
    text: 'listen 1; vhost a { play { }\nfoo 1;',
    problems: ["x.conf:2:7: unexpected end of file; expected '}' for the block 'vhost' of line 1"],
  },
];

for (const { text, problems } of BAD) {
  test(`bad file: ${JSON.stringify(text)}`, () => {
    const told = errors(text);
    // Only what differs from machine to machine is a pattern.
    const expected = problems.map((problem, i) =>
      typeof problem !== 'string' && problem.test(told[i] ?? '') ? told[i] : problem,
    );
    assert.deepEqual(told, expected);
  });
}

const ODD: readonly { readonly text: string; readonly problems: readonly string[] }[] = [
  {
    text: 'listen 1; chunk_size 100;',
    problems: ['x.conf:1:22: chunk_size: 100 is unusual and may trouble clients; expected 128 to 65536'],
  },
  {
    text: 'listen 1; daemon on; daemon off;',
    problems: ['x.conf:1:22: daemon: is ignored: line 1 has it already, and the first one counts'],
  },
  {
    text: 'listen 1; vhost a {}\nvhost a {}',
    problems: ["x.conf:2:1: vhost: 'a' is ignored: line 1 has it already, and the first one counts"],
  },
  // As SRS 7 writes it for IPv4 and IPv6: here `1935` is both, and a second listener could not have the port.
  {
    text: 'listen 1935 [::]:1935 127.0.0.1:1936; http_api { listen 0.0.0.0:1985 [::]:1985; }',
    problems: [
      "x.conf:1:13: listen: '[::]:1935' is ignored: '*:1935' is every address of the machine",
      "x.conf:1:57: http_api.listen: '0.0.0.0:1985' is ignored: '[::]:1985' is every address of the machine",
    ],
  },
  {
    text: 'listen 1; http_api { auth { username a; } }',
    problems: ['x.conf:1:29: http_api.auth.username: is ignored: password is not set; expected both or none'],
  },
  {
    text: 'listen 1; http_api { auth { password a; } }',
    problems: ['x.conf:1:29: http_api.auth.password: is ignored: username is not set; expected both or none'],
  },
  {
    text: 'listen 1; http_api { auth { username a:b; password a; } }',
    problems: [
      'x.conf:1:29: http_api.auth.username: holds a colon, which ends a name on its way here: nobody can give it',
    ],
  },
  { text: 'listen 1 2 1;', problems: ["x.conf:1:12: listen: '1' is listed twice"] },
  { text: 'listen 1; daemon no;', problems: ["x.conf:1:18: daemon: 'no' is read as on; expected on or off"] },
  {
    text: 'listen 1; utc_time yes;',
    problems: ["x.conf:1:20: utc_time: 'yes' is read as off; expected on or off"],
  },
  {
    text: 'listen 1; srs_log_tank both;',
    problems: ["x.conf:1:24: srs_log_tank: 'both' is read as file; expected file or console"],
  },
  { text: 'listen 1; vhost a { hls { enabled off; hls_keys on; } }', problems: [] },
  { text: 'listen 1; asprocess off;', problems: [] },
  {
    text: 'listen 1; vhost a { hls { enabled on; hls_m3u8_file [app].m3u8; hls_ts_file [app]/[stream].ts; } }',
    problems: [
      "x.conf:1:39: vhost.hls.hls_m3u8_file: '[app].m3u8' has no [stream]: two streams would write the same files",
      "x.conf:1:65: vhost.hls.hls_ts_file: '[app]/[stream].ts' is the same name for one file after another: a number is added to it; expected [seq] or [timestamp] in it",
    ],
  },
  {
    text: 'listen 1; vhost a { hls { enabled on; hls_keys on; hls_key_file [app]/k; } dash { enabled on; dash_mpd_file a.mpd; } }',
    problems: [
      "x.conf:1:52: vhost.hls.hls_key_file: '[app]/k' has no [stream]: two streams would write the same files",
      "x.conf:1:52: vhost.hls.hls_key_file: '[app]/k' is the same name for one file after another: a number is added to it; expected [seq] or [timestamp] in it",
      "x.conf:1:95: vhost.dash.dash_mpd_file: 'a.mpd' has no [stream]: two streams would write the same files",
    ],
  },
  {
    text: 'listen 1; vhost a { dvr { enabled on; dvr_path /r/a.flv; } } vhost b { dvr { enabled on; dvr_path /r/a.flv; dvr_plan append; } }',
    problems: [
      "x.conf:1:39: vhost.dvr.dvr_path: '/r/a.flv' is the same name for one file after another: a number is added to it; expected [timestamp] in it",
      "x.conf:1:90: vhost.dvr.dvr_path: '/r/a.flv' has no [stream]: two streams would write the same files",
    ],
  },
  {
    text: 'listen 1; vhost a { hls { enabled on; } dash { enabled on; } }\nvhost b { hls { enabled on; hls_path ./objs/nginx/html/; } dash { enabled on; } }',
    problems: [
      "x.conf:2:1: vhost.hls.hls_m3u8_file: streams of the same name in this vhost and in 'a' (line 1) have the same files; expected [vhost] in the names, or other folders",
      "x.conf:2:1: vhost.dash.dash_mpd_file: streams of the same name in this vhost and in 'a' (line 1) have the same files; expected [vhost] in the names, or other folders",
    ],
  },
  {
    text: 'listen 1; vhost a { hls { enabled on; } } vhost b { hls { enabled on; hls_path /other; } dash { enabled on; dash_path /b; } hds { enabled on; hds_path /b; } dvr { enabled on; } } vhost c { hls { enabled on; hls_m3u8_file [vhost]/[stream].m3u8; hls_ts_file [vhost]/[stream]-[seq].ts; } dvr { enabled on; dvr_path /folder; } } vhost d { hls { enabled off; } }',
    problems: [],
  },
  {
    text: 'listen 1; ff_log_level x; vhost a { exec { enabled on; } } vhost b { exec { enabled on; } }',
    problems: [
      'x.conf:1:11: ff_log_level: is accepted, but this server does not have the feature yet: it has no effect',
      'x.conf:1:37: vhost.exec: is accepted, but this server does not have the feature yet: it has no effect',
    ],
  },
  {
    text: 'listen 1; is_full on; tcmalloc_release_rate 0.8; query_latest_version off; threads { interval 5; } tencentcloud_cls { enabled off; } tencentcloud_apm { enabled on; token x; } vhost a { hls { hls_storage disk; } }',
    problems: [
      'x.conf:1:11: is_full: is accepted, but does not apply to this server: it has no effect',
      'x.conf:1:23: tcmalloc_release_rate: is accepted, but does not apply to this server: it has no effect',
      'x.conf:1:76: threads: is accepted, but does not apply to this server: it has no effect',
      'x.conf:1:134: tencentcloud_apm: is accepted, but does not apply to this server: it has no effect',
    ],
  },
];

for (const { text, problems } of ODD) {
  test(`odd file: ${JSON.stringify(text)}`, () => assert.deepEqual(warnings(text), problems));
}

/** What files of SRS 3 look like that use more than this server has yet. */
const SRS_FILE = `# main config
listen              1935;
max_connections     1000;
srs_log_tank        file;
srs_log_file        ./objs/srs.log;
pid                 ./objs/srs.pid;
http_api { enabled on; listen 1985; raw_api { enabled off; allow_reload on; } }
http_server { enabled on; listen 8080; dir ./objs/nginx/html; }
heartbeat { enabled off; interval 9.3; device_id "my-device"; summaries off; }
stats { network 0; disk sda sdb; }
stream_caster { enabled off; caster mpegts_over_udp; output rtmp://127.0.0.1/live/livestream; listen 8935; }
vhost __defaultVhost__ {
    security { enabled on; allow play all; allow publish 10.0.0.1; deny publish all; }
    http_hooks { enabled on; on_publish http://127.0.0.1:8085/api/v1/streams http://localhost/streams; }
    exec { enabled off; publish ./ffmpeg -f flv -i [url] -c copy -y ./[stream].flv > /dev/null; }
    transcode live/livestream {
        enabled on;
        ffmpeg ./objs/ffmpeg/bin/ffmpeg;
        engine ff {
            enabled on;
            perfile { re; rtsp_transport tcp; }
            vfilter { vf 'drawtext=text=SRS(Server):x=10:fontcolor=#cccccc'; }
            vcodec libx264; vbitrate 500; vfps 25; vwidth 768; vheight 320; vthreads 12; vprofile main; vpreset medium;
            vparams { g 250; flags +loop; }
            acodec libfdk_aac; abitrate 70; asample_rate 44100; achannels 2;
            aparams { }
            output rtmp://127.0.0.1:[port]/[app]?vhost=[vhost]/[stream]_[engine];
        }
    }
}
vhost same.edge { cluster { mode remote; origin 127.0.0.1:1935 localhost:1935; token_traverse off; } }
`;

test('a file of SRS 3 starts; each feature that is not there gets one warning, however much is set in it', () => {
  const { warnings: told } = parseConfig(SRS_FILE, 'srs.conf');
  assert.deepEqual(
    told.map(({ directive, line }) => [directive, line]),
    [
      ['vhost.transcode', 16],
      ['vhost.cluster', 31],
    ],
  );
});

test('listen takes several addresses and remembers where they were written', () => {
  const { config } = parseConfig('listen 1935 127.0.0.1:1936\n  [::1]:1937 example.org:1938;', 'x');
  assert.deepEqual(config.listen.map(formatListen), [
    '*:1935',
    '127.0.0.1:1936',
    '[::1]:1937',
    'example.org:1938',
  ]);
  assert.deepEqual(config.listen[2], {
    host: '::1',
    port: 1937,
    directive: 'listen',
    origin: { file: 'x', line: 2, column: 3 },
  });
  assert.deepEqual(config.httpApi.listen.origin, { file: 'x', line: 0, column: 0 });
});

for (const bad of [
  '70000',
  '::1',
  '::1:1935',
  '[::1]',
  '[nope]:1',
  '1.2.3:1',
  '300.1.1.1:1',
  'a b:1',
  ':1935',
  '1935x',
  '-1',
  'rtmp://x:1',
]) {
  test(`listen ${bad} is refused`, () =>
    assert.match(errors(`listen "${bad}";`).join(), /^x\.conf:1:8: listen: .*; expected a port/));
}

test('port 0 only for those who ask for it', () => {
  assert.equal(parseConfig('listen 0 0;', 'x', { allowPortZero: true }).config.listen.length, 2);
});

test('units: every time is in ms, every size in bytes', () => {
  const { config } = parseConfig(
    'listen 1; rtmp_handshake_timeout 2s; vhost a { chunk_size 64K; play { queue_length 1.5m; mw_latency 0.1s; send_min_interval 0.5; queue_max_size 1G; } }',
    'x',
  );
  const play = config.vhosts[0]?.play;
  assert.equal(config.rtmpHandshakeTimeoutMs, 2000);
  assert.equal(config.vhosts[0]?.chunkSizeBytes, 65_536);
  assert.deepEqual(
    [play?.queueLengthMs, play?.mwLatencyMs, play?.sendMinIntervalMs, play?.queueMaxSizeBytes],
    [90_000, 100, 0.5, 2 ** 30],
  );
});

test('the chunk size of a vhost is the global one unless it has its own', () => {
  const { config } = parseConfig('listen 1; vhost a {} vhost b { chunk_size 200; } chunk_size 4096;', 'x');
  assert.deepEqual(
    config.vhosts.map(({ chunkSizeBytes }) => chunkSizeBytes),
    [4096, 200],
  );
});

test('the first of two directives counts, every repeatable block counts', () => {
  const { config } = parseConfig(
    'listen 1; srs_log_file a; srs_log_file b; vhost v { play { atc on; } play { atc off; } ingest a { engine x { output o; } engine { } } ingest b {} }',
    'x',
  );
  const vhost = config.vhosts[0];
  assert.equal(config.srsLogFile, 'a');
  assert.equal(vhost?.play.atc, true);
  assert.deepEqual(
    vhost.ingests.map(({ id }) => id),
    ['a', 'b'],
  );
  assert.deepEqual(vhost.ingests[0]?.engines, [
    { name: 'x', enabled: false, output: 'o' },
    { name: '', enabled: false, output: '' },
  ]);
});

test('a configuration is frozen all through', () => {
  const { config } = parseConfig('listen 1; vhost a { ingest i {} }', 'x');
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    assert.ok(Object.isFrozen(value));
    Object.values(value).forEach(walk);
  };
  walk(config);
  assert.throws(() => Object.assign(config.vhosts[0]?.play ?? {}, { atc: true }), TypeError);
});

test('where an option was written is known', () => {
  const { origins } = parseConfig('listen 1;\nvhost a {\n play { mw_latency 10; } }', 'x');
  assert.deepEqual(origins.get('vhosts[0].play.mwLatencyMs'), { file: 'x', line: 3, column: 9 });
  assert.equal(origins.get('vhosts[0].play.atc'), undefined);
});

test('conf/demo.conf is what the start command needs', () => {
  const { config } = loadConfig(join(CONF, 'demo.conf'));
  assert.deepEqual(
    [config.listen[0]?.port, config.httpServer.listen.port, config.httpApi.listen.port],
    [1935, 8080, 1985],
  );
  assert.deepEqual([config.daemon, config.srsLogTank, config.httpServer.page], [false, 'console', true]);
  assert.deepEqual(config.vhosts[0]?.ingests[0], {
    id: 'demo',
    enabled: true,
    input: { type: 'file', url: './media/demo.flv' },
    ffmpeg: '',
    engines: [{ name: '', enabled: false, output: 'rtmp://127.0.0.1:[port]/live?vhost=[vhost]/demo' }],
  });
});

test('a file that cannot be read is told like any other problem', () => {
  const folder = mkdtempSync(join(tmpdir(), 'srs-config-'));
  try {
    const fail = (path: string): string => {
      try {
        loadConfig(path);
      } catch (error) {
        assert.ok(error instanceof ConfigError);
        return error.message;
      }
      return '';
    };
    const at = (name: string): string => join(folder, name);
    assert.equal(fail(at('none')), `${at('none')}: there is no such file`);
    assert.equal(fail(folder), `${folder}: is a directory, not a file`);
    writeFileSync(at('large'), Buffer.alloc(MAX_CONFIG_BYTES + 1, ' '));
    assert.equal(fail(at('large')), `${at('large')}: is larger than 4194304 bytes`);
    // Comments in other encodings are common in old files; names in them cannot be.
    writeFileSync(at('gbk'), Buffer.from('23d6d0cec40a6c697374656e20313b', 'hex'));
    assert.deepEqual(loadConfig(at('gbk')).warnings, []);
    writeFileSync(at('bytes'), Buffer.from('6c697374656e20313bd6d03b', 'hex'));
    assert.match(fail(at('bytes')), /:1:10: holds bytes that are not UTF-8 text/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('blocks that may repeat are counted together, and too many are told once', () => {
  const most = 'vhost a { ingest { } }'.repeat(MAX_REPEATED_BLOCKS / 2);
  assert.equal(parseConfig(`listen 1; ${most}`, 'x').config.vhosts.length, MAX_REPEATED_BLOCKS / 2);
  for (const more of ['vhost b { }', 'vhost b { ingest { engine { } } engine { } }']) {
    assert.throws(
      () => parseConfig(`listen 1; ${most} ${more}`, 'x'),
      (error) => error instanceof ConfigError && /more than 10000 blocks that may repeat/.test(error.message),
    );
  }
  const many = `listen 1; ${'vhost a { ingest { } }'.repeat(MAX_REPEATED_BLOCKS + 5)}`;
  assert.throws(
    () => parseConfig(many, 'x'),
    (error) => error instanceof ConfigError && error.problems.length === 1,
  );
});
