import { Buffer } from 'node:buffer';
import { writeMediaPlaylist, type MediaPlaylist } from '../../containers/m3u8/index.ts';
import type { LiveResource, ResourceBody } from '../../storage/live-resources.ts';
import type { LivePlaylist } from './live-playlist.ts';
import type { AnnouncedPart, HlsDocument } from './options.ts';

/** The playlist as it is, the same for all who ask. */
export class PlainDocument implements HlsDocument {
  readonly #live: LivePlaylist;
  #of: MediaPlaylist | undefined;
  #body: ResourceBody | undefined;

  constructor(live: LivePlaylist) {
    this.#live = live;
  }

  respond(): ResourceBody | undefined {
    const { playlist, modifiedMs } = this.#live;
    if (playlist === undefined) return undefined;
    if (playlist !== this.#of) {
      this.#of = playlist;
      const bytes = Buffer.from(writeMediaPlaylist(playlist), 'latin1');
      this.#body = { bytes, modifiedMs, cacheControl: 'no-cache' };
    }
    return this.#body;
  }

  readonly admit = (): undefined => undefined;

  announced(): AnnouncedPart {
    return new LaterPart();
  }

  close(): void {
    this.#of = undefined;
    this.#body = undefined;
  }
}

/** Not there until it is: nobody waits. */
class LaterPart implements AnnouncedPart {
  readonly bytes = 0;
  #resource: LiveResource | undefined;

  settle(resource: LiveResource | undefined): void {
    this.#resource = resource;
  }

  respond(...request: Parameters<LiveResource['respond']>): ReturnType<LiveResource['respond']> {
    return this.#resource?.respond(...request);
  }

  release(): void {
    this.#resource = undefined;
  }
}
