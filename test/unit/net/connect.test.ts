import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { test } from 'node:test';
import { ServerError } from '../../../src/base/errors.ts';
import { connectTcp } from '../../../src/net/connect.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const hasCode =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof ServerError && error.code === code;

async function listen(onSocket: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const server = createServer(onSocket).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

test('connects by name, carries bytes both ways, and tells the end once', async () => {
  const { server, port } = await listen((socket) => socket.pipe(socket));
  const connection = await connectTcp({ host: 'localhost', port });
  const ended = new Promise<Error | undefined>((resolve) => {
    connection.attach({
      onData: (bytes) => {
        assert.equal(bytes.toString(), 'hello');
        connection.end();
      },
      onDrain: () => undefined,
      onClose: resolve,
    });
  });
  connection.write(Buffer.from('hello'));
  assert.equal(await ended, undefined);
  connection.write(Buffer.from('after the end'));
  connection.destroy();
  server.close();
});

test('a peer that resets: the end has the error', async () => {
  const { server, port } = await listen((socket) => {
    socket.once('data', () => socket.resetAndDestroy());
  });
  const connection = await connectTcp({ host: '127.0.0.1', port });
  const error = await new Promise<Error | undefined>((resolve) => {
    connection.attach({ onData: () => undefined, onDrain: () => undefined, onClose: resolve });
    connection.write(Buffer.from('x'));
  });
  assert.equal((error as NodeJS.ErrnoException | undefined)?.code, 'ECONNRESET');
  server.close();
});

test('nobody listens: CONNECT_FAILED names the address', async () => {
  const { server, port } = await listen(() => undefined);
  server.close();
  await once(server, 'close');
  await assert.rejects(connectTcp({ host: '127.0.0.1', port }), (error) => {
    assert.ok(hasCode('CONNECT_FAILED')(error));
    assert.match((error as Error).message, new RegExp(`127\\.0\\.0\\.1:${port}: .*ECONNREFUSED`));
    return true;
  });
});

test('aborted before and while connecting: SESSION_CLOSED with the reason', async () => {
  const { server, port } = await listen((socket) => socket.destroy());
  const signal = AbortSignal.abort('enough');
  await assert.rejects(connectTcp({ host: '127.0.0.1', port, signal }), (error) => {
    assert.ok(hasCode('SESSION_CLOSED')(error));
    assert.equal((error as Error).cause, 'enough');
    return true;
  });
  const controller = new AbortController();
  const connecting = connectTcp({ host: '127.0.0.1', port, signal: controller.signal });
  controller.abort();
  await assert.rejects(connecting, hasCode('SESSION_CLOSED'));
  server.close();
});

test('no answer in time: SESSION_TIMEOUT', async () => {
  const { server, port } = await listen((socket) => socket.destroy());
  const clock = new ManualClock();
  const connecting = connectTcp({ host: '127.0.0.1', port, timeoutMs: 700, clock });
  // No turn of the event loop passes: TCP cannot have connected.
  clock.advance(700);
  await assert.rejects(connecting, hasCode('SESSION_TIMEOUT'));
  assert.equal(clock.pending, 0);
  server.close();
});
