import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import {
  FlvFileHead,
  flvFileHeadRows,
  FlvReader,
  frameFromFlv,
} from '../../../../src/containers/flv/index.ts';
import type { FileSystem } from '../../../../src/storage/file-system.ts';
import { nodeFileSystem } from '../../../../src/storage/file-system.ts';
import { readAmf0 } from '../../../../src/protocols/amf0/index.ts';
import { DvrStage, flvFrames, readRecording } from '../../../support/dvr-stage.ts';
import { metadata } from '../../../support/hub-fixtures.ts';

function stageOf(t: TestContext, ...args: ConstructorParameters<typeof DvrStage>): DvrStage {
  const stage = new DvrStage(...args);
  t.after(() => stage.remove());
  return stage;
}

/** What the metadata of an FLV file say. */
function metadataOf(file: Buffer): Record<string, unknown> {
  const [tag] = new FlvReader().push(file);
  const [, facts] = readAmf0(tag?.body ?? Buffer.alloc(0)) as [string, { entries: Map<string, unknown> }];
  return Object.fromEntries(facts.entries);
}

const FORMATS = ['flv', 'mp4', 'fmp4', 'ts'] as const;

function pathOf(format: (typeof FORMATS)[number], name = '[app]/[stream].[timestamp]'): string {
  return `${name}.${format === 'fmp4' ? 'mp4' : format}`;
}

for (const format of FORMATS) {
  test(`${format}: a publish is a file, every frame at its time from 0 on, told when it has its name`, async (t) => {
    const stage = stageOf(t, { path: pathOf(format), fragmented: format === 'fmp4' });
    stage.publish();
    await stage.playSlowly(7_000, 10_000);
    assert.equal(stage.done.length, 0);
    assert.ok(stage.files().every((name) => name.endsWith('.recording')));
    stage.unpublish();
    await stage.output.close();
    const [event] = stage.done;
    assert.ok(event !== undefined);
    assert.deepEqual(stage.files(), [event.file.split('/').at(-1)]);
    assert.equal(event.bytes, readFileSync(event.file).length);
    assert.equal(event.session?.id, 's1');
    assert.equal(event.problem, undefined);
    assert.ok(Math.abs(event.durationMs - 3_000) <= 40, `${event.durationMs} ms`);
    const found = readRecording(event.file);
    for (const kind of ['video', 'audio']) {
      const ids = found.filter((one) => one.kind === kind).map(({ id }) => id);
      const step = kind === 'video' ? 40 : 20;
      const count = ids.length;
      assert.deepEqual(
        ids,
        Array.from({ length: 3_000 / step }, (_, n) => 7_000 + n * step),
        `${count} ${kind}`,
      );
    }
    // Pictures are where they were; AAC frames of 20 ms are no such, and MPEG-TS and MP4 count their samples.
    for (const { kind, id, dts } of found) {
      if (kind === 'video') assert.ok(Math.abs(dts - (id - 7_000)) < 1, `${id} at ${dts}`);
    }
    assert.equal(stage.failed.length, 0);
    assert.equal(stage.clock.pending, 0);
  });
}

test('FLV: metadata with duration, size, codecs and an index whose positions are those of the keyframes', async (t) => {
  const stage = stageOf(t);
  stage.publish();
  stage.output.onFrame(metadata(0, 'nobody wants this'));
  await stage.playSlowly(0, 5_000);
  await stage.output.close();
  const file = readFileSync(stage.done[0]?.file ?? '');
  const facts = metadataOf(file);
  assert.equal(facts['duration'], 5);
  assert.equal(facts['filesize'], file.length);
  assert.deepEqual([facts['width'], facts['height'], facts['videocodecid']], [320, 180, 7]);
  assert.deepEqual([facts['audiocodecid'], facts['audiosamplerate'], facts['stereo']], [10, 44_100, true]);
  assert.deepEqual([facts['hasVideo'], facts['hasAudio'], facts['hasKeyframes']], [true, true, true]);
  const { entries } = facts['keyframes'] as { entries: Map<string, number[]> };
  const [positions, times] = [entries.get('filepositions') ?? [], entries.get('times') ?? []];
  assert.equal(positions.length, times.length);
  assert.deepEqual(times.slice(0, 7), [0, 0, 1, 2, 3, 4, 4]);
  for (const [row, at] of positions.slice(0, 7).entries()) {
    const body = file.subarray(at + 11, at + 11 + file.readUIntBE(at + 1, 3));
    const frame = frameFromFlv(9, 0, body);
    assert.equal(row === 0 ? frame.isConfig : frame.isKeyframe, true, `row ${row}`);
  }
  assert.equal(file.toString('latin1').includes('nobody wants this'), false);
  assert.equal(new FlvReader().push(file).filter(({ typeId }) => typeId === 18).length, 1);
});

test('FLV: without pictures the index has a row for each second of sound, the first two of them apart', async (t) => {
  for (const kinds of ['a', 'av'] as const) {
    const alone = stageOf(t, {});
    alone.publish(kinds === 'a' ? [flvFrames.aac()] : undefined);
    alone.play(0, 4_500, kinds);
    await alone.output.close();
    const file = readFileSync(alone.done[0]?.file ?? '');
    const { entries } = metadataOf(file)['keyframes'] as { entries: Map<string, number[]> };
    const [positions = [], times = []] = [entries.get('filepositions'), entries.get('times')];
    assert.deepEqual(times.slice(0, 7), [0, 0, 1, 2, 3, 4, 4], kinds);
    assert.ok((positions[0] ?? 0) < (positions[1] ?? 0), kinds);
    for (const at of positions.slice(0, 6))
      assert.equal(file[at], kinds === 'a' ? 8 : 9, `${kinds} at ${at}`);
  }
});

test('FLV: times of the index are those of the tags, also for readers who cut off behind the ms', () => {
  const head = new FlvFileHead(2_000);
  // 1001 / 1000 * 1000 is less than 1001.
  for (let n = 0; n < 2_000; n += 1) head.note(flvFrames.picture(n * 1_001, true), 1_000 + n, n * 1_001);
  const { entries } = metadataOf(head.bytes(0))['keyframes'] as { entries: Map<string, number[]> };
  for (const [n, time] of (entries.get('times') ?? []).entries()) {
    assert.equal(Math.trunc(time * 1000), n * 1_001);
  }
});

test('FLV: the index of a day keeps its length, is spread over all of it, and knows places beyond 4 GiB', () => {
  const head = new FlvFileHead(100);
  const length = head.bytes(0).length;
  for (let second = 0; second < 86_400; second += 2) {
    head.note(flvFrames.picture(second * 1_000, true, 8), head.end + second * 500_000, second * 1_000);
  }
  const bytes = head.bytes(86_400 * 500_000);
  assert.equal(bytes.length, length);
  assert.equal(flvFileHeadRows(bytes.subarray(0, 64)), 100);
  const { keyframes, filesize } = metadataOf(bytes) as {
    keyframes: { entries: Map<string, number[]> };
    filesize: number;
  };
  assert.equal(filesize, 43_200_000_000);
  const times = keyframes.entries.get('times') ?? [];
  const positions = keyframes.entries.get('filepositions') ?? [];
  for (const [row, time] of times.entries()) assert.equal(positions[row], head.end + time * 500_000);
  const steps = times.slice(1).map((time, row) => time - (times[row] ?? 0));
  assert.ok(
    (times.at(-1) ?? 0) > 84_000 && Math.max(...steps) <= 2_048,
    `${times.at(-1)} ${Math.max(...steps)}`,
  );
});

test('segment: files of about the length, each from a keyframe on, nothing lost between them', async (t) => {
  const stage = stageOf(t, { plan: 'segment', segmentMs: 3_000 });
  stage.publish();
  await stage.playSlowly(0, 10_000);
  await stage.output.close();
  const found = stage.done.map(({ file }) => readRecording(file));
  assert.equal(found.length, 4);
  assert.deepEqual(
    stage.done.map(({ durationMs }) => Math.round(durationMs / 100) / 10),
    [3, 3, 3, 1],
  );
  for (const kind of ['video', 'audio']) {
    const ids = found
      .flat()
      .filter((one) => one.kind === kind)
      .map(({ id }) => id);
    assert.equal(ids.length, kind === 'video' ? 250 : 500);
    assert.deepEqual(
      [...ids].sort((a, b) => a - b),
      ids,
    );
  }
  for (const file of found) {
    const first = file.find(({ kind }) => kind === 'video');
    assert.equal((first?.id ?? -1) % 1_000, 0);
    assert.equal(first?.dts, 0);
  }
});

test('segment: sound alone is cut at its time, and also where the pictures stopped', async (t) => {
  const stage = stageOf(t, { plan: 'segment', segmentMs: 2_000 });
  stage.publish();
  await stage.playSlowly(0, 1_000);
  stage.play(1_000, 16_000, 'a');
  await stage.output.close();
  assert.ok(stage.done.length >= 2, `${stage.done.length} files`);
  assert.equal(
    stage.done
      .map(({ file }) => readRecording(file))
      .flat()
      .filter(({ kind }) => kind === 'audio').length,
    800,
  );
});

for (const waitKeyframe of [true, false]) {
  test(`dvr_wait_keyframe ${waitKeyframe ? 'on' : 'off'}: pictures before the first keyframe`, async (t) => {
    const stage = stageOf(t, { waitKeyframe });
    stage.publish();
    stage.play(500, 2_000);
    await stage.output.close();
    const video = readRecording(stage.done[0]?.file ?? '').filter(({ kind }) => kind === 'video');
    assert.equal(video[0]?.id, waitKeyframe ? 1_000 : 520);
  });
}

test('time_jitter off keeps the times of the stream', async (t) => {
  const stage = stageOf(t, { timeJitter: 'off' });
  stage.publish();
  stage.play(7_000, 8_000);
  await stage.output.close();
  assert.ok(readRecording(stage.done[0]?.file ?? '').every(({ id, dts }) => id === dts));
});

test('a publisher who comes back begins a file of its own; names that are there are not written over', async (t) => {
  const stage = stageOf(t, { path: '[app]/[stream].flv' });
  for (let publish = 0; publish < 3; publish += 1) {
    stage.publish();
    stage.play(publish * 10_000, publish * 10_000 + 1_000);
    stage.unpublish();
    await stage.settle();
  }
  await stage.output.close();
  assert.deepEqual(stage.files(), ['demo-1.flv', 'demo-2.flv', 'demo.flv']);
});

for (const format of ['flv', 'ts'] as const) {
  test(`append, ${format}: one file over reconnects and a restart, whole after each, its times go on`, async (t) => {
    const stage = stageOf(t, { plan: 'append', path: pathOf(format, '[app]/[stream]') });
    for (let publish = 1; publish <= 4; publish += 1) {
      if (publish === 3) stage.restart();
      stage.publish();
      stage.play(publish * 100_000, publish * 100_000 + 2_000);
      stage.unpublish();
      await stage.output.close();
      assert.deepEqual(stage.files(), [`demo.${format}`]);
      const found = readRecording(join(stage.folder, 'live', `demo.${format}`));
      assert.equal(found.filter(({ kind }) => kind === 'video').length, publish * 50);
      assert.equal(found.filter(({ kind }) => kind === 'audio').length, publish * 100);
      const video = found.filter(({ kind }) => kind === 'video').map(({ dts }) => dts);
      for (const [n, dts] of video.entries()) {
        const step = dts - (video[n - 1] ?? dts - 40);
        assert.ok(step > 0 && step <= 100, `${step} ms before ${n}`);
      }
      if (format === 'flv') assert.equal(stage.done.at(-1)?.durationMs, publish * 2_000);
    }
  });
}

test('append, mp4: one file while the publisher may come back, another after', async (t) => {
  const stage = stageOf(t, { plan: 'append', path: '[app]/[stream].mp4' });
  stage.publish();
  stage.play(0, 2_000);
  stage.unpublish();
  await stage.settle();
  stage.publish();
  stage.play(5_000, 6_000);
  stage.output.onEnd('gone');
  await stage.output.close();
  stage.restart();
  stage.publish();
  stage.play(9_000, 10_000);
  await stage.output.close();
  assert.deepEqual(stage.files(), ['demo-1.mp4', 'demo.mp4']);
  assert.equal(
    readRecording(join(stage.folder, 'live/demo.mp4')).filter(({ kind }) => kind === 'video').length,
    75,
  );
});

test('a publisher that hangs leaves a file that still changes: no start of another server takes it for left over', async (t) => {
  const stage = stageOf(t, { path: '[stream].flv' });
  stage.publish();
  await stage.playSlowly(0, 2_000);
  const open = join(stage.folder, '.demo.flv.recording');
  const size = statSync(open).size;
  for (let hung = 0; hung < 3; hung += 1) {
    utimesSync(open, 1_000_000, 1_000_000);
    stage.clock.advance(1_000);
    await stage.settle();
    assert.ok(statSync(open).mtimeMs > Date.now() - 60_000);
  }
  assert.equal(statSync(open).size, size);
  await stage.output.close();
});

test('append never goes on with a file that is not its own', async (t) => {
  const stage = stageOf(t, { plan: 'append', path: '[stream].flv' });
  const other = join(stage.folder, 'demo.flv');
  writeFileSync(other, 'FLV of somebody else, with text in it that must stay as it is, however long it is');
  stage.publish();
  stage.play(0, 1_000);
  await stage.output.close();
  assert.match(readFileSync(other, 'utf8'), /^FLV of somebody else/);
  assert.deepEqual(stage.files('.'), ['demo-1.flv', 'demo.flv']);
});

suite('input that is not as it should be', () => {
  test('another codec record: FLV goes on, MP4 begins another file', async (t) => {
    for (const [format, files] of [
      ['flv', 1],
      ['mp4', 2],
      ['fmp4', 2],
      ['ts', 1],
    ] as const) {
      const stage = stageOf(t, { path: pathOf(format), fragmented: format === 'fmp4' });
      stage.publish();
      await stage.playSlowly(0, 2_000);
      stage.output.onFrame(flvFrames.avc(0xc3));
      await stage.playSlowly(2_000, 4_000);
      await stage.output.close();
      assert.equal(stage.done.length, files, format);
      const found = stage.done.flatMap(({ file }) => readRecording(file));
      assert.equal(found.filter(({ kind }) => kind === 'video').length, 100, format);
      assert.equal(found.filter(({ kind }) => kind === 'audio').length, 200, format);
    }
  });

  test('a config record after the first frames is in time for the file', async (t) => {
    const stage = stageOf(t, { path: pathOf('mp4') });
    stage.publish([]);
    stage.play(0, 200);
    stage.output.onFrame(flvFrames.avc());
    stage.output.onFrame(flvFrames.aac());
    await stage.playSlowly(200, 2_000);
    await stage.output.close();
    assert.equal(stage.done.length, 1);
    const kinds = new Set(readRecording(stage.done[0]?.file ?? '').map(({ kind }) => kind));
    assert.deepEqual([...kinds].sort(), ['audio', 'video']);
  });

  test('no config record: nothing that could be played, no file, one line', async (t) => {
    for (const format of ['mp4', 'fmp4', 'ts'] as const) {
      const stage = stageOf(t, { path: pathOf(format), fragmented: format === 'fmp4' });
      stage.publish([]);
      await stage.playSlowly(0, 3_000);
      await stage.output.close();
      assert.deepEqual(stage.files(), [], format);
      assert.deepEqual(stage.done, []);
      assert.equal(stage.logger.lines.filter((line) => line.startsWith('warn')).length, 1, format);
    }
  });

  test('a codec that the container does not carry is left out, with one line; FLV has it', async (t) => {
    for (const format of FORMATS) {
      const stage = stageOf(t, { path: pathOf(format), fragmented: format === 'fmp4' });
      stage.publish([flvFrames.avc()]);
      for (let dts = 0; dts < 2_000; dts += 40) {
        stage.output.onFrame(flvFrames.picture(dts, dts % 1_000 === 0));
        stage.output.onFrame(frameFromFlv(8, dts, Buffer.from([0xb2, 0, 0, dts >> 8, dts & 255, 1, 2])));
      }
      await stage.output.close();
      const found = readRecording(stage.done[0]?.file ?? '');
      assert.equal(found.filter(({ kind }) => kind === 'video').length, 50, format);
      assert.equal(found.filter(({ kind }) => kind === 'audio').length, format === 'flv' ? 50 : 0, format);
      const told = stage.logger.lines.filter((line) => line.startsWith('warn'));
      assert.equal(told.length, format === 'flv' ? 0 : 1, told.join('\n'));
    }
  });

  test('empty frames, equal timestamps, one keyframe in an hour', async (t) => {
    for (const format of FORMATS) {
      const stage = stageOf(t, { path: pathOf(format), fragmented: format === 'fmp4', plan: 'segment' });
      stage.publish();
      stage.output.onFrame(flvFrames.picture(0, true));
      for (let second = 1; second < 3_600; second += 1) {
        stage.output.onFrame(flvFrames.picture(second * 1_000, false));
        stage.output.onFrame(frameFromFlv(9, second * 1_000, Buffer.from([0x27, 1, 0, 0, 0])));
        stage.output.onFrame(frameFromFlv(9, second * 1_000, Buffer.alloc(0)));
        stage.output.onFrame(frameFromFlv(8, second * 1_000, Buffer.from([0xaf, 1])));
      }
      for (let n = 0; n < 3_000; n += 1) stage.output.onFrame(flvFrames.picture(3_600_000, false));
      await stage.output.close();
      assert.equal(stage.done.length, 1, format);
      const found = readRecording(stage.done[0]?.file ?? '').filter(
        ({ kind, dts }) => kind === 'video' && dts >= 0,
      );
      assert.ok(found.length >= 6_600, `${format}: ${found.length}`);
      assert.deepEqual(stage.failed, []);
    }
  });
});

/** The real file system; `fail` is asked before each write. */
function failing(fail: (written: number) => void | Promise<void>): FileSystem {
  let written = 0;
  return {
    ...nodeFileSystem,
    async create(path) {
      const real = await nodeFileSystem.create(path);
      return {
        async writev(buffers, position) {
          await fail(written);
          const bytes = await real.writev(buffers, position);
          written += bytes;
          return bytes;
        },
        sync: () => real.sync(),
        touch: () => real.touch(),
        close: () => real.close(),
      };
    },
  };
}

suite('a disk that fails', () => {
  for (const format of FORMATS) {
    test(`full disk, ${format}: told once, what is there is playable, the next publish begins again`, async (t) => {
      let full = true;
      const disk = failing((written) => {
        if (full && written > 60_000) throw Object.assign(new Error('no room'), { code: 'ENOSPC' });
      });
      const stage = stageOf(t, { path: pathOf(format), fragmented: format === 'fmp4' }, disk);
      stage.publish();
      await stage.playSlowly(0, 20_000);
      assert.deepEqual(
        stage.failed.map(({ error, then }) => [error.code, then]),
        [['FILE_WRITE_FAILED', 'stops']],
      );
      assert.deepEqual(
        stage.done.map(({ problem }) => problem?.code),
        ['FILE_WRITE_FAILED'],
      );
      assert.equal(stage.files().length, 1);
      assert.ok(readRecording(stage.done[0]?.file ?? '').length > 100);
      full = false;
      stage.unpublish();
      stage.publish();
      await stage.playSlowly(30_000, 32_000);
      await stage.output.close();
      assert.equal(stage.done.length, 2);
      assert.equal(stage.failed.length, 1);
    });
  }

  test('segment: it begins again after a while, later after each failure', async (t) => {
    const disk = failing(() => {
      throw Object.assign(new Error('no room'), { code: 'ENOSPC' });
    });
    const stage = stageOf(t, { plan: 'segment' }, disk);
    stage.publish();
    for (let at = 0; at < 35_000; at += 1_000) {
      stage.play(at, at + 1_000);
      await stage.settle();
    }
    await stage.output.close();
    // At once, after 10 s, and after 20 s more.
    assert.deepEqual(
      stage.failed.map(({ then }) => then),
      ['continues', 'continues', 'continues'],
    );
    assert.deepEqual(stage.files(), []);
  });

  test('a folder that cannot be made', async (t) => {
    const stage = stageOf(t, { path: 'taken/[stream].flv' });
    writeFileSync(join(stage.folder, 'taken'), 'a file');
    stage.publish();
    await stage.playSlowly(0, 3_000);
    await stage.output.close();
    assert.deepEqual(
      stage.failed.map(({ error }) => error.code),
      ['FILE_WRITE_FAILED'],
    );
    assert.ok(!stage.logger.lines.some((line) => line.includes('left for the next start')));
  });

  test('a disk that hangs: the media path never waits, memory is bounded, no more files begin', async (t) => {
    let free: () => void = () => undefined;
    const hanging = new Promise<void>((resolve) => (free = resolve));
    const stage = stageOf(
      t,
      {},
      failing(() => hanging),
    );
    for (let publish = 0; publish < 8; publish += 1) {
      stage.publish();
      for (let n = 0; n < 30; n += 1) {
        stage.output.onFrame(flvFrames.picture(publish * 10_000 + n * 40, n === 0, 1024 * 1024));
        // Files open, and hang with the first bytes.
        await (n === 4 ? stage.settle() : Promise.resolve());
      }
      await stage.settle();
      stage.unpublish();
    }
    assert.equal(stage.files().length, 4, stage.files().join(' '));
    assert.ok(stage.failed.length >= 8);
    assert.ok(stage.failed.every(({ error }) => error.code === 'FILE_TOO_SLOW'));
    free();
    await stage.output.close();
    assert.ok(!existsSync(join(stage.folder, 'live/.none')));
  });
});
