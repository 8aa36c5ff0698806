import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { after, afterEach, test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { ServerError } from '../../src/base/errors.ts';
import {
  ConnectionGate,
  HttpServer,
  ListenerSet,
  type ListenAddress,
  type ListenerSetOptions,
} from '../../src/net/index.ts';
import { eventually } from '../support/eventually.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { MemoryLogger } from '../support/memory-logger.ts';
import { resetPeers } from '../support/reset-peers.ts';

const LOCAL = { host: '127.0.0.1', port: 0 } as const;
const sets: ListenerSet[] = [];
const others: Server[] = [];

afterEach(async () => {
  await Promise.all(sets.splice(0).map((set) => set.close()));
  for (const other of others.splice(0)) other.close();
});
after(() => eventually(() => openPorts().length === 0, 'no open port'));

/** An echo server on a set of listeners. */
function echo(options: Partial<ListenerSetOptions> = {}): ListenerSet {
  const set = new ListenerSet({
    directive: 'listen',
    clock: systemClock,
    onConnection: (socket) => socket.on('data', (bytes) => socket.write(bytes)),
    ...options,
  });
  sets.push(set);
  return set;
}

async function dial(port: number, host = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host, noDelay: true });
  await once(socket, 'connect');
  return socket;
}

async function says(socket: Socket, text: string): Promise<void> {
  socket.write(text);
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  assert.equal(bytes.toString(), text);
}

async function refuses(port: number, host = '127.0.0.1'): Promise<void> {
  await assert.rejects(dial(port, host), (error: NodeJS.ErrnoException) => error.code === 'ECONNREFUSED');
}

/** A port that another program holds on 127.0.0.1. */
async function takenPort(host = '127.0.0.1', port = 0): Promise<number> {
  const other = createServer().listen(port, host);
  others.push(other);
  await once(other, 'listening');
  const address = other.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function freePort(): Promise<number> {
  const port = await takenPort();
  const other = others.pop();
  other?.close();
  await once(other as Server, 'close');
  return port;
}

function openPorts(): string[] {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPServerWrap');
}

function isListenFailed(pattern: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ServerError);
    assert.equal(error.code, 'LISTEN_FAILED');
    assert.match(error.message, pattern);
    return true;
  };
}

const portOf = (set: ListenerSet, index = 0): number => set.addresses[index]?.port ?? 0;

test('kept addresses stay untouched, new ones open, gone ones close, connections stay', async () => {
  const set = echo();
  await set.relisten([LOCAL, LOCAL]);
  const [first, second] = [portOf(set, 0), portOf(set, 1)];
  const [one, two] = [await dial(first), await dial(second)];
  const fresh = await freePort();

  await set.relisten([{ host: '127.0.0.1', port: fresh }, LOCAL]);
  assert.deepEqual(
    set.addresses.map(({ port }) => port),
    [fresh, first],
  );
  await refuses(second);
  await says(one, 'kept');
  await says(two, 'of a listener that is gone');
  const three = await dial(fresh);
  await says(three, 'new');
  assert.equal(set.openSockets, 3);
  assert.equal(set.retired, 1);

  // Where port 0 had led to is the same address.
  await set.relisten([{ host: '127.0.0.1', port: first }]);
  await says(one, 'still');
  assert.equal(portOf(set), first);

  two.destroy();
  await eventually(() => set.openSockets === 2, 'the end of a connection');
  three.destroy();
  await eventually(() => set.retired === 0, 'the end of the retired listeners');
});

test('connections that wait in the kernel while their address goes are served', async () => {
  const set = echo();
  await set.relisten([LOCAL]);
  const port = portOf(set);
  // The kernel answers at once; Node takes them one a turn of the event loop.
  const dialled = Promise.all(Array.from({ length: 30 }, () => dial(port)));
  await new Promise((resolve) => setImmediate(resolve));
  await set.relisten([{ host: '127.0.0.2', port: 0 }]);
  for (const [index, socket] of (await dialled).entries()) await says(socket, `waited ${index}`);
  await refuses(port);
});

test('close ends the connections of listeners that are gone', async () => {
  const gate = new ConnectionGate({ maxConnections: 2, clock: systemClock, logger: new MemoryLogger() });
  const set = echo({ gate });
  await set.relisten([LOCAL]);
  const socket = await dial(portOf(set));
  await says(socket, 'hello');
  await set.relisten([]);
  assert.equal(gate.open, 1);
  const closed = once(socket, 'close');
  await set.close();
  await closed;
  assert.equal(gate.open, 0);
  await assert.rejects(set.relisten([LOCAL]), isListenFailed(/stopping/));
  gate.close();
});

test('a new address that cannot be opened changes nothing', async () => {
  const set = echo();
  await set.relisten([LOCAL, LOCAL]);
  const before = set.addresses;
  const socket = await dial(portOf(set));
  const taken = await takenPort();
  const fresh = await freePort();
  await assert.rejects(
    set.relisten([
      { host: '127.0.0.1', port: fresh },
      { host: '127.0.0.1', port: taken },
    ]),
    isListenFailed(new RegExp(`^listen 127\\.0\\.0\\.1:${taken}: .*already in use$`)),
  );
  assert.deepEqual(set.addresses, before);
  await refuses(fresh);
  await says(socket, 'as before');
  (await dial(portOf(set, 1))).destroy();
});

test('all addresses → one of them → all of them, on the same port', async () => {
  const set = echo();
  await set.relisten([{ port: 0 }]);
  const port = portOf(set);
  const socket = await dial(port);
  await says(socket, 'all');
  await set.relisten([{ host: '127.0.0.1', port }]);
  assert.deepEqual(set.addresses, [{ host: '127.0.0.1', port }]);
  await says(socket, 'one');
  await refuses(port, '127.0.0.2');
  const second = await dial(port);
  await says(second, 'one, too');
  await set.relisten([{ port }]);
  await says(await dial(port, '127.0.0.2'), 'all again');
  await says(socket, 'first');
  await says(second, 'second');
});

test('an overlap whose new address fails leaves the old one open, and its connections', async () => {
  const set = echo();
  await set.relisten([{ host: '127.0.0.1', port: 0 }]);
  const port = portOf(set);
  const socket = await dial(port);
  // Another program is on a second address of that port, so all of them cannot be had.
  await takenPort('127.0.0.2', port);
  await assert.rejects(set.relisten([{ port }]), isListenFailed(/already in use$/));
  assert.deepEqual(set.addresses, [{ host: '127.0.0.1', port }]);
  await says(socket, 'not noticed');
  await says(await dial(port), 'open again');
});

test('two addresses of the same port that do not overlap leave no gap', async () => {
  const set = echo();
  await set.relisten([LOCAL]);
  const port = portOf(set);
  await set.relisten([{ host: '127.0.0.2', port }]);
  await says(await dial(port, '127.0.0.2'), 'moved');
  await refuses(port);
});

test('a storm of changes at once ends at the last one and leaks no handle', async () => {
  await eventually(() => openPorts().length === 0, 'the end of what other tests opened');
  const set = echo();
  await set.relisten([LOCAL]);
  const port = portOf(set);
  const sockets = await Promise.all(Array.from({ length: 20 }, () => dial(port)));
  const taken = await takenPort();
  const spare = await freePort();
  const choices: (readonly ListenAddress[])[] = [
    [{ port }],
    [{ host: '127.0.0.1', port }],
    [
      { host: '127.0.0.1', port },
      { host: '127.0.0.1', port: spare },
    ],
    [{ port: spare }, { host: '127.0.0.1', port }],
    [{ port: spare }, { port }],
    [{ host: '127.0.0.1', port }, { port: taken }],
    [{ port }, { port: taken }],
  ];
  let failed = 0;
  const storm = Array.from({ length: 140 }, async (_, index) => {
    await set.relisten(choices[(index * 5 + (index >> 3)) % choices.length] ?? []).catch(() => (failed += 1));
  });
  await Promise.all(storm);
  assert.ok(failed > 20, `${failed} of 140 failed`);
  await set.relisten([{ host: '127.0.0.1', port }]);
  assert.deepEqual(set.addresses, [{ host: '127.0.0.1', port }]);
  await refuses(spare);
  for (const [index, socket] of sockets.entries()) await says(socket, `connection ${index}`);
  await says(await dial(port), 'new');
  await eventually(
    () => openPorts().length === 1 + others.length,
    () => `one port more, not ${openPorts().length}`,
  );
  for (const socket of sockets) socket.destroy();
  await eventually(() => set.retired === 0, 'the end of the retired listeners');
  await set.close();
  await eventually(
    () => openPorts().length === others.length,
    () => `no port, not ${openPorts().length}`,
  );
});

test('stopping while addresses change leaves nothing open', async () => {
  const set = echo();
  await set.relisten([LOCAL]);
  const port = portOf(set);
  const changing = set.relisten([{ port }]);
  await set.stopAccepting();
  await changing;
  await refuses(port);
  await set.close();
});

test('an HTTP connection that comes before all addresses are open has its limits too', async () => {
  const port = await takenPort();
  others.pop()?.close();
  const http = new HttpServer({
    directive: 'http_server listen',
    clock: systemClock,
    logger: new MemoryLogger(),
    headersTimeoutMs: 200,
    timeoutCheckMs: 20,
  });
  // Names take turns of the event loop to look up.
  const names = Array.from({ length: 30 }, () => ({ host: 'localhost', port: 0 }));
  const open = http.listen([{ host: '127.0.0.1', port }, ...names]);
  await new Promise(setImmediate);
  const early = connect({ port, host: '127.0.0.1' });
  early.write('GET / HT');
  try {
    const answer = once(early, 'data', { signal: AbortSignal.timeout(5_000) });
    await open;
    const [bytes] = (await answer) as [Buffer];
    assert.match(bytes.toString(), /^HTTP\/1\.1 408 /);
  } finally {
    early.destroy();
    await http.close();
  }
});

for (const [ok, lines] of [
  [true, []],
  [false, ['warn [] listen: the peers of 3 connections were gone before they were accepted']],
] as const) {
  test(`peers that are gone at accept: empty_ip_ok ${ok ? 'on' : 'off'}`, async () => {
    const log = new MemoryLogger();
    const clock = new ManualClock();
    const gate = new ConnectionGate({ maxConnections: 10, clock, logger: log });
    let accepted = 0;
    const set = echo({
      clock,
      logger: log,
      gate,
      emptyIpOk: () => ok,
      onConnection: () => (accepted += 1),
    });
    await set.relisten([LOCAL]);
    resetPeers(portOf(set), 3);
    const socket = await dial(portOf(set));
    await eventually(() => accepted === 1, 'the connection that has a peer');
    clock.advance(1_000);
    assert.equal(accepted, 1);
    assert.equal(gate.open, 1);
    assert.deepEqual(log.lines, lines);
    socket.destroy();
    gate.close();
  });
}
