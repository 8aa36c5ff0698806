import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { assertDecodes, makeClip, probe, publishFile } from '../support/ffmpeg.ts';
import { curl, streamOf, waitForStream } from '../support/players.ts';
import { Program, requireProgram, temporaryFolder, until } from '../support/programs.ts';
import { startServerProcess, type ServerProcess } from '../support/server-process.ts';

const GSTREAMER =
  'gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad';

suite('live bodies of the real server', { concurrency: true }, () => {
  const folder = temporaryFolder();
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess({ vhost: () => 'publish { hold_time 1s; }' });
  });
  after(async () => {
    assert.equal(await server.stop(), 0);
  });
  const live = (name: string): string => server.pageUrl.replace(/\/$/, '') + `/live/${name}`;

  test('MP3 that ffmpeg publishes: .mp3 has its very frames, .ts and .flv the sound, .aac is refused', async () => {
    const clip = await makeClip(join(folder, 'clip-mp3.flv'), { seconds: 6, audio: 'mp3' });
    const source = await probe(clip);
    const publisher = publishFile(clip, `${server.rtmpUrl}/live/mp3`);
    await until('sound', async () => (await streamOf(server, 'mp3'))?.audio);
    const refused = await fetch(live('mp3.aac'));
    assert.equal(refused.status, 404);
    assert.equal(await refused.text(), 'not playable: .aac cannot carry mp3\n');
    const bodies = ['mp3', 'ts', 'flv'].map((ending) => {
      const file = join(folder, `body.${ending}`);
      return { ending, file, ended: curl(live(`mp3.${ending}`), file).ended };
    });
    assert.equal((await publisher.ended).code, 0);
    const sent = (source.audio?.packets ?? []).map(({ hash }) => hash);
    for (const { ending, file, ended } of bodies) {
      const end = await ended;
      assert.equal(end.code, 0, end.stderr);
      const hashes = ((await probe(file)).audio?.packets ?? []).map(({ hash }) => hash);
      assert.ok(hashes.length > 100, `.${ending}: ${hashes.length} frames`);
      // From where it joined to the end, nothing missing and nothing changed.
      assert.deepEqual(hashes, sent.slice(-hashes.length), `.${ending}`);
      await assertDecodes(file);
    }
    const bytes = await readFile(join(folder, 'body.mp3'));
    assert.equal(bytes.readUInt16BE(0) & 0xffe0, 0xffe0, 'begins with a frame');
  });

  test('GStreamer plays .ts: each picture and each sound frame, from the join to the end', async () => {
    const clip = await makeClip(join(folder, 'clip-gst.flv'), { seconds: 6 });
    const source = await probe(clip);
    const publisher = publishFile(clip, `${server.rtmpUrl}/live/gst`);
    await waitForStream(server, 'gst', 'live');
    const file = join(folder, 'gst.mkv');
    const pipeline = `souphttpsrc location=${live('gst.ts')} ! tsdemux name=d
      d. ! queue ! h264parse ! m.  d. ! queue ! aacparse ! m.  matroskamux name=m ! filesink location=${file}`;
    const program = requireProgram('/usr/bin/gst-launch-1.0', GSTREAMER);
    const player = new Program(program, ['--quiet', ...pipeline.split(/\s+/)]);
    assert.equal((await publisher.ended).code, 0);
    const end = await player.ended;
    assert.equal(end.code, 0, end.stderr);
    assert.equal(end.stderr, '');
    const played = await probe(file);
    for (const kind of ['video', 'audio'] as const) {
      const from = source[kind]?.packets.length ?? 0;
      const got = played[kind]?.packets.length ?? 0;
      assert.ok(got >= from * 0.7 && got <= from, `${kind}: ${got} of ${from}`);
    }
    await assertDecodes(file);
  });
});
