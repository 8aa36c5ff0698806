import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, test } from 'node:test';
import { Program, temporaryFolder, until } from '../support/programs.ts';
import { readIfThere, SRS, srsHome, type SrsHome } from '../support/srs-home.ts';

const folder = temporaryFolder();
const running: Program[] = [];
afterEach(async () => {
  for (const program of running.splice(0)) await program.stop('SIGKILL');
});

const RAW = 'raw_api { enabled on; allow_reload on; allow_query on; allow_update on; }';

async function raw(home: SrsHome, query: string): Promise<{ code: number; msg?: string }> {
  const response = await fetch(`${home.apiUrl}/api/v1/raw?${query}`);
  return (await response.json()) as { code: number; msg?: string };
}

test('a real server: pid file, log and vhosts, while it watches its file', async () => {
  const home = await srsHome(folder, 'update');
  writeFileSync(
    home.conf,
    home.text('inotify_auto_reload on;\nsrs_log_tank file;\n# kept').replace(/(http_api \{)/, `$1 ${RAW}`),
  );
  const server = await home.up();
  running.push(server);
  for (const query of [
    'scope=pid&value=./objs/other.pid',
    'scope=srs_log_file&value=./objs/other.log',
    'scope=srs_log_level&value=info',
    'scope=vhost&param=create&value=two.example',
    'scope=vhost&param=disable&value=two.example',
    'scope=vhost&param=delete&value=two.example',
  ]) {
    const { code, msg } = await raw(home, `rpc=update&${query}`);
    assert.equal(code, 0, `${query}: ${msg}`);
  }
  assert.equal(readIfThere(home.pidFile), '');
  assert.equal(Number(readIfThere(path.join(home.folder, 'objs/other.pid'))), server.pid);
  const log = (): string => readIfThere(path.join(home.folder, 'objs/other.log'));
  await until('the new log has lines', () => log().includes('two.example'));
  const text = readFileSync(home.conf, 'utf8');
  assert.match(text, /^srs_log_tank file;\n(?:.*\n)*?# kept$/m);
  assert.doesNotMatch(text, /two\.example/);
  const last = (await raw(home, 'rpc=reload')) as { data?: { changes: unknown[]; err: number } };
  assert.deepEqual([last.data?.err, last.data?.changes], [0, []]);
});

test('a file that the server may not replace stays, and so does what is in force', async () => {
  const home = await srsHome(folder, 'denied');
  const etc = path.join(home.folder, 'etc');
  const conf = path.join(etc, 'srs.conf');
  mkdirSync(etc);
  writeFileSync(
    conf,
    home.text('srs_log_tank console; pid /dev/null;').replace(/(http_api \{)/, `$1 ${RAW}`),
  );
  for (const [name, mode] of [
    [folder, 0o755],
    [home.folder, 0o755],
    [conf, 0o644],
    [etc, 0o555],
  ] as const)
    chmodSync(name, mode);
  // Root may write everywhere.
  const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
  const command = [...(process.getuid?.() === 0 ? nobody : []), process.execPath, SRS, '-c', conf];
  const server = new Program('/usr/bin/env', command, { cwd: home.folder });
  running.push(server);
  await until('the API answers', async () => {
    if (!server.running) throw new Error(`it ended: ${server.output}`);
    return home.answers();
  });
  const before = readFileSync(conf, 'utf8');
  const { code, msg } = await raw(home, 'rpc=update&scope=max_connections&value=500');
  assert.deepEqual(
    [code, msg],
    [1059, `${conf} could not be written: this user may not write to its folder`],
  );
  assert.equal(readFileSync(conf, 'utf8'), before);
  assert.deepEqual(readdirSync(etc), ['srs.conf']);
  const dry = await raw(home, 'rpc=update&scope=max_connections&value=500&dry_run=1');
  assert.equal(dry.code, 0);
  chmodSync(etc, 0o755);
});

test('an API for others makes a token, keeps it over a restart, and never tells it', async () => {
  const home = await srsHome(folder, 'token');
  const { api } = home.ports;
  writeFileSync(
    home.conf,
    home.text('srs_log_tank console;').replace(`listen 127.0.0.1:${api};`, `listen ${api};`),
  );
  const file = path.join(home.folder, 'objs/api.token');
  const ask = async (token?: string): Promise<number> => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return (await fetch(`${home.apiUrl}/api/v1/versions`, { headers })).status;
  };
  const isUp = async (): Promise<boolean> =>
    fetch(`${home.apiUrl}/api/v1/health`).then(
      ({ ok }) => ok,
      () => false,
    );
  let token: string | undefined;
  for (const round of [1, 2]) {
    const server = home.start();
    running.push(server);
    await until('it is up', isUp);
    const now = readFileSync(file, 'utf8').trim();
    assert.equal(now, token ?? now, `round ${round}`);
    token = now;
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual([await ask(), await ask('x'.repeat(43)), await ask(token)], [401, 401, 200]);
    await server.stop('SIGTERM');
    assert.match(server.output, /the HTTP API asks for credentials; tokens are in .*objs\/api\.token/);
    assert.ok(!server.output.includes(token));
  }
});
