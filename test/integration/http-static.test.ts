import assert from 'node:assert/strict';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { ReloadServer } from '../support/reload-server.ts';
import { RawClient } from '../support/raw-http.ts';

const running: ReloadServer[] = [];

afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
});

async function folders(...names: readonly string[]): Promise<string> {
  const base = await mkdtemp(join(tmpdir(), 'srs-static-'));
  for (const name of names) {
    await mkdir(join(base, name));
    await writeFile(join(base, name, 'name.txt'), `in ${name}`);
  }
  return base;
}

async function body(server: ReloadServer, host: string, path: string): Promise<string> {
  const head = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
  const answer = await RawClient.ask(server.httpPort, head);
  return answer.slice(answer.indexOf('\r\n\r\n') + 4);
}

test('each vhost has files of its own; mounts and folders change on reload, downloads under way go on', async () => {
  const base = await folders('server', 'a', 'b', 'other');
  await writeFile(join(base, 'a', 'big.bin'), Buffer.alloc(24 * 1024 * 1024, 'x'));
  const conf = (vhosts: string): string => `
    listen 127.0.0.1:0; max_connections 100;
    http_server { enabled on; listen 127.0.0.1:0; dir ${base}/server; page off; }
    vhost __defaultVhost__ { }
    ${vhosts}`;
  const server = await ReloadServer.start(
    conf(`
      vhost a.com { http_static { enabled on; mount [vhost]/; dir ${base}/a; } }
      vhost b.com { http_static { enabled on; mount [vhost]/files; dir ${base}/b; } }`),
  );
  running.push(server);
  assert.equal(await body(server, 'a.com', '/name.txt'), 'in a');
  assert.equal(await body(server, 'A.com:8080', '/name.txt'), 'in a');
  assert.equal(await body(server, 'b.com', '/files/name.txt'), 'in b');
  assert.equal(await body(server, 'b.com', '/name.txt'), 'in server');
  assert.equal(await body(server, 'x', '/name.txt'), 'in server');
  assert.equal(await body(server, 'x', '/name.txt?vhost=a.com'), 'in a');
  assert.equal(await body(server, 'a.com', '/../b/name.txt'), 'bad request\n');

  const download = await RawClient.open(server.httpPort);
  download.send('GET /big.bin HTTP/1.1\r\nHost: a.com\r\nConnection: close\r\n\r\n');
  await download.until('200 OK');
  download.socket.pause();
  await server.apply(
    conf(`
      vhost a.com { http_static { enabled on; mount [vhost]/; dir ${base}/other; } }
      vhost b.com { http_static { enabled on; mount [vhost]/moved; dir ${base}/b; } }
      vhost c.com { http_static { enabled on; dir ${base}/b; } }`),
  );
  assert.equal(await body(server, 'a.com', '/name.txt'), 'in other');
  assert.equal(await body(server, 'b.com', '/files/name.txt'), 'not found\n');
  assert.equal(await body(server, 'b.com', '/moved/name.txt'), 'in b');
  assert.equal(await body(server, 'c.com', '/name.txt'), 'in b');
  download.socket.resume();
  assert.match((await download.end()).slice(-10), /^x{10}$/);

  await server.apply(
    conf(`
      vhost a.com { enabled off; http_static { enabled on; dir ${base}/other; } }
      vhost b.com { http_static { enabled off; mount [vhost]/moved; dir ${base}/b; } }`),
  );
  for (const host of ['a.com', 'b.com', 'c.com'])
    assert.equal(await body(server, host, '/name.txt'), 'in server');
});
