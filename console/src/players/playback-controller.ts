import type { Engine, EngineKind, Problem } from './engine.ts';
import { LatencyChaser } from './latency-chaser.ts';

/** `preparing` waits for the first segment, `offline` for the stream to be listed as live, `blocked` for a tap, `failed` for the reader's decision. */
export type Phase =
  | 'empty'
  | 'connecting'
  | 'playing'
  | 'buffering'
  | 'paused'
  | 'reconnecting'
  | 'preparing'
  | 'offline'
  | 'blocked'
  | 'failed';

/** What the server says of the stream. `held`: the publisher is away and may come back, so the server keeps the viewers. */
export type Presence = 'live' | 'held' | 'gone';

/** What is being played, and how. */
export interface Source {
  readonly kind: EngineKind;
  readonly url: string;
  readonly videoCodec: string | undefined;
}

/** Figures of the moment; undefined while not known. */
export interface Reading {
  /** Seconds between the newest moment that can be had and the one shown. */
  readonly latencyS: number | undefined;
  /** What the player aims at, where it tells. */
  readonly aimS: number | undefined;
  /** Seconds received and not yet shown. */
  readonly bufferS: number | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly kbps: number | undefined;
  readonly droppedFrames: number | undefined;
}

/** All that the player's view needs to draw itself. */
export interface PlaybackView {
  readonly phase: Phase;
  readonly problem: Problem | undefined;
  /** The sound was left out because the browser cannot decode it. */
  readonly soundless: boolean;
  readonly muted: boolean;
  /** 0 to 1. */
  readonly volume: number;
  readonly reading: Reading;
}

export interface PlaybackOptions {
  readonly video: HTMLVideoElement;
  /** Holds the last picture while nothing plays. */
  readonly still: HTMLCanvasElement;
  readonly onView: (view: PlaybackView) => void;
  /** The connection is gone: is the stream still there? `setPresence` is the answer. */
  readonly onLost: () => void;
}

const NO_READING: Reading = {
  latencyS: undefined,
  aimS: undefined,
  bufferS: undefined,
  width: undefined,
  height: undefined,
  kbps: undefined,
  droppedFrames: undefined,
};
/** What a new page shows. Muted, because browsers let nothing else start by itself. */
export const EMPTY_VIEW: PlaybackView = {
  phase: 'empty',
  problem: undefined,
  soundless: false,
  muted: true,
  volume: 1,
  reading: NO_READING,
};

const TICK_MS = 500;
const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 8000;
/** Playing this long forgives earlier failures. */
const HEALTHY_MS = 10_000;
/** Between two questions for a playlist that is not there yet: no backing off, it comes when the first segment is complete. */
const PREPARING_MS = 1000;
/** A player that fetches pieces may not hear that the stream has ended: nothing new for this long after the server said so. */
const ENDED_MS = 3000;
/** How long after a connection's first picture a jump to the live edge goes unnoticed. */
const JOINING_MS = 1500;

/** Plays one source at a time on one video element: rejoins, backs off, keeps near the live edge. Knows no protocol. */
export class PlaybackController {
  readonly #options: PlaybackOptions;
  readonly #video: HTMLVideoElement;
  readonly #ticker: number;
  #chaser = new LatencyChaser();
  #source: Source | undefined;
  #engine: Engine | undefined;
  #phase: Phase = 'empty';
  #problem: Problem | undefined;
  #presence: Presence = 'gone';
  #withAudio = true;
  #failures = 0;
  #retryTimer: number | undefined;
  #playingSince: number | undefined;
  #bufferEnd = 0;
  #bufferGrewAt = 0;
  #kbps: number | undefined;

  constructor(options: PlaybackOptions) {
    this.#options = options;
    this.#video = options.video;
    this.#video.muted = true;
    for (const [event, listener] of this.#listeners()) this.#video.addEventListener(event, listener);
    this.#ticker = window.setInterval(() => this.#tick(), TICK_MS);
  }

  /** Plays this from now on; the same one again changes nothing. Undefined: nothing. */
  setSource(source: Source | undefined): void {
    if (source?.url === this.#source?.url && source?.kind === this.#source?.kind) return;
    const sameStream = source?.kind !== this.#source?.kind && this.#source !== undefined;
    this.#disconnect();
    if (!sameStream) this.#options.still.width = 0;
    this.#source = source;
    this.#failures = 0;
    this.#withAudio = true;
    this.#chaser = new LatencyChaser();
    if (source === undefined) this.#enter('empty');
    else if (this.#phase !== 'paused' || !sameStream) this.#connect();
    else this.#tell();
  }

  /** How the server lists the source. A running connection is left alone: it ends by itself. */
  setPresence(presence: Presence): void {
    if (presence === this.#presence) return;
    this.#presence = presence;
    const trying = this.#phase === 'reconnecting' || this.#phase === 'preparing';
    if (presence === 'live') {
      if (this.#phase !== 'offline' && !trying) return;
      this.#failures = 0;
      this.#connect();
    } else if (trying) {
      window.clearTimeout(this.#retryTimer);
      this.#enter('offline');
    }
  }

  /** Joins the live edge again. */
  play(): void {
    if (this.#source === undefined) return;
    if (this.#engine !== undefined) {
      void this.#start();
      return;
    }
    this.#failures = 0;
    this.#connect();
  }

  /** Stops loading: a paused live stream would only grow old. */
  pause(): void {
    if (this.#source === undefined) return;
    this.#disconnect();
    this.#enter('paused');
  }

  toggle(): void {
    const stopped = this.#phase === 'paused' || this.#phase === 'failed' || this.#phase === 'blocked';
    if (stopped) this.play();
    else this.pause();
  }

  setMuted(muted: boolean): void {
    this.#video.muted = muted;
    if (!muted && this.#video.volume === 0) this.#video.volume = 1;
  }

  /** 0 to 1; 0 mutes. */
  setVolume(volume: number): void {
    this.#video.volume = volume;
    this.#video.muted = volume === 0;
  }

  close(): void {
    window.clearInterval(this.#ticker);
    this.#disconnect();
    for (const [event, listener] of this.#listeners()) this.#video.removeEventListener(event, listener);
  }

  #listeners(): readonly (readonly [string, () => void])[] {
    return [
      ['playing', this.#onPlaying],
      ['waiting', this.#onWaiting],
      ['pause', this.#onPause],
      ['volumechange', this.#tell],
      ['resize', this.#tell],
    ];
  }

  #connect(): void {
    window.clearTimeout(this.#retryTimer);
    this.#problem = undefined;
    const source = this.#source;
    if (source === undefined) return;
    if (this.#presence !== 'live') {
      this.#enter('offline');
      return;
    }
    const obstacle = source.kind.obstacle(source.videoCodec);
    if (obstacle !== undefined) {
      this.#problem =
        obstacle === 'browser'
          ? { code: 'browser', detail: navigator.userAgent }
          : { code: 'video-codec', detail: source.videoCodec ?? '' };
      this.#enter('failed');
      return;
    }
    this.#bufferEnd = 0;
    this.#bufferGrewAt = performance.now();
    this.#engine = source.kind.open({
      video: this.#video,
      url: source.url,
      withAudio: this.#withAudio,
      events: { ended: () => this.#lost(undefined), failed: (problem) => this.#lost(problem) },
    });
    this.#enter('connecting');
    this.#video.addEventListener('loadeddata', this.#onFirstPicture, { once: true });
  }

  #disconnect(): void {
    window.clearTimeout(this.#retryTimer);
    this.#playingSince = undefined;
    this.#kbps = undefined;
    this.#video.removeEventListener('loadeddata', this.#onFirstPicture);
    const engine = this.#engine;
    if (engine === undefined) return;
    this.#keepStill();
    this.#engine = undefined; // First, so that the pause event of closing is not taken for the reader's wish.
    engine.close();
    this.#video.playbackRate = 1; // The next player may have another way to keep near.
  }

  /** The connection ended: by the server (`undefined`) or with a problem. */
  #lost(problem: Problem | undefined): void {
    this.#disconnect();
    if (problem?.code === 'audio-codec' && this.#withAudio) {
      this.#withAudio = false; // A picture without sound beats neither.
      this.#connect();
      return;
    }
    if (problem?.code === 'not-yet') {
      this.#enter('preparing');
      this.#retryTimer = window.setTimeout(() => this.#connect(), PREPARING_MS);
      this.#options.onLost();
      return;
    }
    if (problem !== undefined && problem.code !== 'network' && problem.code !== 'media') {
      this.#problem = problem;
      this.#enter('failed');
      return;
    }
    const wait = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** this.#failures);
    this.#failures += 1;
    this.#enter('reconnecting');
    // A little uneven, so that a thousand viewers do not come back in the same moment.
    this.#retryTimer = window.setTimeout(() => this.#connect(), wait * (1 + Math.random() / 4));
    this.#options.onLost();
  }

  readonly #onFirstPicture = (): void => void this.#start();

  async #start(): Promise<void> {
    const engine = this.#engine;
    try {
      await this.#video.play();
    } catch (error) {
      if (this.#engine !== engine || engine === undefined) return;
      if (!(error instanceof DOMException) || error.name !== 'NotAllowedError') return;
      if (this.#video.muted) {
        this.#enter('blocked');
        return;
      }
      this.#video.muted = true;
      await this.#start();
    }
  }

  readonly #onPlaying = (): void => {
    if (this.#engine === undefined) return;
    this.#playingSince ??= performance.now();
    this.#enter('playing');
  };

  readonly #onWaiting = (): void => {
    if (this.#engine === undefined || this.#phase !== 'playing') return;
    const joining = performance.now() - (this.#playingSince ?? 0) < JOINING_MS;
    const chasing = this.#engine.distance() === 'controller';
    if (chasing && !joining && !this.#video.seeking) this.#chaser.stalled();
    this.#enter('buffering');
  };

  /** Headset buttons and the system's own controls pause the element directly. Hidden tabs are paused by the browser. */
  readonly #onPause = (): void => {
    if (this.#engine === undefined || this.#video.ended || document.visibilityState === 'hidden') return;
    if (this.#phase === 'playing') this.pause();
  };

  #tick(): void {
    if (this.#engine === undefined) return;
    const now = performance.now();
    const { buffered, currentTime } = this.#video;
    const last = buffered.length - 1;
    const end = last < 0 ? 0 : buffered.end(last);
    if (end > this.#bufferEnd || this.#presence === 'held') {
      this.#bufferEnd = end;
      this.#bufferGrewAt = now;
    } else if (now - this.#bufferGrewAt > this.#patienceMs()) {
      this.#lost({ code: 'network', detail: 'no data' });
      return;
    }
    if (this.#playingSince !== undefined && now - this.#playingSince > HEALTHY_MS) this.#failures = 0;
    if (last >= 0 && !this.#video.seeking && this.#engine.distance() === 'controller') {
      const joining = this.#playingSince === undefined || now - this.#playingSince < JOINING_MS;
      const step = this.#chaser.step(currentTime, buffered.start(last), end, joining);
      if (step.seekTo !== undefined) this.#video.currentTime = step.seekTo;
      if (this.#video.playbackRate !== step.rate) this.#video.playbackRate = step.rate;
    }
    // A tab that comes back from hiding finds its video paused.
    if (this.#phase === 'playing' && this.#video.paused && document.visibilityState === 'visible')
      void this.#start();
    const kbps = this.#engine.kbps();
    if (kbps !== undefined && kbps > 0) {
      this.#kbps = this.#kbps === undefined ? kbps : this.#kbps * 0.8 + kbps * 0.2;
    }
    this.#tell();
  }

  #patienceMs(): number {
    const engine = this.#engine;
    if (engine === undefined) return Infinity;
    const ranDry =
      this.#presence === 'gone' && this.#phase === 'buffering' && engine.distance() !== 'controller';
    return ranDry ? ENDED_MS : engine.patienceMs();
  }

  #keepStill(): void {
    const { videoWidth, videoHeight, readyState } = this.#video;
    if (videoWidth === 0 || readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    const { still } = this.#options;
    still.width = videoWidth;
    still.height = videoHeight;
    still.getContext('2d')?.drawImage(this.#video, 0, 0);
  }

  #reading(): Reading {
    if (this.#engine === undefined) return NO_READING;
    const { buffered, currentTime, videoWidth, videoHeight } = this.#video;
    const bufferS =
      buffered.length === 0 ? undefined : Math.max(0, buffered.end(buffered.length - 1) - currentTime);
    const distance = this.#engine.distance();
    return {
      latencyS: distance === 'controller' ? bufferS : distance?.behindS,
      aimS: distance === 'controller' ? undefined : distance?.aimS,
      bufferS,
      width: videoWidth === 0 ? undefined : videoWidth,
      height: videoHeight === 0 ? undefined : videoHeight,
      kbps: this.#kbps,
      droppedFrames: this.#video.getVideoPlaybackQuality().droppedVideoFrames,
    };
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#tell();
  }

  readonly #tell = (): void => {
    this.#options.onView({
      phase: this.#phase,
      problem: this.#problem,
      soundless: !this.#withAudio,
      muted: this.#video.muted,
      volume: this.#video.volume,
      reading: this.#reading(),
    });
  };
}
