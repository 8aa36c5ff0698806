import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { openBrowser, type Browser } from '../support/browser.ts';
import { streamOf, waitForStream } from '../support/players.ts';
import { until as waitUntil } from '../support/programs.ts';
import { startServerProcess, type ServerProcess } from '../support/server-process.ts';

const DEADLINE_MS = 30_000;
/** How long each player is watched for stalls; all of them at the same time. */
const WATCH_MS = 60_000;
/** How long the server keeps viewers without a publisher. Long enough for an encoder to start on a busy machine. */
const HOLD_MS = 20_000;
/** How long nobody may give up in it: longer than a player waits for more when the server lists the stream no more. */
const AWAY_MS = 5000;

interface Way {
  /** As the page's address and its selector call it. */
  readonly id: string;
  /** @default '/live/show' */
  readonly stream?: string;
  /** Most seconds behind live, for segments and keyframes of a second. */
  readonly behindS: number;
  /** What carries the media. */
  readonly fetches: RegExp;
}

const LOW_LATENCY = 'll.example';
const WAYS: readonly Way[] = [
  { id: 'http-flv', behindS: 3, fetches: /\/live\/show\.flv$/ },
  { id: 'http-ts', behindS: 3, fetches: /\/live\/show\.ts$/ },
  {
    id: 'll-hls',
    stream: `/live/low?vhost=${LOW_LATENCY}`,
    behindS: 3,
    fetches: /\/ll\/live\/low-\d+\.m4s\.part\d+\.m4s$/,
  },
  { id: 'hls', behindS: 8, fetches: /\/live\/show-\d+\.ts$/ },
  { id: 'dash', behindS: 7, fetches: /\/live\/show\/video-[\d-]+\.m4s$/ },
];

/** Publishes a moving test picture and a tone until it is killed. */
function publish(url: string): ChildProcess {
  const args = ['-v', 'error', '-nostdin', '-re', '-f', 'lavfi', '-i', 'testsrc=size=320x180:rate=25'];
  args.push('-re', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=44100');
  args.push('-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p');
  args.push('-g', '25', '-c:a', 'aac', '-f', 'flv', url);
  return spawn('ffmpeg', args, { stdio: 'ignore' });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

// Run inside the page, where this project's compiler settings know no DOM: hence strings.
const PHASE = `document.getElementById('player')?.dataset.phase`;
const VIDEO = `document.querySelector('video')`;
const FRAMES = `${VIDEO}.getVideoPlaybackQuality().totalVideoFrames`;
const COUNT_STALLS = `(() => {
  globalThis.stalls = 0;
  ${VIDEO}.addEventListener('waiting', () => globalThis.stalls += 1);
})()`;
const SEEN = `[performance.now() / 1000, ${VIDEO}.currentTime, ${FRAMES}, globalThis.stalls]`;
const reading = (id: string): string => `document.querySelector('[data-reading="${id}"]').textContent`;

/** Waits until the expression is true in the page, whose content security policy forbids `waitForFunction`. */
async function until(page: Page, expression: string): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!(await page.evaluate<boolean>(`Boolean(${expression})`))) {
    if (Date.now() > deadline)
      throw new Error(`never true: ${expression}\nphase: ${String(await page.evaluate(PHASE))}`);
    await sleep(50);
  }
}

/** What a player does in `WATCH_MS`: seconds by the clock and of media, pictures, how often it ran dry. */
async function watch(page: Page): Promise<Record<'seconds' | 'media' | 'frames' | 'stalls', number>> {
  const seen = (): Promise<[number, number, number, number]> => page.evaluate(SEEN);
  const [clock, media, frames, stalls] = await seen();
  await sleep(WATCH_MS);
  const now = await seen();
  return {
    seconds: now[0] - clock,
    media: now[1] - media,
    frames: now[2] - frames,
    stalls: now[3] - stalls,
  };
}

suite('the page plays by', () => {
  let server: ServerProcess;
  let browser: Browser;
  let publishers: readonly ChildProcess[] = [];
  let www: string;
  const pages = new Map<string, Page>();
  const requests = new Map<string, string[]>();

  before(async () => {
    www = await mkdtemp(join(tmpdir(), 'srs-page-'));
    server = await startServerProcess({
      vhost: () => `
    http_static { enabled on; mount [vhost]/; dir ${www}; }
    publish { hold_time ${HOLD_MS}; }
    hls { enabled on; hls_fragment 1; hls_window 8; hls_path ${www}; }
    dash { enabled on; dash_fragment 1; dash_update_period 1; dash_path ${www}; }`,
      top: `
vhost ${LOW_LATENCY} {
    http_static { enabled on; mount /ll; dir ${www}/ll; }
    publish { hold_time ${HOLD_MS}; }
    hls { enabled on; hls_fragment 2; hls_ll on; hls_path ${www}/ll; }
}`,
    });
    begin();
    for (const name of ['show', 'low']) await waitForStream(server, name, 'live');
    browser = await openBrowser();
    for (const { id, stream = '/live/show' } of WAYS) {
      const page = await browser.page.context().newPage();
      const asked: string[] = [];
      page.on('request', (request) => asked.push(request.url()));
      requests.set(id, asked);
      pages.set(id, page);
      await page.goto(`${server.pageUrl}#${stream}${stream.includes('?') ? '&' : '?'}by=${id}`);
    }
  });
  const begin = (): void => {
    const streams = ['/live/show', `/live/low?vhost=${LOW_LATENCY}`];
    publishers = streams.map((stream) => publish(server.rtmpUrl + stream));
  };
  const stop = (): Promise<unknown> => Promise.all(publishers.map(end));
  after(async () => {
    await stop();
    await browser.close();
    await server.stop();
    await rm(www, { recursive: true, force: true });
  });

  const pageOf = (id: string): Page => {
    const page = pages.get(id);
    assert.ok(page !== undefined);
    return page;
  };

  suite('each, without a stall', { concurrency: WAYS.length }, () => {
    for (const { id, behindS, fetches } of WAYS) {
      test(id, async () => {
        const page = pageOf(id);
        await until(page, `${PHASE} === 'playing' && ${FRAMES} > 25`);
        assert.equal(await page.getByLabel('Play by').inputValue(), id);
        const asked = requests.get(id) ?? [];
        assert.ok(
          asked.some((url) => fetches.test(new URL(url).pathname)),
          `asked for ${asked.join(' ')}`,
        );

        await page.evaluate(COUNT_STALLS);
        let watched = await watch(page);
        // A machine with other work may starve an encoder or a decoder once; a player that runs dry by itself does so again.
        if (watched.stalls > 0) watched = await watch(page);
        const { seconds, media, frames, stalls } = watched;
        assert.equal(stalls, 0, 'ran dry');
        const played = media / seconds;
        assert.ok(played > 0.85 && played < 1.15, `${played} s of media per second`);
        assert.ok(frames > seconds * 20, `${frames} pictures in ${seconds} s`);

        const behind = await page.evaluate<string>(reading('latency'));
        assert.match(behind, /^\d+\.\d s$/);
        assert.ok(
          Number.parseFloat(behind) > 0.1 && Number.parseFloat(behind) < behindS,
          `behind by ${behind}`,
        );
        assert.match(await page.evaluate<string>(reading('buffer')), /^\d+\.\d s$/);
        assert.match(await page.evaluate<string>(reading('resolution')), /^320 × 180$/);
        assert.match(await page.evaluate<string>(reading('bitrate')), /^[\d.]+ [kM]b\/s$/);
      });
    }
  });

  test('all of them, on after a republish', async () => {
    await stop();
    await waitUntil('the server has noticed', async () => {
      const streams = await Promise.all(['show', 'low'].map((name) => streamOf(server, name)));
      return streams.every((stream) => stream?.publish.active === false);
    });
    for (const [, page] of pages) await until(page, `${PHASE} === 'buffering'`);
    const before = new Map<string, number>();
    for (const [id, page] of pages) before.set(id, await page.evaluate<number>(FRAMES));
    await sleep(AWAY_MS);
    for (const [id, page] of pages) assert.equal(await page.evaluate(PHASE), 'buffering', id);
    begin();
    // Counted by the video element since its player connected: one that connected anew would have to show all of it again.
    const more = 25 * 8;
    for (const [id, page] of pages) {
      await until(page, `${PHASE} === 'playing' && ${FRAMES} > ${before.get(id) ?? 0} + ${more}`);
    }
  });

  test('what was chosen, also in the next tab; and says so where the server does not have it', async () => {
    const page = await browser.page.context().newPage();
    await page.goto(`${server.pageUrl}#/live/show?by=dash`);
    await until(page, `${PHASE} === 'playing'`);
    await page.getByLabel('Play by').selectOption('http-flv');
    await until(page, `location.hash.endsWith('by=http-flv') && ${PHASE} === 'playing'`);
    await page.getByLabel('Play by').selectOption('dash');
    await until(page, `location.hash.endsWith('by=dash')`);
    await page.close();

    const next = await browser.page.context().newPage();
    await next.goto(`${server.pageUrl}#/live/show`);
    await until(next, `${PHASE} === 'playing'`);
    assert.equal(await next.getByLabel('Play by').inputValue(), 'dash');

    await next.route('**/live.json', async (route) => {
      const answer = await (await route.fetch()).text();
      await route.fulfill({
        body: answer.replace(/,\{"format":"dash"[^}]*\}/, ''),
        contentType: 'application/json',
      });
    });
    await next.getByText('The server has no DASH of this stream: playing HTTP-FLV.').waitFor();
    await until(next, `${PHASE} === 'playing'`);
    await next.unroute('**/live.json');
    await next.close();
  });

  test('none of them when the stream is over', async () => {
    await stop();
    for (const [, page] of pages) await until(page, `${PHASE} === 'offline'`);
  });

  test('asks nobody but its own server', () => {
    const { host } = new URL(server.pageUrl);
    const strangers = [...requests.values()]
      .flat()
      .filter((url) => !url.startsWith('blob:') && new URL(url).host !== host);
    assert.deepEqual(strangers, []);
  });
});
