import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { ReloadServer } from '../support/reload-server.ts';
import { makeCertificate, type TestCertificate } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { assertDecodes, makeClip, probe, publishFile, record } from '../support/ffmpeg.ts';
import { requireProgram, run, temporaryFolder } from '../support/programs.ts';

suite('programs over TLS', () => {
  const folder = temporaryFolder();
  let server: ReloadServer;
  let files: TestCertificate;

  before(async () => {
    files = await makeCertificate();
    const https = `https { enabled on; listen 127.0.0.1:0; key ${files.key}; cert ${files.cert}; }`;
    server = await ReloadServer.start(`
      listen 127.0.0.1:0; max_connections 100;
      rtmps { enabled on; listen 127.0.0.1:0; key ${files.key}; cert ${files.cert}; }
      http_server { enabled on; listen 127.0.0.1:0; dir ${folder}; page off; ${https} }
      http_api { enabled on; listen 127.0.0.1:0; ${https} }
      vhost __defaultVhost__ { http_remux { enabled on; } publish { hold_time 1s; } }`);
  });
  after(() => server.stop());

  test('curl checks the certificate and reads the API', async () => {
    const port = server.server.addresses.apiHttps[0]?.port ?? 0;
    const curl = requireProgram('/usr/bin/curl', 'curl');
    const url = `https://127.0.0.1:${port}/api/v1/versions`;
    const answer = await run(curl, ['-sS', '--cacert', files.cert, url]);
    assert.match(answer.stdout, /"code":0/);
  });

  test('curl speaks HTTP/2 with the API and the files, and HTTP/1.1 if it wants to', async () => {
    const curl = requireProgram('/usr/bin/curl', 'curl');
    await writeFile(join(folder, 'segment.ts'), Buffer.alloc(3_000_000, 'x'));
    const { apiHttps, https } = server.server.addresses;
    for (const [url, length] of [
      [`https://127.0.0.1:${apiHttps[0]?.port}/api/v1/versions`, undefined],
      [`https://127.0.0.1:${https[0]?.port}/segment.ts`, 3_000_000],
    ] as const) {
      for (const [option, version] of [
        ['--http2', '2'],
        ['--http1.1', '1.1'],
      ] as const) {
        const write = ['-o', '/dev/null', '-w', '%{http_version} %{http_code} %{size_download}'];
        const { stdout } = await run(curl, ['-sS', option, '--cacert', files.cert, ...write, url]);
        assert.ok(stdout.startsWith(`${version} 200 ${length ?? ''}`), stdout);
      }
    }
  });

  test('ffmpeg publishes and plays over RTMPS without an error', async () => {
    const port = server.server.addresses.rtmps[0]?.port ?? 0;
    const source = await makeClip(join(folder, 'source-s.flv'), { seconds: 5 });
    const url = `rtmps://localhost:${port}/live/secure`;
    const publisher = publishFile(source, url);
    await eventually(() => server.server.liveStreams === 1, 'the stream');
    const out = join(folder, 'played-s.flv');
    const player = record(url, out);
    assert.equal((await publisher.ended).code, 0);
    const played = await player.ended;
    assert.equal(played.stderr, '');
    assert.equal(played.code, 0);
    await assertDecodes(out);
    const { audio, video } = await probe(out);
    assert.ok(audio !== undefined && video !== undefined);
    await eventually(() => server.server.liveStreams === 0, 'its end');
  });

  test('curl takes a live .ts over HTTP/2 and HTTP/1.1: the same media, to the end', async () => {
    const curl = requireProgram('/usr/bin/curl', 'curl');
    const port = server.server.addresses.https[0]?.port ?? 0;
    const source = await makeClip(join(folder, 'source-ts.flv'), { seconds: 4 });
    const publisher = publishFile(source, `rtmp://127.0.0.1:${server.rtmpPort}/live/ts`);
    await eventually(() => server.server.liveStreams === 1, 'the stream');
    const url = `https://localhost:${port}/live/ts.ts`;
    const bodies = await Promise.all(
      ['2', '1.1'].map(async (version) => {
        const out = join(folder, `live-${version}.ts`);
        const write = ['-o', out, '-w', '%{http_version} %{http_code} %{content_type}'];
        const answer = await run(curl, ['-sSf', `--http${version}`, '--cacert', files.cert, ...write, url]);
        assert.equal(answer.stdout, `${version} 200 video/MP2T`);
        await assertDecodes(out);
        const { video, audio } = await probe(out);
        assert.ok((video?.packets.length ?? 0) >= 70, `${video?.packets.length} pictures`);
        assert.ok((audio?.packets.length ?? 0) >= 120, `${audio?.packets.length} frames of sound`);
        return [video, audio].map((track) => track?.packets.map(({ hash }) => hash) ?? []);
      }),
    );
    assert.equal((await publisher.ended).code, 0);
    // Two multiplexes, each begun at the keyframe before its first viewer: what the later one has is the end of the earlier one.
    for (const track of [0, 1]) {
      const [one = [], other = []] = bodies
        .map((body) => body[track] ?? [])
        .toSorted((a, b) => b.length - a.length);
      assert.deepEqual(one.slice(-other.length), other);
    }
    await eventually(() => server.server.liveStreams === 0, 'its end');
  });

  test('ffmpeg plays a live stream over HTTPS without an error', async () => {
    const port = server.server.addresses.https[0]?.port ?? 0;
    const source = await makeClip(join(folder, 'source.flv'), { seconds: 5 });
    const publisher = publishFile(source, `rtmp://127.0.0.1:${server.rtmpPort}/live/show`);
    await eventually(() => server.server.liveStreams === 1, 'the stream');
    const out = join(folder, 'played.flv');
    const url = `https://localhost:${port}/live/show.flv`;
    const tls = ['-ca_file', files.cert, '-tls_verify', '1'];
    const player = record(url, out, tls);
    assert.equal((await publisher.ended).code, 0);
    const played = await player.ended;
    assert.equal(played.stderr, '');
    assert.equal(played.code, 0);
    await assertDecodes(out);
    const { audio, video } = await probe(out);
    assert.ok(audio !== undefined && video !== undefined);
  });
});
