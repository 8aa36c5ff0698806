import type { Buffer } from 'node:buffer';
import { ServerError } from '../../base/errors.ts';
import { invalidLine, LineValue, optional } from './line-values.ts';
import { MediaBuilder } from './media-builder.ts';
import type { MasterPlaylist, MediaPlaylist, Rendition, Variant } from './model.ts';

/** One playlist: the segments of two days with a hundred bytes each. */
export const MAX_PLAYLIST_BYTES = 16 * 1024 * 1024;

/** Characters of one line: a URL with several signed tokens. */
export const MAX_PLAYLIST_LINE = 65_536;

/** Variants, and renditions, of one master playlist. */
export const MAX_PLAYLIST_VARIANTS = 1_000;

const RENDITION_TYPES = ['AUDIO', 'VIDEO', 'SUBTITLES', 'CLOSED-CAPTIONS'] as const;

/** What a playlist is. */
export type Playlist =
  | { readonly kind: 'media'; readonly playlist: MediaPlaylist }
  | { readonly kind: 'master'; readonly playlist: MasterPlaylist };

/**
 * Reads a playlist of either kind. Takes line ends of either kind and a byte order mark (which RFC 8216, 4.1 forbids but
 * editors write); passes over comments and tags that it does not know (6.3.1). Throws M3U8_INVALID with the line, or
 * PLAYLIST_TOO_LARGE.
 */
export function readPlaylist(input: Buffer | string): Playlist {
  if (input.length > MAX_PLAYLIST_BYTES) {
    throw new ServerError('PLAYLIST_TOO_LARGE', `playlist of ${input.length} bytes`);
  }
  const reader = new PlaylistLines();
  const text = typeof input === 'string' ? input : input.toString('utf8');
  let from = text.startsWith('\ufeff') ? 1 : 0;
  for (let number = 1; from <= text.length; number++) {
    const found = text.indexOf('\n', from);
    const end = found < 0 ? text.length : found;
    if (end - from > MAX_PLAYLIST_LINE) {
      throw new ServerError('PLAYLIST_TOO_LARGE', `line ${number} has ${end - from} characters`);
    }
    reader.take(text.slice(from, end).trim(), number);
    from = end + 1;
  }
  return reader.finish();
}

/** Reads a playlist that must be a media playlist. */
export function readMediaPlaylist(input: Buffer | string): MediaPlaylist {
  const read = readPlaylist(input);
  if (read.kind !== 'media') throw new ServerError('M3U8_INVALID', 'a master playlist, not a media playlist');
  return read.playlist;
}

class PlaylistLines {
  readonly #media = new MediaBuilder();
  readonly #variants: Variant[] = [];
  readonly #renditions: Rendition[] = [];
  #master = false;
  #version: number | undefined;
  #independent = false;
  /** The EXT-X-STREAM-INF whose URI comes next. */
  #variant: LineValue | undefined;

  take(line: string, number: number): void {
    if (number === 1) {
      if (line !== '#EXTM3U') throw invalidLine(1, 'no #EXTM3U');
      return;
    }
    if (line === '') return;
    if (!line.startsWith('#')) {
      this.#takeUri(line, number);
      return;
    }
    if (!line.startsWith('#EXT')) return;
    const colon = line.indexOf(':');
    const tag = colon < 0 ? line.slice(1) : line.slice(1, colon);
    this.#takeTag(new LineValue(number, tag, colon < 0 ? '' : line.slice(colon + 1)));
  }

  finish(): Playlist {
    if (this.#variant !== undefined) throw this.#variant.invalid('no URI follows');
    if (this.#media.expectsUri) throw new ServerError('M3U8_INVALID', 'the playlist ends behind an EXTINF');
    if (this.#master) {
      const playlist: MasterPlaylist = {
        ...optional('version', this.#version),
        ...(this.#independent ? { independentSegments: true } : {}),
        variants: this.#variants,
        ...(this.#renditions.length > 0 ? { renditions: this.#renditions } : {}),
      };
      return { kind: 'master', playlist };
    }
    return { kind: 'media', playlist: this.#media.build(this.#version, this.#independent) };
  }

  #takeUri(uri: string, number: number): void {
    if (this.#variant !== undefined) {
      if (this.#variants.length === MAX_PLAYLIST_VARIANTS) {
        throw new ServerError('PLAYLIST_TOO_LARGE', `more than ${MAX_PLAYLIST_VARIANTS} variants`);
      }
      this.#variants.push(readVariant(this.#variant, uri));
      this.#variant = undefined;
    } else if (this.#media.expectsUri) {
      this.#media.takeUri(uri);
    } else {
      throw invalidLine(number, 'a URI without EXTINF or EXT-X-STREAM-INF');
    }
  }

  #takeTag(value: LineValue): void {
    switch (value.tag) {
      case 'EXT-X-VERSION':
        if (this.#version !== undefined) throw value.invalid('twice');
        this.#version = value.integer();
        break;
      case 'EXT-X-INDEPENDENT-SEGMENTS':
        this.#independent = true;
        break;
      case 'EXT-X-STREAM-INF':
        if (this.#variant !== undefined) throw this.#variant.invalid('no URI follows');
        this.#variant = value;
        this.#master = true;
        break;
      case 'EXT-X-MEDIA':
        if (this.#renditions.length === MAX_PLAYLIST_VARIANTS) {
          throw new ServerError('PLAYLIST_TOO_LARGE', `more than ${MAX_PLAYLIST_VARIANTS} renditions`);
        }
        this.#renditions.push(readRendition(value));
        this.#master = true;
        break;
      default:
        this.#media.take(value);
    }
    // RFC 8216, 4.3.3 and 4.3.4: a playlist with tags of both kinds must not be parsed.
    if (this.#master && this.#media.seen) throw value.invalid('tags of media and master playlists in one');
  }
}

function readVariant(value: LineValue, uri: string): Variant {
  const average = value.attribute('AVERAGE-BANDWIDTH');
  const size = value.attribute('RESOLUTION');
  const rate = value.attribute('FRAME-RATE');
  return {
    uri,
    bandwidth: value.integer(value.required('BANDWIDTH')),
    ...optional('averageBandwidth', average === undefined ? undefined : value.integer(average)),
    ...optional('codecs', value.attribute('CODECS')),
    ...optional('resolution', size === undefined ? undefined : readResolution(value, size)),
    ...optional('frameRate', rate === undefined ? undefined : value.milliseconds(rate) / 1000),
    ...optional('audio', value.attribute('AUDIO')),
    ...optional('video', value.attribute('VIDEO')),
    ...optional('subtitles', value.attribute('SUBTITLES')),
  };
}

function readResolution(value: LineValue, text: string): { width: number; height: number } {
  const match = /^(\d{1,9})x(\d{1,9})$/.exec(text);
  if (match === null) throw value.invalid('RESOLUTION is not WIDTHxHEIGHT');
  return { width: Number(match[1]), height: Number(match[2]) };
}

function readRendition(value: LineValue): Rendition {
  return {
    type: value.oneOf('TYPE', RENDITION_TYPES),
    groupId: value.required('GROUP-ID'),
    name: value.required('NAME'),
    ...optional('uri', value.attribute('URI')),
    ...optional('language', value.attribute('LANGUAGE')),
    ...(value.isYes('DEFAULT') ? { isDefault: true } : {}),
    ...(value.isYes('AUTOSELECT') ? { autoselect: true } : {}),
    ...optional('channels', value.attribute('CHANNELS')),
  };
}
