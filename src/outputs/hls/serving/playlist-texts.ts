import { Buffer } from 'node:buffer';
import {
  deltaUpdate,
  writeMediaPlaylist,
  type MediaPlaylist,
  type PlaylistPart,
  type PlaylistSegment,
} from '../../../containers/m3u8/index.ts';
import { addQuery } from '../../../hub/viewer-context.ts';

/** A path from the root, or with a scheme. Spec: RFC 3986, 4.2. */
const NOT_RELATIVE = /^(?:\/|[A-Za-z][A-Za-z0-9+.-]*:)/;

/** One text that is shared, and what lies between the places where the query of each viewer goes. */
interface Text {
  readonly playlist: MediaPlaylist;
  shared: Buffer | undefined;
  readonly pieces: Map<QueriedKeys, readonly string[]>;
}

/** Which keys get a query: those beside the segments, or those of other servers too. */
export type QueriedKeys = 'none' | 'relative' | 'all';

/**
 * The texts of a playlist as it is between two changes, each made once, for the first who asks: the full one and the delta
 * update, as they are and with a viewer's query on every segment.
 */
export class PlaylistTexts {
  readonly playlist: MediaPlaylist;
  readonly #marker: string;
  #full: Text | undefined;
  #delta: Text | undefined;

  /** `marker` stands for the viewer's query in the text: letters and digits that no URI has. */
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

  /** The text with a query at segments, parts, maps and hints, and at these keys. */
  withQuery(skip: boolean, query: string, keys: QueriedKeys): Buffer {
    const text = this.#text(skip);
    let pieces = text.pieces.get(keys);
    if (pieces === undefined) {
      pieces = this.#split(text.playlist, keys);
      text.pieces.set(keys, pieces);
    }
    return Buffer.from(pieces.join(query), 'latin1');
  }

  #split(playlist: MediaPlaylist, keys: QueriedKeys): readonly string[] {
    return writeMediaPlaylist(withQuery(playlist, this.#marker, keys)).split(this.#marker);
  }

  #text(skip: boolean): Text {
    this.#full ??= textOf(this.playlist);
    if (!skip) return this.#full;
    if (this.#delta === undefined) {
      const delta = deltaUpdate(this.playlist);
      // Nothing is old enough to be left out: the full playlist is the answer (bis, 6.2.5.1).
      this.#delta = delta === undefined ? this.#full : textOf(delta);
    }
    return this.#delta;
  }
}

function textOf(playlist: MediaPlaylist): Text {
  return { playlist, shared: undefined, pieces: new Map() };
}

function withQuery(playlist: MediaPlaylist, query: string, keys: QueriedKeys): MediaPlaylist {
  const add = (uri: string): string => addQuery(uri, query);
  const { partial, preloadHints } = playlist;
  return {
    ...playlist,
    segments: playlist.segments.map((segment) => ({
      ...withHeadQuery(segment, add, keys),
      uri: add(segment.uri),
    })),
    ...(partial === undefined ? {} : { partial: withHeadQuery(partial, add, keys) }),
    ...(preloadHints === undefined
      ? {}
      : { preloadHints: preloadHints.map((hint) => ({ ...hint, uri: add(hint.uri) })) }),
  };
}

function withHeadQuery<Head extends Pick<PlaylistSegment, 'key' | 'map' | 'parts'>>(
  head: Head,
  add: (uri: string) => string,
  keys: QueriedKeys,
): Head {
  const { key, map, parts } = head;
  return {
    ...head,
    ...(key?.uri !== undefined && (keys === 'all' || (keys === 'relative' && !NOT_RELATIVE.test(key.uri)))
      ? { key: { ...key, uri: add(key.uri) } }
      : {}),
    ...(map === undefined ? {} : { map: { ...map, uri: add(map.uri) } }),
    ...(parts === undefined
      ? {}
      : { parts: parts.map((part): PlaylistPart => ({ ...part, uri: add(part.uri) })) }),
  };
}
