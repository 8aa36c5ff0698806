import { ServerError } from '../../base/errors.ts';
import type { LineValue } from './line-values.ts';
import { optional } from './line-values.ts';
import type {
  ByteRange,
  EncryptionKey,
  MediaMap,
  MediaPlaylist,
  PlaylistPart,
  PlaylistSegment,
  PreloadHint,
  RenditionReport,
  SegmentHead,
  ServerControl,
} from './model.ts';

/** Segments of one media playlist: two days of 2 s. */
export const MAX_PLAYLIST_SEGMENTS = 86_400;

/** Parts of one media playlist; they are listed for some target durations only. */
export const MAX_PLAYLIST_PARTS = 20_000;

/** Preload hints, and rendition reports, of one media playlist. */
const MAX_HINTS = 1_000;

const METHODS = ['NONE', 'AES-128', 'SAMPLE-AES', 'SAMPLE-AES-CTR'] as const;

/** Gathers a media playlist line by line. */
export class MediaBuilder {
  #seen = false;
  #target: number | undefined;
  #mediaSequence = 0;
  #discontinuitySequence = 0;
  #type: 'EVENT' | 'VOD' | undefined;
  #endlist = false;
  #control: ServerControl | undefined;
  #partTargetMs: number | undefined;
  #skipped: number | undefined;
  readonly #segments: PlaylistSegment[] = [];
  readonly #hints: PreloadHint[] = [];
  readonly #reports: RenditionReport[] = [];
  #partCount = 0;
  // In force until changed.
  #key: EncryptionKey | undefined;
  #map: MediaMap | undefined;
  // Of the next segment.
  #durationMs: number | undefined;
  #title = '';
  #byteRange: ByteRange | undefined;
  #discontinuity = false;
  #gap = false;
  #dateMs: number | undefined;
  #parts: PlaylistPart[] = [];

  /** A tag that belongs to media playlists was there. */
  get seen(): boolean {
    return this.#seen;
  }

  /** True when the next URI is a segment's. */
  get expectsUri(): boolean {
    return this.#durationMs !== undefined;
  }

  /** Takes a tag; false when media playlists do not have it. */
  take(value: LineValue): boolean {
    const known = this.#takeHead(value) || this.#takeSegment(value) || this.#takeLowLatency(value);
    if (known) this.#seen = true;
    return known;
  }

  takeUri(uri: string): void {
    if (this.#segments.length === MAX_PLAYLIST_SEGMENTS) throw tooLarge(`${MAX_PLAYLIST_SEGMENTS} segments`);
    this.#segments.push({
      uri,
      durationMs: this.#durationMs ?? 0,
      ...(this.#title === '' ? {} : { title: this.#title }),
      ...optional('byteRange', this.#byteRange),
      ...(this.#gap ? { gap: true } : {}),
      ...this.#head(),
    });
    this.#durationMs = undefined;
    this.#title = '';
    this.#byteRange = undefined;
    this.#gap = false;
    this.#discontinuity = false;
    this.#dateMs = undefined;
    this.#parts = [];
  }

  /** The playlist; throws when its one required tag is missing. */
  build(version: number | undefined, independentSegments: boolean): MediaPlaylist {
    if (this.#target === undefined) {
      throw new ServerError('M3U8_INVALID', 'a media playlist without EXT-X-TARGETDURATION');
    }
    const inProgress = this.#parts.length > 0 || this.#discontinuity;
    return {
      ...optional('version', version),
      targetDurationSec: this.#target,
      mediaSequence: this.#mediaSequence,
      discontinuitySequence: this.#discontinuitySequence,
      ...optional('playlistType', this.#type),
      ...(independentSegments ? { independentSegments } : {}),
      ...(this.#endlist ? { endlist: true } : {}),
      ...optional('serverControl', this.#control),
      ...optional('partTargetMs', this.#partTargetMs),
      ...optional('skippedSegments', this.#skipped),
      segments: this.#segments,
      ...(inProgress ? { partial: this.#head() } : {}),
      ...(this.#hints.length > 0 ? { preloadHints: this.#hints } : {}),
      ...(this.#reports.length > 0 ? { renditionReports: this.#reports } : {}),
    };
  }

  #head(): SegmentHead {
    return {
      ...(this.#discontinuity ? { discontinuity: true } : {}),
      ...optional('key', this.#key),
      ...optional('map', this.#map),
      ...optional('programDateTimeMs', this.#dateMs),
      ...(this.#parts.length > 0 ? { parts: this.#parts } : {}),
    };
  }

  #takeHead(value: LineValue): boolean {
    switch (value.tag) {
      case 'EXT-X-TARGETDURATION':
        this.#target = value.integer();
        return true;
      case 'EXT-X-MEDIA-SEQUENCE':
        if (this.#segments.length > 0) throw value.invalid('stands behind a segment');
        this.#mediaSequence = value.integer();
        return true;
      case 'EXT-X-DISCONTINUITY-SEQUENCE':
        if (this.#segments.length > 0) throw value.invalid('stands behind a segment');
        this.#discontinuitySequence = value.integer();
        return true;
      case 'EXT-X-PLAYLIST-TYPE':
        // An unknown type means nothing to us; it may mean something to a later version.
        this.#type = value.text === 'EVENT' || value.text === 'VOD' ? value.text : undefined;
        return true;
      case 'EXT-X-ENDLIST':
        this.#endlist = true;
        return true;
      default:
        return false;
    }
  }

  #takeSegment(value: LineValue): boolean {
    switch (value.tag) {
      case 'EXTINF': {
        const comma = value.text.indexOf(',');
        this.#durationMs = value.milliseconds(comma < 0 ? value.text : value.text.slice(0, comma));
        this.#title = comma < 0 ? '' : value.text.slice(comma + 1);
        return true;
      }
      case 'EXT-X-BYTERANGE':
        this.#byteRange = value.range();
        return true;
      case 'EXT-X-DISCONTINUITY':
        this.#discontinuity = true;
        return true;
      case 'EXT-X-GAP':
        this.#gap = true;
        return true;
      case 'EXT-X-KEY':
        this.#key = readKey(value);
        return true;
      case 'EXT-X-MAP':
        this.#map = {
          uri: value.required('URI'),
          ...optional('byteRange', attributeRange(value)),
          ...(this.#key === undefined ? {} : { encrypted: true }),
        };
        return true;
      case 'EXT-X-PROGRAM-DATE-TIME': {
        const ms = /^\d{4}-\d\d-\d\dT/.test(value.text) ? Date.parse(value.text) : NaN;
        if (Number.isNaN(ms)) throw value.invalid('no ISO 8601 date and time');
        this.#dateMs = ms;
        return true;
      }
      default:
        return false;
    }
  }

  #takeLowLatency(value: LineValue): boolean {
    switch (value.tag) {
      case 'EXT-X-SERVER-CONTROL':
        this.#control = {
          ...(value.isYes('CAN-BLOCK-RELOAD') ? { canBlockReload: true } : {}),
          ...optional('canSkipUntilMs', attributeMs(value, 'CAN-SKIP-UNTIL')),
          ...optional('holdBackMs', attributeMs(value, 'HOLD-BACK')),
          ...optional('partHoldBackMs', attributeMs(value, 'PART-HOLD-BACK')),
        };
        return true;
      case 'EXT-X-PART-INF':
        this.#partTargetMs = value.milliseconds(value.required('PART-TARGET'));
        return true;
      case 'EXT-X-SKIP':
        this.#skipped = value.integer(value.required('SKIPPED-SEGMENTS'));
        return true;
      case 'EXT-X-PART':
        this.#partCount += 1;
        if (this.#partCount > MAX_PLAYLIST_PARTS) throw tooLarge(`${MAX_PLAYLIST_PARTS} parts`);
        this.#parts.push({
          uri: value.required('URI'),
          durationMs: value.milliseconds(value.required('DURATION')),
          ...optional('byteRange', attributeRange(value)),
          ...(value.isYes('INDEPENDENT') ? { independent: true } : {}),
          ...(value.isYes('GAP') ? { gap: true } : {}),
        });
        return true;
      case 'EXT-X-PRELOAD-HINT':
        if (this.#hints.length === MAX_HINTS) throw tooLarge(`${MAX_HINTS} preload hints`);
        this.#hints.push({
          type: value.oneOf('TYPE', ['PART', 'MAP']),
          uri: value.required('URI'),
          ...optional('byteRangeStart', attributeInteger(value, 'BYTERANGE-START')),
          ...optional('byteRangeLength', attributeInteger(value, 'BYTERANGE-LENGTH')),
        });
        return true;
      case 'EXT-X-RENDITION-REPORT':
        if (this.#reports.length === MAX_HINTS) throw tooLarge(`${MAX_HINTS} rendition reports`);
        this.#reports.push({
          uri: value.required('URI'),
          lastMsn: value.integer(value.required('LAST-MSN')),
          ...optional('lastPart', attributeInteger(value, 'LAST-PART')),
        });
        return true;
      default:
        return false;
    }
  }
}

function readKey(value: LineValue): EncryptionKey | undefined {
  const method = value.oneOf('METHOD', METHODS);
  if (method === 'NONE') return undefined;
  const iv = value.attribute('IV');
  if (iv !== undefined && !/^0[xX][0-9a-fA-F]{1,32}$/.test(iv))
    throw value.invalid('IV is no number of 128 bits');
  return {
    method,
    uri: value.required('URI'),
    ...optional('iv', iv?.slice(2).toLowerCase().padStart(32, '0')),
    ...optional('keyFormat', value.attribute('KEYFORMAT')),
    ...optional('keyFormatVersions', value.attribute('KEYFORMATVERSIONS')),
  };
}

function attributeRange(value: LineValue): ByteRange | undefined {
  const text = value.attribute('BYTERANGE');
  return text === undefined ? undefined : value.range(text);
}

function attributeMs(value: LineValue, name: string): number | undefined {
  const text = value.attribute(name);
  return text === undefined ? undefined : value.milliseconds(text);
}

function attributeInteger(value: LineValue, name: string): number | undefined {
  const text = value.attribute(name);
  return text === undefined ? undefined : value.integer(text);
}

function tooLarge(what: string): ServerError {
  return new ServerError('PLAYLIST_TOO_LARGE', `more than ${what}`);
}
