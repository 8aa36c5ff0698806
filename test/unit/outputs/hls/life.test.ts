import assert from 'node:assert/strict';
import { createDecipheriv } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, suite, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { frameFromFlv, TAG_TYPE } from '../../../../src/containers/flv/index.ts';
import { nodeFileSystem } from '../../../../src/storage/file-system.ts';
import type { HlsOptions } from '../../../../src/outputs/hls/index.ts';
import { HlsValidator } from '../../../support/hls-validator.ts';
import { demuxTs, HlsRig, play, source, until } from '../../../support/hls-rig.ts';
import { aacConfig, aacFrame, avcConfig, picture } from '../../../support/ts-frames.ts';

let rig: HlsRig;

async function begin(options: Partial<HlsOptions> = {}, fileSystem = nodeFileSystem): Promise<void> {
  rig = await HlsRig.start(options, fileSystem);
  await rig.publish();
}

const shown = (): unknown[] =>
  rig.playlist().segments.map(({ uri, discontinuity = false }) => `${uri}${discontinuity ? ' D' : ''}`);

suite('HLS over publishes and restarts', () => {
  afterEach(async () => rig.close());

  test('a publisher who leaves finishes the segment, one who comes back goes on behind a discontinuity', async () => {
    await begin();
    play(rig, source(0, 3_000));
    rig.leave();
    assert.deepEqual(shown(), ['demo-0.ts', 'demo-1.ts']);
    await rig.publish();
    play(rig, source(5_000, 9_500));
    assert.deepEqual(shown(), ['demo-0.ts', 'demo-1.ts', 'demo-2.ts D', 'demo-3.ts']);
  });

  for (const lost of ['nothing', 'the journal'] as const) {
    test(`after a restart numbers go on, with ${lost} lost`, async () => {
      await begin();
      play(rig, source(0, 7_000));
      await rig.end('off');
      rig.restart();
      if (lost === 'the journal') await rm(join(rig.dir, 'live/.demo.m3u8.journal'));
      await rm(join(rig.dir, 'live/demo-1.ts'));
      // What the disk lost is missing from the window.
      rig.validator = new HlsValidator();
      await rig.publish();
      play(rig, source(0, 4_500));
      assert.deepEqual(shown(), ['demo-2.ts', 'demo-3.ts', 'demo-4.ts D', 'demo-5.ts']);
      assert.equal(rig.playlist().mediaSequence, 2);
      assert.match(rig.logger.lines.join('\n'), /2 of 4 segments of the last run leave the playlist/);
    });
  }

  test('after a restart an init segment with the same bytes keeps its name, another one has another', async () => {
    await begin({ fmp4: true });
    play(rig, source(0, 3_000));
    for (const level of [31, 32]) {
      await rig.end('off');
      rig.restart();
      await rig.publish();
      play(rig, source(0, 3_000, { level }));
    }
    await rig.end('off');
    const maps = (await rig.diskPlaylist()).segments.map(({ map }) => map?.uri);
    assert.deepEqual([...new Set(maps)], ['demo-init.mp4', 'demo-init-4.mp4']);
    assert.deepEqual(maps.slice(0, 4), Array(4).fill('demo-init.mp4'));
  });

  test('a journal that is broken is told and the playlist used', async () => {
    await begin();
    play(rig, source(0, 3_000));
    await rig.end('off');
    rig.restart();
    await writeFile(join(rig.dir, 'live/.demo.m3u8.journal'), '{"version":1,');
    await rig.publish();
    play(rig, source(0, 2_500));
    assert.deepEqual(shown(), ['demo-0.ts', 'demo-1.ts', 'demo-2.ts D']);
    assert.match(rig.logger.lines.join('\n'), /the journal is not used/);
  });

  test('hls_recover off begins anew and deletes what was there', async () => {
    await begin({ recover: false });
    play(rig, source(0, 7_000));
    await rig.end();
    rig.validator = new HlsValidator();
    await rig.publish();
    play(rig, source(0, 2_500));
    assert.deepEqual(shown(), ['demo-0.ts']);
    await rig.end();
    await until(async () =>
      assert.deepEqual(await rig.files(), [
        'live/.demo.m3u8.journal',
        'live/demo-0.ts',
        'live/demo-1.ts',
        'live/demo.m3u8',
      ]),
    );
  });

  test('a segment that gets the name of one that is being deleted stays', async () => {
    const unlink = async (path: string): Promise<void> => {
      await setTimeout(20);
      await nodeFileSystem.unlink(path);
    };
    await begin({ recover: false }, { ...nodeFileSystem, unlink });
    play(rig, source(0, 7_000));
    await rig.end();
    rig.validator = new HlsValidator();
    await rig.publish();
    play(rig, source(0, 6_500));
    await until(() => assert.equal(rig.segments.length, 4 + 3));
    await rig.removals.settled();
    for (const { uri } of rig.playlist().segments) {
      assert.ok((await rig.files()).includes(`live/${uri}`), uri);
      assert.notEqual(rig.memory(join(rig.dir, 'live', uri)), undefined, uri);
    }
  });

  test('names of an earlier playlist that no file can have are passed over', async () => {
    await begin({ recover: false });
    play(rig, source(0, 3_000));
    await rig.end('off');
    rig.restart();
    await rm(join(rig.dir, 'live/.demo.m3u8.journal'));
    const text = await readFile(join(rig.dir, 'live/demo.m3u8'), 'latin1');
    await writeFile(
      join(rig.dir, 'live/demo.m3u8'),
      text.replace('demo-0.ts', `${'x'.repeat(300)}.ts`).replace('demo-1.ts', 'a%00b.ts'),
    );
    rig.validator = new HlsValidator();
    await rig.publish();
    play(rig, source(0, 2_500));
    assert.deepEqual(shown(), ['demo-0.ts']);
  });

  test('segments are deleted after they left the playlist, never one that is listed', async () => {
    await begin();
    play(rig, source(0, 60_500));
    await rig.end();
    await until(async () => assert.ok((await rig.files()).length < 20, 'files are left'));
    const files = await rig.files();
    for (const { uri } of (await rig.diskPlaylist()).segments) assert.ok(files.includes(`live/${uri}`), uri);
    rig.clock.advance(60_000);
    await until(async () => {
      const after = (await rig.files()).filter((name) => name.endsWith('.ts'));
      assert.equal(after.length, (await rig.diskPlaylist()).segments.length);
      assert.equal(rig.outputs.waiting, 0);
    });
  });

  test('hls_cleanup off leaves them', async () => {
    await begin({ cleanup: false });
    play(rig, source(0, 60_500));
    await rig.end();
    rig.clock.advance(60_000);
    await rig.removals.settled();
    assert.equal((await rig.files()).filter((name) => name.endsWith('.ts')).length, 31);
  });

  for (const when of ['while the publisher is silent', 'after the stream is gone'] as const) {
    test(`hls_dispose deletes all ${when}; numbers go on`, async () => {
      await begin({ disposeMs: 20_000 });
      play(rig, source(0, 6_500));
      if (when === 'after the stream is gone') await rig.end();
      await until(async () => assert.ok((await rig.files()).includes('live/demo.m3u8'), 'no playlist'));
      rig.clock.advance(22_000);
      await until(async () => assert.deepEqual(await rig.files(), []));
      rig.validator = new HlsValidator();
      if (when === 'after the stream is gone') await rig.publish();
      play(rig, source(40_000, 42_500));
      const { mediaSequence, segments } = rig.playlist();
      const first = when === 'after the stream is gone' ? 4 : 3;
      assert.deepEqual([mediaSequence, segments.map(({ uri }) => uri)], [first, [`demo-${first}.ts`]]);
    });
  }

  test('hls_endlist: only a stream that is gone is ended', async () => {
    await begin({ endList: true });
    play(rig, source(0, 2_500));
    await rig.end('off');
    assert.equal((await rig.diskPlaylist()).endlist, undefined);
    await rig.publish();
    play(rig, source(0, 2_500));
    await rig.end('gone');
    assert.equal((await rig.diskPlaylist()).endlist, true);
  });

  test('frames that come before the disk is ready are not lost', async () => {
    rig = await HlsRig.start();
    const opening = rig.publish();
    for (const frame of source(0, 4_500)) rig.give(frame);
    await opening;
    assert.deepEqual(shown(), ['demo-0.ts', 'demo-1.ts']);
  });
});

suite('HLS with keys', () => {
  afterEach(async () => rig.close());

  test('segments are decrypted with the key file and their number', async () => {
    await begin({ encrypt: true, keyUrl: 'https://keys.example/a?token=1', windowMs: 60_000 });
    play(rig, source(0, 10_500));
    await rig.end();
    const { segments, mediaSequence } = await rig.diskPlaylist();
    const plain: Buffer[] = [];
    for (const [index, { uri, key }] of segments.entries()) {
      assert.equal(key?.uri, `https://keys.example/a/live/demo-${index - (index % 2)}.key?token=1`);
      const bytes = await readFile(join(rig.dir, `live/demo-${index - (index % 2)}.key`));
      const vector = Buffer.alloc(16);
      vector.writeUInt32BE(mediaSequence + index, 12);
      const decipher = createDecipheriv('aes-128-cbc', bytes, vector);
      plain.push(
        Buffer.concat([decipher.update(await readFile(join(rig.dir, 'live', uri))), decipher.final()]),
      );
    }
    assert.equal(demuxTs(plain).filter(({ kind, isConfig }) => kind === 'video' && !isConfig).length, 263);
  });

  test('closed: neither segments nor keys stay in memory', async () => {
    await begin({ encrypt: true });
    play(rig, source(0, 6_500));
    assert.ok(rig.resources.size >= 5, String(rig.resources.size));
    await rig.end('off');
    assert.equal(rig.resources.size, 0);
  });

  test('low latency with keys is refused', async () => {
    rig = await HlsRig.start({ encrypt: true, lowLatency: true, fmp4: true });
    await assert.rejects(() => rig.publish(), { code: 'CONFIG_INVALID' });
  });
});

suite('Low-latency HLS', () => {
  afterEach(async () => rig.close());

  for (const tracks of [{}, { audio: false }, { video: false }, { bFrames: true }]) {
    test(`parts follow the rules: ${JSON.stringify(tracks)}`, async () => {
      await begin({ lowLatency: true, fmp4: true, programDateTime: true });
      play(rig, source(0, 20_000, tracks));
      const { segments, partial, partTargetMs, preloadHints } = rig.playlist();
      assert.equal(partTargetMs, 333);
      assert.ok((segments.at(-1)?.parts?.length ?? 0) > 5);
      assert.equal(segments.at(-1)?.parts?.[0]?.independent, true);
      const next = preloadHints?.[0]?.uri;
      assert.equal(
        next,
        `demo-${segments.length + rig.playlist().mediaSequence}.m4s.part${partial?.parts?.length ?? 0}.m4s`,
      );
      // The parts are the segment.
      const last = segments.at(-1);
      const bytes =
        last?.parts?.map(({ uri }) => rig.memory(join(rig.dir, 'live', uri)) ?? Buffer.alloc(0)) ?? [];
      assert.ok(
        Buffer.concat(bytes).equals(rig.memory(join(rig.dir, 'live', last?.uri ?? '')) ?? Buffer.alloc(0)),
      );
      await rig.end();
      const disk = await rig.diskPlaylist();
      assert.equal(disk.partTargetMs, undefined);
      assert.ok(disk.segments.every(({ parts }) => parts === undefined));
      assert.equal(
        (await rig.files()).some((name) => name.includes('.part')),
        false,
      );
    });
  }
});

suite('Bad input of HLS', () => {
  afterEach(async () => rig.close());

  test('H.265 is told once and the sound goes on', async () => {
    await begin();
    const hevc = (dts: number) => frameFromFlv(TAG_TYPE.VIDEO, dts, Buffer.from([0x1c, 1, 0, 0, 0, 1, 2, 3]));
    play(
      rig,
      [...source(0, 10_000, { video: false })].flatMap((frame) => [hevc(frame.dts), frame]),
    );
    assert.deepEqual(
      rig.failures.map(({ error, then }) => [error.code, then]),
      [['TS_CODEC_UNSUPPORTED', 'continues']],
    );
    assert.equal(rig.playlist().segments.length, 2);
  });

  test('a record in mid-stream makes a new segment behind a discontinuity, and a new init segment', async () => {
    await begin({ fmp4: true });
    play(rig, source(0, 3_000));
    play(rig, source(3_000, 7_500, { level: 32 }));
    assert.deepEqual(shown(), ['demo-0.m4s', 'demo-1.m4s', 'demo-2.m4s D', 'demo-3.m4s']);
    const maps = rig.playlist().segments.map(({ map }) => map?.uri);
    assert.deepEqual(maps, ['demo-init.mp4', 'demo-init.mp4', 'demo-init-2.mp4', 'demo-init-2.mp4']);
  });

  test('a record that is replaced before the first segment takes its frames with it', async () => {
    await begin();
    for (const frame of [avcConfig(0), picture(0, 0, true, [100])]) rig.give(frame);
    play(rig, source(80, 4_500, { level: 32 }));
    assert.deepEqual(shown(), ['demo-0.ts', 'demo-1.ts']);
    const bytes = rig.memory(join(rig.dir, 'live/demo-0.ts'));
    assert.ok(bytes !== undefined);
    const first = demuxTs([bytes]).find(({ kind, isConfig }) => kind === 'video' && !isConfig);
    assert.deepEqual([first?.dts, first?.isKeyframe], [80, true]);
  });

  test('each publisher has time for its other track, and is told what cannot be carried', async () => {
    await begin();
    const hevc = (dts: number) => frameFromFlv(TAG_TYPE.VIDEO, dts, Buffer.from([0x1c, 1, 0, 0, 0, 1, 2, 3]));
    play(rig, source(0, 2_500));
    rig.give(hevc(2_500));
    rig.leave();
    await rig.publish();
    const late = [...source(3_000, 7_500)].filter(({ kind, dts }) => kind === 'video' || dts >= 3_300);
    late.splice(
      late.findIndex(({ kind }) => kind === 'audio'),
      0,
      aacConfig(3_300),
    );
    play(rig, late);
    rig.give(hevc(7_500));
    assert.deepEqual(shown(), ['demo-0.ts', 'demo-1.ts', 'demo-2.ts D', 'demo-3.ts']);
    assert.equal(rig.failures.length, 2);
  });

  test('no config record, late ones and empty frames', async () => {
    await begin();
    play(rig, [picture(0, 0, true, [100]), aacFrame(0, 50), picture(40, 0, false, [50])]);
    assert.equal(rig.text(), undefined);
    play(rig, source(1_000, 5_500));
    rig.give(aacFrame(5_500, 0));
    rig.give(picture(5_500, 0, false, [0]));
    assert.deepEqual(shown(), ['demo-0.ts', 'demo-1.ts']);
    assert.deepEqual(rig.failures, []);
  });

  test('an hour without a keyframe is cut anyway, and nothing is promised', async () => {
    await begin();
    play(rig, source(0, 200_000, { gopMs: 3_600_000 }));
    const { segments, independentSegments } = rig.playlist();
    assert.deepEqual([segments.length, segments[0]?.durationMs, independentSegments], [3, 60_000, undefined]);
    assert.equal(rig.logger.lines.filter((line) => line.includes('without a keyframe')).length, 1);
  });

  test('timestamps that stand still are told, and nothing piles up', async () => {
    await begin();
    rig.give(avcConfig(0));
    for (let i = 0; i < 61_000; i += 1) rig.give(picture(0, 0, i === 0, [50]));
    assert.deepEqual(
      rig.failures.map(({ error }) => error.code),
      ['HLS_INPUT_INVALID'],
    );
    assert.equal(rig.text(), undefined);
  });

  test('jumps of the timestamps are discontinuities', async () => {
    await begin();
    play(rig, source(100_000, 103_000));
    for (const frame of source(2_000, 6_500)) rig.give(frame);
    assert.deepEqual(shown(), ['demo-0.ts', 'demo-1.ts', 'demo-2.ts D', 'demo-3.ts']);
  });

  test('a disk that fails is told once a segment; the segment stays in memory', async () => {
    let full = false;
    await begin(
      {},
      {
        ...nodeFileSystem,
        create: (path) => (full ? Promise.reject(new Error('no space left')) : nodeFileSystem.create(path)),
      },
    );
    const frames = [...source(0, 4_500)];
    const before = frames.filter(({ dts }) => dts < 2_500);
    play(rig, before);
    await until(() => assert.equal(rig.segments.length, 1));
    full = true;
    play(rig, frames.slice(before.length));
    await until(() => assert.equal(rig.failures.length, 1));
    assert.equal(rig.failures[0]?.then, 'continues');
    assert.ok(rig.memory(join(rig.dir, 'live/demo-1.ts')) !== undefined);
  });
});
