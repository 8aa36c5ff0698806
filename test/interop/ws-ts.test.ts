import assert from 'node:assert/strict';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openBrowser, type Browser } from '../support/browser.ts';
import { makeClip, publishFile } from '../support/ffmpeg.ts';
import { waitForStream } from '../support/players.ts';
import { temporaryFolder, until } from '../support/programs.ts';
import { startServerProcess, type ServerProcess } from '../support/server-process.ts';

const PLAYER = fileURLToPath(import.meta.resolve('mpegts.js'));

// The page offers .ts over HTTP alone; other sites play it over WebSocket too.
suite('mpegts.js in Chromium', () => {
  const folder = temporaryFolder();
  let server: ServerProcess;
  let browser: Browser;
  before(async () => {
    await copyFile(PLAYER, join(folder, 'mpegts.js'));
    await writeFile(
      join(folder, 'player.html'),
      `<!doctype html><link rel="icon" href="data:,"><video muted></video><script src="mpegts.js"></script><script>
      const player = mpegts.createPlayer({
        type: 'mpegts', isLive: true, url: 'ws://' + location.host + '/live/show.ts'
      });
      player.on(mpegts.Events.ERROR, (...what) => console.error(what.join(' ')));
      player.attachMediaElement(document.querySelector('video'));
      player.load();
      player.play();
      </script>`,
    );
    server = await startServerProcess({
      vhost: () => `http_static { enabled on; mount [vhost]/; dir ${folder}; }`,
    });
    browser = await openBrowser();
  });
  after(async () => {
    await browser.close();
    await server.stop();
  });

  test('plays .ts over WebSocket: pictures come and time passes', async () => {
    const clip = await makeClip(join(folder, 'clip.flv'), { seconds: 14 });
    const publisher = publishFile(clip, `${server.rtmpUrl}/live/show`);
    await waitForStream(server, 'show', 'live');
    const { page, errors, requests } = browser;
    await page.goto(`${server.pageUrl}player.html`);
    const seen = (): Promise<[number, number]> =>
      page.evaluate<[number, number]>(`(() => {
        const video = document.querySelector('video');
        return [video.currentTime, video.getVideoPlaybackQuality().totalVideoFrames];
      })()`);
    await until('a second of pictures', async () => (await seen())[1] >= 25);
    const [time, frames] = await seen();
    await until('three seconds more', async () => {
      const [time2, frames2] = await seen();
      return time2 >= time + 3 && frames2 >= frames + 70;
    });
    assert.ok(requests.some((url) => url.startsWith('ws:') && url.endsWith('/live/show.ts')));
    assert.deepEqual(errors, []);

    await publisher.stop();
  });
});
