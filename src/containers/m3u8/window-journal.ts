import { JournalFields } from '../../base/journal-fields.ts';
import type { EncryptionKey, MediaMap, PlaylistPart, PlaylistSegment } from './model.ts';
import type { RetiredSegment } from './retired-uris.ts';

/** Characters of a window's journal: ten thousand segments with their parts. */
export const MAX_JOURNAL_CHARACTERS = 16 * 1024 * 1024;

const JOURNAL_VERSION = 1;
const FIELDS = new JournalFields('M3U8_INVALID');
/** The last moment that a date can show; every other number is smaller. */
const MAX_DATE_MS = 8.64e15;

/** What a window needs to go on. */
export interface WindowState {
  readonly targetDurationSec: number;
  readonly partTargetMs?: number;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  /** Not every segment begins with a keyframe. */
  readonly dependent?: boolean;
  readonly segments: readonly PlaylistSegment[];
  readonly retired: readonly RetiredSegment[];
}

/** The journal's text. */
export function writeWindowJournal(state: WindowState): string {
  return JSON.stringify({ version: JOURNAL_VERSION, ...state });
}

/** Reads a journal; throws M3U8_INVALID when it is not whole or not ours. Unknown fields are dropped. */
export function readWindowJournal(text: string): WindowState {
  const fields = FIELDS.open(text, MAX_JOURNAL_CHARACTERS, JOURNAL_VERSION);
  const partTarget = fields['partTargetMs'];
  return {
    targetDurationSec: count(fields['targetDurationSec'], 'targetDurationSec'),
    mediaSequence: count(fields['mediaSequence'], 'mediaSequence'),
    discontinuitySequence: count(fields['discontinuitySequence'], 'discontinuitySequence'),
    segments: FIELDS.list(fields['segments'], 'segments').map(readSegment),
    retired: FIELDS.list(fields['retired'], 'retired').map(readRetired),
    ...(fields['dependent'] === true ? { dependent: true } : {}),
    ...(partTarget === undefined ? {} : { partTargetMs: count(partTarget, 'partTargetMs') }),
  };
}

function readSegment(json: unknown): PlaylistSegment {
  const from = FIELDS.record(json, 'segment');
  const date = from['programDateTimeMs'];
  return {
    uri: FIELDS.text(from['uri'], 'uri'),
    durationMs: count(from['durationMs'], 'durationMs'),
    ...(from['title'] === undefined ? {} : { title: FIELDS.text(from['title'], 'title') }),
    ...(from['discontinuity'] === true ? { discontinuity: true } : {}),
    ...(from['gap'] === true ? { gap: true } : {}),
    ...(from['key'] === undefined ? {} : { key: readKey(from['key']) }),
    ...(from['map'] === undefined ? {} : { map: readMap(from['map']) }),
    ...(date === undefined ? {} : { programDateTimeMs: count(date, 'programDateTimeMs') }),
    ...(from['parts'] === undefined ? {} : { parts: FIELDS.list(from['parts'], 'parts').map(readPart) }),
    ...readRange(from['byteRange']),
  };
}

function readPart(json: unknown): PlaylistPart {
  const from = FIELDS.record(json, 'part');
  return {
    uri: FIELDS.text(from['uri'], 'uri'),
    durationMs: count(from['durationMs'], 'durationMs'),
    ...(from['independent'] === true ? { independent: true } : {}),
    ...(from['gap'] === true ? { gap: true } : {}),
    ...readRange(from['byteRange']),
  };
}

function readKey(json: unknown): EncryptionKey {
  const from = FIELDS.record(json, 'key');
  const { method, iv } = from;
  if (method !== 'AES-128' && method !== 'SAMPLE-AES' && method !== 'SAMPLE-AES-CTR' && method !== 'NONE') {
    throw FIELDS.bad('method');
  }
  const optionalText = (name: string): object =>
    from[name] === undefined ? {} : { [name]: FIELDS.text(from[name], name) };
  if (iv !== undefined && !/^[0-9a-f]{32}$/i.test(FIELDS.text(iv, 'iv'))) throw FIELDS.bad('iv');
  return {
    method,
    ...optionalText('uri'),
    ...optionalText('iv'),
    ...optionalText('keyFormat'),
    ...optionalText('keyFormatVersions'),
  };
}

function readMap(json: unknown): MediaMap {
  const from = FIELDS.record(json, 'map');
  return {
    uri: FIELDS.text(from['uri'], 'uri'),
    ...(from['encrypted'] === true ? { encrypted: true } : {}),
    ...readRange(from['byteRange']),
  };
}

function readRange(json: unknown): Pick<PlaylistPart, 'byteRange'> {
  if (json === undefined) return {};
  const { length, offset } = FIELDS.record(json, 'byteRange');
  return {
    byteRange: {
      length: count(length, 'length'),
      ...(offset === undefined ? {} : { offset: count(offset, 'offset') }),
    },
  };
}

function readRetired(json: unknown): RetiredSegment {
  const from = FIELDS.record(json, 'retired');
  return {
    uris: FIELDS.list(from['uris'], 'uris').map((uri) => FIELDS.text(uri, 'uris')),
    keepMs: count(from['keepMs'], 'keepMs'),
    ...(from['map'] === undefined ? {} : { map: FIELDS.text(from['map'], 'map') }),
    ...(from['key'] === undefined ? {} : { key: FIELDS.text(from['key'], 'key') }),
  };
}

function count(json: unknown, name: string): number {
  if (typeof json !== 'number' || !(json >= 0 && json <= MAX_DATE_MS)) throw FIELDS.bad(name);
  return Math.round(json);
}
