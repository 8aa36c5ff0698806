import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TimerWheel } from '../../src/base/timer-wheel.ts';
import { FlvReader, frameFromFlv, TAG_TYPE } from '../../src/containers/flv/index.ts';
import { BoxScanner, FragmentReader, readMovie } from '../../src/containers/mp4/index.ts';
import { TsDemuxer } from '../../src/containers/mpegts/index.ts';
import type { OutputFailed, RecordingDone, StreamOutput } from '../../src/hub/output-events.ts';
import type { Frame } from '../../src/media/frame.ts';
import { DvrOutput, RecordingNames, type DvrOptions } from '../../src/outputs/dvr/index.ts';
import { nodeFileSystem, type FileSystem } from '../../src/storage/file-system.ts';
import { sessionOf } from './hub-fixtures.ts';
import { ManualClock } from './manual-clock.ts';
import { MemoryLogger } from './memory-logger.ts';
import { aacConfig, avcConfig } from './mp4-fixtures.ts';

const STREAM = { vhost: '__defaultVhost__', app: 'live', stream: 'demo' };

/** Config records and frames as FLV tags have them. */
export const flvFrames = {
  avc: (variant?: number): Frame =>
    frameFromFlv(
      TAG_TYPE.VIDEO,
      0,
      Buffer.concat([Buffer.from([0x17, 0, 0, 0, 0]), avcConfig(4, variant).payload]),
    ),
  aac: (): Frame =>
    frameFromFlv(TAG_TYPE.AUDIO, 0, Buffer.concat([Buffer.from([0xaf, 0]), aacConfig().payload])),
  picture(dts: number, isKey: boolean, size = 400, id = dts): Frame {
    const body = Buffer.alloc(9 + size, 0x5a);
    Buffer.from([isKey ? 0x17 : 0x27, 1, 0, 0, 0]).copy(body);
    body.writeUInt32BE(size, 5);
    body[9] = isKey ? 0x65 : 0x41;
    writeId(body, 10, id);
    return frameFromFlv(TAG_TYPE.VIDEO, dts, body);
  },
  sound(dts: number, size = 60, id = dts): Frame {
    const body = Buffer.alloc(2 + size, 0x33);
    Buffer.from([0xaf, 1]).copy(body);
    writeId(body, 2, id);
    return frameFromFlv(TAG_TYPE.AUDIO, dts, body);
  },
};

/** Four bytes of which none is 0, as inside a NAL unit. */
function writeId(into: Buffer, at: number, id: number): void {
  if (into.length < at + 4) return;
  for (let byte = 0; byte < 4; byte += 1) into[at + byte] = 0x80 | ((id >>> (7 * byte)) & 0x7f);
}

/** One frame as a reader finds it: which it was when it was sent, and its time in the file, ms. */
export interface Found {
  readonly kind: string;
  readonly id: number;
  readonly dts: number;
}

/** A recorded stream with a clock that is moved by hand, in a folder of its own. */
export class DvrStage {
  readonly folder = mkdtempSync(join(tmpdir(), 'srs-dvr-'));
  readonly clock = new ManualClock();
  readonly logger = new MemoryLogger();
  readonly done: RecordingDone[] = [];
  readonly failed: OutputFailed[] = [];
  readonly names: RecordingNames;
  readonly #fileSystem: FileSystem;
  readonly #options: DvrOptions;
  #output: StreamOutput;
  #publication = 0;
  unixMs = 1_700_000_000_000;

  constructor(options: Partial<DvrOptions> = {}, fileSystem: FileSystem = nodeFileSystem) {
    this.#fileSystem = fileSystem;
    this.names = new RecordingNames(fileSystem);
    this.#options = {
      plan: 'session',
      fragmented: false,
      segmentMs: 5_000,
      waitKeyframe: true,
      timeJitter: 'full',
      ...options,
      path: join(this.folder, options.path ?? '[app]/[stream].[timestamp].flv'),
    };
    this.#output = this.#make();
  }

  get output(): StreamOutput {
    return this.#output;
  }

  #make(): DvrOutput {
    return new DvrOutput(
      {
        clock: this.clock,
        wheel: new TimerWheel(this.clock),
        unixTime: () => this.unixMs,
        utc: () => true,
        logger: this.logger,
        observer: {
          recordingDone: (event) => void this.done.push(event),
          outputFailed: (event) => void this.failed.push(event),
        },
        names: this.names,
        fileSystem: this.#fileSystem,
      },
      { name: STREAM, options: this.#options, after: Promise.resolve() },
    );
  }

  /** As after a restart of the server. */
  restart(): void {
    this.#output = this.#make();
  }

  publish(configs: readonly Frame[] = [flvFrames.avc(), flvFrames.aac()]): void {
    this.#publication += 1;
    this.unixMs += 1_000;
    this.#output.onState('live', this.#publication);
    this.#output.published(sessionOf(`s${this.#publication}`));
    for (const config of configs) this.#output.onFrame(config);
  }

  unpublish(): void {
    this.#output.onState('waiting', this.#publication);
  }

  /** Pictures every 40 ms with a keyframe each second, and sound every 20 ms. */
  play(fromMs: number, toMs: number, kinds: 'av' | 'a' | 'v' = 'av'): void {
    for (let dts = fromMs; dts < toMs; dts += 20) {
      if (dts % 40 === 0 && kinds !== 'a') this.#output.onFrame(flvFrames.picture(dts, dts % 1000 === 0));
      if (kinds !== 'v') this.#output.onFrame(flvFrames.sound(dts));
      this.clock.advance(20);
      this.unixMs += 20;
    }
  }

  /** As `play`, at a pace that lets the disk work. */
  async playSlowly(fromMs: number, toMs: number): Promise<void> {
    for (let at = fromMs; at < toMs; at += 500) {
      this.play(at, Math.min(at + 500, toMs));
      await this.settle();
    }
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setTimeout(resolve, 2));
  }

  /** Names of the files, hidden ones too, sorted. */
  files(below = 'live'): string[] {
    const folder = join(this.folder, below);
    return existsSync(folder) ? readdirSync(folder).sort() : [];
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The frames of a recording, by the readers of this repository. */
export function readRecording(path: string): Found[] {
  const file = readFileSync(path);
  if (file.toString('latin1', 0, 3) === 'FLV') return readFlv(file);
  return file[0] === 0x47 ? readTs(file) : readMp4(file);
}

function idOf(kind: string, unit: Buffer): number {
  const at = kind === 'video' ? 5 : 0;
  if (unit.length < at + 4) return -1;
  let id = 0;
  for (let byte = 0; byte < 4; byte += 1) id |= (unit.readUInt8(at + byte) & 0x7f) << (7 * byte);
  return id;
}

function readFlv(file: Buffer): Found[] {
  const reader = new FlvReader();
  const found: Found[] = [];
  for (const { typeId, timestamp, body } of reader.push(file)) {
    if (typeId === TAG_TYPE.SCRIPT) continue;
    const frame = frameFromFlv(typeId === TAG_TYPE.VIDEO ? TAG_TYPE.VIDEO : TAG_TYPE.AUDIO, timestamp, body);
    if (!frame.isConfig) {
      found.push({ kind: frame.kind, id: idOf(frame.kind, frame.payload), dts: frame.dts });
    }
  }
  assert.ok(reader.atBoundary, 'ends within a tag');
  return found;
}

function readTs(file: Buffer): Found[] {
  assert.equal(file.length % 188, 0);
  const demuxer = new TsDemuxer();
  return [...demuxer.push(file), ...demuxer.end()]
    .filter(({ isConfig }) => !isConfig)
    .map((frame) => ({ kind: frame.kind, id: idOf(frame.kind, frame.payload), dts: frame.dts }));
}

function readMp4(file: Buffer): Found[] {
  const boxes = new BoxScanner(new Set(['moov'])).push(file);
  const moov = boxes.find(({ type }) => type === 'moov')?.body;
  assert.ok(moov !== undefined);
  const movie = readMovie(moov);
  if (movie.fragmented) {
    return new FragmentReader().push(file).map(({ trackId, dts, payload }) => {
      const { kind = 'none', timescale = 1 } = movie.tracks.find(({ id }) => id === trackId)?.track ?? {};
      return { kind, id: idOf(kind, payload), dts: (dts * 1000) / timescale };
    });
  }
  assert.deepEqual(
    boxes.map(({ type }) => type),
    ['ftyp', 'mdat', 'moov'],
  );
  const found: Found[] = [];
  for (const { track, edits, table } of movie.tracks) {
    assert.ok(track !== undefined);
    const wait = edits.length === 2 ? (edits[0]?.duration ?? 0) : 0;
    for (const { dts, offset, size } of table.samples()) {
      const unit = file.subarray(offset, offset + size);
      found.push({
        kind: track.kind,
        id: idOf(track.kind, unit),
        dts: (dts * 1000) / track.timescale + wait,
      });
    }
  }
  return found;
}
