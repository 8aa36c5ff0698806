import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { ServerError } from '../../src/base/errors.ts';
import { play, publish, type RtmpMediaMessage } from '../../src/clients/rtmp/index.ts';
import { readData } from '../../src/protocols/rtmp/index.ts';
import { startNginxRtmp, type NginxRtmp } from '../support/nginx-rtmp.ts';

const FLV = new URL('../../media/demo.flv', import.meta.url);
const DEADLINE = { timeout: 30_000 };

/** Tags without the size behind them. */
function readTags(flv: Buffer): Buffer[] {
  const tags: Buffer[] = [];
  for (let at = 13; at + 11 <= flv.length;) {
    const end = at + 11 + flv.readUIntBE(at + 1, 3);
    tags.push(flv.subarray(at, end));
    at = end + 4;
  }
  return tags;
}

const typeOf = (tag: Buffer): number => tag.readUInt8(0);
const timeOf = (tag: Buffer): number => tag.readUIntBE(4, 3);
const digest = (bytes: Buffer): string => createHash('md5').update(bytes).digest('hex');
const isMedia = (typeId: number): boolean => typeId === 8 || typeId === 9;

suite('RTMP client and nginx-rtmp', () => {
  let nginx: NginxRtmp;
  const tags = readTags(readFileSync(FLV));
  const url = (name: string, app = 'live'): string => `rtmp://127.0.0.1:${nginx.port}/${app}/${name}`;

  before(async () => {
    nginx = await startNginxRtmp(
      'application live { live on; } application closed { live on; deny publish all; }',
    );
  });
  after(() => nginx.stop());

  test('what is published is played: every body and timestamp, then the end', DEADLINE, async () => {
    const player = await play(url('copy'));
    const publisher = await publish(url('copy'));
    for (const tag of tags) if (!publisher.writeTag(tag)) await publisher.drain();
    const closing = publisher.close();
    const got: RtmpMediaMessage[] = [];
    for await (const message of player) got.push(message);
    await closing;
    assert.equal((await player.ended).reason, 'stream');
    for (const typeId of [8, 9]) {
      // ffmpeg begins an FLV with an empty AAC record (af 00), which nginx does not hand on.
      const sent = tags.filter((tag) => typeOf(tag) === typeId && tag.length > 11 + 2);
      const received = got.filter((message) => message.typeId === typeId);
      assert.ok(sent.length > 50);
      assert.deepStrictEqual(
        received.map((message) => [message.timestamp, digest(message.payload)]),
        sent.map((tag) => [timeOf(tag), digest(tag.subarray(11))]),
      );
    }
    const data = got
      .filter((message) => !isMedia(message.typeId))
      .map((message) => readData(message.typeId, message.payload));
    assert.ok(data.some((one) => one.name === 'onMetaData'));
  });

  test('ffprobe reads what we publish', DEADLINE, async () => {
    const publisher = await publish(url('probe'));
    const start = performance.now();
    let next = 0;
    const timer = setInterval(() => {
      const now = performance.now() - start + 1000;
      for (let tag = tags[next]; tag !== undefined && timeOf(tag) <= now; tag = tags[next]) {
        publisher.writeTag(tag);
        next += 1;
      }
    }, 20);
    const args = [
      '-v',
      'error',
      '-analyzeduration',
      '4000000',
      '-show_entries',
      'stream=codec_name',
      '-of',
      'csv=p=0',
    ];
    const probe = spawn('ffprobe', [...args, url('probe')], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let errors = '';
    probe.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    probe.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    await once(probe, 'close');
    clearInterval(timer);
    await publisher.close();
    assert.deepStrictEqual(out.trim().split('\n').sort(), ['aac', 'h264'], errors);
  });

  test('ffmpeg publishes, our player gets pictures and sound', DEADLINE, async () => {
    const player = await play(url('ffmpeg'));
    const args = [
      '-v',
      'error',
      '-nostdin',
      '-f',
      'lavfi',
      '-i',
      'testsrc=s=160x120:r=25',
      '-f',
      'lavfi',
      '-i',
      'sine',
    ];
    const codecs = ['-t', '2', '-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'aac', '-f', 'flv'];
    const ffmpeg = spawn('ffmpeg', [...args, ...codecs, url('ffmpeg')], { stdio: 'ignore' });
    const counts = new Map<number, number>();
    for await (const { typeId } of player) counts.set(typeId, (counts.get(typeId) ?? 0) + 1);
    if (ffmpeg.exitCode === null) await once(ffmpeg, 'exit');
    // 50 pictures, the codec record, and the end of sequence.
    assert.ok((counts.get(9) ?? 0) >= 51, String(counts.get(9)));
    assert.ok((counts.get(8) ?? 0) > 80, String(counts.get(8)));
  });

  test('a busy name, and refusals by closing', DEADLINE, async () => {
    const publisher = await publish(url('busy'));
    await assert.rejects(
      publish(url('busy')),
      (error) => error instanceof ServerError && error.code === 'STREAM_BUSY',
    );
    await publisher.close();
    const isClosed = (error: unknown): boolean =>
      error instanceof ServerError && error.code === 'SESSION_CLOSED';
    // nginx says Publish.Start before its access rules are looked at.
    const denied = await publish(url('x', 'closed'));
    assert.equal((await denied.ended).reason, 'remote');
    await assert.rejects(play(url('x', 'nowhere')), isClosed);
  });
});
