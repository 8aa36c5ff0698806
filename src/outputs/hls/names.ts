import { Buffer } from 'node:buffer';
import { posix } from 'node:path';
import type { StreamName } from '../../hub/ports.ts';
import { expandPath, type PathValues } from '../../storage/path-template.ts';
import type { HlsOptions } from './options.ts';

/** What of a path may stand in a URI as it is: unreserved characters and those sub-delimiters that mean nothing in a path. */
const NOT_PATH = /[^A-Za-z0-9\-._~!$&()*+,;=@/]+/g;

/** A file below the root and how the playlist calls it. */
export interface Place {
  /** Relative to its root. */
  readonly file: string;
  readonly uri: string;
}

/** When and as which number a file is named. */
export interface Moment {
  /** Unix ms. */
  readonly timeMs: number;
  readonly sequence: number;
  /** Of a segment that is whole, ms. */
  readonly durationMs?: number;
  /** [hls_ts_floor] What `[timestamp]` is then. */
  readonly floor?: number;
}

/** The names of the files of one stream, and the way back from what a playlist says. */
export class HlsNames {
  readonly #options: HlsOptions;
  readonly #name: StreamName;
  readonly playlist: string;
  readonly journal: string;
  /** Folder of the playlist, relative to the root; empty = the root itself. */
  readonly #folder: string;

  constructor(name: StreamName, options: HlsOptions, unixMs: number) {
    this.#name = name;
    this.#options = options;
    this.playlist = posix.normalize(
      expandPath(options.playlistFile, this.#values({ timeMs: unixMs, sequence: 0 })),
    );
    const folder = posix.dirname(this.playlist);
    this.#folder = folder === '.' ? '' : folder;
    this.journal = posix.join(this.#folder, `.${posix.basename(this.playlist)}.journal`);
  }

  /** URL of the playlist relative to the root of the files. */
  get playlistUrl(): string {
    return encodePath(this.playlist);
  }

  segment(moment: Moment): Place {
    return this.segmentPlace(this.#expand(this.#options.segmentFile, moment));
  }

  /** The n-th part of a segment that has begun; only in memory. */
  part(moment: Moment, index: number): Place {
    const whole = this.#expand(this.#options.segmentFile, { durationMs: 0, ...moment });
    return this.segmentPlace(`${whole}.part${index}.m4s`);
  }

  init(moment: Moment): Place {
    return this.segmentPlace(this.#expand(this.#options.initFile, moment));
  }

  key(moment: Moment): Place {
    return this.keyPlace(this.#expand(this.#options.keyFile, moment));
  }

  segmentPlace(file: string): Place {
    const { entryPrefix } = this.#options;
    if (entryPrefix === '' || entryPrefix.endsWith('/')) {
      return { file, uri: entryPrefix + relativeUri(this.#folder, file) };
    }
    return { file, uri: `${entryPrefix}/${encodePath(file)}` };
  }

  keyPlace(file: string): Place {
    const { keyUrl } = this.#options;
    if (keyUrl === '') return { file, uri: relativeUri(this.#folder, file) };
    const { before, query } = splitQuery(keyUrl);
    return { file, uri: `${before}${before.endsWith('/') ? '' : '/'}${encodePath(file)}${query}` };
  }

  /** The file that a playlist calls so; undefined for a name that is not from here. */
  fileOfSegment(uri: string): string | undefined {
    const { entryPrefix } = this.#options;
    if (entryPrefix === '' || entryPrefix.endsWith('/'))
      return this.#fileBehind(uri, entryPrefix, this.#folder);
    return this.#fileBehind(uri, `${entryPrefix}/`, '');
  }

  fileOfKey(uri: string): string | undefined {
    const { keyUrl } = this.#options;
    if (keyUrl === '') return this.#fileBehind(uri, '', this.#folder);
    const { before, query } = splitQuery(keyUrl);
    if (!uri.endsWith(query)) return undefined;
    const path = uri.slice(0, uri.length - query.length);
    return this.#fileBehind(path, before.endsWith('/') ? before : `${before}/`, '');
  }

  #fileBehind(uri: string, prefix: string, folder: string): string | undefined {
    if (!uri.startsWith(prefix)) return undefined;
    const path = decodePath(uri.slice(prefix.length));
    if (path === undefined) return undefined;
    const file = posix.join(folder, path);
    return file.startsWith('..') || file.startsWith('/') ? undefined : file;
  }

  #expand(template: string, moment: Moment): string {
    const { floor, ...rest } = moment;
    const timed = floor === undefined ? template : template.replaceAll('[timestamp]', String(floor));
    return posix.normalize(expandPath(timed, this.#values(rest)));
  }

  #values(moment: Moment): PathValues {
    return { ...this.#name, utc: this.#options.utc, ...moment };
  }
}

/** Whether the address is that of a part (`HlsNames.part`), which is in memory only. */
export function isPart(uri: string): boolean {
  return /\.part\d+\.m4s$/.test(uri);
}

/** The name with `-number` before its ending: for names that are taken. */
export function numbered(file: string, number: number): string {
  const ending = posix.extname(file);
  return `${file.slice(0, file.length - ending.length)}-${number}${ending}`;
}

function relativeUri(folder: string, file: string): string {
  return encodePath(posix.relative(folder === '' ? '.' : folder, file));
}

function encodePath(path: string): string {
  return path.replace(NOT_PATH, (run) => {
    let out = '';
    for (const byte of Buffer.from(run)) out += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    return out;
  });
}

function decodePath(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

function splitQuery(url: string): { readonly before: string; readonly query: string } {
  const at = url.indexOf('?');
  return at < 0 ? { before: url, query: '' } : { before: url.slice(0, at), query: url.slice(at) };
}
