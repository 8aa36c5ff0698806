import type Hls from 'hls.js';
import type { ErrorData } from 'hls.js';
import { mediaSource } from './codec-support.ts';
import type { Distance, Engine, EngineOptions, Problem } from './engine.ts';
import { EndOnce } from './once.ts';

type Library = typeof Hls;

const NOT_FOUND = 404;
/** Without news for so many target durations, the playlist has ended without saying so. */
const PATIENCE_TARGETS = 3;
const PATIENCE_MIN_MS = 8000;

/** Which of our problems a fatal error of hls.js is. */
function classify(library: Library, error: ErrorData): Problem {
  const { ErrorDetails, ErrorTypes } = library;
  const detail = `${error.details}: ${error.error.message}`;
  if (error.details === ErrorDetails.MANIFEST_LOAD_ERROR && error.response?.code === NOT_FOUND)
    return { code: 'not-yet', detail };
  if (
    error.details === ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR ||
    error.details === ErrorDetails.BUFFER_ADD_CODEC_ERROR ||
    error.details === ErrorDetails.BUFFER_INCOMPATIBLE_CODECS_ERROR
  )
    return { code: /audio\//.test(error.mimeType ?? '') ? 'audio-codec' : 'video-codec', detail };
  return { code: error.type === ErrorTypes.NETWORK_ERROR ? 'network' : 'media', detail };
}

/** HLS by hls.js; `lowLatency` asks for parts as they are made, which a playlist without parts leaves without effect. */
export class HlsEngine implements Engine {
  readonly #options: EngineOptions;
  readonly #lowLatency: boolean;
  readonly #end: EndOnce;
  #hls: Hls | undefined;
  #kbps: number | undefined;

  constructor(options: EngineOptions, lowLatency: boolean) {
    this.#options = options;
    this.#lowLatency = lowLatency;
    this.#end = new EndOnce(options.events);
    options.video.addEventListener('ended', this.#onEnded);
    this.#open().catch((error: unknown) => this.#end.failed({ code: 'media', detail: String(error) }));
  }

  kbps(): number | undefined {
    return this.#kbps;
  }

  distance(): Distance | undefined {
    const hls = this.#hls;
    if (hls?.latestLevelDetails?.live !== true || hls.latency <= 0) return undefined;
    return { behindS: hls.latency, aimS: hls.targetLatency ?? undefined };
  }

  patienceMs(): number {
    const targetS = this.#hls?.latestLevelDetails?.targetduration ?? 0;
    return Math.max(PATIENCE_MIN_MS, PATIENCE_TARGETS * 1000 * targetS);
  }

  close(): void {
    this.#end.silence();
    this.#options.video.removeEventListener('ended', this.#onEnded);
    const hls = this.#hls;
    this.#hls = undefined;
    hls?.destroy();
  }

  async #open(): Promise<void> {
    let library: Library;
    try {
      library = (await import('hls.js')).default;
    } catch (error) {
      this.#end.failed({ code: 'network', detail: String(error) });
      return;
    }
    if (this.#end.over) return;
    if (mediaSource() === undefined || !library.isSupported()) {
      this.#end.failed({ code: 'browser', detail: navigator.userAgent });
      return;
    }
    const hls = new library({
      lowLatencyMode: this.#lowLatency,
      // With parts the edge is near enough to be kept by a little more speed.
      maxLiveSyncPlaybackRate: this.#lowLatency ? 1.05 : 1,
      backBufferLength: 30,
    });
    this.#hls = hls;
    // Further behind than that it jumps, instead of showing the past for ever. Not given above, where it may only stand beside a
    // fixed distance, and then the hold back of the playlist would not count.
    hls.config.liveMaxLatencyDurationCount = this.#lowLatency ? 4 : 8;
    hls.on(library.Events.ERROR, (_event, error) => {
      if (error.fatal) this.#end.failed(classify(library, error));
    });
    hls.on(library.Events.FRAG_BUFFERED, (_event, { stats, frag, part }) => {
      const seconds = part?.duration ?? frag.duration;
      if (seconds > 0 && stats.total > 0) this.#kbps = (stats.total * 8) / 1000 / seconds;
    });
    hls.attachMedia(this.#options.video);
    hls.loadSource(this.#options.url);
  }

  readonly #onEnded = (): void => this.#end.ended();
}
