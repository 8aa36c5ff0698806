import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { diffConfig, parseConfig } from '../../src/config/index.ts';
import type { Refusal } from '../../src/server/reload/ports.ts';
import { readEvents } from '../support/event-reader.ts';
import { eventually } from '../support/eventually.ts';
import { TestServer } from '../support/test-server.ts';

let folder = '';
let file = '';
const running: TestServer[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'api-auth-'));
  file = path.join(folder, 'objs/api.token');
});
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const api = (listen: string, auth = ''): string =>
  `http_api { enabled on; listen ${listen}; auth { token_file ${file}; ${auth} } }`;

async function start(top: string): Promise<TestServer> {
  const server = await TestServer.start({ top });
  running.push(server);
  return server;
}

async function status(
  server: TestServer,
  token?: string,
  target = 'versions',
  method = 'GET',
): Promise<number> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const port = server.server.addresses.api[0]?.port ?? 0;
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/${target}`, { method, headers });
  await response.arrayBuffer();
  return response.status;
}

/** Gives the server another configuration, as a reload does. */
async function change(server: TestServer, before: string, after: string): Promise<readonly Refusal[]> {
  const load = (top: string): ReturnType<typeof parseConfig> =>
    parseConfig(
      `listen 127.0.0.1:0; max_connections 20000; http_server { enabled on; listen 127.0.0.1:0; }
       vhost __defaultVhost__ { http_remux { enabled on; } } ${top}`,
      'test.conf',
      { allowPortZero: true },
    );
  const next = load(after);
  return server.server.apply(next.config, diffConfig(load(before), next));
}

test('an API that others reach makes a token for itself, once', async () => {
  const first = await start(api('0'));
  const token = readFileSync(file, 'utf8').trim();
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(
    [await status(first), await status(first, 'wrong-0123456789'), await status(first, token)],
    [401, 401, 200],
  );
  assert.equal(await status(first, undefined, 'health'), 200);
  assert.equal(first.linesWith('tokens are in', file, 'Bearer TOKEN', 'auth { enabled off; }').length, 1);
  await first.stop();
  const second = await start(api('0'));
  assert.equal(readFileSync(file, 'utf8').trim(), token);
  assert.equal(await status(second, token), 200);
  for (const server of [first, second]) assert.deepEqual(server.linesWith(token), []);
});

test('on loopback nobody is asked and no token is made; off in words is told', async () => {
  const loopback = await start(api('127.0.0.1:0'));
  assert.equal(await status(loopback), 200);
  assert.throws(() => statSync(file), { code: 'ENOENT' });
  assert.deepEqual(loopback.linesWith('warn', 'http_api'), []);
  const open = await start(api('0', 'enabled off;'));
  assert.equal(await status(open), 200);
  assert.throws(() => statSync(file), { code: 'ENOENT' });
  assert.equal(open.linesWith('warn', 'http_api.auth.enabled is off').length, 1);
});

test('tokens of the configuration and of the file have their roles, and none is made beside them', async () => {
  const server = await start(
    api('127.0.0.1:0', 'token read reader-0123456789; username boss; password s3cret;'),
  );
  assert.throws(() => statSync(file), { code: 'ENOENT' });
  // Who wrote that knows what to do.
  assert.deepEqual(server.linesWith('enabled off'), []);
  assert.equal(await status(server, 'reader-0123456789'), 200);
  assert.equal(await status(server, 'reader-0123456789', 'clients/x', 'DELETE'), 403);
  const port = server.server.addresses.api[0]?.port ?? 0;
  const basic = { authorization: `Basic ${Buffer.from('boss:s3cret').toString('base64')}` };
  const kick = await fetch(`http://127.0.0.1:${port}/api/v1/clients/x`, { method: 'DELETE', headers: basic });
  assert.equal(((await kick.json()) as { code: number }).code, 2049);
});

test('a file of tokens that changes is read again', async () => {
  const server = await start(api('0'));
  const old = readFileSync(file, 'utf8').trim();
  writeFileSync(file, 'read another-0123456789\nnonsense\n');
  await server.line('the tokens of the file are in use');
  assert.equal(await status(server, old), 401);
  assert.equal(await status(server, 'another-0123456789'), 200);
  assert.equal(await status(server, 'another-0123456789', 'clients/x', 'DELETE'), 403);
  assert.equal(server.linesWith('warn', `${file}:2 is no token`).length, 1);
  rmSync(file);
  const inUse = (): boolean => server.linesWith('the tokens of the file are in use').length === 2;
  await eventually(inUse, 'a new token');
  assert.equal(await status(server, readFileSync(file, 'utf8').trim()), 200);
  assert.equal(await status(server, 'another-0123456789'), 401);
});

test('who reads events is sent away when the token is taken out, others stay', async () => {
  mkdirSync(path.dirname(file));
  writeFileSync(file, 'read leaving-0123456789\n', { mode: 0o600 });
  const server = await start(api('0', 'token read watcher-0123456789;'));
  const port = server.server.addresses.api[0]?.port ?? 0;
  const events = (token: string): ReturnType<typeof readEvents> =>
    readEvents(`http://127.0.0.1:${port}/api/v1/events`, { authorization: `Bearer ${token}` });
  const [leaves, stays] = await Promise.all([events('leaving-0123456789'), events('watcher-0123456789')]);
  const gone: string[] = [];
  void leaves.ended.then(() => gone.push('leaves'));
  void stays.ended.then(() => gone.push('stays'));
  await Promise.all([leaves.reader.until(1), stays.reader.until(1)]);
  writeFileSync(file, 'admin another-0123456789\n');
  await server.line('the tokens of the file are in use');
  await eventually(() => gone.length > 0, 'the end of its events');
  assert.equal(await status(server, 'another-0123456789'), 200);
  assert.deepEqual(gone, ['leaves']);
  stays.stop();
});

test('a reload closes and opens the API, also when it moves to where others reach it', async () => {
  const [loopback, everywhere] = [api('127.0.0.1:0'), api('0')];
  const server = await start(loopback);
  assert.equal(await status(server), 200);
  assert.deepEqual(await change(server, loopback, everywhere), []);
  assert.equal(await status(server), 401);
  const token = readFileSync(file, 'utf8').trim();
  assert.equal(await status(server, token), 200);
  const open = api('0', 'enabled off;');
  assert.deepEqual(await change(server, everywhere, open), []);
  assert.equal(await status(server), 200);
  const closed = api('0', 'token operate operator-0123456789;');
  assert.deepEqual(await change(server, open, closed), []);
  assert.equal(await status(server, 'operator-0123456789', 'clients/x', 'DELETE'), 200);
});

test('where no token can be made it does not start, and a reload to there is refused', async () => {
  file = '/proc/no/api.token';
  await assert.rejects(start(api('0')), { code: 'API_TOKENS_FAILED', message: /\/proc\/no\/api\.token/ });
  const [before, after] = [api('127.0.0.1:0'), api('127.0.0.1:0', 'enabled on;')];
  const server = await start(before);
  const refused = await change(server, before, after);
  assert.deepEqual(
    refused.map(({ change: { directive } }) => directive),
    ['http_api.auth.enabled'],
  );
  assert.match(refused[0]?.why ?? '', /cannot be made/);
  assert.equal(await status(server), 200);
});
