import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseConfig } from '../../../../src/config/index.ts';
import type { Rows } from '../../../../src/config/schema/row.ts';
import { usedDirectives, writtenFolders } from '../../../../src/cli/doctor/directives.ts';
import { checkPaths } from '../../../../src/cli/doctor/paths-check.ts';
import { find, type Trouble } from './fake-surroundings.ts';

interface Case {
  readonly name: string;
  readonly conf: string;
  readonly trouble?: Trouble;
  readonly want: readonly string[];
}

const WORK = 'ok: work_dir /srv (the default) is there';
const LOG = 'listen 1935; pid "";\nsrs_log_file ./log/srs.log;';
const LOG_NAME = 'srs_log_file: folder /srv/log (srs.conf:2)';
const TOKENS =
  'listen 1935; srs_log_tank console; pid "";\nhttp_api { enabled on; listen 1985; auth { token_file ./secret/tokens; } }';
const HTML = 'listen 1935; pid ""; srs_log_tank console;\nhttp_server { enabled on; dir ./html; }';
const HTML_NAME = 'http_server.dir: folder /srv/html (srs.conf:2)';

const CASES: readonly Case[] = [
  {
    name: 'folders that are there',
    conf: LOG,
    trouble: { folders: ['/srv/log'] },
    want: [WORK, `ok: ${LOG_NAME} can be written`],
  },
  {
    name: 'folders that the start makes',
    conf: 'listen 1935;',
    want: [
      WORK,
      'ok: pid: folder /srv/objs (the default) is not there and will be made',
      'ok: srs_log_file: folder /srv/objs (the default) is not there and will be made',
    ],
  },
  {
    name: 'bans and callbacks that wait',
    conf: 'listen 1935; srs_log_tank console; pid /dev/null; ban_file ./state/bans.json; http_hooks_spool ./state/spool;',
    want: [
      WORK,
      'ok: http_hooks_spool: folder /srv/state (srs.conf:1) is not there and will be made',
      'ok: ban_file: folder /srv/state (srs.conf:1) is not there and will be made',
    ],
  },
  {
    name: 'the file of tokens, where the API needs it',
    conf: TOKENS,
    want: [
      WORK,
      'ok: http_api.auth.token_file: folder /srv/secret (srs.conf:2) is not there and will be made',
    ],
  },
  {
    name: 'a file of tokens that is mounted',
    conf: TOKENS,
    trouble: { files: { '/srv/secret/tokens': '' }, access: { '/srv/secret/tokens write': 'EROFS' } },
    want: [WORK, 'ok: http_api.auth.token_file: file /srv/secret/tokens (srs.conf:2) can be read'],
  },
  {
    name: 'a file of tokens that only root may read',
    conf: TOKENS,
    trouble: { files: { '/srv/secret/tokens': '' }, access: { '/srv/secret/tokens read': 'EACCES' } },
    want: [
      WORK,
      'error: http_api.auth.token_file: file /srv/secret/tokens (srs.conf:2) cannot be read by this user (EACCES)',
      "  -> 'chown USER /srv/secret/tokens && chmod u+r /srv/secret/tokens'; USER is who runs the server (now uid 1000)",
    ],
  },
  {
    name: 'the file of tokens, where the API does not need it',
    conf: 'listen 1935; srs_log_tank console; pid "";\nhttp_api { enabled on; listen 127.0.0.1:1985; }',
    want: [WORK],
  },
  {
    name: 'a log on the console, no pid file',
    conf: 'listen 1935; srs_log_tank console; pid /dev/null;',
    want: [WORK],
  },
  {
    name: 'may not be written',
    conf: LOG,
    trouble: { folders: ['/srv/log'], access: { '/srv/log write': 'EACCES' } },
    want: [
      WORK,
      `error: ${LOG_NAME} cannot be written by this user (EACCES)`,
      "  -> 'chown USER /srv/log && chmod u+rwx /srv/log'; USER is who runs the server (now uid 1000)",
    ],
  },
  {
    name: 'may not be made',
    conf: LOG,
    trouble: { access: { '/srv write': 'EACCES' } },
    want: [
      WORK,
      `error: ${LOG_NAME} is not there and cannot be made in /srv by this user (EACCES)`,
      "  -> 'mkdir -p /srv/log && chown USER /srv/log && chmod u+rwx /srv/log'; USER is who runs the server (now uid 1000)",
    ],
  },
  {
    name: 'read-only',
    conf: LOG,
    trouble: { folders: ['/srv/log'], access: { '/srv/log write': 'EROFS' } },
    want: [
      WORK,
      `error: ${LOG_NAME} is on a file system that is read-only`,
      "  -> 'mount -o remount,rw' it, give the container a volume there, or name another place in srs_log_file",
    ],
  },
  {
    name: 'a file where a folder should be',
    conf: LOG,
    trouble: { files: { '/srv/log': '' } },
    want: [
      WORK,
      `error: ${LOG_NAME} cannot be: /srv/log is no folder`,
      '  -> name another place in srs_log_file',
    ],
  },
  {
    name: 'the log itself belongs to somebody else',
    conf: LOG,
    trouble: { files: { '/srv/log/srs.log': '' }, access: { '/srv/log/srs.log write': 'EACCES' } },
    want: [
      WORK,
      'error: srs_log_file: file /srv/log/srs.log (srs.conf:2) cannot be written by this user (EACCES)',
      "  -> 'chown USER /srv/log/srs.log && chmod u+rw /srv/log/srs.log'; USER is who runs the server (now uid 1000)",
    ],
  },
  ...['/etc', '/var/log', '/usr/share/x'].map((folder): Case => ({
    name: `a folder of the system is not to be given away: ${folder}`,
    conf: `listen 1935; pid "";\nsrs_log_file ${folder}/srs.log;`,
    trouble: { folders: [folder], access: { [`${folder} write`]: 'EACCES' } },
    want: [
      WORK,
      `error: srs_log_file: folder ${folder} (srs.conf:2) cannot be written by this user (EACCES)`,
      '  -> use a path of its own there, one that belongs to the user of the server (now uid 1000)',
    ],
  })),
  {
    name: 'a file on the way',
    conf: 'listen 1935; pid "";\nsrs_log_file ./a/log/srs.log;',
    trouble: { files: { '/srv/a': '' }, stat: { '/srv/a/log': 'ENOTDIR' } },
    want: [
      WORK,
      'error: srs_log_file: folder /srv/a/log (srs.conf:2) cannot be: /srv/a is no folder',
      '  -> name another place in srs_log_file',
    ],
  },
  {
    name: 'may not be entered',
    conf: LOG,
    trouble: { stat: { '/srv/log': 'EACCES' } },
    want: [
      WORK,
      `error: ${LOG_NAME} cannot be entered by this user`,
      '  -> name another place in srs_log_file',
    ],
  },
  {
    name: 'no work_dir: nothing else makes sense',
    conf: 'listen 1935;\nwork_dir "/srv/my folder";',
    want: [
      'error: work_dir /srv/my folder (srs.conf:2) is not there',
      '  -> \'mkdir -p "/srv/my folder"\', or another work_dir',
    ],
  },
  {
    name: 'relative paths start from work_dir',
    conf: 'listen 1935; pid "";\nwork_dir /opt; srs_log_file srs.log;',
    trouble: { folders: ['/opt'] },
    want: [
      'ok: work_dir /opt (srs.conf:2) is there',
      'ok: srs_log_file: folder /opt (srs.conf:2) can be written',
    ],
  },
  {
    name: 'files that are served',
    conf: HTML,
    trouble: { folders: ['/srv/html'] },
    want: [WORK, `ok: ${HTML_NAME} can be read`],
  },
  {
    name: 'files of a vhost that are served',
    conf: `${HTML}\nvhost v { http_static { enabled on; dir ./v; } }`,
    trouble: { folders: ['/srv/html', '/srv/v'] },
    want: [
      WORK,
      `ok: ${HTML_NAME} can be read`,
      'ok: vhost.http_static.dir: folder /srv/v (srs.conf:3) can be read',
    ],
  },
  {
    name: 'files of a vhost, but no HTTP server',
    conf: 'listen 1935; pid ""; srs_log_tank console;\nvhost v { http_static { enabled on; dir ./v; } }',
    want: [WORK],
  },
  {
    name: 'no files to serve',
    conf: HTML,
    want: [WORK, `note: ${HTML_NAME} is not there: no files are served from it`, "  -> 'mkdir -p /srv/html'"],
  },
  {
    name: 'files that may not be read',
    conf: HTML,
    trouble: { folders: ['/srv/html'], access: { '/srv/html execute': 'EACCES' } },
    want: [
      WORK,
      `error: ${HTML_NAME} cannot be read by this user (EACCES)`,
      "  -> 'chown USER /srv/html && chmod u+rx /srv/html'; USER is who runs the server (now uid 1000)",
    ],
  },
  {
    name: 'an ingest of a file that is not there; of one that is; of a URL with a password',
    conf: `listen 1935; pid ""; srs_log_tank console; vhost v {
ingest a { enabled on; input { url gone.flv; } engine { output rtmp://127.0.0.1/live/a; } }
ingest b { enabled on; input { url here.flv; } engine { output rtmp://127.0.0.1/live/b; } }
ingest c { enabled on; input { type stream; url rtmp://user:pass@127.0.0.1/x; } engine { output rtmp://127.0.0.1/live/c; } }
ingest d { enabled off; input { url gone.flv; } engine { output rtmp://127.0.0.1/live/a; } }
}`,
    trouble: { files: { '/srv/here.flv': '' } },
    want: [
      WORK,
      'warning: vhost.ingest.input.url: file /srv/gone.flv (srs.conf:2) is not there',
      '  -> put the file there, or correct the path',
    ],
  },
];

suite('doctor: paths', () => {
  for (const { name, conf, trouble, want } of CASES)
    test(name, async () => assert.deepEqual(await find(checkPaths, conf, trouble), want));
});

suite('doctor: directives in use', () => {
  const text = (feature?: 'planned'): Rows[string] => ({
    type: 'text',
    default: '',
    reload: 'live',
    doc: '',
    ...(feature === undefined ? {} : { feature }),
  });
  const block = (rows: Rows): Rows[string] => ({
    type: 'blocks',
    argument: { option: 'name', required: true },
    reload: 'live',
    doc: '',
    rows: { enabled: { type: 'flag', default: false, reload: 'live', doc: '' }, ...rows },
  });
  const rows: Rows = {
    ff_log_dir: text(),
    key_file: text(),
    other: text(),
    dash_path: text('planned'),
    vhost: block({
      dvr: { type: 'block', reload: 'live', doc: '', rows: { dvr_path: text(), hls_ts_file: text() } },
    }),
    hls: block({ hls_path: text() }),
  };
  const options = {
    ffLogDir: './logs.d',
    keyFile: '/etc/keys/a',
    other: '/x',
    vhosts: [
      { enabled: true, dvr: { dvrPath: './html/[app]/[stream].flv', hlsTsFile: '[seq].ts' } },
      { enabled: false, dvr: { dvrPath: './off', hlsTsFile: '' } },
      { enabled: true, dvr: { enabled: false, dvrPath: './off', hlsTsFile: '' } },
    ],
    hlss: [
      { enabled: true, hlsPath: './hls' },
      { enabled: true, hlsPath: '' },
      { enabled: true, hlsPath: '/dev/null' },
    ],
  };

  test('folders come from the table: enabled blocks, templates cut where they begin', () => {
    const { config } = parseConfig('listen 1935;', 'x');
    const folders = writtenFolders(config, usedDirectives(options, rows));
    assert.deepEqual(folders, [
      { name: 'ff_log_dir', key: 'ffLogDir', written: '.' },
      { name: 'key_file', key: 'keyFile', written: '/etc/keys', file: '/etc/keys/a' },
      { name: 'vhost.dvr.dvr_path', key: 'vhosts[0].dvr.dvrPath', written: './html' },
      { name: 'hls.hls_path', key: 'hlss[0].hlsPath', written: './hls' },
    ]);
  });

  test('every listener of the real table is known', () => {
    const { config } = parseConfig(
      'listen 1; http_api { enabled on; listen 2; } http_server { enabled on; listen 3; }',
      'x',
    );
    const listens = usedDirectives(config).filter(
      ({ row }) => row.type === 'listen' || row.type === 'listens',
    );
    assert.deepEqual(
      listens.map(({ name }) => name),
      ['listen', 'http_api.listen', 'http_server.listen'],
    );
  });
});
