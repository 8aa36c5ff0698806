import type { Engine, EngineOptions } from './engine.ts';
import { EndOnce } from './once.ts';

const PATIENCE_MS = 30_000;

/** Whether the video element takes HLS by itself: Safari, and iPhones, which had no Media Source Extensions for long. */
export function playsHlsItself(): boolean {
  return document.createElement('video').canPlayType('application/vnd.apple.mpegurl') !== '';
}

/** HLS by the video element itself. It tells neither the distance to the live edge nor the rate. */
export class NativeHlsEngine implements Engine {
  readonly #video: HTMLVideoElement;
  readonly #end: EndOnce;

  constructor({ video, url, events }: EngineOptions) {
    this.#video = video;
    this.#end = new EndOnce(events);
    video.addEventListener('ended', this.#onEnded);
    video.addEventListener('error', this.#onError);
    video.src = url;
    video.load();
  }

  kbps(): undefined {
    return undefined;
  }

  distance(): undefined {
    return undefined;
  }

  patienceMs(): number {
    return PATIENCE_MS;
  }

  close(): void {
    this.#end.silence();
    this.#video.removeEventListener('ended', this.#onEnded);
    this.#video.removeEventListener('error', this.#onError);
    this.#video.removeAttribute('src');
    this.#video.load();
  }

  readonly #onEnded = (): void => this.#end.ended();

  readonly #onError = (): void => {
    const { error } = this.#video;
    // A playlist that is not there yet is said to be a source that is not supported.
    const missing = error?.code === MediaError.MEDIA_ERR_SRC_NOT_SUPPORTED;
    this.#end.failed({ code: missing ? 'not-yet' : 'media', detail: error?.message ?? '' });
  };
}
