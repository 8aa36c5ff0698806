import type { FileSystem } from '../../storage/file-system.ts';
import { temporaryPath } from '../../storage/safe-file.ts';
import { FlvFileWriter } from './flv-file-writer.ts';
import type { FormatWriter } from './format-writer.ts';
import { findEnd } from './mend.ts';
import { Mp4FileWriter } from './mp4-file-writer.ts';
import type { OpenedFile } from './open-file.ts';
import { recordingFormat, type DvrOptions } from './options.ts';
import type { RecordingNames, TakenName } from './recording-names.ts';
import { TsFileWriter } from './ts-file-writer.ts';

/** Rows of the keyframe index of a file that may become any length, and the fewest of a short one. */
const MOST_INDEX_ROWS = 2_000;
const FEWEST_INDEX_ROWS = 32;
/** A row for each second is more than players can use. */
const MS_PER_ROW = 1_000;

export interface OpenRequest {
  readonly fileSystem: FileSystem;
  readonly names: RecordingNames;
  readonly options: DvrOptions;
  readonly path: string;
}

/** Finds the file of a recording: a new one, or with the plan `append` the one that is there. */
export async function openRecording(request: OpenRequest): Promise<OpenedFile> {
  const { names, options, path } = request;
  const format = recordingFormat(options.path, options.fragmented);
  if (options.plan === 'append' && (format === 'flv' || format === 'ts')) {
    const taken = names.take(path);
    const continued = taken === undefined ? undefined : await openAgain(request, taken, format);
    if (continued !== undefined) return continued;
    taken?.release();
  }
  const { path: free, release } = await names.takeFree(path);
  return { path: free, writer: newWriter(options), continueAt: undefined, giveUp: nothing, release };
}

const nothing = (): Promise<void> => Promise.resolve();

/** Goes on with a file; undefined when there is none, or it is none of this server. */
async function openAgain(
  { fileSystem, path }: OpenRequest,
  { release }: TakenName,
  format: 'flv' | 'ts',
): Promise<OpenedFile | undefined> {
  const temporary = temporaryPath(path, 'recording');
  const isWhole = await fileSystem.exists(path);
  // One that a crash left open is as good: what is not whole at its end is written over.
  // Both: the other one is of an earlier crash, and the recovery gives it another name.
  if (isWhole === (await fileSystem.exists(temporary))) return undefined;
  let end: Awaited<ReturnType<typeof findEnd>>;
  try {
    end = await findEnd(fileSystem, isWhole ? path : temporary, format);
  } catch {
    return undefined;
  }
  const { flv, ts } = end;
  let writer: FormatWriter;
  let continueAt: number;
  if (flv?.head?.hasMedia === true) {
    writer = new FlvFileWriter(0, false, { head: flv.head, timeMs: flv.head.durationMs });
    continueAt = flv.end;
  } else if (ts?.hasMedia === true) {
    writer = new TsFileWriter(false, ts);
    continueAt = ts.end;
  } else {
    return undefined;
  }
  if (isWhole) await fileSystem.rename(path, temporary);
  const giveUp = (): Promise<void> => fileSystem.rename(temporary, path).catch(() => undefined);
  return { path, writer, continueAt, giveUp, release };
}

function newWriter(options: DvrOptions): FormatWriter {
  const format = recordingFormat(options.path, options.fragmented);
  const keepTimes = options.timeJitter === 'off';
  if (format === 'ts') return new TsFileWriter(keepTimes);
  if (format !== 'flv') return new Mp4FileWriter(format === 'mp4');
  const rows =
    options.plan === 'segment'
      ? Math.min(Math.max(options.segmentMs / MS_PER_ROW, FEWEST_INDEX_ROWS), MOST_INDEX_ROWS)
      : MOST_INDEX_ROWS;
  return new FlvFileWriter(rows, keepTimes, undefined);
}
