import { effectiveConfig } from './effective.ts';
import type { Effective } from './effective.ts';
import type { LoadedConfig } from './load.ts';
import { quoteWord } from './printer.ts';

/** How to show a configuration. */
export interface ShowOptions {
  /** Leave out what has its default. Default: false. */
  readonly changed?: boolean;
}

/** The JSON form of a configuration; `conf/srs.schema.json` describes it. */
export type ConfigJson = Readonly<Record<string, unknown>>;

/** Where the comments begin, so that they stand below each other. */
const COMMENT_COLUMN = 56;

/**
 * The configuration in force as a file that says the same, each line with a comment that says where the value comes from.
 * Secrets are masked.
 */
export function showConfig(loaded: LoadedConfig, options: ShowOptions = {}): string {
  const lines: string[] = [];
  print(choose(effectiveConfig(loaded), options), '', lines);
  return lines.map((line) => `${line}\n`).join('');
}

/** The same for programs: directives by their names, and in `$sources` where those come from that have not their default. */
export function configToJson(loaded: LoadedConfig, options: ShowOptions = {}): ConfigJson {
  const sources: Record<string, string> = {};
  const json = toJson(choose(effectiveConfig(loaded), options), sources);
  return { ...json, $sources: sources };
}

/** What is to be shown: all of it, or what differs from the defaults (each vhost is shown: without its block it is not there). */
function choose(all: readonly Effective[], { changed }: ShowOptions): readonly Effective[] {
  if (changed !== true) return all;
  return all.flatMap((one): Effective[] => {
    if (one.kind === 'value') return one.isDefault ? [] : [one];
    const members = choose(one.members, { changed });
    return members.length === 0 && one.argument === undefined ? [] : [{ ...one, members }];
  });
}

function print(shown: readonly Effective[], indent: string, lines: string[]): void {
  const add = (text: string, comment: string): void => {
    lines.push(`${`${indent}${text}`.padEnd(COMMENT_COLUMN - 1)} # ${comment}`);
  };
  for (const one of shown) {
    if (one.kind === 'block') {
      const words = one.argument === undefined || one.argument.text === '' ? [] : [one.argument.text];
      add(`${write(one.name, words) ?? one.name} {`, one.source);
      print(one.members, `${indent}    `, lines);
      lines.push(`${indent}}`);
    } else if (one.lines === undefined || one.lines.length === 0) {
      add(`# ${one.name} is not set`, one.source);
    } else {
      for (const words of one.lines) {
        const text = write(one.name, words);
        if (text === undefined)
          add(`# ${one.name} has no form in a file: ${JSON.stringify(words)}`, one.source);
        else add(`${text};`, one.source);
      }
    }
  }
}

/** Undefined: a word from the environment has blanks and both kinds of quotes, which no file can say. */
function write(name: string, words: readonly string[]): string | undefined {
  try {
    return [name, ...words].map(quoteWord).join(' ');
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function toJson(shown: readonly Effective[], sources: Record<string, string>): Record<string, unknown> {
  const json: Record<string, unknown> = {};
  for (const one of shown) {
    if (one.source !== 'default') sources[one.path] = one.source;
    if (one.kind === 'value') json[one.name] = one.json;
    else {
      const inner = toJson(one.members, sources);
      if (one.argument === undefined) json[one.name] = inner;
      else {
        const all = (json[one.name] ??= []) as unknown[];
        all.push({ [one.argument.option]: one.argument.text, ...inner });
      }
    }
  }
  return json;
}
