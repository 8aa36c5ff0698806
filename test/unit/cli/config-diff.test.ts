import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { configDiff } from '../../../src/cli/config-diff.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'srs-config-diff-'));
after(() => rmSync(folder, { recursive: true }));

function run(
  before: string,
  later: string,
  env: Record<string, string> = {},
): { code: number; out: string; error: string } {
  const [fileA, fileB] = [path.join(folder, 'a.conf'), path.join(folder, 'b.conf')];
  writeFileSync(fileA, before);
  writeFileSync(fileB, later);
  let [out, error] = ['', ''];
  const code = configDiff(
    fileA,
    fileB,
    { stdout: (text) => (out += text), stderr: (text) => (error += text) },
    env,
  );
  return { code, out, error: error.replaceAll(folder, '') };
}

test('no difference: exit code 0', () => {
  const text = 'listen 1935;';
  assert.deepEqual(run(text, `${text} # more\n`), {
    code: 0,
    out: 'A reload would change nothing.\n',
    error: '',
  });
});

test('what a reload would do, whom it disturbs and what needs a restart: exit code 1', () => {
  const ingest = (url: string): string =>
    `ingest one { enabled on; input { url ${url}; } engine { output rtmp://h/live/x; } }`;
  const before = `listen 1935;
http_server { enabled on; }
vhost a { ${ingest('./x')} }
vhost b {}
vhost c {}
vhost off { enabled off; }`;
  const later = `listen 1936;
daemon off;
vhost a {
  play { mw_latency 1s; }
  ${ingest('./y')}
}
vhost b { enabled off; }
vhost d {}`;
  const { code, out, error } = run(before, later);
  assert.equal(error, '');
  assert.equal(code, 1);
  assert.equal(
    out,
    `Applied at once:
  listen: *:1935 -> *:1936 (line 1); new connections only; open ones stay
  http_server.enabled: on -> off; HTTP viewers are disconnected
  vhost c is removed; clients of this vhost are disconnected
  vhost off is removed
  vhost.play.mw_latency of vhost a: 350ms -> 1s (line 4)
  vhost.ingest.input.url of one of vhost a: './x' -> './y' (line 5); this ingest is started anew
  vhost.enabled of vhost b: on -> off (line 7); clients of this vhost are disconnected
  vhost d is added (line 8)

Needs a restart; a reload leaves the old value:
  daemon: on -> off (line 2)

8 changes at once, 1 change with the next start.
`,
  );
});

test('variables override both files', () => {
  const env = { SRS_LISTEN: '1999' };
  assert.equal(run('listen 1935;', 'listen 1936;', env).code, 0);
});

test('a directive of another file is told with its file', () => {
  writeFileSync(path.join(folder, 'more.conf'), '\nmax_connections 7;');
  const { out } = run('listen 1935;', 'listen 1935; include more.conf;');
  assert.match(out, /max_connections: 1000 -> 7 \(.*more\.conf:2\)/);
});

test('a file that cannot be used: exit code 2, both files are told', () => {
  const { code, out, error } = run('listen x;', 'lisen 1935;');
  assert.equal(code, 2);
  assert.equal(out, '');
  assert.match(error, /^error: \/a\.conf:1:8: listen: 'x' is not a port/);
  assert.match(error, /^error: \/b\.conf:1:1: lisen: .*did you mean 'listen'/m);
});

test('a folder that is gone is trouble, not a difference: exit code 2', () => {
  const gone = mkdtempSync(path.join(tmpdir(), 'srs-config-diff-gone-'));
  const before = process.cwd();
  process.chdir(gone);
  rmSync(gone, { recursive: true });
  try {
    assert.equal(configDiff('a.conf', 'b.conf', { stdout: () => undefined, stderr: () => undefined }), 2);
  } finally {
    process.chdir(before);
  }
});
