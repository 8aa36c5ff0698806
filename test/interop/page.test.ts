import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { openBrowser, type Browser } from '../support/browser.ts';
import { startServerProcess, type ServerProcess, type ServerPorts } from '../support/server-process.ts';

/** Set to a folder to keep pictures of the page for looking at. */
const SCREENSHOTS = process.env['PAGE_SCREENSHOTS'];
const DEADLINE_MS = 20_000;

const demoIngest = (ports: ServerPorts): string => `
    ingest demo {
        enabled     on;
        input {
            type    file;
            url     ./media/demo.flv;
        }
        engine {
            enabled off;
            output  rtmp://127.0.0.1:${ports.rtmp}/live?vhost=[vhost]/demo;
        }
    }`;

/** Publishes a moving test picture and a tone until it is killed. */
function publish(url: string, sound: readonly string[] = ['-c:a', 'aac']): ChildProcess {
  const args = ['-v', 'error', '-nostdin', '-re', '-f', 'lavfi', '-i', 'testsrc=size=320x180:rate=25'];
  args.push('-re', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=44100');
  args.push(
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-tune',
    'zerolatency',
    '-pix_fmt',
    'yuv420p',
    '-g',
    '25',
  );
  args.push(...sound, '-f', 'flv', url);
  return spawn('ffmpeg', args, { stdio: 'ignore' });
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

// Run inside the page, where this project's compiler settings know no DOM: hence strings.
const FRAMES = `document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames`;
const CURRENT_TIME = `document.querySelector('video').currentTime`;
const PHASE = `document.getElementById('player')?.dataset.phase`;
const reading = (id: string): string => `document.querySelector('[data-reading="${id}"]').textContent`;
/** The picture of the moment, small, as a list of grey values. */
const PIXELS = `(() => {
  const video = document.querySelector('video');
  const canvas = document.createElement('canvas');
  canvas.width = 160;
  canvas.height = 90;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(video, 0, 0, 160, 90);
  const { data } = context.getImageData(0, 0, 160, 90);
  return Array.from({ length: 160 * 90 }, (_, at) => (data[at * 4] + data[at * 4 + 1] + data[at * 4 + 2]) / 3);
})()`;

/**
 * Waits until the expression is true in the page. Not `waitForFunction`: that evaluates inside the page, where its content
 * security policy forbids it.
 */
async function until(page: Page, expression: string): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!(await page.evaluate<boolean>(`Boolean(${expression})`))) {
    if (Date.now() > deadline)
      throw new Error(`never true: ${expression}\nphase: ${String(await page.evaluate(PHASE))}`);
    await sleep(50);
  }
}

suite('the page', () => {
  let server: ServerProcess;
  let browser: Browser;
  let publisher: ChildProcess | undefined;
  const undo: (() => Promise<unknown>)[] = [];

  before(async () => {
    server = await startServerProcess({ vhost: demoIngest });
    undo.push(() => server.stop());
    browser = await openBrowser();
    undo.unshift(() => browser.close());
    await browser.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  });
  after(async () => {
    await end(publisher);
    await browser.close();
    await server.stop();
  });

  const playing = async (): Promise<void> => {
    await until(browser.page, `${PHASE} === 'playing'`);
    const frames = await browser.page.evaluate<number>(FRAMES);
    await until(browser.page, `${FRAMES} > ${frames} + 10`);
  };
  const picture = async (name: string): Promise<void> => {
    if (SCREENSHOTS !== undefined) {
      await browser.page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
    }
  };

  test('lists the demo stream and plays it at once', async () => {
    await browser.page.goto(server.pageUrl);
    await browser.page.getByRole('link', { name: /live\/demo/ }).waitFor();
    await playing();
    assert.match(await browser.page.title(), /live\/demo/);
    assert.match(await browser.page.getByRole('link', { name: /live\/demo/ }).innerText(), /Live/);
  });

  test('the picture moves', async () => {
    const first = await browser.page.evaluate<number[]>(PIXELS);
    const from = await browser.page.evaluate<number>(CURRENT_TIME);
    assert.ok(new Set(first.map(Math.round)).size > 8, 'the picture is not one flat colour');
    await until(browser.page, `${CURRENT_TIME} > ${from} + 1.2`);
    const second = await browser.page.evaluate<number[]>(PIXELS);
    const changed = first.filter((value, at) => Math.abs(value - (second[at] ?? value)) > 24).length;
    assert.ok(changed > 20, `${changed} of ${first.length} pixels changed in a second`);
  });

  test('time passes as it does outside', async () => {
    await until(browser.page, `${CURRENT_TIME} > 3`);
    const [media, wall] = await browser.page.evaluate<[number, number]>(`new Promise((resolve) => {
      const media = ${CURRENT_TIME};
      const wall = performance.now();
      setTimeout(() => resolve([${CURRENT_TIME} - media, (performance.now() - wall) / 1000]), 5000);
    })`);
    assert.ok(media > wall * 0.85 && media < wall * 1.15, `${media} s of media in ${wall} s`);
  });

  test('shows latency, size, bitrate and dropped frames as figures', async () => {
    const latency = await browser.page.evaluate<string>(reading('latency'));
    assert.match(latency, /^\d+\.\d s$/);
    assert.ok(Number.parseFloat(latency) < 4, `latency is ${latency}`);
    assert.match(await browser.page.evaluate<string>(reading('resolution')), /^\d+ × \d+$/);
    assert.match(await browser.page.evaluate<string>(reading('bitrate')), /^[\d.]+ [kM]b\/s$/);
    assert.match(await browser.page.evaluate<string>(reading('dropped')), /^\d+$/);
  });

  test('starts muted, and one tap or the key m brings the sound', async () => {
    const { page } = browser;
    assert.equal(await page.evaluate(`document.querySelector('video').muted`), true);
    await page.getByRole('button', { name: 'Tap for sound' }).click();
    await until(page, `!document.querySelector('video').muted`);
    await page.getByRole('button', { name: 'Mute', exact: true }).waitFor();
    const decoded = await page.evaluate<number>(
      `document.querySelector('video').webkitAudioDecodedByteCount`,
    );
    assert.ok(decoded > 0, 'sound is decoded');
    await page.keyboard.press('m');
    await until(page, `document.querySelector('video').muted`);
  });

  test('pause stops loading, play joins the live edge again', async () => {
    const { page } = browser;
    await page.keyboard.press('Space');
    await until(page, `${PHASE} === 'paused'`);
    assert.equal(await page.evaluate(`document.querySelector('video').buffered.length`), 0);
    await page.getByRole('button', { name: 'Play', exact: true }).first().click();
    await playing();
  });

  test('copies the addresses, with the clipboard API and without', async () => {
    const { page } = browser;
    const port = server.ports.rtmp;
    const cases = [
      { button: 'Copy RTMP', want: `rtmp://127.0.0.1:${port}/live/demo`, secure: true },
      { button: 'Copy HTTP-FLV', want: `${server.pageUrl}live/demo.flv`, secure: true },
      {
        button: 'Copy WebSocket-FLV',
        want: `${server.pageUrl.replace('http', 'ws')}live/demo.flv`,
        secure: false,
      },
    ];
    for (const { button, want, secure } of cases) {
      await page.evaluate(
        `Object.defineProperty(window, 'isSecureContext', { value: ${secure}, configurable: true })`,
      );
      const copy = page.getByRole('button', { name: button });
      await copy.click();
      await until(page, `[...document.querySelectorAll('button')].some((b) => b.innerText === 'Copied')`);
      assert.equal(await page.evaluate('navigator.clipboard.readText()'), want);
      await until(page, `![...document.querySelectorAll('button')].some((b) => b.innerText === 'Copied')`);
    }
  });

  test('fits every width from 320 to 1600 in light and dark', async () => {
    const { page } = browser;
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      const background = await page.evaluate<string>(`getComputedStyle(document.body).backgroundColor`);
      const level = Number(/\d+/.exec(background)?.[0]);
      assert.ok(colorScheme === 'light' ? level > 200 : level < 60, `${colorScheme} is ${background}`);
      for (const width of [320, 360, 768, 1280, 1600]) {
        await page.setViewportSize({ width, height: width < 700 ? 740 : 900 });
        const wide = await page.evaluate<number>(`document.documentElement.scrollWidth`);
        assert.ok(wide <= width, `${width} px in ${colorScheme}: the page is ${wide} px wide`);
        const small = await page.evaluate<
          string[]
        >(`[...document.querySelectorAll('button, select, summary, a.stream')]
          .filter((e) => e.checkVisibility() && (e.offsetHeight < 44 || e.offsetWidth < 44)).map((e) => e.outerHTML)`);
        assert.deepEqual(small, [], `touch targets at ${width} px`);
        await picture(`${colorScheme}-${width}`);
      }
    }
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize({ width: 1280, height: 900 });
  });

  test('plays by WebSocket-FLV', async () => {
    const { page } = browser;
    const before = browser.requests.length;
    await page.getByLabel('Play by').selectOption('ws-flv');
    await until(page, `${PHASE} === 'connecting' || ${PHASE} === 'playing'`);
    await playing();
    const sockets = browser.requests.slice(before).filter((url) => url.startsWith('ws:'));
    assert.equal(sockets.length, 1);
    await page.getByLabel('Play by').selectOption('http-flv');
    await playing();
  });

  test('a stream that ends and comes back plays again by itself, and a reload keeps the choice', async () => {
    const { page } = browser;
    const url = `${server.rtmpUrl}/live/show`;
    await page.goto(`${server.pageUrl}#/live/show`);
    await page.reload();
    await page.getByText('Not live at the moment').waitFor();
    publisher = publish(url);
    await playing();
    assert.equal(await page.evaluate(`document.querySelector('video').videoWidth > 0`), true);
    await end(publisher);
    await until(page, `${PHASE} === 'offline'`);
    await picture('offline');
    publisher = publish(url);
    await playing();
    await end(publisher);
    await until(page, `${PHASE} === 'offline'`);
  });

  test('a sound that no browser decodes is left out, and the picture plays', async () => {
    const { page } = browser;
    publisher = publish(`${server.rtmpUrl}/live/speex`, ['-c:a', 'speex', '-ar', '16000']);
    await page.getByRole('link', { name: /live\/speex/ }).click();
    await playing();
    await page.getByText('Without sound: this browser cannot play Speex.').waitFor();
    await end(publisher);
  });

  test('complained about nothing and asked nobody but its own server', () => {
    assert.deepEqual(browser.errors, []);
    const { host } = new URL(server.pageUrl);
    const strangers = browser.requests.filter(
      (url) => !url.startsWith('blob:') && new URL(url).host !== host,
    );
    assert.deepEqual(strangers, []);
    assert.ok(browser.requests.some((url) => url.endsWith('/live.json')));
  });

  test('says so when the server is gone', async () => {
    await server.stop();
    await browser.page.getByRole('alert').waitFor({ timeout: DEADLINE_MS });
    assert.match(await browser.page.getByRole('alert').innerText(), /does not answer/);
  });
});
