import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { test } from 'node:test';
import { ServerError } from '../../src/base/errors.ts';
import { ConnectionGate, listenTcp, plainIp, SocketSink } from '../../src/net/index.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { MemoryLogger } from '../support/memory-logger.ts';

function failure(code: string, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ServerError);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  };
}

const ignore = (): void => undefined;

test('a taken port is told with directive, address and port', async () => {
  const first = await listenTcp({ directive: 'listen', address: { port: 0 }, onConnection: ignore });
  const { port } = first.address;
  await assert.rejects(
    listenTcp({ directive: 'listen', address: { port }, onConnection: ignore }),
    failure(
      'LISTEN_FAILED',
      new RegExp(`^listen ${port}: address 0\\.0\\.0\\.0 port ${port} is already in use$`),
    ),
  );
  await assert.rejects(
    listenTcp({ directive: 'http_api listen', address: { host: '127.0.0.1', port }, onConnection: ignore }),
    failure(
      'LISTEN_FAILED',
      new RegExp(
        `^http_api listen 127\\.0\\.0\\.1:${port}: address 127\\.0\\.0\\.1 port ${port} is already in use$`,
      ),
    ),
  );
  await first.close();
  const again = await listenTcp({ directive: 'listen', address: { port }, onConnection: ignore });
  await again.close();
});

test('an address that is not of this machine is told', async () => {
  await assert.rejects(
    listenTcp({ directive: 'listen', address: { host: '192.0.2.1', port: 0 }, onConnection: ignore }),
    failure('LISTEN_FAILED', /address 192\.0\.2\.1 port 0 is not an address of this machine$/),
  );
  await assert.rejects(
    listenTcp({ directive: 'listen', address: { host: '2001:db8::1', port: 1 }, onConnection: ignore }),
    failure('LISTEN_FAILED', /^listen \[2001:db8::1\]:1: address 2001:db8::1 port 1 /),
  );
});

test('without a host both IPv4 and IPv6 are served; with one only that', async () => {
  const seen: string[] = [];
  const all = await listenTcp({
    directive: 'listen',
    address: { port: 0 },
    onConnection: (socket) => {
      seen.push(plainIp(socket.remoteAddress));
      socket.end();
    },
  });
  const six = createServer().listen(0, '::1');
  const hasIPv6 = await once(six, 'listening').then(
    () => true,
    () => false,
  );
  six.close();
  for (const host of hasIPv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1']) {
    const socket = connect(all.address.port, host).resume();
    await once(socket, 'close');
  }
  assert.deepEqual(seen, hasIPv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1']);
  await all.close();
  if (!hasIPv6) return;
  const only = await listenTcp({
    directive: 'listen',
    address: { host: '::1', port: 0 },
    onConnection: ignore,
  });
  assert.equal(only.address.host, '::1');
  const refused = connect(only.address.port, '127.0.0.1');
  await assert.rejects(once(refused, 'connect'), /ECONNREFUSED/);
  await only.close();
});

test('connections above the limit are closed at once, counted, and told once a second', async () => {
  const clock = new ManualClock();
  const logger = new MemoryLogger();
  const gate = new ConnectionGate({ maxConnections: 2, clock, logger });
  const accepted: Socket[] = [];
  const options = { directive: 'listen', address: { host: '127.0.0.1', port: 0 }, gate } as const;
  const one = await listenTcp({ ...options, onConnection: (socket) => accepted.push(socket) });
  const two = await listenTcp({ ...options, onConnection: (socket) => accepted.push(socket) });
  const open = (port: number): Socket => connect(port, '127.0.0.1').on('error', ignore).resume();
  const a = open(one.address.port);
  const b = open(two.address.port);
  while (gate.open < 2) await new Promise(setImmediate);
  for (let i = 0; i < 3; i += 1) await once(open(one.address.port), 'close');
  assert.deepEqual(accepted.length, 2);
  assert.equal(gate.refusedTotal, 3);
  clock.advance(1_000);
  assert.deepEqual(logger.lines, [
    'warn [] CONNECTIONS_EXCEEDED(1074): closed 3 connections at accept, the last from 127.0.0.1: max_connections is 2',
  ]);
  a.destroy();
  while (gate.open > 1) await new Promise(setImmediate);
  const c = open(two.address.port);
  while (gate.open < 2) await new Promise(setImmediate);
  assert.equal(two.openSockets, 2);
  await one.close();
  await two.close();
  assert.equal(gate.open, 0);
  assert.equal(clock.pending, 0);
  b.destroy();
  c.destroy();
});

test('stopAccepting frees the port and keeps the open sockets; close ends them; both may come twice', async () => {
  let server: Socket | undefined;
  const listener = await listenTcp({
    directive: 'listen',
    address: { host: '127.0.0.1', port: 0 },
    onConnection: (socket) => (server = socket),
  });
  const { port } = listener.address;
  const client = connect(port, '127.0.0.1').resume();
  while (server === undefined) await new Promise(setImmediate);
  await Promise.all([listener.stopAccepting(), listener.stopAccepting()]);
  const other = createServer().listen(port, '127.0.0.1');
  await once(other, 'listening');
  other.close();
  assert.equal(server.destroyed, false);
  const closed = once(client, 'close');
  await Promise.all([listener.close(), listener.close()]);
  await closed;
  assert.equal(listener.openSockets, 0);
});

test('an error of an accepted socket ends no process', async () => {
  let server: Socket | undefined;
  const listener = await listenTcp({
    directive: 'listen',
    address: { host: '127.0.0.1', port: 0 },
    onConnection: (socket) => (server = socket),
  });
  const client = connect(listener.address.port, '127.0.0.1');
  while (server === undefined) await new Promise(setImmediate);
  server.resume();
  const closed = new Promise((resolve) => server?.once('close', resolve));
  client.resetAndDestroy();
  await closed;
  await listener.close();
});

test('a sink counts what the peer did not take, tells its drain, and closes once with the first reason', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [socket] = await accepted;
  let drains = 0;
  const reasons: (ServerError | undefined)[] = [];
  const sink = new SocketSink(socket, {
    onDrain: () => (drains += 1),
    onClosed: (reason) => reasons.push(reason),
  });
  const block = Buffer.alloc(1_000_000, 7);
  for (let i = 0; i < 20; i += 1) sink.write(block);
  assert.ok(sink.pendingBytes > 1_000_000);
  let got = 0;
  client.on('data', (chunk) => (got += chunk.length));
  while (got < 20_000_000) await new Promise(setImmediate);
  while (drains === 0) await new Promise(setImmediate);
  assert.equal(sink.pendingBytes, 0);
  const first = new ServerError('VIEWER_STALLED', 'first');
  sink.close(first);
  sink.close(new ServerError('SESSION_KICKED', 'second'));
  sink.write(block);
  await once(client, 'close');
  while (reasons.length === 0) await new Promise(setImmediate);
  await new Promise(setImmediate);
  assert.deepEqual(reasons, [first]);
  assert.equal(sink.pendingBytes, 0);
  server.close();
});

test('a sink over a connection that is already closed says so', async () => {
  const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
    .on('error', ignore)
    .resume();
  await once(client, 'close');
  const reason = await new Promise((resolve) => new SocketSink(client, { onClosed: resolve }));
  assert.equal(reason, undefined);
  server.close();
});
