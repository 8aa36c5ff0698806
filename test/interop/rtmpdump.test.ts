import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { assertDecodes, makeClip, probe, publishFile, type Media } from '../support/ffmpeg.ts';
import { rtmpdump, waitForStream } from '../support/players.ts';
import { temporaryFolder } from '../support/programs.ts';
import { assertMonotonic, assertRecording } from '../support/recording.ts';
import { startServerProcess, type ServerProcess } from '../support/server-process.ts';

suite('rtmpdump plays', { concurrency: true }, () => {
  const folder = temporaryFolder();
  const clip = join(folder, 'clip.flv');
  let source: Media;
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess({ vhost: () => 'publish { hold_time 1s; }' });
    await makeClip(clip, { seconds: 9 });
    source = await probe(clip);
  });
  after(async () => {
    assert.equal(await server.stop(), 0);
  });

  // librtmp's default handshake is the complex one of version 9; -v says that the stream is live.
  for (const [name, args] of Object.entries({ default: [], live: ['-v'], 'live-stop': ['-v', '-B', '4'] })) {
    test(`with ${args.length === 0 ? 'its defaults' : args.join(' ')}`, async () => {
      const url = `${server.rtmpUrl}/live/${name}`;
      const publisher = publishFile(clip, url);
      await waitForStream(server, name, 'live');
      const file = join(folder, `${name}-recorded.flv`);
      const player = await rtmpdump(url, file, args).ended;
      // 2 = "incomplete": it cannot know how long a live stream should have been.
      assert.ok(player.code === 0 || player.code === 2, player.stderr);
      assert.doesNotMatch(player.stderr, /error/i);
      assert.match(player.stderr, /Connected/);
      const recorded = await assertRecording(file, source, { cut: true });
      assertMonotonic(file, recorded);
      const last = recorded.video?.packets.at(-1)?.dts ?? 0;
      assert.ok(name === 'live-stop' ? last > 3500 && last < 5000 : last > 7000, `it played ${last} ms`);
      await assertDecodes(file);
      assert.equal((await publisher.ended).code, 0);
    });
  }

  test('waits for a stream that nobody publishes yet', async () => {
    const url = `${server.rtmpUrl}/live/later`;
    const file = join(folder, 'later-recorded.flv');
    const player = rtmpdump(url, file, ['-v']);
    await waitForStream(server, 'later', 'known');
    const publisher = publishFile(clip, url);
    assert.equal((await publisher.ended).code, 0);
    const end = await player.ended;
    assert.ok(end.code === 0 || end.code === 2, end.stderr);
    assertMonotonic(file, await assertRecording(file, source, { fromStart: true }));
  });

  test('RTMPE is refused in words', async () => {
    const url = `${server.rtmpUrl.replace('rtmp:', 'rtmpe:')}/live/secret`;
    const end = await rtmpdump(url, join(folder, 'secret.flv'), ['-v', '--timeout', '5']).ended;
    assert.notEqual(end.code, 0);
    assert.equal(end.timedOut, false);
    // The server writes its log in its own time.
    await eventually(
      () => server.log().includes('RTMPE'),
      () => `no word of RTMPE in ${server.log()}`,
    );
  });
});
