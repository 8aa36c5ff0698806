import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, suite, test } from 'node:test';
import type { Frame } from '../../../../src/media/frame.ts';
import type { HlsOptions } from '../../../../src/outputs/hls/index.ts';
import { demuxTs, HlsRig, play, source } from '../../../support/hls-rig.ts';

let rig: HlsRig;

async function begin(options: Partial<HlsOptions> = {}): Promise<void> {
  rig = await HlsRig.start(options);
  await rig.publish();
}

/** What a round trip must keep, per kind. */
function units(frames: readonly Frame[], kind: 'audio' | 'video'): string[] {
  return frames
    .filter((frame) => frame.kind === kind && !frame.isConfig)
    .map((frame) => `${frame.dts} ${frame.pts} ${frame.isKeyframe} ${frame.payload.toString('hex')}`);
}

async function diskFrames(): Promise<Frame[]> {
  const { segments } = await rig.diskPlaylist();
  return demuxTs(await Promise.all(segments.map(({ uri }) => readFile(join(rig.dir, 'live', uri)))));
}

suite('TS segments', () => {
  afterEach(async () => rig.close());

  test('are cut at the keyframes after a fragment, on disk and in memory', async () => {
    await begin();
    const given = play(rig, source(0, 7_000));
    assert.deepEqual(
      rig.playlist().segments.map(({ uri, durationMs }) => [uri, durationMs]),
      [
        ['demo-0.ts', 2000],
        ['demo-1.ts', 2000],
        ['demo-2.ts', 2000],
      ],
    );
    await rig.end();
    const { segments, targetDurationSec, independentSegments } = await rig.diskPlaylist();
    assert.deepEqual([segments.length, targetDurationSec, independentSegments], [4, 3, true]);
    // The sound ends a little after the last picture.
    const { durationMs = 0 } = segments[3] ?? {};
    assert.ok(durationMs > 1000 && durationMs <= 1024, String(durationMs));
    assert.deepEqual(
      rig.segments.map(({ sequence, url, playlistUrl }) => [sequence, url, playlistUrl]),
      [0, 1, 2, 3].map((n) => [n, `demo-${n}.ts`, 'live/demo.m3u8']),
    );
    assert.deepEqual(units(await diskFrames(), 'video'), units(given, 'video'));
    assert.deepEqual(await rig.files(), [
      'live/.demo.m3u8.journal',
      ...[0, 1, 2, 3].map((n) => `live/demo-${n}.ts`),
      'live/demo.m3u8',
    ]);
  });
});
