import { ServerError } from '../base/errors.ts';

/** Where something was written. Lines and columns count from 1; line 0 means the file as a whole. */
export interface Origin {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The `include` that brought the file in; undefined for the file that was named. */
  readonly from?: Origin;
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

/** Why a directive has no effect: there is no such feature yet; or it makes sense inside SRS's own program only. */
export type MissingFeature = 'planned' | 'none';

/** At most so many problems of one file are kept: whoever has more needs another file, not a longer list. */
export const MAX_CONFIG_PROBLEMS = 200;

/** `file:line:column: directive: message; expected …; did you mean '…'?; included from …` */
export function formatProblem(problem: ConfigProblem): string {
  const place = problem.line === 0 ? problem.file : `${problem.file}:${problem.line}:${problem.column}`;
  const includes: string[] = [];
  for (let from = problem.from; from !== undefined; from = from.from)
    includes.push(`${from.file}:${from.line}`);
  const chain = includes.length === 0 ? '' : `; included from ${includes.join(', ')}`;
  const directive = problem.directive === '' ? '' : ` ${printable(problem.directive)}:`;
  const expected = problem.expected === undefined ? '' : `; expected ${problem.expected}`;
  const suggestion = problem.suggestion === undefined ? '' : `; did you mean '${problem.suggestion}'?`;
  return escapeControls(`${place}:${directive} ${problem.message}${expected}${suggestion}${chain}`);
}

/** A file that cannot be used, with everything that is wrong with it. */
export class ConfigError extends ServerError {
  readonly problems: readonly ConfigProblem[];
  /** As in LoadedConfig: a change of one of these may mend it. */
  readonly asked: readonly string[];
  /** What would have been said of it had it been usable: whoever mends the errors should not meet these one run later. */
  readonly warnings: readonly ConfigProblem[];

  constructor(
    problems: readonly ConfigProblem[],
    asked: readonly string[] = [],
    warnings: readonly ConfigProblem[] = [],
  ) {
    super('CONFIG_INVALID', problems.map(formatProblem).join('\n'));
    this.problems = problems;
    this.asked = asked;
    this.warnings = warnings;
  }
}

type Extras = Pick<ConfigProblem, 'expected' | 'suggestion'>;

/** Collects the errors and the warnings of one file. */
export class Diagnostics {
  /** What the file asked for by `include`, see LoadedConfig. */
  readonly asked = new Set<string>();
  readonly #errors: ConfigProblem[] = [];
  readonly #warnings: ConfigProblem[] = [];
  readonly #withoutEffect = new Set<string>();

  error(origin: Origin, directive: string, message: string, extras: Extras = {}): void {
    if (this.#errors.length < MAX_CONFIG_PROBLEMS)
      this.#errors.push(problem(origin, directive, message, extras));
  }

  warn(origin: Origin, directive: string, message: string, extras: Extras = {}): void {
    if (this.#warnings.length < MAX_CONFIG_PROBLEMS)
      this.#warnings.push(problem(origin, directive, message, extras));
  }

  /** A directive of SRS that is accepted, but does nothing here. Told once per directive, however many vhosts use it. */
  withoutEffect(origin: Origin, directive: string, feature: MissingFeature): void {
    if (this.#withoutEffect.has(directive)) return;
    this.#withoutEffect.add(directive);
    this.warn(origin, directive, WITHOUT_EFFECT[feature]);
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
    if (this.#errors.length > 0) throw new ConfigError(this.errors, [...this.asked], this.warnings);
  }
}

const WITHOUT_EFFECT: Readonly<Record<MissingFeature, string>> = {
  planned: 'is accepted, but this server does not have the feature yet: it has no effect',
  none: 'is accepted, but does not apply to this server: it has no effect',
};

function problem(origin: Origin, directive: string, message: string, extras: Extras): ConfigProblem {
  return { ...copyOrigin(origin), directive, message, ...extras };
}

/** Just the place of something that has more members. */
export function copyOrigin({ file, line, column, from }: Origin): Origin {
  return from === undefined ? { file, line, column } : { file, line, column, from };
}

/** A place as a message at `here` names it: `line 3`, or with the file when that is another one. */
export function otherPlace(origin: Origin, here: Origin): string {
  if (origin.line === 0) return origin.file;
  return origin.file === here.file ? `line ${origin.line}` : `${origin.file}:${origin.line}`;
}

/** The file that was named comes first, then what it includes; in each the order of its lines. */
function byPlace(a: ConfigProblem, b: ConfigProblem): number {
  const depth = Number(a.from !== undefined) - Number(b.from !== undefined);
  if (depth !== 0) return depth;
  if (a.file !== b.file && a.from !== undefined) return a.file < b.file ? -1 : 1;
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
