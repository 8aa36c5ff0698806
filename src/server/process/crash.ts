import { writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { describeError } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import type { Undo } from '../../base/undo.ts';
import { escapeLogText } from '../../observe/index.ts';

/** Lines of a stack that are told. */
const MAX_STACK_LINES = 40;
const MAX_CAUSES = 4;
/** Longest of these lines, characters. */
const MAX_LINE = 2_000;

/** Calls `crash` with every exception and rejection that nobody caught. Returns the undo. */
export function onUnexpected(crash: (error: unknown) => void): Undo {
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
  return () => {
    process.off('uncaughtException', crash);
    process.off('unhandledRejection', crash);
  };
}

/** What is told of an unexpected error: what it is, then where, one line each. */
export function crashLines(error: unknown): readonly string[] {
  const lines = [`unexpected: ${describeError(error)}`];
  for (let at = error, depth = 0; at instanceof Error && depth < MAX_CAUSES; at = at.cause, depth += 1) {
    if (depth > 0) lines.push(`caused by ${describeError(at)}`);
    lines.push(...framesOf(at));
  }
  // The terminal gets them as they are.
  return lines.slice(0, MAX_STACK_LINES).map(escapeLogText);
}

function framesOf(error: Error): readonly string[] {
  const lines = (error.stack ?? '').split('\n');
  return lines.map((line) => line.trimEnd()).filter((line) => /^\s+at /.test(line));
}

/** Writes to standard error before it returns, with nothing in it that a terminal obeys; whether anybody reads it is not our concern. */
export function shout(lines: readonly string[]): void {
  try {
    writeSync(2, lines.map((line) => `${printable(line, MAX_LINE)}\n`).join(''));
  } catch {
    // Closed or full.
  }
}

/**
 * The process is gone after `ms` whatever happens, also if this thread never gets to its timers again: another thread kills
 * it. Then the exit status is that of SIGKILL.
 */
export function killAfter(ms: number): void {
  try {
    const guard = new Worker(`setTimeout(() => process.kill(process.pid, 'SIGKILL'), ${ms})`, {
      eval: true,
      execArgv: [],
      env: {},
    });
    guard.on('error', () => undefined);
    guard.unref();
  } catch {
    // No thread to be had: the timer of the caller is left.
  }
}
