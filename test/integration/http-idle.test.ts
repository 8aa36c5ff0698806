import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { ConnectionGate } from '../../src/net/index.ts';
import { eventually } from '../support/eventually.ts';
import { startHttp, type TestHttp } from '../support/http-endpoint.ts';
import { RawClient } from '../support/raw-http.ts';

const running: TestHttp[] = [];
const clients: Socket[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  for (const http of running.splice(0)) await http.endpoint.close();
});

async function start(idleTimeoutMs: number): Promise<TestHttp & { readonly gate: ConnectionGate }> {
  const gate = new ConnectionGate({ maxConnections: 100, clock: systemClock, logger: silentLogger });
  const http = await startHttp({ timeouts: { idleTimeoutMs } }, { gate });
  running.push(http);
  return { ...http, gate };
}

/** A client that never closes its own side. */
function ask(port: number, request: string): Socket {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => undefined);
  socket.write(request);
  clients.push(socket);
  return socket;
}

for (const { name, request } of [
  { name: 'CONNECT', request: 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n' },
  {
    name: 'an upgrade that is not taken',
    request: 'GET /none HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
  },
]) {
  test(`after ${name} the connection is closed, whether the client closes it or not`, async () => {
    const { port, gate } = await start(60_000);
    const socket = ask(port, request);
    let answer = '';
    socket.on('data', (bytes) => (answer += bytes.toString('latin1')));
    await once(socket, 'end');
    assert.match(answer, /^HTTP\/1\.1 40[04] /);
    await eventually(() => gate.open === 0, 'the connection is still open');
  });
}

test('a download that nobody reads is ended; live bodies may be silent for longer', async () => {
  const { port, gate, hub, dir } = await start(200);
  await writeFile(join(dir, 'big.bin'), Buffer.alloc(32 * 1024 * 1024));
  const stream = hub.add('live', 'show');
  const player = await RawClient.open(port);
  player.send('GET /live/show.flv HTTP/1.1\r\nHost: x\r\n\r\n');
  const viewer = await stream.viewer();
  const webSocket = await RawClient.open(port);
  webSocket.send(
    'GET /live/show.flv HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  );
  await webSocket.until('101 Switching Protocols');
  ask(port, 'GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n').pause();
  await eventually(() => gate.open === 3, 'three connections');
  await eventually(() => gate.open === 2, 'the download is still open');
  viewer.send(Buffer.from('BODY'));
  await player.until('BODY');
  player.socket.destroy();
  webSocket.socket.destroy();
});
