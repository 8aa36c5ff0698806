import type Mpegts from 'mpegts.js';
import { mediaSource } from './codec-support.ts';
import type { Engine, EngineOptions, Problem } from './engine.ts';
import { EndOnce } from './once.ts';

type Library = typeof Mpegts;

/** DOMException.NOT_SUPPORTED_ERR, what `addSourceBuffer` throws for a codec that the browser lacks. */
const NOT_SUPPORTED_ERR = 9;
const KILOBYTE_IN_KILOBITS = 8.192;
const PATIENCE_MS = 8000;

/** Demuxer errors come with a sentence, loader and Media Source errors with an object. */
type LibraryErrorInfo = string | { readonly code?: number; readonly msg?: string } | undefined;

/** Which of our problems an error of mpegts.js is. */
function classify(library: Library, type: string, detail: string, info: LibraryErrorInfo): Problem {
  const { code, msg = '' } = typeof info === 'string' ? { code: undefined, msg: info } : (info ?? {});
  const text = `${detail}: ${msg}`;
  if (type === library.ErrorTypes.NETWORK_ERROR) return { code: 'network', detail: text };
  const unsupported =
    detail === library.ErrorDetails.MEDIA_CODEC_UNSUPPORTED ||
    (detail === library.ErrorDetails.MEDIA_MSE_ERROR && code === NOT_SUPPORTED_ERR);
  if (unsupported) return { code: /audio/i.test(msg) ? 'audio-codec' : 'video-codec', detail: text };
  if (detail === library.ErrorDetails.MEDIA_FORMAT_UNSUPPORTED) return { code: 'format', detail: text };
  return { code: 'media', detail: text };
}

/** FLV or MPEG-TS over HTTP or WebSocket by mpegts.js; the address's scheme decides which. */
export class MpegtsEngine implements Engine {
  readonly #options: EngineOptions;
  readonly #type: 'flv' | 'mpegts';
  readonly #end: EndOnce;
  #player: Mpegts.Player | undefined;
  #kbps: number | undefined;

  constructor(options: EngineOptions, type: 'flv' | 'mpegts') {
    this.#options = options;
    this.#type = type;
    this.#end = new EndOnce(options.events);
    this.#open().catch((error: unknown) => this.#end.failed({ code: 'media', detail: String(error) }));
  }

  kbps(): number | undefined {
    return this.#kbps;
  }

  distance(): 'controller' {
    return 'controller';
  }

  patienceMs(): number {
    return PATIENCE_MS;
  }

  close(): void {
    this.#end.silence();
    const player = this.#player;
    this.#player = undefined;
    this.#options.video.removeEventListener('error', this.#onVideoError);
    player?.destroy();
  }

  async #open(): Promise<void> {
    let library: Library;
    try {
      // Apart from the page itself: it is larger than all the rest and not needed when nothing is live.
      library = (await import('mpegts.js')).default;
    } catch (error) {
      this.#end.failed({ code: 'network', detail: String(error) });
      return;
    }
    if (this.#end.over) return;
    if (mediaSource() === undefined || !library.isSupported()) {
      this.#end.failed({ code: 'browser', detail: navigator.userAgent });
      return;
    }
    library.LoggingControl.applyConfig({ enableAll: false }); // Errors reach the reader through events.
    const { video, url, withAudio } = this.#options;
    const source: Mpegts.MediaDataSource = { type: this.#type, isLive: true, url };
    // Otherwise the FLV header's flags decide, and those know a late audio track better than we do.
    if (!withAudio) source.hasAudio = false;
    const player = library.createPlayer(source, {
      enableStashBuffer: false, // The server already sends in windows; a second buffer only adds latency.
      lazyLoad: false,
      autoCleanupSourceBuffer: true,
      autoCleanupMaxBackwardDuration: 30,
      autoCleanupMinBackwardDuration: 10,
      // The page must not tell another origin where it is used; here both are the same anyway.
      referrerPolicy: 'same-origin',
    });
    this.#player = player;
    player.on(library.Events.ERROR, (type: string, detail: string, info: LibraryErrorInfo) =>
      this.#end.failed(classify(library, type, detail, info)),
    );
    player.on(library.Events.LOADING_COMPLETE, () => this.#end.ended());
    player.on(library.Events.STATISTICS_INFO, ({ speed }: { readonly speed?: number }) => {
      this.#kbps = speed === undefined ? undefined : speed * KILOBYTE_IN_KILOBITS;
    });
    player.attachMediaElement(video);
    video.addEventListener('error', this.#onVideoError);
    player.load();
  }

  readonly #onVideoError = (): void => {
    const error = this.#options.video.error;
    if (error !== null && error.message !== '') this.#end.failed({ code: 'media', detail: error.message });
  };
}
