import { createHash } from 'node:crypto';
import type { Buffer } from 'node:buffer';
import { posix } from 'node:path';
import type { StreamName } from '../../hub/ports.ts';
import { expandPath } from '../../storage/path-template.ts';
import type { DashOptions } from './options.ts';

/**
 * Where the files of one stream are, below `dash_path`: `live/demo.mpd`, its segments in a folder of the stream's name beside
 * it, as SRS has them, but named by their time: `live/demo/video-1-360000.m4s`, the middle one being the number of the first
 * segment of its period, since times begin anew with a restart. Times and not numbers, since they tell a player where it is
 * after it lost track, and ffmpeg loses track of numbers when a window slides. Init segments carry a hash of their content, since codecs change and a
 * manifest may name several; what the next start needs is in a hidden file, which no web server gives out.
 */
export class DashNames {
  readonly mpd: string;
  readonly journal: string;
  /** The manifest's URL relative to itself. */
  readonly mpdUrl: string;
  readonly #folder: string;
  /** The folder of the segments as a template has it: percent-encoded, dollars doubled. */
  readonly #folderUrl: string;

  constructor(options: DashOptions, name: StreamName, timeMs: number) {
    const values = { ...name, timeMs, utc: options.utc };
    this.mpd = posix.normalize(expandPath(options.mpdFile, values));
    const own = expandPath('[stream]', values);
    const above = posix.dirname(this.mpd);
    this.journal = posix.join(above, `.${posix.basename(this.mpd)}.journal`);
    this.mpdUrl = encodeURIComponent(posix.basename(this.mpd));
    this.#folder = posix.join(above, own);
    this.#folderUrl = own.split('/').map(encodeURIComponent).join('/').replaceAll('$', '$$$$');
  }

  /** Template of the segments of a period whose first one has this number. */
  media(firstNumber: number): string {
    return `${this.#folderUrl}/$RepresentationID$-${firstNumber}-$Time$.m4s`;
  }

  segment(kind: string, firstNumber: number, time: number): string {
    return posix.join(this.#folder, `${kind}-${firstNumber}-${time}.m4s`);
  }

  /** Name of an init segment by its bytes. */
  initName(representation: string, bytes: Buffer): string {
    const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 8);
    return `${representation}-init-${hash}.mp4`;
  }

  /** Template of an init segment. */
  initUrl(initName: string): string {
    return `${this.#folderUrl}/${initName}`;
  }

  /** The file that a URL of the manifest means; the folder is always this stream's own. */
  fileOf(url: string): string {
    return posix.join(this.#folder, posix.basename(url));
  }
}
