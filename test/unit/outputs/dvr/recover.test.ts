import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { systemClock, type Clock } from '../../../../src/base/clock.ts';
import { readMovie } from '../../../../src/containers/mp4/index.ts';
import { TsDemuxer } from '../../../../src/containers/mpegts/index.ts';
import type { RecordingDone } from '../../../../src/hub/output-events.ts';
import { mendRecording, RecordingNames, recoverLeftovers } from '../../../../src/outputs/dvr/index.ts';
import { nodeFileSystem } from '../../../../src/storage/file-system.ts';
import { DvrStage, flvFrames, readRecording, type Found } from '../../../support/dvr-stage.ts';
import { MemoryLogger } from '../../../support/memory-logger.ts';

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'srs-recover-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A clock whose waits are over as soon as `meanwhile` was called. */
function quietClock(meanwhile: () => void): Clock {
  return {
    ...systemClock,
    after: (_ms, wake) => {
      meanwhile();
      setImmediate(wake);
      return () => undefined;
    },
  };
}

/** Runs a recovery to its end. */
async function recover(
  folder: string,
  path = '[app]/[stream].[timestamp].flv',
  names?: RecordingNames,
  /** What happens in the quiet time. */
  meanwhile: () => void = () => undefined,
) {
  const logger = new MemoryLogger();
  const done: RecordingDone[] = [];
  const recovery = recoverLeftovers(
    {
      clock: quietClock(meanwhile),
      unixTime: () => Date.now(),
      logger,
      observer: { recordingDone: (event) => void done.push(event) },
      names: names ?? new RecordingNames(nodeFileSystem),
    },
    { places: [{ vhost: 'v', path: join(folder, path) }], otherRoots: [], quietMs: 30 },
  );
  await recovery.done;
  return { done, lines: logger.lines };
}

/** The open file of a recording of some seconds, and what was in it when it was cut off. */
async function openRecording(t: TestContext, format: 'flv' | 'mp4' | 'fmp4' | 'ts'): Promise<Buffer> {
  const ending = format === 'fmp4' ? 'mp4' : format;
  const stage = new DvrStage({ path: `[stream].${ending}`, fragmented: format === 'fmp4' });
  t.after(() => stage.remove());
  stage.publish();
  await stage.playSlowly(0, 4_000);
  const open = readFileSync(join(stage.folder, `.demo.${ending}.recording`));
  await stage.output.close();
  return open;
}

const idsOf = (found: readonly Found[], kind: string): number[] =>
  found.filter((one) => one.kind === kind).map(({ id }) => id);

/** Bytes of each frame, by its kind and time. */
function tsSizes(bytes: Buffer): Map<string, number> {
  const demuxer = new TsDemuxer();
  const frames = [...demuxer.push(bytes), ...demuxer.end()].filter(({ isConfig }) => !isConfig);
  return new Map(frames.map(({ kind, dts, flvBody }) => [`${kind} ${dts}`, flvBody.length]));
}

suite('a recording that was cut off', () => {
  for (const format of ['flv', 'mp4', 'fmp4', 'ts'] as const) {
    test(`${format}, at any byte: what is whole is there, in order, up to the last half second`, async (t) => {
      const open = await openRecording(t, format);
      const folder = folderOf(t);
      const path = join(folder, `a.${format === 'fmp4' ? 'mp4' : format}`);
      const cuts = Array.from({ length: 60 }, (_, n) => Math.floor(((n + 1) / 60) * open.length));
      for (let seed = 7, n = 0; n < 60; n += 1) {
        seed = (seed * 48_271) % 2_147_483_647;
        cuts.push(seed % open.length);
      }
      const whole = 4_000;
      let best = 0;
      for (const cut of cuts) {
        for (const tail of [Buffer.alloc(0), Buffer.alloc(700)]) {
          writeFileSync(path, Buffer.concat([open.subarray(0, cut), tail]));
          const mended = await mendRecording(nodeFileSystem, path);
          if (!mended.hasMedia) {
            // The first half second, behind the head of the file.
            assert.ok(cut < (format === 'flv' ? 37_000 : 20_000), `nothing left of ${cut} bytes`);
            continue;
          }
          assert.equal(mended.bytes, readFileSync(path).length);
          // A lost write inside of mdat shows nowhere: the boxes are right.
          if (tail.length > 0 && format.endsWith('mp4')) continue;
          const found = readRecording(path);
          const video = idsOf(found, 'video').filter((id) => id >= 0);
          const audio = idsOf(found, 'audio');
          assert.deepEqual(
            video,
            Array.from({ length: video.length }, (_, at) => at * 40),
            `${cut}`,
          );
          assert.deepEqual(
            audio,
            Array.from({ length: audio.length }, (_, at) => at * 20),
            `${cut}`,
          );
          assert.ok(Math.abs(mended.durationMs - video.length * 40) < 600, `${mended.durationMs} at ${cut}`);
          best = Math.max(best, video.length * 40);
          // Whoever mends it twice changes nothing.
          const once = readFileSync(path);
          await mendRecording(nodeFileSystem, path);
          assert.ok(readFileSync(path).equals(once), `mended twice at ${cut}`);
        }
      }
      assert.ok(best >= whole - 1_000, `${best} of ${whole} ms`);
    });
  }

  test('MPEG-TS, at any packet: no picture or sound is there in part, and no more than the torn one is missing', async (t) => {
    const stage = new DvrStage({ path: '[stream].ts' });
    t.after(() => stage.remove());
    stage.publish();
    for (let n = 0; n < 12; n += 1) {
      // Beyond 64 KiB the length of a picture is told nowhere.
      stage.output.onFrame(flvFrames.picture(n * 40, n % 4 === 0, n % 4 === 0 ? 70_000 : 3_000));
      stage.output.onFrame(flvFrames.sound(n * 40, 300));
      stage.output.onFrame(flvFrames.sound(n * 40 + 20, 300));
    }
    await stage.output.close();
    const path = join(stage.folder, 'demo.ts');
    const whole = readFileSync(path);
    const all = tsSizes(whole);
    assert.equal(all.size, 36);
    let least = Number.POSITIVE_INFINITY;
    for (let end = 188 * 400; end <= whole.length; end += 188) {
      writeFileSync(path, whole.subarray(0, end));
      const { bytes } = await mendRecording(nodeFileSystem, path);
      const mended = readFileSync(path);
      assert.equal(bytes, mended.length);
      for (const [frame, size] of tsSizes(mended)) assert.equal(size, all.get(frame), `${frame} at ${end}`);
      assert.ok(end - bytes < 72_000, `${end - bytes} bytes went`);
      if (bytes === end) least = Math.min(least, end);
    }
    assert.ok(least < 188 * 500, 'what is whole stays');
    writeFileSync(path, whole);
    assert.equal((await mendRecording(nodeFileSystem, path)).bytes, whole.length);
  });

  test('FLV: a large picture whose end never came to the disk', async (t) => {
    const path = join(folderOf(t), 'large.flv');
    writeFileSync(path, await openRecording(t, 'flv'));
    const { bytes: before } = await mendRecording(nodeFileSystem, path);
    const whole = readFileSync(path);
    const tag = Buffer.alloc(11 + 400_000 + 4);
    tag.writeUInt8(9, 0);
    tag.writeUIntBE(400_000, 1, 3);
    tag.writeUIntBE(4_000, 4, 3);
    tag.set([0x17, 1], 11);
    writeFileSync(path, Buffer.concat([whole, tag]));
    assert.equal((await mendRecording(nodeFileSystem, path)).bytes, before, 'zeros in place of its end');
    tag.writeUInt32BE(tag.length - 4, tag.length - 4);
    writeFileSync(path, Buffer.concat([whole, tag]));
    assert.equal((await mendRecording(nodeFileSystem, path)).bytes, before + tag.length, 'whole');
  });

  test('FLV: a head that was half written over when it ended', async (t) => {
    const open = await openRecording(t, 'flv');
    const path = join(folderOf(t), 'a.flv');
    writeFileSync(path, open);
    await mendRecording(nodeFileSystem, path);
    const whole = readFileSync(path);
    for (let at = 60; at < 36_000; at += 997) {
      writeFileSync(path, Buffer.concat([whole.subarray(0, at), open.subarray(at)]));
      await mendRecording(nodeFileSystem, path);
      assert.ok(readFileSync(path).equals(whole), `cut at ${at}`);
    }
  });

  test('more than memory may hold: a file of 6 GiB with holes is mended, its index reaches behind 4 GiB', async (t) => {
    const open = await openRecording(t, 'flv');
    const path = join(folderOf(t), 'a.flv');
    // Tags of 8 MiB that take no room on the disk.
    const head = open.subarray(0, 13 + open.readUIntBE(14, 3) + 15);
    writeFileSync(path, head);
    const tagBytes = 8 * 1024 * 1024;
    const count = 800;
    const file = await nodeFileSystem.edit(path);
    for (let n = 0; n < count; n += 1) {
      const tag = Buffer.alloc(30);
      tag.writeUInt8(9, 0);
      tag.writeUIntBE(tagBytes - 15, 1, 3);
      tag.writeUIntBE(n * 1_000, 4, 3);
      Buffer.from([0x17, 1]).copy(tag, 11);
      const end = Buffer.alloc(4);
      end.writeUInt32BE(tagBytes - 4, 0);
      await file.writev([tag], head.length + n * tagBytes);
      await file.writev([end], head.length + (n + 1) * tagBytes - 4);
    }
    await file.close();
    const before = process.memoryUsage().arrayBuffers;
    const { bytes, durationMs } = await mendRecording(nodeFileSystem, path);
    assert.equal(bytes, head.length + count * tagBytes);
    assert.equal(durationMs, count * 1_000);
    assert.ok(process.memoryUsage().arrayBuffers - before < 400 * 1024 * 1024);
    const handle = await nodeFileSystem.edit(path);
    const mended = Buffer.alloc(head.length);
    await handle.read(mended, 0);
    await handle.close();
    const position = head.length + 700 * tagBytes;
    assert.ok(position > 2 ** 32);
    const wanted = Buffer.alloc(8);
    wanted.writeDoubleBE(position);
    assert.ok(mended.includes(wanted), 'the keyframe behind 4 GiB is in the index');
  });

  test('MP4 beyond 4 GiB: sizes and offsets of 64 bits, the samples are where the index says', async (t) => {
    const open = await openRecording(t, 'mp4');
    const folder = folderOf(t);
    const small = join(folder, 'small.mp4');
    writeFileSync(small, open);
    await mendRecording(nodeFileSystem, small);
    // Five GiB that take no room on the disk, before the last fragment: its times and offsets do not depend on its place.
    const cut = open.lastIndexOf('moof') - 4;
    const gap = 5 * 2 ** 30;
    const hole = Buffer.alloc(16);
    hole.writeUInt32BE(1, 0);
    hole.write('free', 4, 'latin1');
    hole.writeBigUInt64BE(BigInt(gap), 8);
    const path = join(folder, 'a.mp4');
    writeFileSync(path, Buffer.concat([open.subarray(0, cut), hole]));
    const file = await nodeFileSystem.edit(path);
    t.after(() => file.close());
    await file.writev([open.subarray(cut)], cut + gap);
    const { bytes, durationMs } = await mendRecording(nodeFileSystem, path);
    assert.ok(bytes > gap && Math.abs(durationMs - 4_000) < 600, `${bytes} ${durationMs}`);
    const read = async (at: number, length: number): Promise<Buffer> => {
      const into = Buffer.alloc(length);
      return into.subarray(0, await file.read(into, at));
    };
    const head = await read(0, 64);
    const mdat = head.indexOf('mdat') - 4;
    assert.equal(head.readUInt32BE(mdat), 1);
    const moovAt = mdat + Number(head.readBigUInt64BE(mdat + 8));
    const moov = await read(moovAt, bytes - moovAt);
    assert.deepEqual([moov.readUInt32BE(0), moov.toString('latin1', 4, 8)], [bytes - moovAt, 'moov']);
    assert.ok(moov.includes('co64') && !moov.includes('stco'));
    let samples = 0;
    let far = 0;
    const plain = readFileSync(small);
    const original = readMovie(plain.subarray(plain.lastIndexOf('moov') + 4));
    for (const [n, track] of readMovie(moov.subarray(8)).tracks.entries()) {
      const before = [...(original.tracks[n]?.table.samples() ?? [])];
      for (const [i, sample] of [...track.table.samples()].entries()) {
        const { offset, size, dts } = before[i] ?? { offset: 0, size: 0, dts: -1 };
        assert.deepEqual([sample.size, sample.dts], [size, dts]);
        assert.equal(sample.offset, offset < cut ? offset : offset + gap);
        assert.ok((await read(sample.offset, size)).equals(open.subarray(offset, offset + size)));
        samples += 1;
        if (sample.offset > 2 ** 32) far += 1;
      }
    }
    assert.equal(samples, 300);
    assert.ok(far > 10, `${far} samples behind 4 GiB`);
  });
});

suite('what a start finds', () => {
  test('recordings get their names and are told; temporary files go; others stay', async (t) => {
    const folder = folderOf(t);
    mkdirSync(join(folder, 'live/deep'), { recursive: true });
    const open = await openRecording(t, 'flv');
    const recording = join(folder, 'live/.cam one.1700.flv.recording');
    writeFileSync(recording, open);
    writeFileSync(join(folder, 'live/.empty.1.flv.recording'), open.subarray(0, 100));
    // What some file systems leave of a file whose data never came to the disk.
    writeFileSync(join(folder, 'live/.zeros.1.flv.recording'), Buffer.alloc(4096));
    writeFileSync(join(folder, 'live/deep/.a-1.ts.tmp'), 'x');
    writeFileSync(join(folder, 'live/deep/.aSeg1-Frag7.tmp'), 'x');
    writeFileSync(join(folder, '.editor.txt.tmp'), 'somebody else');
    writeFileSync(join(folder, 'live/done.flv'), 'done');
    const { done, lines } = await recover(folder);
    assert.deepEqual(
      done.map(({ name, file, problem, session }) => [name, file, problem?.code, session]),
      [
        [
          { vhost: 'v', app: 'live', stream: 'cam one' },
          join(folder, 'live/cam one.1700.flv'),
          'RECORDING_CUT',
          undefined,
        ],
      ],
    );
    assert.ok(idsOf(readRecording(join(folder, 'live/cam one.1700.flv')), 'video').length > 80);
    for (const gone of [
      recording,
      'live/.empty.1.flv.recording',
      'live/empty.1.flv',
      'live/.zeros.1.flv.recording',
      'live/zeros.1.flv',
      'live/deep/.aSeg1-Frag7.tmp',
      'live/deep/.a-1.ts.tmp',
    ]) {
      assert.equal(existsSync(gone.startsWith('/') ? gone : join(folder, gone)), false, gone);
    }
    for (const there of ['.editor.txt.tmp', 'live/done.flv'])
      assert.ok(existsSync(join(folder, there)), there);
    assert.equal(lines.filter((line) => line.includes('recovered')).length, 1);
  });

  test('a file that is written on, one in use, one that is newer, one behind a link: left alone', async (t) => {
    const folder = folderOf(t);
    const outside = folderOf(t);
    const open = await openRecording(t, 'flv');
    writeFileSync(join(outside, '.far.flv.recording'), open);
    symlinkSync(outside, join(folder, 'link'));
    symlinkSync(join(outside, '.far.flv.recording'), join(folder, '.near.flv.recording'));
    for (const name of ['growing', 'touched', 'used', 'new'])
      writeFileSync(join(folder, `.${name}.flv.recording`), open);
    const later = new Date(Date.now() + 60_000);
    utimesSync(join(folder, '.new.flv.recording'), later, later);
    const names = new RecordingNames(nodeFileSystem);
    names.take(join(folder, 'used.flv'));
    const { done } = await recover(folder, '[stream].flv', names, () => {
      const before = statSync(join(folder, '.growing.flv.recording')).mtime;
      truncateSync(join(folder, '.growing.flv.recording'), open.length - 5);
      utimesSync(join(folder, '.growing.flv.recording'), before, before);
      utimesSync(join(folder, '.touched.flv.recording'), later, later);
    });
    assert.deepEqual(done, []);
    for (const name of ['growing', 'touched', 'used', 'new', 'near']) {
      assert.ok(existsSync(join(folder, `.${name}.flv.recording`)), name);
    }
    assert.ok(existsSync(join(outside, '.far.flv.recording')));
  });

  test('a name that is there is not written over; what was never a recording stays', async (t) => {
    const folder = folderOf(t);
    writeFileSync(join(folder, '.a.flv.recording'), await openRecording(t, 'flv'));
    writeFileSync(join(folder, 'a.flv'), 'older');
    writeFileSync(join(folder, '.b.flv.recording'), 'a text that somebody has called so');
    const { lines } = await recover(folder, '[stream].flv');
    assert.equal(readFileSync(join(folder, 'a.flv'), 'utf8'), 'older');
    assert.ok(readRecording(join(folder, 'a-1.flv')).length > 0);
    assert.ok(existsSync(join(folder, '.b.flv.recording')));
    assert.ok(lines.some((line) => line.includes('.b.flv.recording stays as it is')));
  });
});
