import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { AccessPolicy } from '../../src/hub/ports.ts';
import { ServerError } from '../../src/base/errors.ts';
import { AccessStage, ONE } from '../support/access-stage.ts';

const HANDSHAKE =
  'GET /live/show.flv HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n';

const sends = (redirect: string): AccessPolicy => ({ check: () => Promise.resolve({ redirect }) });

for (const [url, want] of [
  ['rtmp://elsewhere.test/live/show', 'ACCESS_REDIRECTED'],
  ['rtmps://elsewhere.test/live/show', 'ACCESS_REDIRECTED'],
  ['https://elsewhere.test/live/show.flv', 'the stream is elsewhere'],
  ['wss://elsewhere.test/live/show.flv', 'the stream is elsewhere'],
] as const)
  test(`a client of HTTP that a policy sends to ${url} hears: ${want}`, async (context) => {
    const stage = await AccessStage.of(context, '', { policy: sends(url) });
    const fed = stage.feed();
    assert.deepEqual([await stage.play('flv', ONE), await stage.play('ws-flv', ONE)], [want, want]);
    fed.end();
  });

test('a WebSocket that is refused gets the answer and a proper end, also where it has sent more already', async (context) => {
  const policy = { check: () => Promise.reject(new ServerError('HOOK_REFUSED', 'no')) };
  const stage = await AccessStage.of(context, '', { policy });
  const socket = connect(stage.server.httpPort, '127.0.0.1');
  const chunks: Buffer[] = [];
  const ended = new Promise<string>((resolve) => {
    socket.on('data', (chunk) => void chunks.push(chunk));
    socket.once('end', () => resolve('end'));
    socket.once('error', ({ message }) => resolve(message));
  });
  socket.write(Buffer.concat([Buffer.from(HANDSHAKE), Buffer.alloc(256 * 1024)]));
  assert.equal(await ended, 'end');
  assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1\.1 403 [^]*\r\n\r\nforbidden: HOOK_REFUSED\n$/);
  socket.destroy();
});
