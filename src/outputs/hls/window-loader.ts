import { describeError } from '../../base/errors.ts';
import {
  MAX_JOURNAL_CHARACTERS,
  MAX_PLAYLIST_BYTES,
  readMediaPlaylist,
  SegmentWindow,
  type ExpiredUris,
  type PlaylistSegment,
  type SegmentWindowOptions,
} from '../../containers/m3u8/index.ts';
import { isFile, readWhole } from '../../storage/read-whole.ts';
import type { KnownInit } from './init-files.ts';

/** Where an output before may have left its state. */
export interface WindowPlaces {
  readonly journal: string;
  readonly playlist: string;
  /** Path of a segment or init segment, and of a key, by their names in the playlist. */
  segmentPath(uri: string): string | undefined;
  keyPath(uri: string): string | undefined;
}

/** What a disposed stream of this run leaves behind: its numbers. */
export interface WindowNumbers {
  readonly nextSequence: number;
  readonly discontinuitySequence: number;
  readonly targetDurationSec: number;
}

export interface LoadedWindow {
  readonly window: SegmentWindow;
  /** Names of an earlier output whose files nobody needs any more. */
  readonly stale: ExpiredUris | undefined;
  /** What stands in front of its newest segment: the next ones may have the same. */
  readonly init?: KnownInit | undefined;
}

/** Ours have some 1,000 bytes. */
const MAX_INIT_BYTES = 1024 * 1024;

/**
 * The window to go on with: that of the journal, else of the playlist, else a new one. Segments whose files are gone leave it, and
 * those before them, because numbers have no holes. Never rejects: what cannot be read is told and not used.
 */
export async function loadWindow(
  places: WindowPlaces,
  options: SegmentWindowOptions,
  recover: boolean,
  numbers: WindowNumbers | undefined,
  nowMs: number,
  warn: (text: string) => void,
): Promise<LoadedWindow> {
  const found = await readWindow(places, options, nowMs, warn);
  if (!recover) return { window: new SegmentWindow(options), stale: found?.clear() };
  if (found === undefined) {
    if (numbers === undefined) return { window: new SegmentWindow(options), stale: undefined };
    const { nextSequence, discontinuitySequence, targetDurationSec } = numbers;
    const state = { targetDurationSec, mediaSequence: nextSequence, discontinuitySequence };
    return {
      window: new SegmentWindow(options, { ...state, segments: [], retired: [] }, nowMs),
      stale: undefined,
    };
  }
  found.forgetParts();
  const { segments } = found.playlist();
  const missing = await newestMissing(segments, places);
  if (missing > 0) {
    warn(`${missing} of ${segments.length} segments of the last run leave the playlist: files are missing`);
    found.drop(missing, nowMs);
  }
  return { window: found, stale: undefined, init: await newestInit(segments.at(-1), places) };
}

async function newestInit(
  segment: PlaylistSegment | undefined,
  places: WindowPlaces,
): Promise<KnownInit | undefined> {
  const uri = segment?.map?.uri;
  const path = uri === undefined ? undefined : places.segmentPath(uri);
  if (uri === undefined || path === undefined) return undefined;
  try {
    const bytes = await readWhole(path, MAX_INIT_BYTES);
    return bytes === undefined ? undefined : { uri, bytes };
  } catch {
    return undefined; // Then the next one is written under another name.
  }
}

async function readWindow(
  places: WindowPlaces,
  options: SegmentWindowOptions,
  nowMs: number,
  warn: (text: string) => void,
): Promise<SegmentWindow | undefined> {
  try {
    const journal = await readWhole(places.journal, MAX_JOURNAL_CHARACTERS);
    if (journal !== undefined) return SegmentWindow.restore(journal.toString('utf8'), options, nowMs);
  } catch (error) {
    warn(`the journal is not used: ${describeError(error)}`);
  }
  try {
    const playlist = await readWhole(places.playlist, MAX_PLAYLIST_BYTES);
    if (playlist !== undefined)
      return SegmentWindow.resume(readMediaPlaylist(playlist.toString('utf8')), options);
  } catch (error) {
    warn(`the playlist of the last run is not used: ${describeError(error)}`);
  }
  return undefined;
}

/** How many segments, from the oldest on, end with the newest one of which a file is missing. */
async function newestMissing(segments: readonly PlaylistSegment[], places: WindowPlaces): Promise<number> {
  const known = new Map<string, boolean>();
  const isThere = async (path: string | undefined): Promise<boolean> => {
    if (path === undefined) return false;
    const before = known.get(path);
    if (before !== undefined) return before;
    const found = await isFile(path);
    known.set(path, found);
    return found;
  };
  for (let index = segments.length - 1; index >= 0; index -= 1) {
    const { uri, map, key } = segments[index] as PlaylistSegment;
    const whole =
      (await isThere(places.segmentPath(uri))) &&
      (map === undefined || (await isThere(places.segmentPath(map.uri)))) &&
      (key?.uri === undefined || (await isThere(places.keyPath(key.uri))));
    if (!whole) return index + 1;
  }
  return 0;
}
