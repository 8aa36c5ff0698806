import { pino, type Logger as Pino } from 'pino';
import { escapeLogText, type LineScope } from './log-escape.ts';
import type { LevelNames, LineLevel } from './log-level.ts';
import type { Stamp } from './stamp.ts';

/** [srs_log_format] */
export type LogFormat = 'srs' | 'json';

/** What stands between the level and the text of SRS's lines. */
export function srsHead(pid: number, { session, component, stream }: LineScope): string {
  const words = [component, stream].filter((word) => word !== undefined);
  return `[${pid}][${session ?? ''}] ${words.map((word) => `${word}: `).join('')}`;
}

/** One line `[time][level][pid][session id] text`. */
export function srsLine(
  stamp: Stamp,
  names: LevelNames,
  head: string,
  level: LineLevel,
  message: string,
): string {
  return `[${stamp.srs()}][${names[level]}]${head}${escapeLogText(message)}\n`;
}

/** Lines of pino: `{"level":30,"time":"…","pid":1,"session":"…","stream":"…","component":"…","msg":"…"}`. */
export class JsonLines {
  readonly #pino: Pino;

  constructor(pid: number, stamp: Stamp, write: (line: string) => void) {
    this.#pino = pino(
      // The level is ours to judge, as it can change under all scoped loggers at once; pino's children keep theirs.
      { level: 'debug', base: { pid }, timestamp: () => `,"time":"${stamp.iso()}"` },
      { write },
    );
  }

  /** The text is made so before pino quotes it: what unquotes it writes to terminals. */
  write(scope: LineScope, level: LineLevel, message: string): void {
    this.#pino[level](scope, escapeLogText(message));
  }
}
