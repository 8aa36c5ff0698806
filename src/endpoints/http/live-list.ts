import type { Clock } from '../../base/clock.ts';
import type { Hub, StreamSnapshot } from '../../hub/ports.ts';
import type { MountTable } from './mount-table.ts';

export interface LiveListOptions {
  readonly hub: Hub;
  readonly clock: Clock;
  readonly version: string;
  /** Asked whenever a list is made; another object = other settings. */
  settings(): LiveListSettings;
}

export interface LiveListSettings {
  readonly mounts: MountTable;
  readonly rtmpPort: number | undefined;
  readonly apiPort: number | undefined;
}

/** One stream of `/live.json`. It never tells parameters, tokens or addresses of peers. */
export interface LiveListEntry {
  readonly vhost: string;
  readonly app: string;
  readonly stream: string;
  readonly state: string;
  /** Where it plays on this port; absent when the vhost has no HTTP-FLV mount. */
  readonly flvPath?: string | undefined;
  readonly hasAudio: boolean;
  readonly hasVideo: boolean;
  readonly videoCodec?: string | undefined;
  /** Pixels. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly fps?: number | undefined;
  readonly audioCodec?: string | undefined;
  /** Hz. */
  readonly sampleRate?: number | undefined;
  readonly viewers: number;
  readonly kbps: number;
  /** Unix ms. */
  readonly publishedAtMs?: number | undefined;
}

const CACHE_MS = 500;

/** The bundled page's question: what is live? Made at most twice a second, whoever many pages are open. */
export class LiveList {
  readonly #options: LiveListOptions;
  #json = '';
  #madeAt = -Infinity;
  #madeFor: LiveListSettings | undefined;

  constructor(options: LiveListOptions) {
    this.#options = options;
  }

  json(): string {
    const now = this.#options.clock.now();
    const settings = this.#options.settings();
    if (now - this.#madeAt < CACHE_MS && settings === this.#madeFor) return this.#json;
    const { hub, version } = this.#options;
    const { rtmpPort, apiPort } = settings;
    this.#madeAt = now;
    this.#madeFor = settings;
    this.#json = JSON.stringify({
      server: { version, rtmpPort, apiPort },
      streams: hub
        .list()
        .filter((stream) => stream.state === 'live' || stream.state === 'waiting')
        .map((stream) => entryOf(stream, settings.mounts)),
    });
    return this.#json;
  }
}

function entryOf(stream: StreamSnapshot, mounts: MountTable): LiveListEntry {
  const { name, video, audio } = stream;
  return {
    vhost: name.vhost,
    app: name.app,
    stream: name.stream,
    state: stream.state,
    flvPath: mounts.pathFor(name, 'flv'),
    hasAudio: audio !== undefined,
    hasVideo: video !== undefined,
    videoCodec: video?.codec,
    width: video?.width,
    height: video?.height,
    fps: video?.frameRate,
    audioCodec: audio?.codec,
    sampleRate: audio?.sampleRate,
    viewers: stream.viewers,
    kbps: stream.receivedKbps,
    publishedAtMs: stream.publishedAtMs,
  };
}
