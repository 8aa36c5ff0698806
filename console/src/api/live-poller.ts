import { fetchLive } from './fetch-live.ts';
import type { LiveAnswer } from './live.ts';

/** What the page knows about the server. `answer` is the last good one, kept while the server cannot be reached. */
export interface LiveView {
  readonly reach: 'asking' | 'ok' | 'unreachable';
  readonly answer: LiveAnswer | undefined;
}

const POLL_MS = 2000;

/** Asks `live.json` again and again while the tab is visible. */
export class LivePoller {
  readonly #onView: (view: LiveView) => void;
  #view: LiveView = { reach: 'asking', answer: undefined };
  #timer: number | undefined;
  #asking = false;
  #closed = false;

  constructor(onView: (view: LiveView) => void) {
    this.#onView = onView;
    document.addEventListener('visibilitychange', this.#onVisibility);
    this.refresh();
  }

  /** Asks at once, for instance because a player lost its stream and wants to know whether it is still there. */
  refresh(): void {
    if (this.#asking || this.#closed) return;
    window.clearTimeout(this.#timer);
    this.#timer = undefined;
    void this.#ask();
  }

  close(): void {
    this.#closed = true;
    window.clearTimeout(this.#timer);
    document.removeEventListener('visibilitychange', this.#onVisibility);
  }

  readonly #onVisibility = (): void => {
    if (document.visibilityState === 'visible') this.refresh();
    else window.clearTimeout(this.#timer);
  };

  async #ask(): Promise<void> {
    this.#asking = true;
    try {
      this.#view = { reach: 'ok', answer: await fetchLive() };
    } catch {
      this.#view = { reach: 'unreachable', answer: this.#view.answer };
    }
    this.#asking = false;
    if (this.#closed) return;
    this.#onView(this.#view);
    if (document.visibilityState === 'visible')
      this.#timer = window.setTimeout(() => this.refresh(), POLL_MS);
  }
}
