import { Feed } from './feed.ts';
import type { FeedServices, FeedSource } from './feed-source.ts';
import type { WireFormat } from './ports.ts';
import type { ViewerFeed } from './viewer.ts';

/** The feeds of one stream: one for each format that somebody watches. */
export class Feeds {
  readonly #services: FeedServices;
  readonly #source: FeedSource;
  readonly #byFormat = new Map<string, Feed>();
  /** The feeds as a list, made anew when one comes or goes: what the frame path walks. */
  list: readonly Feed[] = [];

  constructor(services: FeedServices, source: FeedSource) {
    this.#services = services;
    this.#source = source;
  }

  /** The feed of a format; begun if nobody watches that yet. */
  of(format: WireFormat): ViewerFeed {
    let feed = this.#byFormat.get(format.key);
    if (feed === undefined) {
      feed = new Feed(this.#services, this.#source, format);
      this.#byFormat.set(format.key, feed);
      this.list = [...this.#byFormat.values()];
    }
    return feed;
  }

  /** A viewer left `left`; its last one takes it along. */
  left(left: ViewerFeed): void {
    const feed = this.#byFormat.get(left.format.key);
    if (feed === undefined || feed !== left || feed.viewers > 0) return;
    this.#byFormat.delete(left.format.key);
    this.list = [...this.#byFormat.values()];
  }
}
