import type * as Dash from 'dashjs';
import { mediaSource } from './codec-support.ts';
import type { Distance, Engine, EngineOptions, Problem } from './engine.ts';
import { EndOnce } from './once.ts';

type Library = typeof Dash;
type Errors = Library['MediaPlayer']['errors'];

/** Without news for so many segments, the stream has ended without saying so. */
const PATIENCE_SEGMENTS = 3;
const PATIENCE_MIN_MS = 8000;
/** Without asking for any segment. Who joins after one publisher and before the first segment of the next begins where there is nothing. */
const PATIENCE_IDLE_MS = 2500;

/** DASH by dash.js. */
export class DashEngine implements Engine {
  readonly #options: EngineOptions;
  readonly #end: EndOnce;
  #player: Dash.MediaPlayerClass | undefined;
  /** The MPD was read once. */
  #known = false;
  /** A segment was asked for. */
  #busy = false;
  #longestSegmentS = 0;
  /** Of the last segment of each kind. */
  readonly #kbps = new Map<string, number>();

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#end = new EndOnce(options.events);
    options.video.addEventListener('ended', this.#onEnded);
    this.#open().catch((error: unknown) => this.#end.failed({ code: 'media', detail: String(error) }));
  }

  kbps(): number | undefined {
    if (this.#kbps.size === 0) return undefined;
    let sum = 0;
    for (const kbps of this.#kbps.values()) sum += kbps;
    return sum;
  }

  distance(): Distance | undefined {
    const player = this.#player;
    if (player === undefined || !this.#known || !player.isDynamic()) return undefined;
    const behindS = player.getCurrentLiveLatency();
    const aimS = player.getTargetLiveDelay();
    if (!(behindS > 0)) return undefined; // NaN before the first picture.
    return { behindS, aimS: aimS > 0 ? aimS : undefined };
  }

  patienceMs(): number {
    if (this.#known && !this.#busy) return PATIENCE_IDLE_MS;
    return Math.max(PATIENCE_MIN_MS, PATIENCE_SEGMENTS * 1000 * this.#longestSegmentS);
  }

  close(): void {
    this.#end.silence();
    this.#options.video.removeEventListener('ended', this.#onEnded);
    const player = this.#player;
    this.#player = undefined;
    player?.destroy();
  }

  async #open(): Promise<void> {
    let library: Library;
    try {
      library = await import('dashjs');
    } catch (error) {
      this.#end.failed({ code: 'network', detail: String(error) });
      return;
    }
    if (this.#end.over) return;
    if (mediaSource() === undefined || !library.supportsMediaSource()) {
      this.#end.failed({ code: 'browser', detail: navigator.userAgent });
      return;
    }
    const { video, url } = this.#options;
    const { events, errors } = library.MediaPlayer;
    const player = library.MediaPlayer().create();
    this.#player = player;
    // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- The library declares its settings as a class.
    player.updateSettings({
      // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- Its levels exist as types only, as numbers there.
      debug: { logLevel: library.Debug.LOG_LEVEL_NONE },
      streaming: {
        liveCatchup: { enabled: true, playbackRate: { min: -0.05, max: 0.05 } },
        buffer: { bufferToKeep: 30 },
        // There is one quality, so nothing is worth remembering.
        lastBitrateCachingInfo: { enabled: false },
        lastMediaSettingsCachingInfo: { enabled: false },
      },
    });
    player.on(events.MANIFEST_LOADED, () => {
      this.#known = true;
    });
    player.on(events.FRAGMENT_LOADING_STARTED, (event) => {
      // Its declarations name no fields of this event.
      const { request } = event as unknown as { readonly request: Dash.FragmentRequest };
      this.#busy ||= request.type === 'MediaSegment';
    });
    player.on(events.FRAGMENT_LOADING_COMPLETED, this.#onSegment);
    player.on(events.ERROR, (event) => this.#onError(event, errors));
    player.initialize();
    // Before the source: by default the library asks a server of its own choice for the time.
    player.clearDefaultUTCTimingSources();
    player.addUTCTimingSource('urn:mpeg:dash:utc:http-head:2014', new URL('favicon.svg', location.href).href);
    player.setAutoPlay(false);
    player.attachView(video);
    player.attachSource(url);
  }

  readonly #onSegment = ({ request }: Dash.FragmentLoadingCompletedEvent): void => {
    const seconds = request.duration;
    if (request.type !== 'MediaSegment' || !(seconds > 0)) return;
    this.#longestSegmentS = Math.max(this.#longestSegmentS, seconds);
    this.#kbps.set(request.mediaType, (request.bytesLoaded * 8) / 1000 / seconds);
  };

  #onError(event: Dash.ErrorEvent, errors: Errors): void {
    const { error } = event;
    if (typeof error === 'string') {
      this.#end.failed({ code: error === 'capability' ? 'browser' : 'media', detail: error });
      return;
    }
    const detail = `${error.code}: ${error.message}`;
    this.#end.failed({ code: this.#codeOf(error.code, errors), detail });
  }

  #codeOf(code: number, errors: Errors): Problem['code'] {
    switch (code) {
      case errors.MANIFEST_LOADER_LOADING_FAILURE_ERROR_CODE:
      case errors.DOWNLOAD_ERROR_ID_MANIFEST_CODE:
        return this.#known ? 'network' : 'not-yet';
      case errors.DOWNLOAD_ERROR_ID_CONTENT_CODE:
      case errors.DOWNLOAD_ERROR_ID_INITIALIZATION_CODE:
      case errors.FRAGMENT_LOADER_LOADING_FAILURE_ERROR_CODE:
        return 'network';
      case errors.CAPABILITY_MEDIASOURCE_ERROR_CODE:
        return 'browser';
      case errors.MANIFEST_ERROR_ID_NOSTREAMS_CODE:
      case errors.MEDIASOURCE_TYPE_UNSUPPORTED_CODE:
        return 'video-codec';
      case errors.MANIFEST_LOADER_PARSING_FAILURE_ERROR_CODE:
      case errors.MANIFEST_ERROR_ID_PARSE_CODE:
        return 'format';
      default:
        return 'media';
    }
  }

  readonly #onEnded = (): void => this.#end.ended();
}
