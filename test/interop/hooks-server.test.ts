import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { makeClip, publishFile } from '../support/ffmpeg.ts';
import { accepts, Program, run, temporaryFolder, until } from '../support/programs.ts';
import { freePorts, REPOSITORY } from '../support/server-process.ts';

const dir = temporaryFolder();
const programs: Program[] = [];
let rtmp: number;
let http: number;
let page: string;

interface Shown {
  readonly open: readonly Record<string, string>[];
  readonly ended: readonly Record<string, string>[];
  readonly files: readonly string[];
}

async function shown(): Promise<Shown> {
  return (await (await fetch(`${page}/sessions.json`)).json()) as Shown;
}

async function status(url: string): Promise<string> {
  const { stdout } = await new Program('curl', [
    '-s',
    '-m',
    '2',
    '-o',
    '/dev/null',
    '-w',
    '%{http_code}',
    url,
  ]).ended;
  return stdout;
}

suite('the sample back end with a real server and encoder', () => {
  before(async () => {
    const [a = 0, b = 0, c = 0] = await freePorts(3);
    [rtmp, http] = [a, b];
    page = `http://127.0.0.1:${c}`;
    // The file as it is, but for ports and folders.
    const conf = readFileSync(join(REPOSITORY, 'examples/hooks-server/srs.conf'), 'utf8')
      .replaceAll('1935', `127.0.0.1:${rtmp}`)
      .replace(/listen( +)8080/, `listen$1127.0.0.1:${http}`)
      .replaceAll('127.0.0.1:8085', `127.0.0.1:${c}`)
      .replaceAll('./objs/nginx/html', join(dir, 'html'));
    const more = `pid ${join(dir, 'srs.pid')}; http_hooks_spool ${join(dir, 'hooks.spool')};`;
    writeFileSync(join(dir, 'srs.conf'), `${conf}\n${more}\n`);
    const env = { PORT: c, RTMP_URL: `rtmp://127.0.0.1:${rtmp}`, HTTP_URL: `http://127.0.0.1:${http}` };
    const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const example = ['node', '--import', 'tsx', 'examples/hooks-server/main.ts'];
    programs.push(new Program('env', [...settings, ...example], { cwd: REPOSITORY }));
    programs.push(
      new Program('node', [join(REPOSITORY, 'bin/srs'), '-c', join(dir, 'srs.conf')], { cwd: REPOSITORY }),
    );
    await until('both', async () => (await accepts(rtmp)) && (await accepts(c)));
  });

  after(async () => {
    for (const program of programs.reverse()) await program.stop();
  });

  test('a publisher with a key has its public name, viewers need a signed URL, the page shows who is there', async () => {
    const clip = await makeClip(join(dir, 'clip.flv'), { seconds: 30 });
    const stranger = publishFile(clip, `rtmp://127.0.0.1:${rtmp}/live/show`);
    assert.notEqual((await stranger.ended).code, 0);
    const encoder = publishFile(clip, `rtmp://127.0.0.1:${rtmp}/live/my-secret-key`);
    programs.push(encoder);
    const publisher = await until('the publisher', async () =>
      (await shown()).open.find(({ role }) => role === 'publisher'),
    );
    assert.equal(publisher['stream'], '__defaultVhost__/live/show');
    assert.equal(await status(`http://127.0.0.1:${http}/live/show.flv`), '403');
    const vague = await fetch(`${page}/signed-urls`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ stream: 'show' }),
    });
    assert.equal(vague.status, 400);
    assert.match(await vague.text(), /action \(play or publish\)/);
    const answer = await fetch(`${page}/signed-urls`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ action: 'play', stream: 'show', seconds: 60 }),
    });
    const { urls } = (await answer.json()) as { urls: string[] };
    const [, flv = '', m3u8 = ''] = urls;
    const viewer = new Program('curl', ['-sS', '-o', '/dev/null', flv], { deadlineMs: 60_000 });
    programs.push(viewer);
    await until('the viewer', async () => (await shown()).open.find(({ role }) => role === 'viewer'));
    await until('a segment', async () => (await shown()).files.length > 0, 25_000);
    const { stdout } = await run('curl', ['-fsSL', m3u8]);
    assert.match(stdout, /#EXTM3U/);
    assert.equal(await status(flv.replace(/sign=./, 'sign=_')), '403');
    await viewer.stop();
    await encoder.stop();
    await until('the ends', async () => (await shown()).ended.some(({ role }) => role === 'publisher'));
    const left = await shown();
    assert.deepEqual(
      left.ended.filter(({ reason }) => reason !== undefined),
      [],
    );
    assert.ok(!JSON.stringify(left).includes('my-secret-key'));
  });
});
