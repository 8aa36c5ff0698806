import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { CliIo } from '../../../src/cli/io.ts';
import { main } from '../../../src/cli/main.ts';
import { signatureOf, type SignedAction } from '../../../src/control/access/tokens/signature.ts';
import { placeInUrl } from '../../../src/server/sign-url.ts';

const PAGE = readFileSync(new URL('../../../docs/access-tokens.md', import.meta.url), 'utf8');
const DOCS_SECRET = 'change-this-secret-of-32-characters';

/** The examples of the page, cell by cell. */
const EXAMPLES = PAGE.split('\n')
  .filter((line) => /^\| `(publish|play|both)` +\|/.test(line) && line.split('|').length === 11)
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replace(/^`(.*)`$/, '$1'))
      .map((cell) => (cell === '-' ? '' : cell)),
  );

test('the examples of the documentation are right', () => {
  assert.equal(EXAMPLES.length, 6);
  for (const [action, vhost = '', path = '', expires = '', ip = '', nonce = '', ...rest] of EXAMPLES) {
    const [kbps = '', duration = '', sign] = rest;
    const slash = path.lastIndexOf('/');
    const [app, stream] = [path.slice(0, slash), path.slice(slash + 1)];
    const text = { vhost, app, stream, expires, ip, nonce, kbps, duration };
    assert.equal(signatureOf({ ...text, action: action as SignedAction }, DOCS_SECRET), sign);
  }
});

test('the program of the documentation signs the same', () => {
  const program = /```python\n(.*?)expires = /s.exec(PAGE)?.[1] ?? '';
  const calls = EXAMPLES.map(([action, vhost, path, expires, ip, nonce, kbps, duration]) => {
    const args = [DOCS_SECRET, action, vhost, path, expires, ip, nonce, kbps, duration];
    return `print(sign(${args.map((arg) => JSON.stringify(arg)).join(', ')}))`;
  });
  const out = execFileSync('python3', ['-c', `${program}\n${calls.join('\n')}`], { encoding: 'utf8' });
  assert.deepEqual(
    out.trim().split('\n'),
    EXAMPLES.map((cells) => cells[8]),
  );
});

test('which stream a URL means', () => {
  for (const [url, vhost, app, stream] of [
    ['rtmp://example.com/live/show', 'example.com', 'live', 'show'],
    ['rtmps://[::1]:1443/live/a/show?x=1', '::1', 'live/a', 'show'],
    ['rtmp://h/live/show.flv?vhost=v', 'v', 'live', 'show.flv'],
    ['http://h:8080/live/show.flv', 'h', 'live', 'show'],
    ['https://h/live/show.m3u8?a=/b', 'h', 'live', 'show'],
    ['wss://h/live/gr%C3%B6%C3%9Fe.ts', 'h', 'live', 'größe'],
  ] as const)
    assert.deepEqual(placeInUrl(url), { vhost, app, stream }, url);
  for (const url of ['', 'live/show', 'ftp://h/live/show', 'rtmp://h', 'rtmp://h/live', 'rtmp://h/live/'])
    assert.throws(() => placeInUrl(url), RangeError, url);
});

suite('srs sign', () => {
  let folder: string;
  let file: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'srs-sign-'));
    file = join(folder, 'a.conf');
    writeFileSync(
      file,
      `listen 1935; vhost __defaultVhost__ { access { play signed; sign_key k1 ${DOCS_SECRET}; sign_key k2 ${'x'.repeat(20)}; } }
       vhost other { access { play signed; sign_key o ${'y'.repeat(20)}; } }`,
    );
  });
  after(() => rmSync(folder, { recursive: true }));

  async function sign(args: string, env: Record<string, string> = {}): Promise<[number, string, string]> {
    let out = '';
    let err = '';
    const io: CliIo = {
      version: '1',
      env,
      stdout: (text) => (out += text),
      stderr: (text) => (err += text),
      run: () => Promise.reject(new Error('not here')),
    };
    return [await main(['sign', ...args.split(' ')], io), out, err];
  }

  test('with a configuration', async () => {
    const [, , , , , , , , expected = ''] = EXAMPLES[0] ?? [];
    const [code, out] = await sign(
      `-c ${file} --url rtmp://h/live/show --action publish --expires 1900000000`,
    );
    assert.deepEqual([code, out], [0, `rtmp://h/live/show?expires=1900000000&kid=k1&sign=${expected}\n`]);
    const named = await sign(`-c ${file} --url rtmp://h/live/show?x=1 --key-name k2 --expires 1900000000`);
    assert.match(named[1], /^rtmp:\/\/h\/live\/show\?x=1&expires=1900000000&kid=k2&sign=/);
    assert.match((await sign(`-c ${file} --url rtmp://other/live/show`))[1], /&kid=o&/);
  });

  test('with a secret', async () => {
    const args = '--url http://h/live/show.flv --expires 1900000000 --vhost example.com --ip 192.0.2.7';
    const sign3 = EXAMPLES[3]?.[8] ?? '';
    const [code, out] = await sign(args, { SRS_SIGN_KEY: DOCS_SECRET });
    assert.deepEqual(
      [code, out],
      [0, `http://h/live/show.flv?expires=1900000000&ip=192.0.2.7&sign=${sign3}\n`],
    );
    const before = Math.floor(Date.now() / 1000);
    const [, spans] = await sign(
      `--url rtmp://h/live/show --expires 2h --duration 3m --action both --key ${DOCS_SECRET}`,
    );
    const [, expires = '', duration] = /action=both&expires=(\d+)&duration=(\d+)/.exec(spans) ?? [];
    assert.ok(Number(expires) - before - 7_200 <= 2 && Number(expires) >= before + 7_200);
    assert.equal(duration, '180');
  });

  for (const [name, args, message] of [
    ['no URL', '--action play', /--url/],
    ['no secret', '--url rtmp://h/live/show', /there is no secret/],
    ['another action', '--key x --url rtmp://h/live/show --action watch', /--action/],
    ['a time that is none', '--key x --url rtmp://h/live/show --expires soon', /--expires/],
    ['an address that is none', '--key x --url rtmp://h/live/show --ip h', /--ip/],
    ['a network that is none', '--key x --url rtmp://h/live/show --ip 10.0.0.0/33', /--ip/],
    ['a rate that is none', '--key x --url rtmp://h/live/show --kbps 0', /--kbps/],
    ['a URL that is none', '--key x --url h/live/show', /must begin with rtmp/],
    ['a URL that is signed', '--key x --url rtmp://h/live/show?sign=x', /signed already/],
  ] as const)
    test(name, async () => {
      const [code, out, err] = await sign(args);
      assert.deepEqual([code, out], [2, '']);
      assert.match(err, message);
    });
});
