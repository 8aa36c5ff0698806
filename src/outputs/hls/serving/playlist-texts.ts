import { Buffer } from 'node:buffer';
import {
  deltaUpdate,
  writeMediaPlaylist,
  type MediaPlaylist,
  type PlaylistPart,
  type PlaylistSegment,
} from '../../../containers/m3u8/index.ts';
import { CONTEXT_PARAMETER } from './playlist-query.ts';

/** One text that is shared, and what lies between the places where each viewer's id goes. */
interface Text {
  readonly playlist: MediaPlaylist;
  shared: Buffer | undefined;
  pieces: readonly string[] | undefined;
}

/**
 * The texts of a playlist as it is between two changes, each made once, for the first who asks: the full one and the delta
 * update, as they are and with a viewer's id on every segment.
 */
export class PlaylistTexts {
  readonly playlist: MediaPlaylist;
  readonly #marker: string;
  #full: Text | undefined;
  #delta: Text | undefined;

  /** `marker` stands for the viewer's id in the text: letters and digits that no URI has. */
  constructor(playlist: MediaPlaylist, marker: string) {
    this.playlist = playlist;
    this.#marker = marker;
  }

  /** The same bytes for everybody. `skip`: a delta update where there is one. */
  shared(skip: boolean): Buffer {
    const text = this.#text(skip);
    text.shared ??= Buffer.from(writeMediaPlaylist(text.playlist), 'latin1');
    return text.shared;
  }

  /** The text with `hls_ctx=<context>` at segments, parts, maps and hints. */
  forContext(skip: boolean, context: string): Buffer {
    const text = this.#text(skip);
    text.pieces ??= writeMediaPlaylist(withContext(text.playlist, this.#marker)).split(this.#marker);
    return Buffer.from(text.pieces.join(context), 'latin1');
  }

  #text(skip: boolean): Text {
    this.#full ??= { playlist: this.playlist, shared: undefined, pieces: undefined };
    if (!skip) return this.#full;
    if (this.#delta === undefined) {
      const delta = deltaUpdate(this.playlist);
      // Nothing is old enough to be left out: the full playlist is the answer (bis, 6.2.5.1).
      this.#delta =
        delta === undefined ? this.#full : { playlist: delta, shared: undefined, pieces: undefined };
    }
    return this.#delta;
  }
}

function withContext(playlist: MediaPlaylist, context: string): MediaPlaylist {
  const add = (uri: string): string => addContext(uri, context);
  const { partial, preloadHints } = playlist;
  return {
    ...playlist,
    segments: playlist.segments.map((segment) => ({
      ...withHeadContext(segment, add),
      uri: add(segment.uri),
    })),
    ...(partial === undefined ? {} : { partial: withHeadContext(partial, add) }),
    ...(preloadHints === undefined
      ? {}
      : { preloadHints: preloadHints.map((hint) => ({ ...hint, uri: add(hint.uri) })) }),
  };
}

/** Keys stay as they are: they may be of another server, and one is fetched for many segments. */
function withHeadContext<Head extends Pick<PlaylistSegment, 'map' | 'parts'>>(
  head: Head,
  add: (uri: string) => string,
): Head {
  const { map, parts } = head;
  return {
    ...head,
    ...(map === undefined ? {} : { map: { ...map, uri: add(map.uri) } }),
    ...(parts === undefined
      ? {}
      : { parts: parts.map((part): PlaylistPart => ({ ...part, uri: add(part.uri) })) }),
  };
}

function addContext(uri: string, context: string): string {
  return `${uri}${uri.includes('?') ? '&' : '?'}${CONTEXT_PARAMETER}=${context}`;
}
