import type { Undo } from '../../src/base/undo.ts';
import { SegmentWindow, type MediaPlaylist } from '../../src/containers/m3u8/index.ts';
import type { StreamName } from '../../src/hub/ports.ts';
import type { LivePlaylist, VariantFacts } from '../../src/outputs/hls/live-playlist.ts';
import type { ResourceAnswer, ResourceBody, ResourceRequest } from '../../src/storage/live-resources.ts';
import { LIVE_DEMO } from './hub-fixtures.ts';

export interface FakePlaylistOptions {
  /** Low latency with parts of so many ms. */
  readonly partMs?: number;
  readonly segmentMs?: number;
  readonly windowMs?: number;
  readonly maps?: boolean;
}

/** The media playlist of a stream that a test makes, segment by segment and part by part. */
export class FakeLivePlaylist implements LivePlaylist {
  readonly name: StreamName = LIVE_DEMO;
  readonly #window: SegmentWindow;
  readonly #partMs: number | undefined;
  readonly #segmentMs: number;
  readonly #maps: boolean;
  readonly #listeners = new Set<() => void>();
  playlist: MediaPlaylist | undefined;
  facts: VariantFacts = {
    bandwidth: 300_000,
    averageBandwidth: 250_000,
    codecs: 'avc1.4d401f,mp4a.40.2',
    width: 1280,
    height: 720,
    frameRate: 25,
  };
  modifiedMs = 1_700_000_000_000;
  newest = { sequence: -1, parts: 0, whole: true };
  /** Subscriptions that were not undone. */
  get listeners(): number {
    return this.#listeners.size;
  }

  constructor(options: FakePlaylistOptions = {}) {
    const { partMs, segmentMs = 2_000, windowMs = 12_000, maps = false } = options;
    this.#partMs = partMs;
    this.#segmentMs = segmentMs;
    this.#maps = maps;
    this.#window = new SegmentWindow({
      fragmentMs: segmentMs,
      targetRatio: 1,
      windowMs,
      independentSegments: true,
      ...(partMs === undefined ? {} : { partTargetMs: partMs }),
    });
  }

  subscribe(listener: () => void): Undo {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** The next segment, in one piece or after the parts that are still missing. */
  addSegment(more: { discontinuity?: boolean } = {}): void {
    if (this.#partMs !== undefined) {
      while (this.#window.partCount * this.#partMs < this.#segmentMs) this.addPart();
    }
    const sequence = this.#window.nextSequence;
    const { partCount } = this.#window;
    if (more.discontinuity === true) this.#window.markDiscontinuity();
    this.#window.add(
      {
        uri: `demo-${sequence}.ts`,
        durationMs: this.#segmentMs,
        ...(this.#maps ? { map: { uri: 'demo-init.mp4' } } : {}),
      },
      0,
    );
    this.newest = { sequence, parts: partCount, whole: true };
    this.#hint();
    this.#changed();
  }

  addPart(): void {
    const sequence = this.#window.nextSequence;
    const index = this.#window.partCount;
    this.#window.addPart({
      uri: `demo-${sequence}.${index}.m4s`,
      durationMs: this.#partMs ?? 0,
      ...(index === 0 ? { independent: true } : {}),
    });
    this.newest = { sequence, parts: index + 1, whole: false };
    this.#hint();
    this.#changed();
  }

  /** The segments, as they are now, with these keys. */
  setKeys(uris: readonly string[]): void {
    const playlist = this.#window.playlist();
    const segments = playlist.segments.map((segment, i) => {
      const uri = uris[i];
      return uri === undefined ? segment : { ...segment, key: { method: 'AES-128' as const, uri } };
    });
    this.playlist = { ...playlist, segments };
  }

  end(): void {
    this.#window.end();
    this.#changed();
  }

  #hint(): void {
    if (this.#partMs === undefined) return;
    const { nextSequence, partCount } = this.#window;
    this.#window.setHints([{ type: 'PART', uri: `demo-${nextSequence}.${partCount}.m4s` }]);
  }

  #changed(): void {
    this.playlist = this.#window.playlist();
    this.modifiedMs += 10;
    for (const listener of [...this.#listeners]) listener();
  }
}

/** A GET that a test makes. */
export function resourceRequest(query = '', more: Partial<ResourceRequest> = {}): ResourceRequest {
  return {
    path: '/live/demo.m3u8',
    query,
    host: 'localhost',
    referer: undefined,
    userAgent: 'test',
    ip: '127.0.0.1',
    secure: false,
    headOnly: false,
    signal: new AbortController().signal,
    ...more,
  };
}

/** The text of an answer that has one. */
export function textOf(answer: ResourceAnswer | undefined): string {
  if (answer === undefined || 'status' in answer) {
    throw new Error(`no body: ${JSON.stringify(answer)}`);
  }
  return answer.bytes.toString();
}

export function isBody(answer: ResourceAnswer | undefined): answer is ResourceBody {
  return answer !== undefined && 'bytes' in answer;
}
