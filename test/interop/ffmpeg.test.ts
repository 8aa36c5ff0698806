import assert from 'node:assert/strict';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { curl, waitForStream } from '../support/players.ts';
import { assertDecodes, makeClip, probe, publishFile, record, type ClipOptions } from '../support/ffmpeg.ts';
import { temporaryFolder } from '../support/programs.ts';
import { assertMonotonic, assertRecording } from '../support/recording.ts';
import { startServerProcess, type ServerProcess } from '../support/server-process.ts';

/** Records WebSocket-FLV; resolves when the server ends the stream. */
async function recordWebSocket(url: string, file: string): Promise<number> {
  const socket = new WebSocket(url);
  const out = createWriteStream(file);
  socket.on('message', (bytes: Buffer) => out.write(bytes));
  const [code] = (await once(socket, 'close')) as [number];
  out.end();
  await once(out, 'finish');
  return code;
}

// All clips run at once on one server: the tests take as long as the longest clip.
suite('ffmpeg publishes and plays', { concurrency: true }, () => {
  const folder = temporaryFolder();
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess({ vhost: () => 'publish { hold_time 1s; }' });
  });
  after(async () => {
    assert.equal(await server.stop(), 0);
  });

  const clips: Record<string, ClipOptions> = {
    'h264-aac': { seconds: 32, gop: 50, size: '640x360' },
    'h264-mp3': { seconds: 8, audio: 'mp3' },
    'aac-only': { seconds: 8, video: 'none' },
    'mp3-only': { seconds: 8, video: 'none', audio: 'mp3' },
    'video-only': { seconds: 8, audio: 'none' },
    'b-frames': { seconds: 8, bFrames: 3, gop: 50 },
    // What Flash encoders sent, and telephones still do.
    'flv1-speex': { seconds: 6, video: 'flv1', audio: 'speex' },
    'flv1-nellymoser': { seconds: 6, video: 'flv1', audio: 'nellymoser' },
    'g711-only': { seconds: 6, video: 'none', audio: 'pcm_alaw' },
    '1080p-8mbps': { seconds: 6, size: '1920x1080', kbps: 8000 },
  };
  for (const [name, clip] of Object.entries(clips)) {
    test(name, async () => {
      const file = (suffix: string): string => join(folder, `${name}${suffix}.flv`);
      const source = await makeClip(file(''), clip);
      const published = await probe(source);
      const rtmpUrl = `${server.rtmpUrl}/live/${name}`;
      const httpUrl = `${server.pageUrl}live/${name}.flv`;

      // The RTMP player waits for the publisher; HTTP needs a stream that is there.
      const rtmp = record(rtmpUrl, file('-rtmp'));
      await waitForStream(server, name, 'known');
      const publisher = publishFile(source, rtmpUrl);
      await waitForStream(server, name, 'live');
      const flv = record(httpUrl, file('-http'));
      const raw = curl(httpUrl, file('-curl'));
      const webSocket = recordWebSocket(httpUrl.replace('http:', 'ws:'), file('-ws'));

      const { code, stderr } = await publisher.ended;
      assert.equal(code, 0, stderr);
      for (const player of [rtmp, flv, raw]) {
        const end = await player.ended;
        assert.equal(end.code, 0, `${end.timedOut ? 'never ended ' : ''}${end.stderr}`);
        assert.equal(end.stderr, '');
      }
      assert.equal(await webSocket, 1000, 'close code');
      for (const how of ['-rtmp', '-http', '-curl', '-ws']) {
        assertMonotonic(
          how,
          await assertRecording(file(how), published, how === '-rtmp' ? { fromStart: true } : {}),
        );
      }
      await assertDecodes(file('-rtmp'));
      await assertDecodes(file('-curl'));
    });
  }
});
