import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { openBrowser, type Browser } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { audioConfig, audioFrame, videoConfig, videoFrame } from '../support/hub-fixtures.ts';
import { ReloadServer } from '../support/reload-server.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { REPOSITORY } from '../support/server-process.ts';

/** Set to a folder to keep pictures of the console for looking at. */
const SCREENSHOTS = process.env['PAGE_SCREENSHOTS'];
const PAGE_DIR = join(REPOSITORY, 'console/dist');
const OPERATOR = 'operator-token-0123456789abcdef';
const READER = 'reader-token-0123456789abcdef';

suite('the console', () => {
  let server: ReloadServer;
  let browser: Browser;
  let origin: string;
  let publisher: RtmpPeer;
  const undo: (() => unknown)[] = [];

  const shot = async (name: string): Promise<void> => {
    if (SCREENSHOTS !== undefined)
      await browser.page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
  };

  before(async () => {
    assert.ok(existsSync(join(PAGE_DIR, 'manage.html')), 'the page is not built: npm run build');
    server = await ReloadServer.start(
      `listen 127.0.0.1:0; ban_file "";
      http_server { enabled off; }
      http_api { enabled on; listen 127.0.0.1:0; auth {
        username admin; password abcdefgh12345678; token operate ${OPERATOR}; token read ${READER}; } }
      vhost __defaultVhost__ { publish { hold_time 0; } }`,
      { pageDir: PAGE_DIR },
    );
    undo.push(() => server.stop());
    origin = `http://127.0.0.1:${server.apiPort}`;
    publisher = await RtmpPeer.publish(server.rtmpPort, 'show');
    undo.push(() => publisher.destroy());
    publisher.send(9, videoConfig().flvBody, 1);
    publisher.send(8, audioConfig().flvBody, 1);
    for (let time = 0; time < 4_000; time += 40) {
      publisher.send(9, videoFrame(time, time === 0, 0, 4_000).flvBody, 1, time);
      publisher.send(8, audioFrame(time).flvBody, 1, time);
    }
    for (const name of ['show', 'show', 'other'])
      undo.push(await RtmpPeer.play(server.rtmpPort, name).then((player) => () => player.destroy()));
    browser = await openBrowser();
    undo.push(() => browser.close());
  });
  after(async () => {
    for (const work of undo.splice(0).reverse()) await work();
  });

  const row = (card: string, text: string | RegExp): ReturnType<Browser['page']['getByRole']> =>
    browser.page.getByRole('region', { name: card }).getByRole('row', { name: text });

  test('asks for credentials, and says when they are wrong', async () => {
    const { page } = browser;
    await page.goto(`${origin}/console`);
    assert.equal(page.url(), `${origin}/console/`);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await shot('console-sign-in');
    await page.getByLabel('Token').fill('not-the-token');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').getByText('wrong').waitFor();
  });

  test('shows streams, clients, vhosts and the server to who has a token', async () => {
    const { page } = browser;
    await page.getByLabel('Token').fill(OPERATOR);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await row('Streams', '/live/show').waitFor();
    const text = await row('Streams', '/live/show').innerText();
    assert.match(text, /Live/);
    assert.match(text, /H\.264.* · AAC 44\.1 kHz/);
    await row('Streams', '/live/other').getByText('Waiting').waitFor();
    await row('Clients', /rtmp-publish/).waitFor();
    assert.equal(await row('Clients', /rtmp-play/).count(), 3);
    await row('Vhosts', /__defaultVhost__/).waitFor();
    await page.getByText('9.9.9').waitFor();
    await shot('console');
  });

  test('shows what happens as it happens', async () => {
    const player = await RtmpPeer.play(server.rtmpPort, 'show');
    undo.push(() => player.destroy());
    const events = browser.page.getByRole('region', { name: 'Events' });
    await events.getByText('session_started').first().waitFor();
    await eventually(async () => (await row('Clients', /rtmp-play/).count()) === 4, 'four viewers');
    player.destroy();
    await events.getByText('session_ended').first().waitFor();
  });

  test('kicks a client after it was asked twice', async () => {
    const before = await row('Clients', /rtmp-play .*other/).count();
    assert.equal(before, 1);
    const button = row('Clients', /rtmp-play .*other/).getByRole('button', { name: /^Kick/ });
    await button.click();
    await button.getByText('Sure?').waitFor();
    await shot('console-sure');
    await button.click();
    await eventually(
      async () => (await row('Clients', /rtmp-play .*other/).count()) === 0,
      'the viewer is gone',
    );
  });

  test('bans the publisher of a stream, shows the ban and lifts it', async () => {
    const button = row('Streams', '/live/show').getByRole('button', { name: /^Ban/ });
    await button.click();
    await button.click();
    await eventually(() => publisher.ended, 'the end of the publisher');
    const ban = row('Bans', /publish .*live\/show/);
    await ban.waitFor();
    await browser.page.getByRole('region', { name: 'Events' }).getByText('ban_added').waitFor();
    await shot('console-ban');
    await ban.getByRole('button').click();
    await ban.getByRole('button').click();
    await eventually(async () => (await ban.count()) === 0, 'no ban');
  });

  test('steps through many clients, a hundred at a time', async () => {
    const players = await Promise.all(
      Array.from({ length: 105 }, () => RtmpPeer.play(server.rtmpPort, 'crowd')),
    );
    const pager = browser.page.getByRole('navigation', { name: 'Pages: Clients' });
    const clients = row('Clients', /rtmp-play/);
    await pager.getByText(/^1 to 100 of 10\d$/).waitFor();
    assert.equal(await clients.count(), 100);
    assert.ok(await pager.getByRole('button', { name: 'Before' }).isDisabled());
    await pager.getByRole('button', { name: 'After' }).click();
    await pager.getByText(/^101 to 10\d of 10\d$/).waitFor();
    assert.ok(await pager.getByRole('button', { name: 'After' }).isDisabled());
    await shot('console-pages');
    assert.equal(await browser.page.getByRole('navigation', { name: 'Pages: Streams' }).count(), 0);
    for (const player of players) player.destroy();
    await pager.getByText(/None here/).waitFor();
    await pager.getByRole('button', { name: 'Before' }).click();
    await eventually(async () => (await pager.count()) === 0, 'one page');
    assert.ok((await clients.count()) < 100);
  });

  test('signs out and forgets; another role sees and may not end', async () => {
    const { page } = browser;
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    assert.equal(await page.evaluate('sessionStorage.length'), 0);
    await page.getByLabel('Token').fill(READER);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await row('Clients', /rtmp-play/)
      .first()
      .waitFor();
    const button = row('Clients', /rtmp-play/)
      .first()
      .getByRole('button', { name: /^Kick/ });
    await button.click();
    await button.click();
    await page.getByRole('alert').getByText('this needs the role operate').waitFor();
    await page.reload();
    await row('Clients', /rtmp-play/)
      .first()
      .waitFor();
  });

  test('name and password do as well', async () => {
    const { page } = browser;
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Name', { exact: true }).fill('admin');
    await page.getByLabel('Password').fill('abcdefgh12345678');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await row('Vhosts', /__defaultVhost__/).waitFor();
  });

  test('it fits a phone, and a dark room', async () => {
    await browser.page.setViewportSize({ width: 390, height: 800 });
    await browser.page.emulateMedia({ colorScheme: 'dark' });
    const wide = await browser.page.evaluate<number>('document.documentElement.scrollWidth');
    await shot('console-phone');
    assert.ok(wide <= 390, `${wide} px`);
    await browser.page.setViewportSize({ width: 1280, height: 900 });
  });

  test('the page of the API shows all of it', async () => {
    const { page } = browser;
    await page.emulateMedia({ colorScheme: 'light' });
    await page.getByRole('link', { name: 'API' }).click();
    await page.getByText('/api/v1/streams/{id}').first().waitFor();
    const document = (await (await fetch(`${origin}/api/v1/openapi.json`)).json()) as {
      paths: Record<string, object>;
    };
    const operations = Object.values(document.paths).flatMap((path) => Object.keys(path));
    assert.equal(await page.locator('.opblock').count(), operations.length);
    await page.getByText('Stop the publisher of a stream').click();
    await page.getByText('Also ban it for so many seconds').waitFor();
    await page.getByRole('button', { name: 'Authorize' }).waitFor();
    await shot('console-api');
  });

  test('nothing was asked of anybody else, and nothing was forbidden', () => {
    const others = browser.requests.filter(
      (url) => !url.startsWith(origin) && !/^(data|about|blob):/.test(url),
    );
    assert.deepEqual(others, []);
    const unexpected = browser.errors.filter((error) => !/\b(401|403)\b/.test(error));
    assert.deepEqual(unexpected, []);
  });

  test('only what is of the console is given out, with a policy', async () => {
    for (const [path, status] of [
      ['/console/', 200],
      ['/console/manage.html', 200],
      ['/console/favicon.svg', 200],
      ['/console/index.html', 404],
      ['/console/assets/', 404],
      ['/console/none.js', 404],
      ['/console/..%2f..%2fpackage.json', 404],
    ] as const) {
      const response = await fetch(origin + path);
      assert.equal(response.status, status, path);
      assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'none'/, path);
    }
  });
});
