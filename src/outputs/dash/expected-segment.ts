import { Buffer } from 'node:buffer';
import type { LiveResource, ResourceBody, ResourceRequest } from '../../storage/live-resources.ts';

/** Requests that may wait for one segment; further ones are told that it is not there. */
export const MAX_DASH_WAITING = 20_000;

/** The DASH reader of ffmpeg, and so of mpv and others. */
const FFMPEG = /^Lavf\//;

/**
 * The segment that comes next. A player that runs at the very edge gets it when it is there, where it would else be told that
 * there is none.
 *
 * ffmpeg asks for what no manifest lists yet, again and again while it is refused, and takes the one after it for the same one
 * when it is given (5 to 7: its place is looked up in the manifest of before). So ffmpeg waits too, but then gets a
 * fragment without samples, reads the manifest and asks for what is in it.
 */
export class ExpectedSegment implements LiveResource {
  readonly #waiting = new Set<(body: ResourceBody | undefined) => void>();

  respond(request: ResourceRequest): Promise<ResourceBody | undefined> | undefined {
    const { signal, headOnly, userAgent = '' } = request;
    if (headOnly || signal.aborted || this.#waiting.size >= MAX_DASH_WAITING) return undefined;
    const wantsNothing = FFMPEG.test(userAgent);
    return new Promise((resolve) => {
      const done = (body: ResourceBody | undefined): void => {
        this.#waiting.delete(done);
        signal.removeEventListener('abort', gone);
        resolve(body !== undefined && wantsNothing ? nothing(body) : body);
      };
      const gone = (): void => done(undefined);
      this.#waiting.add(done);
      signal.addEventListener('abort', gone);
    });
  }

  /** It is there, or will not come (undefined). */
  settle(body: ResourceBody | undefined): void {
    for (const done of this.#waiting) done(body);
  }
}

/** More than ffmpeg looks at to find out the format: it takes the end of a file that it meets there for the end of the stream. */
const PADDING_BYTES = 8_192;

/** A fragment without samples: moof with its mfhd, and mdat. Spec: ISO/IEC 14496-12, 8.8.4, 8.8.5 and 8.1.1. */
function nothing({ modifiedMs }: ResourceBody): ResourceBody {
  const bytes = Buffer.alloc(24 + 8 + PADDING_BYTES);
  bytes.writeUInt32BE(24, 0);
  bytes.write('moof', 4, 'latin1');
  bytes.writeUInt32BE(16, 8);
  bytes.write('mfhd', 12, 'latin1');
  bytes.writeUInt32BE(8 + PADDING_BYTES, 24);
  bytes.write('mdat', 28, 'latin1');
  return { bytes, modifiedMs, cacheControl: 'no-store' };
}
