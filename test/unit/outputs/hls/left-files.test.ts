import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, suite, test } from 'node:test';
import { SegmentWindow } from '../../../../src/containers/m3u8/index.ts';
import { HlsValidator } from '../../../support/hls-validator.ts';
import { HlsRig, play, source, until } from '../../../support/hls-rig.ts';

suite('Files of HLS that are left, or missing', () => {
  let rig: HlsRig | undefined;
  afterEach(async () => {
    await rig?.close();
    rig = undefined;
  });

  test('segments whose key is lost leave the playlist', async () => {
    rig = await HlsRig.start({ encrypt: true });
    await rig.publish();
    play(rig, source(0, 7_000));
    await rig.end('off');
    rig.restart();
    await rm(join(rig.dir, 'live/demo-0.key'));
    rig.validator = new HlsValidator({ mayRaiseTarget: true });
    await rig.publish();
    play(rig, source(0, 2_500));
    assert.deepEqual(
      rig.playlist().segments.map(({ uri }) => uri),
      ['demo-2.ts', 'demo-3.ts', 'demo-4.ts'],
    );
  });

  test('hls_dispose counts from the last frame, not from the end of the stream', async () => {
    rig = await HlsRig.start({ disposeMs: 10_000 });
    const { clock, files } = { clock: rig.clock, files: () => rig?.files() };
    await rig.publish();
    play(rig, source(0, 3_000));
    clock.advance(6_000);
    await rig.end();
    assert.notDeepEqual(await files(), []);
    clock.advance(4_500);
    await until(async () => assert.deepEqual(await files(), []));
  });

  test('an init segment stays as long as any segment that needs it may be asked for', () => {
    const window = new SegmentWindow({ fragmentMs: 2_000, targetRatio: 1, windowMs: 6_000 });
    let nowMs = 0;
    const gone: string[] = [];
    for (let i = 0; i < 20; i += 1) {
      window.add({ uri: `${i}.m4s`, durationMs: 2_000, map: { uri: i < 3 ? 'a.mp4' : 'b.mp4' } }, nowMs);
      const { segments, maps } = window.takeExpired(nowMs);
      gone.push(...segments, ...maps);
      nowMs += 2_000;
    }
    assert.deepEqual(gone.slice(0, 5), ['0.m4s', '1.m4s', '2.m4s', 'a.mp4', '3.m4s']);
    assert.equal(gone.includes('b.mp4'), false);
  });
});
