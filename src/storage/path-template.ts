import { createHash } from 'node:crypto';
import { isAbsolute, join } from 'node:path';
import { ServerError } from '../base/errors.ts';

/** One folder or file name, bytes; the system allows 255, and the temporary name is longer. */
const MAX_COMPONENT_BYTES = 240;
/** A path below a root, bytes. */
const MAX_PATH_BYTES = 3_000;

/** What the variables of a path stand for. */
export interface PathValues {
  readonly vhost: string;
  readonly app: string;
  readonly stream: string;
  /** Unix ms. */
  readonly timeMs: number;
  /** [utc_time] Dates in UTC, not in local time. */
  readonly utc: boolean;
  /** `[seq]`: number of the segment. */
  readonly sequence?: number;
  /** `[duration]`: of the segment, ms. */
  readonly durationMs?: number;
}

const VARIABLE = /\[(vhost|app|stream|2006|01|02|15|04|05|999|timestamp|seq|duration)\]/g;

/**
 * A path with SRS's variables replaced, each once: what a name contains is never a variable. Names of clients become plain
 * names of files, see `fileName`; slashes inside an app or stream make folders. A variable without a value stays.
 */
export function expandPath(template: string, values: PathValues): string {
  const date = new Date(values.timeMs);
  return template.replace(VARIABLE, (whole, name: string) => valueOf(name, values, date) ?? whole);
}

/**
 * `relative` below `root`. Throws STREAM_NAME_INVALID for what would leave it (`..`, an absolute path, NUL), has control
 * characters, or is longer than files may be called. Symbolic links below the root are the operator's.
 */
export function safePath(root: string, relative: string): string {
  const parts = relative.split('/');
  const wrong =
    isAbsolute(relative) ||
    /[\x00-\x1f\x7f]/.test(relative) ||
    Buffer.byteLength(relative) > MAX_PATH_BYTES ||
    parts.some((part) => part === '..' || Buffer.byteLength(part) > MAX_COMPONENT_BYTES) ||
    parts.every((part) => part === '' || part === '.');
  if (wrong) throw new ServerError('STREAM_NAME_INVALID', `${JSON.stringify(relative)} is no path of a file`);
  return join(root, relative);
}

function valueOf(name: string, values: PathValues, date: Date): string | undefined {
  const { utc } = values;
  switch (name) {
    case 'vhost':
      return fileName(values.vhost);
    case 'app':
      return fileName(values.app);
    case 'stream':
      return fileName(values.stream);
    case '2006':
      return padded(utc ? date.getUTCFullYear() : date.getFullYear(), 4);
    case '01':
      return padded((utc ? date.getUTCMonth() : date.getMonth()) + 1, 2);
    case '02':
      return padded(utc ? date.getUTCDate() : date.getDate(), 2);
    case '15':
      return padded(utc ? date.getUTCHours() : date.getHours(), 2);
    case '04':
      return padded(utc ? date.getUTCMinutes() : date.getMinutes(), 2);
    case '05':
      return padded(utc ? date.getUTCSeconds() : date.getSeconds(), 2);
    case '999':
      return padded(utc ? date.getUTCMilliseconds() : date.getMilliseconds(), 3);
    case 'timestamp':
      return String(values.timeMs);
    case 'seq':
      return values.sequence?.toString();
    default:
      return values.durationMs?.toString();
  }
}

/**
 * A client's name as names of files. Characters that no file should have, a dot at the beginning (hidden, `..`) and empty
 * parts are percent-encoded, and so is a percent sign before two hex digits: different names stay different. A part that is
 * too long ends in a hash of it.
 */
function fileName(name: string): string {
  return name.split('/').map(component).join('/');
}

function component(part: string): string {
  if (part === '') return '%2F';
  const plain = part
    .replace(/[\x00-\x1f\x7f\\]|%(?=[0-9a-fA-F]{2})/g, (character) => encoded(character))
    .replace(/^\./, '%2E');
  const bytes = Buffer.from(plain);
  // Room for what the template puts around it.
  const most = MAX_COMPONENT_BYTES - 80;
  if (bytes.length <= most) return plain;
  const hash = createHash('sha256').update(part).digest('hex').slice(0, 16);
  // Not in the middle of a character.
  const kept = bytes
    .subarray(0, most - 20)
    .toString('utf8')
    .replace(/\uFFFD+$/, '');
  return `${kept}-${hash}`;
}

function encoded(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}
