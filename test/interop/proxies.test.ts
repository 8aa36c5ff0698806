import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { makeClip, publishFile } from '../support/ffmpeg.ts';
import { accepts, Program, requireProgram, run, temporaryFolder, until } from '../support/programs.ts';
import { freePorts, startServerProcess, type ServerProcess } from '../support/server-process.ts';

/** Where nginx connects from, and where the viewer does. */
const PROXY = '127.0.0.2';
const VIEWER = '127.0.0.3';

const dir = temporaryFolder();
const programs: Program[] = [];
let server: ServerProcess;
let nginx: ChildProcess | undefined;
let proxyUrl: string;

/** nginx as docs/proxies.md has it, but for the address that it comes from. */
function nginxConf(port: number, { http }: { readonly http: number }): string {
  return `daemon off; master_process off; pid ${dir}/nginx.pid; error_log ${dir}/nginx.log warn;
    events {}
    http {
      access_log off; client_body_temp_path ${dir}/body; proxy_temp_path ${dir}/proxy; fastcgi_temp_path ${dir}/f;
      uwsgi_temp_path ${dir}/u; scgi_temp_path ${dir}/s;
      server {
        listen 127.0.0.1:${port};
        location / {
          proxy_bind ${PROXY};
          proxy_pass http://127.0.0.1:${http};
          proxy_http_version 1.1;
          proxy_buffering off;
          proxy_set_header Host $host;
          proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
          proxy_set_header X-Forwarded-Proto $scheme;
        }
      }
    }`;
}

async function clients(): Promise<readonly { readonly ip: string; readonly type: string }[]> {
  const answer = await fetch(`${server.apiUrl}/api/v1/clients/`);
  return ((await answer.json()) as { clients: { ip: string; type: string }[] }).clients;
}

suite('behind real proxies', () => {
  before(async () => {
    requireProgram('/usr/sbin/nginx', 'nginx-light');
    const clip = await makeClip(join(dir, 'clip.flv'), { seconds: 30 });
    server = await startServerProcess({
      top: `trusted_proxies ${PROXY};`,
      vhost: () =>
        `hls { enabled on; hls_fragment 1; hls_path ${dir}/hls; } http_static { enabled on; mount [vhost]/; dir ${dir}/hls; } security { enabled on; allow publish all; allow play ${VIEWER}; }`,
    });
    const [port = 0] = await freePorts(1);
    proxyUrl = `http://127.0.0.1:${port}`;
    writeFileSync(join(dir, 'nginx.conf'), nginxConf(port, server.ports));
    nginx = spawn('/usr/sbin/nginx', ['-p', dir, '-c', join(dir, 'nginx.conf')], { stdio: 'ignore' });
    await until('nginx', () => accepts(port));
    programs.push(publishFile(clip, `${server.rtmpUrl}/live/show`));
    await until('a playlist', async () =>
      (await fetch(`${server.apiUrl}/api/v1/streams/`).then((a) => a.text())).includes('"show"'),
    );
  });

  after(async () => {
    for (const program of programs) await program.stop();
    if (nginx?.exitCode === null) {
      nginx.kill('SIGTERM');
      await once(nginx, 'exit');
    }
    await server.stop();
  });

  test('nginx names its clients: the API shows them, and rules of addresses hold for them', async () => {
    const url = `${proxyUrl}/live/show.flv`;
    const viewer = new Program('curl', ['-sS', '-o', '/dev/null', '--interface', VIEWER, url], {
      deadlineMs: 60_000,
    });
    programs.push(viewer);
    const seen = await until('the viewer', async () =>
      (await clients()).find(({ type }) => /flv/i.test(type)),
    );
    assert.equal(seen.ip, VIEWER);
    const status = async (from: string, ...more: string[]): Promise<string> =>
      (
        await run('curl', [
          '-s',
          '-m',
          '2',
          '-o',
          '/dev/null',
          '-w',
          '%{http_code}',
          '--interface',
          from,
          ...more,
        ]).catch((error: unknown) => ({ stdout: String(error) }))
      ).stdout;
    assert.equal(await status('127.0.0.4', url), '403', 'another client of nginx');
    assert.equal(
      await status('127.0.0.4', '-H', `X-Forwarded-For: ${VIEWER}`, url),
      '403',
      'one that lies to nginx',
    );
    const direct = `http://127.0.0.1:${server.ports.http}/live/show.flv`;
    assert.equal(
      await status('127.0.0.4', '-H', `X-Forwarded-For: ${VIEWER}`, direct),
      '403',
      'one that lies to us',
    );
  });

  test('sessions of HLS behind nginx have the address of the viewer', async () => {
    const { stdout } = await run('curl', [
      '-fsSL',
      '--retry',
      '20',
      '--retry-all-errors',
      '--retry-delay',
      '1',
      '--interface',
      VIEWER,
      `${proxyUrl}/live/show.m3u8`,
    ]);
    assert.match(stdout, /#EXTM3U/);
    const seen = await until('the session', async () =>
      (await clients()).find(({ type }) => /hls/i.test(type)),
    );
    assert.equal(seen.ip, VIEWER);
  });

  test('curl sends a PROXY header (version 1) before HTTP; from elsewhere it is no HTTP', async () => {
    const url = `http://127.0.0.1:${server.ports.http}/live.json`;
    const ask = async (from: string): Promise<string> =>
      (
        await run('curl', [
          '-s',
          '-o',
          '/dev/null',
          '-w',
          '%{http_code}',
          '--haproxy-protocol',
          '--interface',
          from,
          url,
        ])
      ).stdout;
    assert.equal(await ask(PROXY), '200');
    assert.equal(await ask('127.0.0.4'), '400');
  });
});
