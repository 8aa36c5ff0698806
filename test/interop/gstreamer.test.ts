import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { assertDecodes, makeClip, probe, publishFile, record, type Media } from '../support/ffmpeg.ts';
import { waitForStream } from '../support/players.ts';
import { Program, requireProgram, temporaryFolder } from '../support/programs.ts';
import { assertMonotonic, assertRecording } from '../support/recording.ts';
import { startServerProcess, type ServerProcess } from '../support/server-process.ts';

const PACKAGES =
  'gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad';
const PICTURE_MS = 40;

/** Runs a pipeline, written as on the command line. */
function gstreamer(pipeline: string): Program {
  const program = requireProgram('/usr/bin/gst-launch-1.0', PACKAGES);
  return new Program(program, ['--quiet', ...pipeline.split(/\s+/)]);
}

// Its RTMP is an implementation of its own, neither librtmp nor ffmpeg's.
suite('GStreamer', { concurrency: true }, () => {
  const folder = temporaryFolder();
  const clip = join(folder, 'clip.flv');
  let source: Media;
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess({ vhost: () => 'publish { hold_time 1s; }' });
    await makeClip(clip, { seconds: 7 });
    source = await probe(clip);
  });
  after(async () => {
    assert.equal(await server.stop(), 0);
  });

  test('rtmp2sink publishes', async () => {
    const url = `${server.rtmpUrl}/live/sink`;
    const file = join(folder, 'sink.flv');
    const player = record(url, file);
    await waitForStream(server, 'sink', 'known');
    const publisher = gstreamer(`filesrc location=${clip} ! flvdemux name=d
      d.video ! queue ! clocksync ! m.video  d.audio ! queue ! clocksync ! m.audio
      flvmux name=m streamable=true ! rtmp2sink location=${url}`);
    const published = await publisher.ended;
    assert.equal(published.code, 0, published.stderr);
    const end = await player.ended;
    assert.equal(end.code, 0, end.stderr);
    const recorded = await probe(file);
    for (const kind of ['video', 'audio'] as const) {
      const from = source[kind]?.packets ?? [];
      const to = recorded[kind]?.packets ?? [];
      const missing = from.length - to.length;
      // Sound from before the first picture.
      assert.ok(
        missing === 0 || (kind === 'audio' && missing <= 2),
        `${kind}: ${missing} packets are missing`,
      );
      assert.deepEqual(
        to.map(({ hash }) => hash),
        from.slice(missing).map(({ hash }) => hash),
        kind,
      );
      for (const [index, { dts }] of to.entries()) {
        // This sink sets sound that it hands over late to the time of the picture before it, also towards other servers.
        const late = dts - (from[index + missing]?.dts ?? NaN);
        assert.ok(late >= -PICTURE_MS && late <= 3 * PICTURE_MS, `${kind} packet ${index}: ${late} ms late`);
        assert.ok(dts >= (to[index - 1]?.dts ?? 0), `${kind} packet ${index} goes back`);
      }
    }
  });

  test('rtmp2src plays', async () => {
    const url = `${server.rtmpUrl}/live/src`;
    const file = join(folder, 'src.flv');
    const publisher = publishFile(clip, url);
    await waitForStream(server, 'src', 'live');
    const player = gstreamer(`rtmp2src location=${url} ! filesink location=${file}`);
    assert.equal((await publisher.ended).code, 0);
    const end = await player.ended;
    assert.equal(end.code, 0, end.stderr);
    assertMonotonic(file, await assertRecording(file, source));
    await assertDecodes(file);
  });
});
