import { ServerError } from '../../base/errors.ts';
import type { Representation } from './model.ts';
import type { TimelineEntry, TimelineState, WindowPeriod, WindowTrack } from './timeline-state.ts';

/** Characters of a window's journal. */
export const MAX_TIMELINE_JOURNAL_CHARACTERS = 16 * 1024 * 1024;

const JOURNAL_VERSION = 1;

/** The journal's text. */
export function writeTimelineJournal(state: TimelineState): string {
  return JSON.stringify({ version: JOURNAL_VERSION, ...state });
}

/** Reads a journal; throws MPD_INVALID when it is not whole or not ours. Unknown fields are dropped. */
export function readTimelineJournal(text: string): TimelineState {
  if (text.length > MAX_TIMELINE_JOURNAL_CHARACTERS) {
    throw new ServerError('PLAYLIST_TOO_LARGE', `journal of ${text.length} characters`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new ServerError('MPD_INVALID', 'a journal that is not JSON', { cause });
  }
  const from = record(json, 'journal');
  if (from['version'] !== JOURNAL_VERSION) throw bad('version');
  const start = from['availabilityStartTimeMs'];
  return {
    availabilityStartTimeMs: start === undefined ? undefined : integer(start, 'availabilityStartTimeMs'),
    publishTimeMs: integer(from['publishTimeMs'], 'publishTimeMs'),
    nextPeriod: integer(from['nextPeriod'], 'nextPeriod'),
    nextNumbers: list(from['nextNumbers'], 'nextNumbers').map((one) => integer(one, 'nextNumbers')),
    longestMs: integer(from['longestMs'], 'longestMs'),
    periods: list(from['periods'], 'periods').map(readPeriod),
    retired: list(from['retired'], 'retired').map((one) => {
      const [uri, keepMs] = list(one, 'retired');
      return [string(uri, 'retired'), integer(keepMs, 'retired')];
    }),
  };
}

function readPeriod(json: unknown): WindowPeriod {
  const from = record(json, 'period');
  return {
    id: integer(from['id'], 'id'),
    startMs: integer(from['startMs'], 'startMs'),
    tracks: list(from['tracks'], 'tracks').map(readTrack),
  };
}

function readTrack(json: unknown): WindowTrack {
  const from = record(json, 'track');
  const { contentType } = from;
  if (contentType !== 'video' && contentType !== 'audio') throw bad('contentType');
  const timescale = integer(from['timescale'], 'timescale');
  if (timescale === 0) throw bad('timescale');
  return {
    contentType,
    timescale,
    initialization: string(from['initialization'], 'initialization'),
    media: string(from['media'], 'media'),
    representation: readRepresentation(from['representation']),
    presentationTimeOffset: integer(from['presentationTimeOffset'], 'presentationTimeOffset'),
    entries: list(from['entries'], 'entries').map(readEntry),
  };
}

function readRepresentation(json: unknown): Representation {
  const from = record(json, 'representation');
  const numbers: Record<string, number> = {};
  for (const name of ['width', 'height', 'audioSamplingRate', 'channels']) {
    if (from[name] !== undefined) numbers[name] = integer(from[name], name);
  }
  const bandwidth = from['bandwidth'];
  if (typeof bandwidth !== 'number' || !(bandwidth >= 0)) throw bad('bandwidth');
  return {
    id: string(from['id'], 'id'),
    bandwidth,
    mimeType: string(from['mimeType'], 'mimeType'),
    codecs: string(from['codecs'], 'codecs'),
    ...(from['frameRate'] === undefined ? {} : { frameRate: string(from['frameRate'], 'frameRate') }),
    ...numbers,
  };
}

function readEntry(json: unknown): TimelineEntry {
  const from = record(json, 'entry');
  return {
    time: integer(from['time'], 'time'),
    duration: integer(from['duration'], 'duration'),
    number: integer(from['number'], 'number'),
  };
}

function record(json: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw bad(name);
  return json as Record<string, unknown>;
}

function list(json: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(json)) throw bad(name);
  return json;
}

function integer(json: unknown, name: string): number {
  if (typeof json !== 'number' || !Number.isSafeInteger(json) || json < 0) throw bad(name);
  return json;
}

function string(json: unknown, name: string): string {
  if (typeof json !== 'string') throw bad(name);
  return json;
}

function bad(name: string): ServerError {
  return new ServerError('MPD_INVALID', `journal: ${name}`);
}
