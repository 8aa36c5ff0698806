import type { Clock } from '../../base/clock.ts';
import type { Hub, StreamName, StreamSnapshot } from '../../hub/ports.ts';
import { LIVE_ENDINGS, whyNotPlayable } from '../../outputs/http-live/index.ts';
import type { MountTable } from './mount-table.ts';

export interface LiveListOptions {
  readonly hub: Hub;
  readonly clock: Clock;
  readonly version: string;
  /** Asked whenever a list is made; another object = other settings. */
  settings(): LiveListSettings;
  /** Where this server listens for TLS. */
  httpsPort(): number | undefined;
}

export interface LiveListSettings {
  readonly mounts: MountTable;
  /** Files of a stream that players open, at what path of this port. */
  playlists(name: StreamName): readonly Playable[];
  readonly rtmpPort: number | undefined;
  /** Of RTMP over TLS. */
  readonly rtmpsPort?: number | undefined;
  readonly apiPort: number | undefined;
}

/** `ll-hls`: the playlist has parts too. `hls` is said beside it, since every such playlist is a plain one as well. */
export type PlayableFormat = 'flv' | 'ts' | 'hls' | 'll-hls' | 'dash' | 'aac' | 'mp3';

/** One way to play a stream over HTTP. */
export interface Playable {
  readonly format: PlayableFormat;
  /** Path from the root of this port, encoded; may carry a query. */
  readonly url: string;
}

/** One stream of `/live.json`. It never tells parameters, tokens or addresses of peers. */
export interface LiveListEntry {
  readonly vhost: string;
  readonly app: string;
  readonly stream: string;
  readonly state: string;
  /** Each format once: live bodies of the vhost's mounts, then files. */
  readonly playable: readonly Playable[];
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
    const { rtmpPort, rtmpsPort, apiPort } = settings;
    this.#madeAt = now;
    this.#madeFor = settings;
    this.#json = JSON.stringify({
      server: { version, rtmpPort, rtmpsPort, httpsPort: this.#options.httpsPort(), apiPort },
      streams: hub
        .list()
        .filter((stream) => stream.state === 'live' || stream.state === 'waiting')
        .map((stream) => entryOf(stream, settings)),
    });
    return this.#json;
  }
}

function entryOf(stream: StreamSnapshot, settings: LiveListSettings): LiveListEntry {
  const { name, video, audio } = stream;
  return {
    vhost: name.vhost,
    app: name.app,
    stream: name.stream,
    state: stream.state,
    playable: playableOf(stream, settings),
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

/** Bodies are told where they fit: `.aac` of a stream with MP3 is refused. */
function playableOf(stream: StreamSnapshot, settings: LiveListSettings): readonly Playable[] {
  const { name, audio } = stream;
  const playable: Playable[] = [];
  for (const format of LIVE_ENDINGS) {
    if ((format === 'aac' || format === 'mp3') && audio?.codec !== format) continue;
    if (whyNotPlayable(format, 'av', stream, Date.now()) !== undefined) continue;
    const url = settings.mounts.pathFor(name, format);
    if (url !== undefined) playable.push({ format, url });
  }
  return [...playable, ...settings.playlists(name)];
}
