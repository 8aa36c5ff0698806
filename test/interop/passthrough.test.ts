import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { publish } from '../../src/clients/rtmp/index.ts';
import { FlvReader, TAG_TYPE, type FlvTag } from '../../src/containers/flv/index.ts';
import { makeClip, type ClipOptions } from '../support/ffmpeg.ts';
import { readMp4Video } from '../support/mp4-video.ts';
import { curl, rtmpdump, streamOf, waitForStream } from '../support/players.ts';
import { temporaryFolder } from '../support/programs.ts';
import { startServerProcess, type ServerProcess } from '../support/server-process.ts';

/** A tag to publish: time in ms, an FLV body. */
interface Tag {
  readonly typeId: number;
  readonly timestamp: number;
  readonly body: Buffer;
}

const PICTURE_MS = 40;

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** How each way of carrying a codec begins the body of a video tag. */
interface Carriage {
  readonly video: NonNullable<ClipOptions['video']>;
  readonly config: Buffer;
  readonly keyframe: Buffer;
  readonly frame: Buffer;
  /** The API's name of the codec. */
  readonly api: string;
}

const CARRIAGES: Readonly<Record<string, Carriage>> = {
  // The Chinese CDNs' extension of FLV: codec id 12 in the place of AVC's 7, cts 0.
  'H.265 as codec id 12': {
    video: 'hevc',
    config: hex('1c 00 000000'),
    keyframe: hex('1c 01 000000'),
    frame: hex('2c 01 000000'),
    api: 'HEVC',
  },
  // Enhanced RTMP v1: frame type with the high bit, packet type, FourCC; CodedFrames (1) has a cts, CodedFramesX (3) none.
  'H.265 as enhanced RTMP': {
    video: 'hevc',
    config: hex('90 68766331'),
    keyframe: hex('91 68766331 000000'),
    frame: hex('a3 68766331'),
    api: 'HEVC',
  },
  'AV1 as enhanced RTMP': {
    video: 'av1',
    config: hex('90 61763031'),
    keyframe: hex('91 61763031'),
    frame: hex('a1 61763031'),
    api: 'AV1',
  },
};

async function readTags(file: string): Promise<FlvTag[]> {
  return new FlvReader().push(await readFile(file));
}

/** Sends the tags at the pace of their times. */
async function publishTags(url: string, tags: readonly Tag[]): Promise<void> {
  const publisher = await publish(url);
  const begin = performance.now();
  for (const { typeId, timestamp, body } of tags) {
    const early = timestamp - (performance.now() - begin);
    if (early > 0) await sleep(early);
    publisher.write(typeId, timestamp, body);
  }
  await publisher.close();
}

/** The recording is a config record and then the tags that were sent, from a keyframe on, at their distances. */
function assertPassed(
  recorded: readonly FlvTag[],
  sent: readonly Tag[],
  isKeyframe: (body: Buffer) => boolean,
): void {
  const [config, first, ...rest] = recorded.filter(({ typeId }) => typeId === TAG_TYPE.VIDEO);
  assert.deepEqual(config?.body, sent[0]?.body, 'the config record comes first');
  assert.ok(first !== undefined && isKeyframe(first.body), 'pictures begin with a keyframe');
  const from = sent.findIndex(({ body }) => body.equals(first.body));
  assert.ok(from > 0, 'the first picture was sent');
  const shift = sent[from]?.timestamp ?? 0;
  assert.deepEqual(
    [first, ...rest].map(({ timestamp, body }) => ({ at: timestamp, body })),
    sent.slice(from).map(({ timestamp, body }) => ({ at: timestamp - shift, body })),
  );
}

suite('what ffmpeg 5 cannot send passes untouched', { concurrency: true }, () => {
  const folder = temporaryFolder();
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess({ vhost: () => 'publish { hold_time 1s; }' });
  });
  after(async () => {
    assert.equal(await server.stop(), 0);
  });

  for (const [index, [name, carriage]] of Object.entries(CARRIAGES).entries()) {
    test(name, async () => {
      const stream = `codec-${index}`;
      const clip = join(folder, `${stream}.mp4`);
      await makeClip(clip, { seconds: 6, video: carriage.video, audio: 'none' });
      const { config, samples } = readMp4Video(await readFile(clip));
      const tag = (timestamp: number, head: Buffer, payload: Buffer): Tag => ({
        typeId: TAG_TYPE.VIDEO,
        timestamp,
        body: Buffer.concat([head, payload]),
      });
      const sent = [
        tag(0, carriage.config, config),
        ...samples.map(({ key, bytes }, at) =>
          tag(at * PICTURE_MS, key ? carriage.keyframe : carriage.frame, bytes),
        ),
      ];
      const isKeyframe = (body: Buffer): boolean =>
        body.subarray(0, carriage.keyframe.length).equals(carriage.keyframe);

      const publishing = publishTags(`${server.rtmpUrl}/live/${stream}`, sent);
      await waitForStream(server, stream, 'live');
      const http = join(folder, `${stream}-http.flv`);
      const rtmp = join(folder, `${stream}-rtmp.flv`);
      const early = rtmpdump(`${server.rtmpUrl}/live/${stream}`, rtmp, ['-v']);
      const late = sleep(2500).then(() => curl(`${server.pageUrl}live/${stream}.flv`, http).ended);
      const seen = await streamOf(server, stream);
      assert.deepEqual(
        { codec: seen?.video?.codec, width: seen?.video?.width, height: seen?.video?.height },
        { codec: carriage.api, width: 320, height: 180 },
      );
      await publishing;
      await early.ended;
      assert.equal((await late).code, 0);
      assertPassed(await readTags(rtmp), sent, isKeyframe);
      assertPassed(await readTags(http), sent, isKeyframe);
    });
  }

  test('composition times below zero', async () => {
    const clip = join(folder, 'negative.flv');
    await makeClip(clip, { seconds: 5, bFrames: 2, audio: 'none' });
    const sent = (await readTags(clip))
      .filter(({ typeId, body }) => typeId === TAG_TYPE.VIDEO && body[1] !== 2)
      .map(({ typeId, timestamp, body }): Tag => {
        // FLV 10.1, E.4.3.1: the composition time is a signed 24-bit number.
        const moved = Buffer.from(body);
        if (body[1] === 1) moved.writeIntBE(body.readIntBE(2, 3) - 120, 2, 3);
        return { typeId, timestamp, body: moved };
      });
    assert.ok(sent.some(({ body }) => body[1] === 1 && body.readIntBE(2, 3) < 0));
    const publishing = publishTags(`${server.rtmpUrl}/live/negative`, sent);
    await waitForStream(server, 'negative', 'live');
    const file = join(folder, 'negative-http.flv');
    const player = curl(`${server.pageUrl}live/negative.flv`, file);
    await publishing;
    assert.equal((await player.ended).code, 0);
    assertPassed(await readTags(file), sent, (body) => body[0] === 0x17);
  });
});
