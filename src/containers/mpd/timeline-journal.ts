import { JournalFields } from '../../base/journal-fields.ts';
import type { Representation } from './model.ts';
import type { TimelineEntry, TimelineState, WindowPeriod, WindowTrack } from './timeline-state.ts';

/** Characters of a window's journal. */
export const MAX_TIMELINE_JOURNAL_CHARACTERS = 16 * 1024 * 1024;

const JOURNAL_VERSION = 1;
const FIELDS = new JournalFields('MPD_INVALID');

/** The journal's text. */
export function writeTimelineJournal(state: TimelineState): string {
  return JSON.stringify({ version: JOURNAL_VERSION, ...state });
}

/** Reads a journal; throws MPD_INVALID when it is not whole or not ours. Unknown fields are dropped. */
export function readTimelineJournal(text: string): TimelineState {
  const from = FIELDS.open(text, MAX_TIMELINE_JOURNAL_CHARACTERS, JOURNAL_VERSION);
  const start = from['availabilityStartTimeMs'];
  return {
    availabilityStartTimeMs: start === undefined ? undefined : integer(start, 'availabilityStartTimeMs'),
    publishTimeMs: integer(from['publishTimeMs'], 'publishTimeMs'),
    nextPeriod: integer(from['nextPeriod'], 'nextPeriod'),
    nextNumbers: FIELDS.list(from['nextNumbers'], 'nextNumbers').map((one) => integer(one, 'nextNumbers')),
    longestMs: integer(from['longestMs'], 'longestMs'),
    periods: FIELDS.list(from['periods'], 'periods').map(readPeriod),
    retired: FIELDS.list(from['retired'], 'retired').map((one) => {
      const [uri, keepMs] = FIELDS.list(one, 'retired');
      return [FIELDS.text(uri, 'retired'), integer(keepMs, 'retired')];
    }),
  };
}

function readPeriod(json: unknown): WindowPeriod {
  const from = FIELDS.record(json, 'period');
  return {
    id: integer(from['id'], 'id'),
    startMs: integer(from['startMs'], 'startMs'),
    tracks: FIELDS.list(from['tracks'], 'tracks').map(readTrack),
  };
}

function readTrack(json: unknown): WindowTrack {
  const from = FIELDS.record(json, 'track');
  const { contentType } = from;
  if (contentType !== 'video' && contentType !== 'audio') throw FIELDS.bad('contentType');
  const timescale = integer(from['timescale'], 'timescale');
  if (timescale === 0) throw FIELDS.bad('timescale');
  return {
    contentType,
    timescale,
    initialization: FIELDS.text(from['initialization'], 'initialization'),
    media: FIELDS.text(from['media'], 'media'),
    representation: readRepresentation(from['representation']),
    presentationTimeOffset: integer(from['presentationTimeOffset'], 'presentationTimeOffset'),
    entries: FIELDS.list(from['entries'], 'entries').map(readEntry),
  };
}

function readRepresentation(json: unknown): Representation {
  const from = FIELDS.record(json, 'representation');
  const numbers: Record<string, number> = {};
  for (const name of ['width', 'height', 'audioSamplingRate', 'channels']) {
    if (from[name] !== undefined) numbers[name] = integer(from[name], name);
  }
  const bandwidth = from['bandwidth'];
  if (typeof bandwidth !== 'number' || !(bandwidth >= 0)) throw FIELDS.bad('bandwidth');
  return {
    id: FIELDS.text(from['id'], 'id'),
    bandwidth,
    mimeType: FIELDS.text(from['mimeType'], 'mimeType'),
    codecs: FIELDS.text(from['codecs'], 'codecs'),
    ...(from['frameRate'] === undefined ? {} : { frameRate: FIELDS.text(from['frameRate'], 'frameRate') }),
    ...numbers,
  };
}

function readEntry(json: unknown): TimelineEntry {
  const from = FIELDS.record(json, 'entry');
  return {
    time: integer(from['time'], 'time'),
    duration: integer(from['duration'], 'duration'),
    number: integer(from['number'], 'number'),
  };
}

function integer(json: unknown, name: string): number {
  if (typeof json !== 'number' || !Number.isSafeInteger(json) || json < 0) throw FIELDS.bad(name);
  return json;
}
