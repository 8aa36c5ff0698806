import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { HttpGroup, HttpViewer } from '../../../../bench/load/http-viewer.ts';
import { eventually } from '../../../support/eventually.ts';

const MASTER = '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nmedia.m3u8?id=7\n';
const media = (first: number): string =>
  `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:${first}\n` +
  Array.from({ length: 5 }, (_, i) => `#EXTINF:1,\ns${first + i}.ts\n`).join('');

suite('the HLS viewer of the load', () => {
  const asked: string[] = [];
  let first = 0;
  let server: Server;
  let port = 0;

  before(async () => {
    server = createServer((request, response) => {
      const url = request.url ?? '';
      asked.push(url);
      const text =
        url === '/a/s.m3u8' ? MASTER : url.startsWith('/a/media') ? media(first) : 'x'.repeat(300_000);
      response.statusCode = url === '/a/s2.ts' ? 404 : 200;
      response.setHeader('Content-Length', text.length);
      response.end(text);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  });

  after(() => server.close());

  test('follows the master playlist, begins three segments from the end, fetches each new one once', async () => {
    const group = new HttpGroup({ host: '127.0.0.1', port, playlist: '/a/s.m3u8', pace: 'live' });
    let settled = 0;
    const viewer = new HttpViewer(group, '127.0.0.2', () => settled++);
    group.viewers.push(viewer);
    await eventually(() => group.segmentMicros.length === 3, 'three segments');
    assert.deepEqual(asked, ['/a/s.m3u8', '/a/media.m3u8?id=7', '/a/s2.ts', '/a/s3.ts', '/a/s4.ts']);
    assert.deepEqual([settled, viewer.asked, group.refused], [1, true, 1]);
    assert.equal(group.playlistMicros.length, 2);
    assert.ok(group.bytes > 900_000);
    first = 1;
    await eventually(() => asked.at(-1) === '/a/s5.ts', 'the new segment');
    assert.equal(asked.filter((url) => url === '/a/s5.ts').length, 1);
    viewer.close();
    await eventually(() => viewer.closed, 'the end');
    assert.equal(viewer.failure, undefined);
  });

  test('a flood asks for one segment after another, and then for the playlist', async () => {
    asked.length = 0;
    const group = new HttpGroup({ host: '127.0.0.1', port, playlist: '/a/media.m3u8', pace: 'flood' });
    const viewer = new HttpViewer(group, '127.0.0.2', () => undefined);
    await eventually(() => group.playlistMicros.length > 2, 'playlists');
    viewer.close();
    assert.deepEqual(asked.slice(0, 5), ['/a/media.m3u8', '/a/s3.ts', '/a/s4.ts', '/a/s5.ts', '/a/s3.ts']);
    assert.equal(asked[11], '/a/media.m3u8');
  });
});
