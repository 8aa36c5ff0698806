import type { RunContext } from '../server/run-context.ts';

/** What the command line touches of the world outside. */
export interface CliIo {
  readonly version: string;
  /** Environment variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  stdout(text: string): void;
  stderr(text: string): void;
  /** How many files a server may open here. Default: what the system says. */
  readonly openFileLimit?: number;
  /** Runs the server; resolves with the exit code once it has ended. */
  run(context: RunContext): Promise<number>;
}

/** Exit codes of `srs`. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;
