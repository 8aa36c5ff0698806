import { ServerError } from '../base/errors.ts';

/** Where something was written. Lines and columns count from 1; line 0 means the file as a whole. */
export interface Origin {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong (or worth a warning) in a configuration file. */
export interface ConfigProblem extends Origin {
  /** Dotted path such as `vhost.play.gop_cache`; empty when the problem is not about one directive. */
  readonly directive: string;
  readonly message: string;
  /** What would have been right. */
  readonly expected?: string;
  /** What the author probably meant. */
  readonly suggestion?: string;
}

/** At most so many problems of one file are kept: whoever has more needs another file, not a longer list. */
export const MAX_CONFIG_PROBLEMS = 200;

/** `file:line:column: directive: message; expected …; did you mean '…'?` */
export function formatProblem(problem: ConfigProblem): string {
  const place = problem.line === 0 ? problem.file : `${problem.file}:${problem.line}:${problem.column}`;
  const directive = problem.directive === '' ? '' : ` ${printable(problem.directive)}:`;
  const expected = problem.expected === undefined ? '' : `; expected ${problem.expected}`;
  const suggestion = problem.suggestion === undefined ? '' : `; did you mean '${problem.suggestion}'?`;
  return escapeControls(`${place}:${directive} ${problem.message}${expected}${suggestion}`);
}

/** A file that cannot be used, with everything that is wrong with it. */
export class ConfigError extends ServerError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super('CONFIG_INVALID', problems.map(formatProblem).join('\n'));
    this.problems = problems;
  }
}

type Extras = Pick<ConfigProblem, 'expected' | 'suggestion'>;

/** Collects the errors and the warnings of one file. */
export class Diagnostics {
  readonly #errors: ConfigProblem[] = [];
  readonly #warnings: ConfigProblem[] = [];
  readonly #plannedTold = new Set<string>();

  error(origin: Origin, directive: string, message: string, extras: Extras = {}): void {
    if (this.#errors.length < MAX_CONFIG_PROBLEMS)
      this.#errors.push(problem(origin, directive, message, extras));
  }

  warn(origin: Origin, directive: string, message: string, extras: Extras = {}): void {
    if (this.#warnings.length < MAX_CONFIG_PROBLEMS)
      this.#warnings.push(problem(origin, directive, message, extras));
  }

  /** A directive of SRS that is accepted, but does nothing here yet. Told once per directive, however many vhosts use it. */
  planned(origin: Origin, directive: string): void {
    if (this.#plannedTold.has(directive)) return;
    this.#plannedTold.add(directive);
    this.warn(
      origin,
      directive,
      'is accepted, but this server does not have the feature yet: it has no effect',
    );
  }

  /** No further error is kept, so none needs to be worked out. */
  get full(): boolean {
    return this.#errors.length === MAX_CONFIG_PROBLEMS;
  }

  get errors(): readonly ConfigProblem[] {
    return this.#errors.toSorted(byPlace);
  }

  get warnings(): readonly ConfigProblem[] {
    return this.#warnings.toSorted(byPlace);
  }

  throwIfAny(): void {
    if (this.#errors.length > 0) throw new ConfigError(this.errors);
  }
}

function problem(origin: Origin, directive: string, message: string, extras: Extras): ConfigProblem {
  return { file: origin.file, line: origin.line, column: origin.column, directive, message, ...extras };
}

function byPlace(a: ConfigProblem, b: ConfigProblem): number {
  return a.line - b.line || a.column - b.column;
}

/** A word of the file as it may be shown on a terminal: shortened, and without control characters. */
export function printable(text: string): string {
  return escapeControls(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}

function escapeControls(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}}`,
  );
}
