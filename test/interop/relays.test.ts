import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { play, publish } from '../../src/clients/rtmp/index.ts';
import { assertDecodes, makeClip, probe, publishFile, record, type Media } from '../support/ffmpeg.ts';
import { startNginxRtmp, type NginxRtmp } from '../support/nginx-rtmp.ts';
import { startNodeMediaServer, type NodeMediaServer } from '../support/node-media-server.ts';
import { waitForStream } from '../support/players.ts';
import { temporaryFolder } from '../support/programs.ts';
import { assertMonotonic, assertRecording } from '../support/recording.ts';
import { startServerProcess, type ServerProcess } from '../support/server-process.ts';

suite('relays of other servers', { concurrency: true }, () => {
  const folder = temporaryFolder();
  const clip = join(folder, 'clip.flv');
  let source: Media;
  let server: ServerProcess;
  let nginx: NginxRtmp;
  let nodeMediaServer: NodeMediaServer;
  before(async () => {
    server = await startServerProcess({ vhost: () => 'publish { hold_time 1s; }' });
    nginx = await startNginxRtmp(`
      application pulled { live on; pull ${server.rtmpUrl}/live/origin name=origin; }
      application pushed { live on; push ${server.rtmpUrl}/live; }`);
    nodeMediaServer = await startNodeMediaServer();
    await makeClip(clip, { seconds: 9 });
    source = await probe(clip);
  });
  after(async () => {
    await nginx.stop();
    await nodeMediaServer.stop();
    assert.equal(await server.stop(), 0);
  });

  test('nginx pulls from us', async () => {
    const publisher = publishFile(clip, `${server.rtmpUrl}/live/origin`);
    await waitForStream(server, 'origin', 'live');
    const file = join(folder, 'pulled.flv');
    // nginx keeps its players when its origin has no more: the player ends by itself.
    const end = await record(`rtmp://127.0.0.1:${nginx.port}/pulled/origin`, file, ['-t', '5']).ended;
    assert.equal(end.code, 0, end.stderr);
    const recorded = await assertRecording(file, source, { cut: true });
    assertMonotonic(file, recorded);
    assert.ok((recorded.video?.packets.length ?? 0) > 100, 'five seconds of pictures');
    await assertDecodes(file);
    assert.equal((await publisher.ended).code, 0);
  });

  test('nginx pushes to us', async () => {
    const file = join(folder, 'pushed.flv');
    const player = record(`${server.rtmpUrl}/live/pushed`, file);
    await waitForStream(server, 'pushed', 'known');
    const publisher = publishFile(clip, `rtmp://127.0.0.1:${nginx.port}/pushed/pushed`);
    assert.equal((await publisher.ended).code, 0);
    const end = await player.ended;
    assert.equal(end.code, 0, end.stderr);
    assertMonotonic(file, await assertRecording(file, source, {}));
    await assertDecodes(file);
  });

  test('our client carries a stream to Node-Media-Server, and back', async () => {
    const publisher = publishFile(clip, `${server.rtmpUrl}/live/carried`);
    await waitForStream(server, 'carried', 'live');
    const file = join(folder, 'carried.flv');
    const there = `rtmp://127.0.0.1:${nodeMediaServer.rtmpPort}/live/there`;
    const player = record(`${server.rtmpUrl}/live/back`, file);
    await waitForStream(server, 'back', 'known');
    // Node-Media-Server does not tell its players that a stream is over: the way back ends by time.
    let back: Promise<void> | undefined;
    await carry(`${server.rtmpUrl}/live/carried`, there, Infinity, () => {
      back = carry(there, `${server.rtmpUrl}/live/back`, 5000);
    });
    await back;
    const end = await player.ended;
    assert.equal(end.code, 0, end.stderr);
    const recorded = await assertRecording(file, source, { cut: true });
    assertMonotonic(file, recorded);
    assert.ok((recorded.video?.packets.length ?? 0) > 100, 'four seconds of pictures');
    await assertDecodes(file);
    assert.equal((await publisher.ended).code, 0);
  });
});

/** Plays one URL and publishes to another until the stream ends or its time reaches `untilMs`. */
async function carry(from: string, to: string, untilMs: number, onBegun?: () => void): Promise<void> {
  const player = await play(from);
  const publisher = await publish(to);
  let begun = false;
  for await (const { typeId, timestamp, payload } of player) {
    if (timestamp >= untilMs) break;
    if (!publisher.write(typeId, timestamp, payload)) await publisher.drain();
    if (!begun) onBegun?.();
    begun = true;
  }
  await publisher.close();
}
