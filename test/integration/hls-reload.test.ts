import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ServerError } from '../../src/base/errors.ts';
import { readPlaylist } from '../../src/containers/m3u8/index.ts';
import type { PublishLease, SessionDetails } from '../../src/hub/ports.ts';
import { eventually } from '../support/eventually.ts';
import { LIVE_DEMO, sessionOf } from '../support/hub-fixtures.ts';
import { ReloadServer } from '../support/reload-server.ts';
import { aacConfig, aacFrame, audioTime, avcConfig, picture } from '../support/ts-frames.ts';

/** `ms` of pictures at 25 a second with a keyframe each second, and sound. */
function publish(lease: PublishLease, ms: number): void {
  lease.write(avcConfig(0));
  lease.write(aacConfig(0));
  let sounds = 0;
  for (let dts = 0; dts <= ms; dts += 40) {
    lease.write(picture(dts, 0, dts % 1_000 === 0, [200]));
    for (; audioTime(0, sounds) <= dts; sounds += 1) lease.write(aacFrame(audioTime(0, sounds), 50));
  }
}

test('a viewer of HLS in the whole server: policy, one start, a reload of hls, the end of the stream', async () => {
  const root = await mkdtemp(join(tmpdir(), 'srs-hls-reload-'));
  const config = (more: string): string => `
    listen 127.0.0.1:0; max_connections 1000; daemon off;
    http_server { enabled on; listen 127.0.0.1:0; dir ${root}; }
    vhost __defaultVhost__ {
      publish { hold_time 100; }
      hls { enabled on; hls_path ${root}; hls_fragment 1; hls_window 5; ${more} }
    }`;
  const seen: string[] = [];
  let said: SessionDetails | undefined;
  let asked = 0;
  const server = await ReloadServer.start(config(''), {
    observers: [
      {
        playStarted: (_name, { type, details }) => {
          seen.push(`+${type}`);
          said = details;
        },
        playEnded: (_name, { type }) => void seen.push(`-${type}`),
      },
    ],
    policy: {
      // Segments are for everybody.
      protects: () => false,
      check: ({ action, params }) => {
        asked += 1;
        return action === 'play' && params.includes('token=bad')
          ? Promise.reject(new ServerError('SESSION_CLOSED', 'a bad token'))
          : Promise.resolve(undefined);
      },
    },
  });
  try {
    const get = (path: string) => fetch(`http://127.0.0.1:${server.httpPort}${path}`);
    const lease = server.server.hub.publish(LIVE_DEMO, sessionOf('pub'));
    const viewers = () => server.server.hub.find(LIVE_DEMO)?.snapshot().viewers;
    publish(lease, 4_000);
    await eventually(
      () => server.server.hub.find(LIVE_DEMO)?.snapshot().videoFrames === 101,
      'the stream is published',
    );
    let response = await get('/live/demo.m3u8?token=good');
    for (let tries = 0; response.status === 404 && tries < 100; tries += 1) {
      await response.text();
      response = await get('/live/demo.m3u8?token=good'); // Its folder is being looked at.
    }
    const master = readPlaylist(await response.text());
    assert.ok(master.kind === 'master');
    const uri = master.playlist.variants[0]?.uri ?? '';
    assert.equal((await get('/live/demo.m3u8?token=bad')).status, 403);
    assert.match(await (await get(uri)).text(), /EXTINF/);
    assert.deepEqual([seen, viewers()], [['+hls-play'], 1]);
    const tcUrl = `http://127.0.0.1:${server.httpPort}/live`;
    assert.deepEqual(said, { transport: 'http', tcUrl, params: '?token=good', userAgent: 'node' });

    const before = asked;
    await server.reload(config('hls_ts_ctx off;'));
    await eventually(() => seen.length === 2, 'the session ends with the output');
    let again = '';
    // Until the new output is open, the disk answers.
    for (let tries = 0; viewers() === 0 && tries < 200; tries += 1) again = await (await get(uri)).text();
    assert.match(again, /EXTINF/);
    assert.doesNotMatch(again, /hls_ctx/);
    assert.deepEqual(seen, ['+hls-play', '-hls-play', '+hls-play']);
    assert.equal(asked, before + 1);

    lease.release();
    await eventually(() => seen.length === 4, 'the session ends with the stream');
    await eventually(() => server.server.hub.list().length === 0, 'nothing is left of the stream');
    const rest = await get(uri);
    assert.equal(rest.status, 200, 'the disk has the rest');
    assert.deepEqual(seen.slice(3), ['-hls-play']);
  } finally {
    await server.stop();
    await rm(root, { recursive: true });
  }
});
