import type { FileSystem } from '../../storage/file-system.ts';
import { FlvFileWriter } from './flv-file-writer.ts';
import type { FormatWriter } from './format-writer.ts';
import { Mp4FileWriter } from './mp4-file-writer.ts';
import type { OpenedFile } from './open-file.ts';
import { recordingFormat, type DvrOptions } from './options.ts';
import type { RecordingNames } from './recording-names.ts';
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
  const { names, options } = request;
  const taken = await names.takeFree(request.path);
  return {
    path: taken.path,
    writer: newWriter(options),
    continueAt: undefined,
    giveUp: () => Promise.resolve(),
    release: taken.release,
  };
}

function newWriter(options: DvrOptions): FormatWriter {
  const format = recordingFormat(options.path, options.fragmented);
  const keepTimes = options.timeJitter === 'off';
  if (format === 'ts') return new TsFileWriter(keepTimes, undefined);
  if (format !== 'flv') return new Mp4FileWriter(format === 'mp4');
  const rows =
    options.plan === 'segment'
      ? Math.min(Math.max(options.segmentMs / MS_PER_ROW, FEWEST_INDEX_ROWS), MOST_INDEX_ROWS)
      : MOST_INDEX_ROWS;
  return new FlvFileWriter(rows, keepTimes, undefined);
}
