import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { silentLogger } from '../../src/base/logger.ts';
import { expandTemplate } from '../../src/containers/mpd/index.ts';
import type { PublishLease } from '../../src/hub/ports.ts';
import { DashOutput, type DashOptions } from '../../src/outputs/dash/index.ts';
import { DvrOutput, RecordingNames, type DvrOptions } from '../../src/outputs/dvr/index.ts';
import { HlsOutputs, type HlsOptions } from '../../src/outputs/hls/index.ts';
import type { OutputKind } from '../../src/server/stream-outputs.ts';
import { DashValidator } from '../support/dash-validator.ts';
import { HlsValidator } from '../support/hls-validator.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { MemoryDisk } from '../support/memory-disk.ts';
import { SimulatedEncoder, type EncoderShape } from '../support/simulated-encoder.ts';
import { dump, settle, SimulatedServer, type SimulatedDeps } from '../support/simulated-server.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** 2026-01-01, Unix ms. */
const WALL = 1_767_225_600_000;
const STEP_MS = 1 * SECOND;
const ARRIVAL_MS = 250;
/** Something happens this often. */
const EVENT_MS = 6 * MINUTE;
const FRAGMENT_MS = 10 * SECOND;
const WINDOW_MS = 60 * SECOND;
/** Pictures are half a second long: where timestamps jump a little, one does not fit the part. */
const MAX_SHORT_PARTS = 40;
const RECORDING_MS = 30 * MINUTE;

const DASH: Omit<DashOptions, 'path'> = {
  fragmentMs: FRAGMENT_MS,
  updatePeriodMs: 5 * SECOND,
  timeshiftMs: WINDOW_MS,
  windowSegments: 5,
  mpdFile: '[app]/[stream].mpd',
  cleanup: true,
  disposeMs: 0,
  viewerSessions: false,
  utc: true,
};

const HLS: Omit<HlsOptions, 'root'> = {
  playlistFile: '[app]/[stream].m3u8',
  segmentFile: '[app]/[stream]-[seq].ts',
  initFile: '[app]/[stream]-init.mp4',
  fmp4: false,
  fragmentMs: FRAGMENT_MS,
  targetRatio: 1.5,
  audioOnlyRatio: 1.2,
  windowMs: WINDOW_MS,
  onError: 'continue',
  floorNames: false,
  entryPrefix: '',
  expectsAudio: true,
  expectsVideo: true,
  cleanup: true,
  disposeMs: 0,
  waitKeyframe: true,
  encrypt: false,
  segmentsPerKey: 5,
  keyFile: '[app]/[stream]-[seq].key',
  keyRoot: '',
  keyUrl: '',
  audioTimes: 'stream',
  recover: true,
  lowLatency: false,
  partMs: 2 * SECOND,
  programDateTime: true,
  endList: false,
  viewerSessions: false,
  segmentSessions: false,
  relativeMaster: false,
  utc: true,
};

const FMP4: Partial<HlsOptions> = { fmp4: true, segmentFile: '[app]/[stream]-[seq].m4s' };

/** The HLS outputs by the folder that each has. */
const HLS_KINDS: Readonly<Record<string, Partial<HlsOptions>>> = {
  ts: {},
  keys: { encrypt: true, audioTimes: 'samples' },
  fmp4: FMP4,
  ll: { ...FMP4, lowLatency: true },
};

const DVR: Omit<DvrOptions, 'path'> = {
  plan: 'segment',
  fragmented: false,
  segmentMs: RECORDING_MS,
  waitKeyframe: true,
  timeJitter: 'full',
};

const SHAPE: EncoderShape = {
  video: true,
  audio: true,
  level: 31,
  sampleRate: 8000,
  gopMs: 2 * SECOND,
  startMs: 0,
};

/** mulberry32: the same day in every run. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What is looked at: a playlist or manifest as viewers get it from memory, and as the disk has it. */
interface Watch {
  readonly path: string;
  /** The judge of one sequence of texts. Throws; gives the paths of what is named, relative to the folder of the text. */
  judge(): (text: string) => readonly string[];
}

const dashWatch = (path: string, onMove: () => void): Watch => ({
  path,
  judge() {
    let validator = new DashValidator(0);
    let start = '';
    return (text) => {
      // A clock that was set, or timestamps that ran ahead of it, move the zero of the presentation: players begin again.
      const now = /availabilityStartTime="([^"]*)"/.exec(text)?.[1] ?? start;
      if (now !== start && start !== '') {
        onMove();
        validator = new DashValidator(0);
      }
      start = now;
      const names: string[] = [];
      for (const { adaptationSets } of validator.take(text).periods) {
        for (const { template, representations } of adaptationSets) {
          const representationId = representations[0]?.id ?? '';
          names.push(expandTemplate(template.initialization ?? '', { representationId }));
          let number = template.startNumber;
          for (const { time, duration, count } of template.timeline) {
            for (let i = 0; i < count; i++, number++) {
              names.push(
                expandTemplate(template.media, { representationId, number, time: time + i * duration }),
              );
            }
          }
        }
      }
      return names;
    };
  },
});

const hlsWatch = (path: string): Watch => ({
  path,
  judge() {
    const validator = new HlsValidator({ mayRaiseTarget: true, mayBeUneven: true });
    return (text) => {
      const { segments, partial, partTargetMs } = validator.take(text);
      assert.ok(validator.shortParts.size <= MAX_SHORT_PARTS, 'too many short parts');
      assert.ok(partTargetMs === undefined || partTargetMs === HLS.partMs, 'the part target was raised');
      const names: string[] = [];
      for (const { uri } of segments) names.push(uri);
      for (const { map, key, parts = [] } of [...segments, ...(partial === undefined ? [] : [partial])]) {
        if (map !== undefined) names.push(map.uri);
        if (key?.uri !== undefined) names.push(key.uri);
        for (const part of parts) names.push(part.uri);
      }
      return names;
    };
  },
});

/** A text that was seen in one place. */
class Seen {
  readonly #watch: Watch;
  readonly #where: string;
  readonly #judge: (text: string) => readonly string[];
  #last: Buffer | undefined;
  texts = 0;

  constructor(watch: Watch, where: string) {
    this.#watch = watch;
    this.#where = where;
    this.#judge = watch.judge();
  }

  look(bytes: Buffer | undefined, isThere: (path: string) => boolean): void {
    if (bytes === undefined || bytes === this.#last) return;
    this.#last = bytes;
    this.texts += 1;
    const text = bytes.toString();
    const folder = dirname(this.#watch.path);
    try {
      for (const name of this.#judge(text)) {
        const path = join(folder, decodeURIComponent(name));
        assert.ok(isThere(path), `${path} is named but not there`);
      }
    } catch (error) {
      throw new Error(`${this.#watch.path} in ${this.#where}: ${String(error)}\n${text}`, { cause: error });
    }
  }
}

class Day {
  readonly #clock = new ManualClock();
  readonly #root: string;
  readonly #random = randomOf(1);
  readonly #kinds: (deps: SimulatedDeps) => readonly OutputKind[];
  readonly #inMemory: Map<string, Seen>;
  readonly #onDisk: Map<string, Seen>;
  readonly #happened = new Map<string, number>();
  #skewMs = 0;
  disk: MemoryDisk;
  #server: SimulatedServer;
  #lease: PublishLease | undefined;
  #encoder: SimulatedEncoder | undefined;
  #shape = SHAPE;
  #renamed: string[] = [];
  recordedMs = 0;
  publishedMs = 0;
  mostFiles = 0;
  mostBytes = 0;
  mostMemory = 0;

  constructor(
    root: string,
    kinds: (deps: SimulatedDeps) => readonly OutputKind[],
    watches: readonly Watch[],
  ) {
    this.#root = root;
    this.#kinds = kinds;
    this.#inMemory = new Map(watches.map((watch) => [watch.path, new Seen(watch, 'memory')]));
    this.#onDisk = new Map(watches.map((watch) => [watch.path, new Seen(watch, 'the disk')]));
    this.disk = new MemoryDisk(this.#onRename);
    this.#server = this.#start();
  }

  get happened(): Record<string, number> {
    return Object.fromEntries(this.#happened);
  }

  texts(): Record<string, number> {
    return Object.fromEntries(
      [...this.#inMemory].map(([path, seen]) => [
        path.slice(this.#root.length + 1),
        Math.min(seen.texts, this.#onDisk.get(path)?.texts ?? 0),
      ]),
    );
  }

  readonly #onRename = (path: string): void => {
    if (this.#onDisk.has(path)) this.#renamed.push(path);
  };

  #start(): SimulatedServer {
    const machine = {
      clock: this.#clock,
      unixTime: () => WALL + this.#clock.now() + this.#skewMs,
      logger: silentLogger,
    };
    return new SimulatedServer(machine, this.disk, this.#kinds);
  }

  async #publish(shape: Partial<EncoderShape> = {}): Promise<void> {
    // Outputs that begin read their state from a real disk.
    await dump(this.disk, this.#root);
    this.#shape = { ...this.#shape, ...shape, startMs: Math.floor(this.#random() * HOUR) };
    this.#encoder = new SimulatedEncoder(this.#shape);
    this.#lease = this.#server.publish();
    await pause(20);
  }

  #unpublish(): void {
    this.#lease?.release();
    this.#lease = undefined;
    this.#encoder = undefined;
  }

  /** Lets so much time pass, and looks at everything all the while. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= STEP_MS) {
      const step = Math.min(left, STEP_MS);
      const lease = this.#lease;
      // Frames come when their time has come: the hub looks at both.
      for (let part = 0; part < step; part += ARRIVAL_MS) {
        if (lease !== undefined) this.#encoder?.run(ARRIVAL_MS, (frame) => lease.write(frame));
        this.#clock.advance(ARRIVAL_MS);
      }
      if (lease !== undefined) this.publishedMs += step;
      await settle(3);
      this.#look();
    }
  }

  #look(): void {
    const { resources } = this.#server.deps;
    const disk = this.disk;
    for (const path of this.#renamed) {
      this.#onDisk.get(path)?.look(disk.read(path), (named) => disk.has(named));
    }
    this.#renamed = [];
    for (const [path, seen] of this.#inMemory) {
      const answer = resources.find(path)?.respond({ query: '' } as never);
      if (answer === undefined || !('bytes' in answer)) continue;
      seen.look(answer.bytes, (named) => resources.find(named) !== undefined || disk.has(named));
    }
    for (const { file, durationMs, problem } of this.#server.recordings.splice(0)) {
      assert.equal(problem, undefined, file);
      assert.ok(durationMs <= RECORDING_MS + 2 * MINUTE, `${file}: ${durationMs} ms`);
      assert.ok(disk.has(file), file);
      this.recordedMs += durationMs;
      disk.remove(file); // Somebody takes them away.
    }
    assert.deepEqual(this.#server.failures, []);
    assert.equal(this.#server.tapErrors, 0);
    const { files, bytes } = disk.usage(this.#root);
    this.mostFiles = Math.max(this.mostFiles, files);
    this.mostBytes = Math.max(this.mostBytes, bytes);
    this.mostMemory = Math.max(this.mostMemory, resources.bytes);
  }

  async #restart(graceful: boolean): Promise<void> {
    this.#unpublish();
    if (graceful) {
      await this.#server.stop();
      this.#look();
      await settle();
    } else {
      // What is under way is lost.
      const before = this.#server;
      this.disk = this.disk.halt(this.#onRename);
      before.kill();
      for (const path of this.disk.paths) {
        // Recordings are mended by the start of a real server; their test kills one.
        if (/\/\.[^/]*\.(tmp|recording)$/.test(path)) this.disk.remove(path);
      }
    }
    this.#server = this.#start();
    await this.#publish();
  }

  /** One of the things that happen to a server. */
  async happen(): Promise<void> {
    const random = this.#random;
    const among = (least: number, most: number): number => Math.round(least + random() * (most - least));
    const events: Record<string, () => Promise<void> | void> = {
      'republish within the hold time': async () => {
        this.#unpublish();
        await this.pass(among(0, 4) * SECOND);
        await this.#publish();
      },
      'republish later': async () => {
        this.#unpublish();
        await this.pass(among(10, 300) * SECOND);
        await this.#publish();
      },
      'republish with other tracks': async () => {
        this.#unpublish();
        await this.pass(2 * SECOND);
        const tracks = among(0, 2);
        await this.#publish({ video: tracks !== 1, audio: tracks !== 2 });
      },
      'step of the wall clock': () => {
        this.#skewMs += among(-3, 3) * SECOND;
      },
      'jump of the wall clock': () => {
        this.#skewMs += among(-180, 180) * MINUTE;
      },
      'gap of the timestamps': () => this.#encoder?.jump(among(1, 90) * SECOND),
      'nothing comes for a while': async () => {
        const lease = this.#lease;
        this.#lease = undefined;
        const gapMs = among(1, 40) * SECOND;
        await this.pass(gapMs);
        this.#lease = lease;
        this.#encoder?.jump(gapMs);
      },
      'other video': () => this.#encoder?.change({ level: this.#level() }),
      'other audio': () => {
        this.#shape = { ...this.#shape, sampleRate: this.#shape.sampleRate === 8000 ? 16_000 : 8000 };
        this.#encoder?.change({ sampleRate: this.#shape.sampleRate });
      },
      'rare keyframes': () => this.#encoder?.change({ gopMs: among(1, 12) * 2 * SECOND }),
      restart: () => this.#restart(true),
      crash: () => this.#restart(false),
    };
    const names = Object.keys(events);
    const name = names[Math.floor(random() * names.length)] ?? '';
    this.#happened.set(name, (this.#happened.get(name) ?? 0) + 1);
    await events[name]?.();
  }

  #level(): number {
    this.#shape = { ...this.#shape, level: this.#shape.level === 31 ? 30 : 31 };
    return this.#shape.level;
  }

  begin(): Promise<void> {
    return this.#publish();
  }

  /** The server ends; the disk is what is left. */
  async end(): Promise<MemoryDisk> {
    this.#unpublish();
    await this.#server.stop();
    this.#look();
    return this.disk;
  }
}

/** Memory of the process without the disk that it plays. */
async function heapBytes(disk: MemoryDisk): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // What buffers held is counted off by a later turn.
  for (let i = 0; i < 2; i++) {
    collect();
    await settle();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external - disk.heldBytes;
}

suite('a day of a server at 1000 times its speed', () => {
  let root = '';
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'srs-day-'));
  });
  after(() => rm(root, { recursive: true, force: true }));

  test('playlists, manifests and recordings stay right, the disk and memory bounded', async (t) => {
    const kinds = (deps: SimulatedDeps): readonly OutputKind[] => {
      const names = new RecordingNames(deps.disk);
      return [
        ...Object.entries(HLS_KINDS).map(([kind, more]) => {
          const hls = new HlsOutputs({ ...deps, fileSystem: deps.disk });
          return {
            name: kind,
            options: () => ({ ...HLS, ...more, root: join(root, kind) }),
            create: (start: never) => hls.create(start),
          };
        }),
        {
          name: 'dash',
          options: () => ({ ...DASH, path: join(root, 'dash') }),
          create: (start) =>
            new DashOutput(start as never, {
              ...deps,
              fileSystem: deps.disk,
              readJournal: (path) => Promise.resolve(deps.disk.read(path)?.toString()),
            }),
        },
        ...(['flv', 'mp4', 'ts'] as const).map((ending) => ({
          name: `dvr-${ending}`,
          options: () => ({ ...DVR, path: join(root, `dvr/[app]/[stream].[timestamp].${ending}`) }),
          create: (start: never) =>
            new DvrOutput({ ...deps, utc: () => true, names, fileSystem: deps.disk }, start),
        })),
      ] as readonly OutputKind[];
    };
    let moves = 0;
    const day = new Day(root, kinds, [
      dashWatch(join(root, 'dash/live/demo.mpd'), () => (moves += 1)),
      ...Object.keys(HLS_KINDS).map((kind) => hlsWatch(join(root, kind, 'live/demo.m3u8'))),
    ]);
    await day.begin();
    const heaps: number[] = [];
    for (let passed = 0; passed < 24 * HOUR; passed += EVENT_MS) {
      await day.pass(EVENT_MS);
      await day.happen();
      if ((passed + EVENT_MS) % HOUR === 0) heaps.push(await heapBytes(day.disk));
    }
    await day.end();
    const { happened } = day;
    const texts = day.texts();
    t.diagnostic(JSON.stringify({ texts, happened }));
    t.diagnostic(
      `${moves} times the zero of DASH moved; at most ${day.mostFiles} files of ${day.mostBytes} bytes, ${day.mostMemory} bytes kept; ` +
        `heap ${heaps.map((bytes) => (bytes / 1e6).toFixed(1)).join(' ')} MB; recorded ${(day.recordedMs / HOUR).toFixed(1)} h`,
    );
    for (const [path, count] of Object.entries(texts)) assert.ok(count > 7_000, `${path}: ${count} texts`);
    assert.ok(Object.keys(happened).length === 12, 'everything happened');
    const unsteady = (happened['jump of the wall clock'] ?? 0) + (happened['gap of the timestamps'] ?? 0);
    assert.ok(moves <= unsteady, `the zero of DASH moved ${moves} times`);
    // Five playlists of a minute and what is kept behind them, and the recordings in progress.
    assert.ok(day.mostFiles < 200, `${day.mostFiles} files`);
    assert.ok(day.mostBytes < 16_000_000, `${day.mostBytes} bytes on the disk`);
    assert.ok(day.mostMemory < 2_000_000, `${day.mostMemory} bytes in memory`);
    // Of three formats; what a crash interrupts is not counted.
    assert.ok(day.recordedMs > 2.3 * day.publishedMs, `${day.recordedMs} of ${day.publishedMs} ms`);
    const early = Math.min(...heaps.slice(1, 7));
    const late = Math.min(...heaps.slice(-6));
    assert.ok(late < early + 4_000_000, `memory grows from ${early} to ${late}`);
  });
});
