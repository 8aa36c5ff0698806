import { posix } from 'node:path';
import { expandPath } from './path-template.ts';

/** Of which stream a file is, as far as its path tells; what it does not tell is empty. */
export interface PathOwner {
  readonly app: string;
  readonly stream: string;
}

const VARIABLE = /\[(\w+)\]/g;
/** Lengths of what dates become; the other variables are numbers of any length. */
const DIGITS: Readonly<Record<string, number>> = {
  '2006': 4,
  '01': 2,
  '02': 2,
  '15': 2,
  '04': 2,
  '05': 2,
  '999': 3,
};
const NUMBERS = ['timestamp', 'seq', 'duration'];

/**
 * The way back from the paths that a template of `expandPath` makes of one vhost's streams. Where a name has what a template puts
 * between names, the longest app and the longest stream count.
 */
export class PathPattern {
  readonly #pattern: RegExp;

  /** @param template Absolute; `*` at its end stands for any names of files. */
  constructor(template: string, vhost: string) {
    const path = posix.normalize(template.replaceAll('[vhost]', () => fileNameOf(vhost)));
    const any = path.endsWith('*');
    const seen = new Set<string>();
    const parts = (any ? path.slice(0, -1) : path).split(VARIABLE).map((part, at) => {
      if (at % 2 === 0) return escaped(part);
      if (part === 'app' || part === 'stream') {
        if (seen.has(part)) return `\\k<${part}>`;
        seen.add(part);
        return part === 'app' ? '(?<app>.+)' : '(?<stream>[^/]+)';
      }
      const digits = DIGITS[part];
      if (digits !== undefined) return `\\d{${digits}}`;
      return NUMBERS.includes(part) ? '\\d+' : escaped(`[${part}]`);
    });
    const text = parts.join('');
    // A second file of a name has a number before its ending.
    const dot = text.lastIndexOf('\\.');
    const numbered = dot < 0 || any ? text : `${text.slice(0, dot)}(?:-\\d+)?${text.slice(dot)}`;
    this.#pattern = new RegExp(`^${numbered}${any ? '[^/]*' : ''}$`, 'u');
  }

  /** `path`: absolute. Undefined: not one of these files. */
  match(path: string): PathOwner | undefined {
    const groups = this.#pattern.exec(path)?.groups;
    if (groups === undefined) return this.#pattern.test(path) ? { app: '', stream: '' } : undefined;
    const { app = '', stream = '' } = groups;
    return { app: nameOf(app), stream: nameOf(stream) };
  }
}

function fileNameOf(vhost: string): string {
  return expandPath('[vhost]', { vhost, app: '', stream: '', timeMs: 0, utc: true });
}

/** The name that became these names of files. */
function nameOf(path: string): string {
  return path
    .split('/')
    .map((part) => (part === '%2F' ? '' : part.replace(ENCODED, (_, code: string) => decoded(code))))
    .join('/');
}

/** What `expandPath` encodes: control characters, backslashes, percent signs, dots. */
const ENCODED = /%([01][0-9A-F]|25|2E|5C|7F)/g;

function decoded(code: string): string {
  return String.fromCharCode(Number.parseInt(code, 16));
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
