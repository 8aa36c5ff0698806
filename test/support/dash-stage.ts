import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { TimerWheel } from '../../src/base/timer-wheel.ts';
import { expandTemplate, readMpd, type Mpd } from '../../src/containers/mpd/index.ts';
import { FragmentReader, type Mp4Unit } from '../../src/containers/mp4/index.ts';
import type { OutputFailed, SegmentWritten } from '../../src/hub/output-events.ts';
import type { StreamName } from '../../src/hub/ports.ts';
import type { Frame } from '../../src/media/frame.ts';
import { DashOutput, type DashOptions } from '../../src/outputs/dash/index.ts';
import { DelayedRemovals } from '../../src/storage/delayed-removals.ts';
import { expandPath } from '../../src/storage/path-template.ts';
import { LiveResources } from '../../src/storage/live-resources.ts';
import { LIVE_DEMO, sessionOf } from './hub-fixtures.ts';
import { ManualClock } from './manual-clock.ts';
import { MemoryFileSystem } from './memory-file-system.ts';
import { MemoryLogger } from './memory-logger.ts';

/** 2026-01-01, Unix ms. */
const WALL = 1_767_225_600_000;

export const DASH_OPTIONS: Omit<DashOptions, 'path'> = {
  fragmentMs: 4_000,
  updatePeriodMs: 150_000,
  timeshiftMs: 40_000,
  windowSegments: 5,
  mpdFile: '[app]/[stream].mpd',
  cleanup: true,
  disposeMs: 0,
  viewerSessions: false,
  utc: true,
};

/** DASH of one stream over a file system in memory and a clock that the test moves. */
export class DashStage {
  readonly clock = new ManualClock();
  readonly wheel = new TimerWheel(this.clock);
  readonly disk = new MemoryFileSystem();
  readonly resources = new LiveResources(1 << 30);
  readonly logger = new MemoryLogger();
  readonly failures: OutputFailed[] = [];
  readonly written: SegmentWritten[] = [];
  readonly root = '/srs/html';
  readonly options: DashOptions;
  readonly removals = new DelayedRemovals(this.wheel, () => undefined, this.disk);
  output: DashOutput;
  /** What the wall clock is ahead of the time that passes, ms. */
  skewMs = 0;
  readonly #name: StreamName;
  #publication = 0;

  constructor(options: Partial<DashOptions> = {}, name: StreamName = LIVE_DEMO) {
    this.#name = name;
    this.options = { ...DASH_OPTIONS, path: this.root, ...options };
    this.output = this.#create();
  }

  #create(after: Promise<void> = Promise.resolve()): DashOutput {
    return new DashOutput(
      { name: this.#name, options: this.options, after },
      {
        wheel: this.wheel,
        unixTime: () => this.wall,
        logger: this.logger,
        observer: {
          outputFailed: (event) => void this.failures.push(event),
          segmentWritten: (event) => void this.written.push(event),
        },
        resources: this.resources,
        removals: this.removals,
        fileSystem: this.disk,
        readJournal: (path) => Promise.resolve(this.disk.files.get(path)?.toString()),
      },
    );
  }

  get wall(): number {
    return WALL + this.clock.now() + this.skewMs;
  }

  publish(): void {
    this.#publication += 1;
    this.output.published(sessionOf(`p${this.#publication}`));
    this.output.onState('live', this.#publication);
  }

  /** Frames at their time; `from` is where the clock stands now on their time line. */
  play(frames: readonly Frame[], from = frames[0]?.dts ?? 0): void {
    let at = from;
    for (const frame of frames) {
      if (frame.dts > at) {
        this.clock.advance(frame.dts - at);
        at = frame.dts;
      }
      this.output.onFrame(frame);
    }
  }

  /** Lets what is under way be done. */
  async settle(): Promise<void> {
    for (let i = 0; i < 40; i++) await turn();
  }

  /** Ends the output and begins another one, as a restart of the server does; `close` false: as a crash does. */
  async restart(close = true): Promise<void> {
    if (close) await this.output.close();
    await this.settle();
    this.#publication = 0;
    this.output = this.#create();
    await this.settle();
  }

  path(relative: string): string {
    return join(this.root, relative);
  }

  /** The manifest as a player gets it. */
  text(): string {
    const path = this.#mpdPath();
    const answer = this.resources.find(path)?.respond({ query: '' } as never);
    if (answer !== undefined && 'bytes' in answer) return answer.bytes.toString();
    const bytes = this.disk.files.get(path);
    assert.ok(bytes !== undefined, 'there is no manifest');
    return bytes.toString();
  }

  #mpdPath(): string {
    return this.path(`${expandPath('[app]/[stream]', { ...this.#name, timeMs: 0, utc: true })}.mpd`);
  }

  mpd(): Mpd {
    return readMpd(this.text());
  }

  /** Every segment that the manifest names, by period and track, read back from the disk. */
  read(): readonly PlayedTrack[] {
    return playedTracks(this.mpd(), (url) =>
      this.disk.files.get(join(dirname(this.#mpdPath()), decodeURIComponent(url))),
    );
  }
}

export interface PlayedTrack {
  readonly period: string;
  readonly kind: 'video' | 'audio';
  readonly timescale: number;
  readonly codec: string;
  readonly units: readonly Mp4Unit[];
}

/** Follows a manifest as a player does, and checks that each segment begins where it says. */
export function playedTracks(mpd: Mpd, fetch: (url: string) => Buffer | undefined): readonly PlayedTrack[] {
  const played: PlayedTrack[] = [];
  for (const period of mpd.periods) {
    for (const { template, representations, contentType } of period.adaptationSets) {
      const [representation] = representations;
      assert.ok(representation !== undefined);
      const representationId = representation.id;
      const get = (url: string): Buffer => {
        const bytes = fetch(url);
        assert.ok(bytes !== undefined, `${url} is named but not there`);
        return bytes;
      };
      const reader = new FragmentReader();
      reader.push(get(expandTemplate(template.initialization ?? '', { representationId })));
      const units: Mp4Unit[] = [];
      let number = template.startNumber;
      for (const run of template.timeline) {
        for (let i = 0; i < run.count; i++) {
          const time = run.time + i * run.duration;
          const got = reader.push(get(expandTemplate(template.media, { representationId, number, time })));
          const earliest = Math.min(...got.map((unit) => unit.dts + unit.cts));
          assert.equal(earliest, time, `segment ${number} of ${representationId} begins where it says`);
          units.push(...got);
          number += 1;
        }
      }
      const codec = reader.movie?.tracks[0]?.track?.codec ?? '';
      played.push({ period: period.id, kind: contentType, timescale: template.timescale, codec, units });
    }
  }
  return played;
}
