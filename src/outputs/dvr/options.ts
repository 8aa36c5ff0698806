import { dirname, extname, resolve } from 'node:path';
import type { StreamName } from '../../hub/ports.ts';

/** `fmp4` stays fragmented when it is done; `mp4` becomes plain. */
export type DvrFormat = 'flv' | 'mp4' | 'fmp4' | 'ts';

/** How one stream is recorded. SRS's directive names are in brackets. */
export interface DvrOptions {
  /** [dvr_plan] One file per publish, one per `segmentMs`, or one that grows with each publish. */
  readonly plan: 'session' | 'segment' | 'append';
  /** [dvr_path] The path of a file, with variables; its ending picks the format. See `recordingTemplate`. */
  readonly path: string;
  /** [dvr_fmp4] Files that end in .mp4 stay fragmented. */
  readonly fragmented: boolean;
  /** [dvr_duration] Length of a file with the plan `segment`, stream ms. */
  readonly segmentMs: number;
  /** [dvr_wait_keyframe] Files begin with a keyframe. */
  readonly waitKeyframe: boolean;
  /** [time_jitter] `off` keeps the times of the stream, else a file begins at 0. MP4 always does. */
  readonly timeJitter: 'full' | 'zero' | 'off';
}

/** Where a vhost records to. */
export interface RecordingPlace {
  readonly vhost: string;
  /** [dvr_path] */
  readonly path: string;
}

/** What is appended to a path that names a folder, as SRS does. */
const FILE_IN_FOLDER = '/[stream].[timestamp].flv';

/** The template of the files: a path that ends in none of the formats is that of a folder. */
export function recordingTemplate(path: string): string {
  const known = ['.flv', '.mp4', '.ts'].includes(extname(path).toLowerCase());
  return known ? path : path.replace(/\/+$/, '') + FILE_IN_FOLDER;
}

/** The format of a template's files. */
export function recordingFormat(template: string, fragmented: boolean): DvrFormat {
  const ending = extname(template).toLowerCase();
  if (ending === '.ts') return 'ts';
  if (ending !== '.mp4') return 'flv';
  return fragmented ? 'fmp4' : 'mp4';
}

/** The folder that all files of a template are below: what stands before the first variable. Absolute. */
export function recordingRoot(path: string): string {
  const template = recordingTemplate(path);
  const variable = template.indexOf('[');
  const fixed = variable < 0 ? template : template.slice(0, variable);
  return resolve(fixed.endsWith('/') ? fixed : dirname(`${fixed}x`));
}

/** [dvr_apply] Whether a stream is one of those: `all`, `none`, or the names as app/stream. */
export function appliesTo(list: readonly string[], name: StreamName): boolean {
  if (list.includes('none')) return false;
  return list.length === 0 || list.includes('all') || list.includes(`${name.app}/${name.stream}`);
}
