import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { FlvReader, frameFromFlv, type TagTypeId } from '../../src/containers/flv/index.ts';
import { TsMuxer } from '../../src/containers/mpegts/index.ts';
import { GrowingBytes } from '../../src/hub/slab-log.ts';
import { makeClip, probe, type ClipOptions, type MediaTrack } from '../support/ffmpeg.ts';
import { run, temporaryFolder } from '../support/programs.ts';

const CLIPS: readonly (ClipOptions & { readonly name: string })[] = [
  { name: 'H.264 with B-frames and AAC', seconds: 5, bFrames: 2 },
  { name: 'H.264 and MP3', seconds: 5, audio: 'mp3' },
  { name: 'H.264 alone', seconds: 3, audio: 'none' },
  { name: 'AAC alone', seconds: 3, video: 'none' },
];

const msOf = (track: MediaTrack | undefined, ticksPerMs: number): readonly unknown[] =>
  (track?.packets ?? []).map(({ dts, cts, key }) => [dts / ticksPerMs, cts / ticksPerMs, key]);

suite('MPEG-TS in the eyes of ffmpeg', () => {
  const folder = temporaryFolder();
  for (const { name, ...clip } of CLIPS) {
    test(name, async () => {
      const flv = await makeClip(join(folder, 'clip.flv'), clip);
      const muxer = new TsMuxer();
      const out = new GrowingBytes();
      for (const { typeId, timestamp, body } of new FlvReader().push(await readFile(flv))) {
        const frame = frameFromFlv(typeId as TagTypeId, timestamp, body);
        // The end of the sequence has nothing in it.
        if (frame.payload.length > 0) muxer.write(frame, out);
      }
      muxer.flush(out);
      const ts = join(folder, 'clip.ts');
      await writeFile(ts, out.view());
      const decoded = await run('/usr/bin/ffmpeg', [
        '-hide_banner',
        '-nostdin',
        '-v',
        'warning',
        '-xerror',
        '-i',
        ts,
        '-f',
        'null',
        '-',
      ]);
      assert.equal(decoded.stderr.trim(), '');
      const [sent, got] = [await probe(flv), await probe(ts)];
      assert.deepEqual(msOf(got.video, 90), msOf(sent.video, 1));
      assert.equal(got.audio?.packets.length, sent.audio?.packets.length);
      got.audio?.packets.forEach(({ dts }, index) => {
        const want = sent.audio?.packets[index]?.dts ?? NaN;
        // Only the first frame of a packet has its own time; the others follow by samples.
        assert.ok(Math.abs(dts / 90 - want) <= 1.1, `sound at ${dts / 90}, not ${want}`);
      });
    });
  }
});
