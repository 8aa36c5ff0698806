import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import {
  machine,
  MAX_DOCTOR_ANSWER_BYTES,
  MAX_DOCTOR_OUTPUT_BYTES,
} from '../../../../src/cli/doctor/machine.ts';
import { socketOwner } from '../../../../src/cli/doctor/socket-owner.ts';
import { run, temporaryFolder } from '../../../support/programs.ts';

const around = machine({});

async function listening(server: Server): Promise<number> {
  after(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

suite('doctor: the real machine', () => {
  const folder = temporaryFolder();

  test('files, folders and links', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, 'text\n');
    symlinkSync(file, join(folder, 'link'));
    mkdirSync(join(folder, 'dir'));
    assert.equal(await around.read(file), 'text\n');
    assert.equal(await around.read(folder), undefined);
    assert.equal(await around.read(join(folder, 'none')), undefined);
    assert.match((await around.read('/proc/self/limits')) ?? '', /Max open files/);
    assert.deepEqual([...((await around.list(folder)) ?? [])].toSorted(), ['dir', 'file', 'link']);
    assert.equal(await around.list(file), undefined);
    assert.equal(await around.link(join(folder, 'link')), file);
    assert.deepEqual(await around.stat(join(folder, 'link')), await around.stat(file));
    const facts = await around.stat(join(folder, 'dir'));
    assert.equal(typeof facts === 'string' ? facts : facts.kind, 'folder');
    assert.equal(await around.stat(join(file, 'x')), 'ENOTDIR');
    assert.equal(await around.access(join(folder, 'none'), 'read'), 'ENOENT');
    assert.equal(await around.access(folder, 'write'), undefined);
    chmodSync(file, 0o600); // Not even root may run a file that nobody may run.
    assert.equal(await around.access(file, 'execute'), 'EACCES');
  });

  test('a pipe does not keep it waiting', async () => {
    const pipe = join(folder, 'pipe');
    await run('mkfifo', [pipe]);
    assert.equal(await around.read(pipe), undefined);
  });

  test('room on a file system', async () => {
    const space = await around.space(folder);
    assert.ok(space !== undefined && space.totalBytes > 0 && space.freeBytes <= space.totalBytes);
    assert.equal(await around.space(join(folder, 'none')), undefined);
  });

  test('a port that is free, taken, or of another machine; it is free again afterwards', async () => {
    const server = createServer();
    const port = await listening(server);
    assert.equal(await around.bind('127.0.0.1', port, 'tcp'), 'EADDRINUSE');
    assert.equal(await around.bind(undefined, port, 'tcp'), 'EADDRINUSE');
    assert.equal(await around.bind('198.51.100.1', port, 'tcp'), 'EADDRNOTAVAIL');
    assert.equal(await around.bind('127.0.0.1', port, 'udp'), undefined);
    server.close();
    await once(server, 'close');
    assert.equal(await around.bind('127.0.0.1', port, 'tcp'), undefined);
    assert.equal(await around.bind('127.0.0.1', port, 'tcp'), undefined);
  });

  test('who has a port: this very process', async () => {
    const port = await listening(createServer());
    const owner = await socketOwner('127.0.0.1', port, 'tcp', around);
    assert.equal(owner?.pid, process.pid);
    assert.equal(owner.isServer, false);
    assert.equal(await socketOwner('127.0.0.2', port, 'tcp', around), undefined);
  });

  test('answers over HTTP: only a short 200', async () => {
    const server = createHttpServer((request, response) => {
      if (request.url === '/long') response.end('x'.repeat(MAX_DOCTOR_ANSWER_BYTES + 1));
      else if (request.url === '/missing') response.writeHead(404).end('no');
      else if (request.url === '/cut') response.write('a', () => response.destroy());
      else response.end('yes');
    });
    const url = `http://127.0.0.1:${await listening(server)}`;
    assert.equal(await around.get(url), 'yes');
    assert.equal((await around.get(`${url}/long`))?.length, undefined);
    assert.equal(await around.get(`${url}/missing`), undefined);
    assert.equal(await around.get(`${url}/cut`), undefined);
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
    assert.equal(await around.get(url), undefined);
  });

  test('something that accepts and never answers is given up', async () => {
    const server = createServer();
    const sockets: { destroy(): void }[] = [];
    server.on('connection', (socket) => sockets.push(socket));
    const port = await listening(server);
    assert.equal(await around.get(`http://127.0.0.1:${port}`), undefined);
    for (const socket of sockets) socket.destroy();
  });

  test('programs: what they say, that they fail, that they cannot be started', async () => {
    assert.deepEqual(await around.run('/bin/sh', ['-c', 'echo yes; cat']), {
      succeeded: true,
      stdout: 'yes\n',
    });
    assert.deepEqual(await around.run('/bin/sh', ['-c', 'echo no; exit 3']), {
      succeeded: false,
      stdout: 'no\n',
    });
    assert.equal(await around.run(join(folder, 'none'), []), undefined);
    assert.equal(await around.run('/bin/\0', []), undefined);
    const flood = `head -c ${MAX_DOCTOR_OUTPUT_BYTES + 1} /dev/zero`;
    assert.equal(await around.run('/bin/sh', ['-c', flood]), undefined);
  });

  test('a wait ends early when it is told to', async () => {
    const abort = new AbortController();
    const waited = around.wait(60_000, abort.signal);
    abort.abort();
    await waited;
  });
});
