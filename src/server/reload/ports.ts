import type { Config, ConfigChange } from '../../config/index.ts';

/** A change that could not be made; the old value stays in force. */
export interface Refusal {
  readonly change: ConfigChange;
  /** For a person, e.g. `port 1935 is already in use`. */
  readonly why: string;
}

/** A part of the program that applies some directives while it runs. */
export interface ReloadTarget {
  /** Whether a changed directive (dotted path) is this target's business. Each directive has exactly one target. */
  owns(directive: string): boolean;
  /**
   * Applies `changes`, all of which it owns. `next` is the whole configuration in force from now on (what needs a restart has
   * its old value in it). Resolves with what could not be done; throws only for a fault of ours.
   */
  apply(next: Config, changes: readonly ConfigChange[]): Promise<readonly Refusal[]>;
}

/** What became of one changed directive. */
export interface ReloadEntry {
  readonly change: ConfigChange;
  readonly outcome: 'applied' | 'restart' | 'refused';
  /** Why it was refused. */
  readonly why?: string;
}

/** The result of one reload; kept for the API. */
export interface ReloadReport {
  /** Unix ms. */
  readonly at: number;
  /** What asked for it: `SIGHUP`, `file`, `api`. */
  readonly trigger: string;
  /** False: the file does not parse or check, nothing changed, `problems` tells why. */
  readonly ok: boolean;
  /** `file:line:column: …` lines of a file that was refused as a whole. */
  readonly problems: readonly string[];
  /** One for each changed directive; empty when nothing changed. */
  readonly entries: readonly ReloadEntry[];
}
