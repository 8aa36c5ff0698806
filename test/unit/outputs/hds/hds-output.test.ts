import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { TimerWheel } from '../../../../src/base/timer-wheel.ts';
import type { OutputFailed, SegmentWritten } from '../../../../src/hub/output-events.ts';
import type { StreamName } from '../../../../src/hub/ports.ts';
import { Frame } from '../../../../src/media/frame.ts';
import { HdsOutput, type HdsOptions } from '../../../../src/outputs/hds/index.ts';
import { DelayedRemovals } from '../../../../src/storage/delayed-removals.ts';
import { LiveResources } from '../../../../src/storage/live-resources.ts';
import {
  readHdsBootstrap,
  readHdsFragment,
  readHdsManifest,
  type HdsBootstrap,
  type HdsTag,
} from '../../../support/hds-reader.ts';
import {
  audioConfig,
  audioFrame,
  LIVE_DEMO,
  metadata,
  sessionOf,
  videoConfig,
  videoFrame,
} from '../../../support/hub-fixtures.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { MemoryFileSystem } from '../../../support/memory-file-system.ts';

class HdsStage {
  readonly clock = new ManualClock();
  readonly disk = new MemoryFileSystem();
  readonly resources = new LiveResources(1 << 30);
  readonly removals = new DelayedRemovals(new TimerWheel(this.clock), () => undefined, this.disk);
  readonly failures: OutputFailed[] = [];
  readonly written: SegmentWritten[] = [];
  readonly options: HdsOptions;
  readonly name: StreamName;
  output: HdsOutput;

  constructor(options: Partial<HdsOptions> = {}, name: StreamName = LIVE_DEMO) {
    this.options = { fragmentMs: 4_000, windowMs: 20_000, path: '/srs/html', utc: true, ...options };
    this.name = name;
    this.output = this.begin();
  }

  begin(): HdsOutput {
    this.output = new HdsOutput(
      { name: this.name, options: this.options, after: Promise.resolve() },
      {
        unixTime: () => this.clock.now(),
        observer: {
          outputFailed: (event) => void this.failures.push(event),
          segmentWritten: (event) => void this.written.push(event),
        },
        resources: this.resources,
        removals: this.removals,
        fileSystem: this.disk,
        readFile: (path) => Promise.resolve(this.disk.files.get(path)),
      },
    );
    this.output.published(sessionOf('p'));
    this.output.onState('live', 1);
    return this.output;
  }

  play(frames: readonly Frame[], from = 0): void {
    let at = from;
    for (const frame of frames) {
      if (frame.dts > at) this.clock.advance(frame.dts - at);
      at = Math.max(at, frame.dts);
      this.output.onFrame(frame);
    }
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 40; i++) await turn();
  }

  file(relative: string): Buffer {
    const bytes = this.disk.files.get(`/srs/html/live/${relative}`);
    assert.ok(bytes !== undefined, `${relative} is there`);
    return bytes;
  }

  bootstrap(): HdsBootstrap {
    return readHdsBootstrap(this.file('demo.abst'));
  }

  /** As a player does: manifest, bootstrap, then every fragment of it. */
  fragments(manifestFile = 'demo.f4m'): readonly (readonly HdsTag[])[] {
    const manifest = readHdsManifest(this.file(manifestFile).toString());
    const { runs } = readHdsBootstrap(this.file(decodeURIComponent(manifest.bootstrapUrl)));
    const media = decodeURIComponent(manifest.mediaUrl);
    return runs
      .filter(({ durationMs }) => durationMs > 0)
      .map(({ first, timeMs }) => {
        const tags = readHdsFragment(this.file(`${media}Seg1-Frag${first}`));
        assert.equal(tags[0]?.dts, timeMs, 'a fragment begins where the bootstrap says');
        return tags;
      });
  }
}

/** Pictures at 25 a second with a keyframe each two seconds, and sound. */
function media(fromMs: number, seconds: number, kinds: 'av' | 'a' | 'v' = 'av'): Frame[] {
  const frames: Frame[] = [];
  for (let i = 0; i < seconds * 25; i++) {
    const dts = fromMs + i * 40;
    if (kinds !== 'a') frames.push(videoFrame(dts, i % 50 === 0, i));
    if (kinds !== 'v') frames.push(audioFrame(dts + 5, i));
  }
  return frames;
}

const CONFIGS = [videoConfig(), audioConfig()];

/** What a fragment must have: the config records, then the frames as they came. */
function expected(frames: readonly Frame[]): readonly [number, number, string][] {
  return frames.map(({ kind, dts, flvBody }) => [kind === 'video' ? 9 : 8, dts, flvBody.toString('hex')]);
}

function seen(tags: readonly HdsTag[]): readonly [number, number, string][] {
  return tags.map(({ type, dts, body }) => [type, dts, body.toString('hex')]);
}

suite('HDS of a stream', () => {
  const begin = async (options: Partial<HdsOptions> = {}): Promise<HdsStage> => {
    const stage = new HdsStage(options);
    await stage.settle();
    return stage;
  };

  test('a player gets the tags that came in, each fragment with the config records', async () => {
    const stage = await begin();
    const frames = media(0, 12);
    const text = Buffer.from('\x02\x00\x0aonTextData\x05', 'latin1');
    const other = new Frame('data', 'script', 0, 0, false, false, text, 0);
    stage.play([metadata(), other, ...CONFIGS, ...frames]);
    stage.output.onEnd('gone');
    await stage.output.close();
    const fragments = stage.fragments();
    assert.equal(fragments.length, 3);
    fragments.forEach((tags, i) => {
      const part = frames.filter(({ dts }) => dts >= i * 4_000 && dts < (i + 1) * 4_000);
      const configs = CONFIGS.map((config) => config.at(i * 4_000));
      assert.deepEqual(seen(tags), expected([...configs, ...part]));
    });
    const manifest = readHdsManifest(stage.file('demo.f4m').toString());
    assert.deepEqual(manifest, {
      streamType: 'recorded',
      bootstrapUrl: 'demo.abst',
      mediaUrl: 'demo',
      metadata: metadata().payload,
    });
    const { runs, isLive, fragmentsInSegment } = stage.bootstrap();
    assert.equal(isLive, false);
    assert.equal(fragmentsInSegment, 3);
    assert.deepEqual(runs.at(-1), { first: 4, timeMs: runs.at(-1)?.timeMs, durationMs: 0, indicator: 0 });
  });

  test('while it is live: fragments first, then the bootstrap, and memory has them', async () => {
    const stage = await begin();
    stage.play([...CONFIGS, ...media(0, 9)]);
    await stage.settle();
    const { runs, isLive, currentMs, version } = stage.bootstrap();
    assert.deepEqual([isLive, currentMs, version], [true, 4_000, 2]);
    assert.deepEqual(runs, [
      { first: 1, timeMs: 0, durationMs: 4_000, indicator: undefined },
      { first: 2, timeMs: 4_000, durationMs: 4_000, indicator: undefined },
    ]);
    assert.equal(readHdsManifest(stage.file('demo.f4m').toString()).streamType, 'live');
    const names = stage.disk.renamed.map((path) => path.replace('/srs/html/live/', ''));
    assert.ok(names.indexOf('demoSeg1-Frag1') < names.indexOf('demo.abst'), names.join(' '));
    assert.ok(names.lastIndexOf('demoSeg1-Frag2') < names.lastIndexOf('demo.abst'), names.join(' '));
    assert.ok(names.indexOf('demo.abst') < names.indexOf('demo.f4m'), names.join(' '));
    assert.equal(stage.resources.size, 4);
    assert.deepEqual(stage.written, [
      { output: 'hds', name: LIVE_DEMO },
      { output: 'hds', name: LIVE_DEMO },
    ]);
  });

  test('old fragments go', async () => {
    const stage = await begin();
    stage.play([...CONFIGS, ...media(0, 120)]);
    await stage.settle();
    const { runs } = stage.bootstrap();
    assert.equal(runs.length, 5);
    const files = [...stage.disk.files.keys()].filter((path) => path.includes('Seg1-Frag'));
    assert.ok(files.length <= 5 + 3, files.join(' '));
    assert.equal(stage.fragments().length, 5);
  });

  for (const kinds of ['a', 'v'] as const) {
    test(kinds === 'a' ? 'sound alone' : 'pictures alone', async () => {
      const stage = await begin();
      stage.play([kinds === 'a' ? audioConfig() : videoConfig(), ...media(0, 13, kinds)]);
      await stage.settle();
      assert.equal(stage.bootstrap().runs.length, 3);
      assert.equal(stage.fragments().length, 3);
    });
  }

  test('a republish goes on, marked as a discontinuity; a restart goes on with the numbers', async () => {
    const stage = await begin();
    stage.play([...CONFIGS, ...media(0, 8)]);
    stage.output.onState('waiting', 1);
    stage.output.onState('live', 2);
    stage.play([...CONFIGS, ...media(11_000, 8)], 8_000);
    await stage.settle();
    const { runs } = stage.bootstrap();
    assert.deepEqual(
      runs.map(({ first, timeMs, indicator }) => [first, timeMs, indicator]),
      [
        [1, 0, undefined],
        [2, 4_000, undefined],
        [3, 11_000, 2],
        [3, 11_000, undefined],
      ],
    );
    await stage.output.close();
    await stage.settle();
    stage.begin();
    await stage.settle();
    stage.play([...CONFIGS, ...media(0, 9)]);
    await stage.settle();
    assert.deepEqual(
      stage.bootstrap().runs.map(({ first }) => first),
      [5, 6],
    );
    stage.clock.advance(30_000);
    await stage.settle();
    const files = [...stage.disk.files.keys()].filter((path) => path.includes('Seg1-Frag'));
    assert.equal(files.length, 2, 'those of before the restart are gone');
  });

  test('a bootstrap that is not ours is written anew', async () => {
    const stage = await begin();
    stage.disk.files.set('/srs/html/live/demo.abst', Buffer.from('0000abst....afrt....'));
    stage.begin();
    await stage.settle();
    stage.play([...CONFIGS, ...media(0, 5)]);
    await stage.settle();
    assert.equal(stage.bootstrap().runs[0]?.first, 1);
  });

  test('no keyframe for an hour, and times that are all equal: fragments stay bounded', async () => {
    const stage = await begin();
    stage.play([videoConfig(), videoFrame(0, true)]);
    for (let i = 1; i < 3_600 * 5; i++) stage.play([videoFrame(i * 200, false)], (i - 1) * 200);
    await stage.settle();
    assert.ok(stage.bootstrap().runs.every(({ durationMs }) => durationMs <= 20_200));
    const still = await begin();
    still.play([videoConfig(), videoFrame(0, true)]);
    for (let i = 0; i < 140_000; i++) still.output.onFrame(videoFrame(0, false, 0, 12));
    await still.settle();
    assert.equal(still.bootstrap().runs.length, 2);
  });

  test('names of clients lead nowhere else and survive as URLs', async () => {
    for (const stream of ['../../etc/passwd', 'a b&<"\'%2e%', '.hidden', 'ünï']) {
      const stage = new HdsStage({}, { vhost: 'v', app: 'live', stream });
      await stage.settle();
      stage.play([...CONFIGS, ...media(0, 9)]);
      await stage.settle();
      const files = [...stage.disk.files.keys()];
      assert.ok(
        files.every((file) => file.startsWith('/srs/html/live/')),
        files.join(' '),
      );
      if (stream.includes('/')) continue;
      const manifest = files.find((file) => file.endsWith('.f4m')) ?? '';
      assert.equal(stage.fragments(manifest.replace('/srs/html/live/', '')).length, 2, stream);
    }
  });

  test('a disk that fails is told once; memory serves', async () => {
    const stage = await begin();
    stage.disk.broken = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
    stage.play([...CONFIGS, ...media(0, 13)]);
    await stage.settle();
    assert.deepEqual(
      stage.failures.map(({ output, error, then }) => [output, error.code, then]),
      [['hds', 'FILE_WRITE_FAILED', 'continues']],
    );
    assert.ok(stage.resources.find('/srs/html/live/demoSeg1-Frag2') !== undefined);
    assert.equal(stage.written.length, 0);
  });

  test('a disk that hangs bounds what waits', async () => {
    const stage = await begin();
    let release = (): void => undefined;
    stage.disk.blocked = new Promise((resolve) => (release = resolve));
    stage.play([videoConfig()]);
    for (let i = 0; i < 300; i++)
      stage.play([videoFrame(i * 1_000, true, 0, 1_000_000)], Math.max(0, i - 1) * 1_000);
    await stage.settle();
    assert.deepEqual(
      stage.failures.map(({ error }) => error.code),
      ['FILE_TOO_SLOW'],
    );
    release();
    await stage.settle();
  });
});
