import assert from 'node:assert/strict';
import { basename, join } from 'node:path';
import { afterEach, suite, test } from 'node:test';
import { nodeFileSystem, type FileSystem } from '../../../../src/storage/file-system.ts';
import type { HlsOptions } from '../../../../src/outputs/hls/index.ts';
import { HlsRig, play, source, until } from '../../../support/hls-rig.ts';

/** The machine's disk, which fails for some names, or hangs until it is freed. */
class FaultyDisk implements FileSystem {
  fails: RegExp | undefined;
  #hangs: Promise<void> | undefined;
  #which = /./;
  #free: () => void = () => undefined;

  hang(which = /./): void {
    this.#which = which;
    this.#hangs = new Promise((resolve) => (this.#free = resolve));
  }

  free(): void {
    this.#hangs = undefined;
    this.#free();
  }

  async create(path: string): ReturnType<FileSystem['create']> {
    if (this.#which.test(basename(path))) await this.#hangs;
    if (this.fails?.test(basename(path)) === true) throw new Error('no space left');
    return nodeFileSystem.create(path);
  }

  edit(path: string): ReturnType<FileSystem['edit']> {
    return nodeFileSystem.edit(path);
  }

  exists(path: string): Promise<boolean> {
    return nodeFileSystem.exists(path);
  }

  rename(from: string, to: string): Promise<void> {
    return nodeFileSystem.rename(from, to);
  }

  async unlink(path: string): Promise<void> {
    await this.#hangs;
    await nodeFileSystem.unlink(path);
  }

  makeFolder(path: string): Promise<void> {
    return nodeFileSystem.makeFolder(path);
  }
}

let rig: HlsRig;
let disk: FaultyDisk;

async function begin(options: Partial<HlsOptions> = {}, maxUnwrittenBytes?: number): Promise<void> {
  disk = new FaultyDisk();
  rig = await HlsRig.start({ windowMs: 60_000, ...options }, disk, maxUnwrittenBytes);
  await rig.publish();
}

const codes = (): string[] => rig.failures.map(({ error, then }) => `${error.code} ${then}`);

/** Names on the disk's playlist, `GAP` behind those that are missing. */
async function onDisk(): Promise<string[]> {
  const { segments } = await rig.diskPlaylist();
  return segments.map(({ uri, gap = false }) => `${uri}${gap ? ' GAP' : ''}`);
}

const inMemory = (): string[] =>
  rig.playlist().segments.map(({ uri, gap = false }) => `${uri}${gap ? ' GAP' : ''}`);

suite('HLS on a disk that fails', () => {
  afterEach(async () => rig.close());

  test('a segment that was not written is a gap on the disk, and plays from memory', async () => {
    await begin();
    disk.fails = /demo-1\.ts/;
    play(rig, source(0, 8_500));
    await until(async () =>
      assert.deepEqual(await onDisk(), ['demo-0.ts', 'demo-1.ts GAP', 'demo-2.ts', 'demo-3.ts']),
    );
    assert.deepEqual(inMemory(), ['demo-0.ts', 'demo-1.ts', 'demo-2.ts', 'demo-3.ts']);
    assert.notEqual(rig.memory(join(rig.dir, 'live/demo-1.ts')), undefined);
    assert.deepEqual(codes(), ['FILE_WRITE_FAILED continues']);
    await until(() =>
      assert.deepEqual(
        rig.segments.map(({ sequence }) => sequence),
        [0, 2, 3],
      ),
    );
  });

  test('the playlist on the disk at no moment names a plain segment that is not there', async () => {
    await begin();
    disk.fails = /demo-[135]\.ts/;
    const frames = [...source(0, 14_500)];
    for (const frame of frames) {
      play(rig, [frame]);
      if (frame.kind !== 'video' || !frame.isKeyframe) continue;
      await new Promise((resolve) => setImmediate(resolve));
      const files = await rig.files();
      if (!files.includes('live/demo.m3u8')) continue;
      for (const name of await onDisk()) {
        if (!name.endsWith(' GAP')) assert.ok((await rig.files()).includes(`live/${name}`), name);
      }
    }
    await rig.end('off');
    assert.deepEqual(
      (await onDisk()).filter((name) => name.endsWith(' GAP')),
      ['demo-1.ts GAP', 'demo-3.ts GAP', 'demo-5.ts GAP'],
    );
  });

  test('a segment that the disk is slow with is not named there before it is there', async () => {
    await begin();
    play(rig, source(0, 2_500));
    await until(async () => assert.deepEqual(await onDisk(), ['demo-0.ts']));
    disk.hang(/demo-1\.ts/);
    play(rig, source(2_500, 6_500));
    // More than a playlist would need.
    for (let i = 0; i < 100; i += 1) await rig.files();
    assert.deepEqual(await onDisk(), ['demo-0.ts']);
    disk.free();
    await until(async () => assert.ok((await onDisk()).length >= 2));
    assert.ok((await rig.files()).includes('live/demo-1.ts'));
  });

  test('without its init segment a segment is a gap; the init segment is written again with the next one', async () => {
    await begin({ fmp4: true });
    disk.fails = /init/;
    play(rig, source(0, 2_500));
    await until(async () => assert.deepEqual(await onDisk(), ['demo-0.m4s GAP']));
    disk.fails = undefined;
    play(rig, source(2_500, 6_500));
    await rig.end('off');
    const disked = await onDisk();
    assert.equal(disked[0], 'demo-0.m4s GAP');
    assert.ok(
      disked.slice(1).every((name) => !name.endsWith('GAP')),
      disked.join(),
    );
    assert.ok((await rig.files()).includes('live/demo-init.mp4'));
  });

  test('a key that was not written is not used any more', async () => {
    await begin({ encrypt: true, segmentsPerKey: 10 });
    disk.fails = /key/;
    const frames = [...source(0, 8_500)];
    const first = frames.filter(({ dts }) => dts < 2_500);
    play(rig, first);
    await until(async () => assert.deepEqual(await onDisk(), ['demo-0.ts GAP']));
    disk.fails = undefined;
    play(rig, frames.slice(first.length));
    await rig.end('off');
    assert.deepEqual((await onDisk()).slice(0, 4), ['demo-0.ts GAP', 'demo-1.ts', 'demo-2.ts', 'demo-3.ts']);
    const keys = (await rig.diskPlaylist()).segments.map(({ key }) => key?.uri);
    assert.deepEqual(keys.slice(0, 4), ['demo-0.key', 'demo-1.key', 'demo-1.key', 'demo-1.key']);
  });

  for (const [onError, after] of [
    ['ignore', undefined],
    ['disconnect', 'FILE_WRITE_FAILED'],
  ] as const) {
    test(`hls_on_error ${onError}: no HLS until the next publish`, async () => {
      await begin({ onError });
      disk.fails = /demo-1\.ts/;
      const frames = [...source(0, 12_500)];
      const first = frames.filter(({ dts }) => dts < 4_500);
      play(rig, first);
      await until(() => assert.deepEqual(codes(), ['FILE_WRITE_FAILED stops']));
      play(rig, frames.slice(first.length));
      assert.deepEqual(inMemory(), ['demo-0.ts', 'demo-1.ts']);
      assert.deepEqual(
        rig.closed.map(({ code }) => code),
        after === undefined ? [] : [after],
      );
      disk.fails = undefined;
      rig.leave();
      await rig.publish();
      play(rig, source(20_000, 22_500));
      assert.deepEqual(inMemory(), ['demo-0.ts', 'demo-1.ts', 'demo-2.ts']);
    });
  }
});

suite('HLS on a disk that hangs', () => {
  afterEach(async () => {
    disk.free();
    await rig.close();
  });

  test('segments are served from memory, what waits is bounded and told once; then all goes on', async () => {
    await begin({ windowMs: 20_000 }, 60_000);
    disk.hang();
    play(rig, source(0, 30_500));
    await until(() => assert.deepEqual(codes(), ['FILE_TOO_SLOW continues']));
    const { segments, mediaSequence } = rig.playlist();
    assert.deepEqual([mediaSequence, segments.length], [5, 10]);
    for (const { uri } of segments) assert.notEqual(rig.memory(join(rig.dir, 'live', uri)), undefined, uri);
    assert.deepEqual(await rig.files(), []);
    disk.free();
    await until(async () => assert.ok((await rig.files()).includes('live/demo.m3u8'), 'no playlist'));
    play(rig, source(30_500, 37_000));
    await rig.end('off');
    const files = await rig.files();
    const names = await onDisk();
    for (const name of names) assert.equal(files.includes(`live/${name}`), !name.endsWith(' GAP'), name);
    assert.ok(names.some((name) => name.endsWith(' GAP')) && !names.at(-1)?.endsWith(' GAP'), names.join());
    assert.deepEqual(codes(), ['FILE_TOO_SLOW continues']);
  });

  test('hls_on_error disconnect sends away each publisher who comes while it hangs', async () => {
    await begin({ onError: 'disconnect' }, 1_000);
    disk.hang();
    play(rig, source(0, 8_500));
    await until(() =>
      assert.deepEqual(
        rig.closed.map(({ code }) => code),
        ['FILE_TOO_SLOW'],
      ),
    );
    rig.leave();
    await rig.publish();
    play(rig, source(10_000, 18_500));
    await until(() => assert.equal(rig.closed.length, 2));
    assert.deepEqual(codes(), ['FILE_TOO_SLOW stops', 'FILE_TOO_SLOW stops']);
  });
});
