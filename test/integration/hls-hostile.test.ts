import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { readMediaPlaylist } from '../../src/containers/m3u8/index.ts';
import type { PublishLease } from '../../src/hub/ports.ts';
import { MAX_PIPELINED_REQUESTS } from '../../src/net/http-server.ts';
import { eventually } from '../support/eventually.ts';
import { LIVE_DEMO, sessionOf } from '../support/hub-fixtures.ts';
import { until } from '../support/programs.ts';
import { RawClient } from '../support/raw-http.ts';
import { TestServer } from '../support/test-server.ts';
import { aacConfig, aacFrame, audioTime, avcConfig, picture } from '../support/ts-frames.ts';

const CROWD = 1_000;
const SLOW_READERS = 40;
const PIPELINED = 2_000;
const PICTURE_BYTES = 60_000;

/** A peer that asks and does nothing else. */
function ask(port: number, request: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => {
      socket.write(request);
      resolve(socket);
    });
    socket.once('error', reject);
    socket.pause();
  });
}

suite('HLS and clients that mean no good', () => {
  let root = '';
  let server: TestServer;
  let lease: PublishLease;
  let sentMs = 0;
  let sounds = 0;

  /** Publishes so much more media, at once. */
  function send(ms: number): void {
    for (const end = sentMs + ms; sentMs < end; sentMs += 40) {
      for (; audioTime(0, sounds) <= sentMs; sounds++) lease.write(aacFrame(audioTime(0, sounds), 100));
      lease.write(picture(sentMs, 0, sentMs % 1_000 === 0, [PICTURE_BYTES]));
    }
  }

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'srs-hostile-'));
    server = await TestServer.start({
      vhost: `
        http_static { enabled on; mount [vhost]/; dir ${root}; }
        hls { enabled on; hls_ctx off; hls_use_fmp4 on; hls_ll on; hls_fragment 2; hls_window 10; hls_path ${root}; }`,
    });
    lease = server.hub.publish(LIVE_DEMO, sessionOf('p1'));
    lease.write(avcConfig(0));
    lease.write(aacConfig(0));
    send(9_500);
    // What was there before is read from the disk first.
    await until('the playlist is there', async () => {
      const answer = await RawClient.ask(server.httpPort, request('/live/demo.m3u8', true));
      return answer.includes('demo-3.m4s');
    });
  });
  after(async () => {
    lease.release();
    await server.stop();
    await rm(root, { recursive: true, force: true });
  });

  const request = (path: string, close = false): string =>
    `GET ${path} HTTP/1.1\r\nHost: x\r\n${close ? 'Connection: close\r\n' : ''}\r\n`;

  async function get(path: string): Promise<string> {
    const answer = await RawClient.ask(server.httpPort, request(path, true));
    assert.ok(answer.startsWith('HTTP/1.1 200 '), answer.slice(0, 200));
    return answer.slice(answer.indexOf('\r\n\r\n') + 4);
  }

  /** What asks for the part that comes next. */
  async function nextPart(): Promise<string> {
    const { mediaSequence, segments, partial } = readMediaPlaylist(await get('/live/demo.m3u8'));
    const sequence = mediaSequence + segments.length;
    return `/live/demo.m3u8?_HLS_msn=${sequence}&_HLS_part=${partial?.parts?.length ?? 0}`;
  }

  test(`${CROWD} blocked reloads are answered together, and cost little while they wait`, async () => {
    const path = await nextPart();
    const before = process.memoryUsage();
    const clients = await Promise.all(Array.from({ length: CROWD }, () => RawClient.open(server.httpPort)));
    for (const client of clients) client.send(request(path, true));
    // Who asks for what is there is answered meanwhile.
    for (let i = 0; i < 20; i++) await get('/live/demo.m3u8');
    assert.ok(
      clients.every(({ text }) => text === ''),
      'nobody was answered too soon',
    );
    const waiting = process.memoryUsage();
    assert.ok(waiting.heapUsed - before.heapUsed < 60_000_000, 'clients and server together');
    const from = performance.now();
    send(500);
    const answers = await Promise.all(clients.map((client) => client.end()));
    const tookMs = performance.now() - from;
    assert.ok(tookMs < 5_000, `${tookMs} ms`);
    const bodies = new Set(answers.map((text) => text.slice(text.indexOf('\r\n\r\n'))));
    assert.equal(bodies.size, 1);
    assert.ok(answers.every((text) => text.startsWith('HTTP/1.1 200 ')));
  });

  test(`${CROWD} who leave while they wait leave nothing behind`, async () => {
    const path = await nextPart();
    await eventually(() => server.server.connections === 0, 'the others are gone');
    const sockets = await Promise.all(
      Array.from({ length: CROWD }, () => ask(server.httpPort, request(path))),
    );
    await eventually(() => server.server.connections === CROWD, 'all are there');
    for (const socket of sockets) socket.destroy();
    await eventually(() => server.server.connections === 0, 'all are gone');
    send(1_000);
    assert.match(await get('/live/demo.m3u8'), /#EXT-X-PART:/);
    assert.deepEqual(server.linesWith('error ['), []);
  });

  test(`${SLOW_READERS} who ask for a segment and do not read share its bytes`, async () => {
    const { segments } = readMediaPlaylist(await get('/live/demo.m3u8'));
    const path = `/live/${segments.at(-1)?.uri}`;
    const size = (await get(path)).length;
    assert.ok(size > 2_000_000, `${size} bytes`);
    const before = process.memoryUsage().arrayBuffers;
    const sockets = await Promise.all(
      Array.from({ length: SLOW_READERS }, () => ask(server.httpPort, request(path))),
    );
    await eventually(() => server.server.connections === SLOW_READERS, 'all are there');
    for (let i = 0; i < 5; i++) assert.equal((await get(path)).length, size);
    const grown = process.memoryUsage().arrayBuffers - before;
    // What the reading client gathered is in it as well.
    assert.ok(grown < (SLOW_READERS / 2) * size, `${grown} bytes for ${SLOW_READERS} segments of ${size}`);
    for (const socket of sockets) socket.destroy();
    await eventually(() => server.server.connections === 0, 'all are gone');
  });

  test('requests at once on one connection that does not read: a few wait, thousands end it', async () => {
    const { segments } = readMediaPlaylist(await get('/live/demo.m3u8'));
    const path = `/live/${segments.at(-1)?.uri}`;
    const few = await ask(server.httpPort, request(path).repeat(MAX_PIPELINED_REQUESTS));
    await get('/live/demo.m3u8');
    assert.equal(server.server.connections, 1);
    few.destroy();
    const many = await ask(server.httpPort, request(path).repeat(PIPELINED));
    await eventually(() => server.server.connections === 0, 'it is gone');
    many.destroy();
    assert.deepEqual(server.linesWith('error ['), []);
  });
});
