import { createHash, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { describeError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { isGone, isHttp2, isSent, type IncomingMessage, type ServerResponse } from '../../net/index.ts';
import type {
  LiveResource,
  ResourceAnswer,
  ResourceBody,
  ResourceRefusal,
} from '../../storage/live-resources.ts';
import { fileKind, forOne } from './file-kind.ts';
import { LEAST_PACKED_BYTES, MAX_PLAYLIST_BYTES } from './playlist-sender.ts';
import { acceptsGzip, AT_REST_MS, isFresh, rangeHolds, rangeOf } from './preconditions.ts';
import type { RequestTarget } from './request-target.ts';
import { HttpResourceRequest } from './resource-request.ts';

/** How long a resource may wait with its answer (a playlist that is to grow first), ms. */
export const MAX_RESOURCE_WAIT_MS = 60_000;

/** What is written at once of a body over HTTP/2, bytes. */
const HTTP2_WRITE_BYTES = 256 * 1024;

const pack = promisify(gzip);
const UNPLAYED = 'no-cache, no-store';
const PIPELINED: ResourceRefusal = {
  status: 503,
  text: 'ask for what has to wait on a connection of its own',
};
const TOO_LATE: ResourceRefusal = { status: 503, text: 'this took too long' };

/** What is known of the bytes of a body, as long as they are in memory: made once for all viewers. */
interface Facts {
  readonly etag: string;
  lastModified: string | undefined;
  packed: Buffer | undefined;
  packing: Promise<Buffer> | undefined;
}

export interface ResourceSenderOptions {
  readonly nowMs: () => number;
  readonly logger: Logger;
  /** Of every response. */
  headers(): Readonly<Record<string, string>>;
}

type Headers = Record<string, string | number>;

/**
 * Answers with what live resources have in memory, beside the web framework and the disk: the head and a Buffer that all viewers
 * share leave in one write.
 */
export class ResourceSender {
  readonly #options: ResourceSenderOptions;
  readonly #facts = new WeakMap<Buffer, Facts>();
  /** Tags of one run of the server: the bytes themselves are not looked at, megabytes of them cost too much. */
  readonly #run = randomBytes(6).toString('base64url');
  #count = 0;

  constructor(options: ResourceSenderOptions) {
    this.#options = options;
  }

  /** Answers; `elsewhere` is called instead when the resource is not in memory any more. */
  serve(
    resource: LiveResource,
    target: RequestTarget,
    request: IncomingMessage,
    response: ServerResponse,
    elsewhere: () => void,
  ): void {
    let answer: ReturnType<LiveResource['respond']>;
    const asked = new HttpResourceRequest(request, response, target);
    try {
      answer = resource.respond(asked);
    } catch (error) {
      this.#fail(response, error);
      return;
    }
    if (!(answer instanceof Promise)) {
      this.#finish(answer, target, request, response, elsewhere);
      return;
    }
    // Behind another request that waits: thousands of them would fill memory before one is answered.
    const early = response.socket === null ? PIPELINED : undefined;
    const idleMs = request.socket.timeout;
    let isDone = early !== undefined;
    if (early !== undefined) {
      asked.stop();
      this.#refuse(response, early);
    } else {
      response.setTimeout(MAX_RESOURCE_WAIT_MS, () => {
        if (isDone) {
          response.destroy();
          return;
        }
        isDone = true;
        asked.stop();
        this.#refuse(response, TOO_LATE);
      });
    }
    answer.then(
      (late) => {
        if (isDone) {
          told(late, 0);
          return;
        }
        isDone = true;
        if (idleMs !== undefined) response.setTimeout(idleMs);
        this.#finish(late, target, request, response, elsewhere);
      },
      (error: unknown) => {
        if (!isDone) this.#fail(response, error);
        isDone = true;
      },
    );
  }

  #finish(
    answer: ResourceAnswer | undefined,
    target: RequestTarget,
    request: IncomingMessage,
    response: ServerResponse,
    elsewhere: () => void,
  ): void {
    if (isGone(response)) {
      told(answer, 0);
      return;
    }
    if (answer === undefined) elsewhere();
    else if ('status' in answer) this.#refuse(response, answer);
    else this.#send(answer, target, request, response);
  }

  #send(body: ResourceBody, target: RequestTarget, request: IncomingMessage, response: ServerResponse): void {
    const kind = fileKind(target.path);
    const { headers } = request;
    const { bytes, modifiedMs } = body;
    const facts = this.#factsOf(body, kind.isPlaylist);
    const { etag } = facts;
    const head: Headers = {
      ...this.#options.headers(),
      'Cache-Control':
        body.cacheControl ?? (body.isPrivate === true ? forOne(kind.cacheControl) : kind.cacheControl),
      ETag: etag,
    };
    const atRest = !kind.isPlaylist || this.#options.nowMs() - modifiedMs > AT_REST_MS;
    const lastModified = atRest ? (facts.lastModified ??= new Date(modifiedMs).toUTCString()) : undefined;
    if (lastModified !== undefined) head['Last-Modified'] = lastModified;
    if (kind.isPlaylist) head['Vary'] = 'Accept-Encoding';
    else head['Accept-Ranges'] = 'bytes';
    if (isFresh(headers, etag, atRest ? modifiedMs : Infinity)) {
      write(response, 304, head, undefined, body);
      return;
    }
    head['Content-Type'] = body.contentType ?? kind.type ?? 'application/octet-stream';
    if (kind.isPlaylist) {
      this.#sendText(body, facts, head, request, response);
      return;
    }
    const range = rangeHolds(headers['if-range'], etag, lastModified)
      ? rangeOf(headers.range, bytes.length)
      : undefined;
    if (range === 'beyond') {
      head['Content-Range'] = `bytes */${bytes.length}`;
      head['Content-Type'] = 'text/plain; charset=utf-8';
      write(response, 416, head, Buffer.from('behind the end of the file\n'), body, false);
      return;
    }
    if (range !== undefined) {
      head['Content-Range'] = `bytes ${range.first}-${range.last}/${bytes.length}`;
      write(response, 206, head, bytes.subarray(range.first, range.last + 1), body);
      return;
    }
    write(response, 200, head, bytes, body);
  }

  #sendText(
    body: ResourceBody,
    facts: Facts,
    head: Headers,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    const { bytes } = body;
    const isPacked =
      bytes.length >= LEAST_PACKED_BYTES &&
      bytes.length <= MAX_PLAYLIST_BYTES &&
      acceptsGzip(request.headers['accept-encoding']);
    if (!isPacked) {
      write(response, 200, head, bytes, body);
      return;
    }
    head['Content-Encoding'] = 'gzip';
    if (facts.packed !== undefined) {
      write(response, 200, head, facts.packed, body);
      return;
    }
    facts.packing ??= pack(bytes);
    facts.packing.then(
      (packed) => {
        facts.packed = packed;
        if (isGone(response)) body.onSent?.(0);
        else write(response, 200, head, packed, body);
      },
      (error: unknown) => {
        body.onSent?.(0);
        this.#fail(response, error);
      },
    );
  }

  #factsOf({ bytes }: ResourceBody, isPlaylist: boolean): Facts {
    let facts = this.#facts.get(bytes);
    if (facts === undefined) {
      // A playlist is often made anew for each viewer, and is the same to caches as long as its text is.
      const etag = isPlaylist
        ? `W/"${createHash('sha1').update(bytes).digest('base64url')}"`
        : `"${this.#run}-${(this.#count += 1)}"`;
      facts = { etag, lastModified: undefined, packed: undefined, packing: undefined };
      this.#facts.set(bytes, facts);
    }
    return facts;
  }

  #refuse(response: ServerResponse, { status, text, location }: ResourceRefusal): void {
    const bytes = Buffer.from(`${text}\n`);
    const head: Headers = {
      ...this.#options.headers(),
      'Cache-Control': UNPLAYED,
      'Content-Type': 'text/plain; charset=utf-8',
    };
    if (location !== undefined) head['Location'] = location;
    try {
      write(response, status, head, bytes);
    } catch (error) {
      this.#fail(response, error); // For instance a location that is no header.
    }
  }

  #fail(response: ServerResponse, error: unknown): void {
    this.#options.logger.error(`request failed: ${describeError(error)}`);
    if (response.headersSent || response.destroyed) response.destroy();
    else {
      const head = { ...this.#options.headers(), 'Content-Type': 'text/plain; charset=utf-8' };
      write(response, 500, head, Buffer.from('internal error\n'));
    }
  }
}

/** `counts`: whether `bytes` are bytes of the body. */
function write(
  response: ServerResponse,
  status: number,
  head: Headers,
  bytes: Buffer | undefined,
  body?: ResourceBody,
  counts = true,
): void {
  if (bytes !== undefined) head['Content-Length'] = bytes.length;
  response.writeHead(status, head);
  if (bytes === undefined || response.req.method === 'HEAD') {
    response.end();
    body?.onSent?.(0);
    return;
  }
  const told = counts && body?.onSent !== undefined ? body : undefined;
  if (isHttp2(response)) {
    writeSlices(response, bytes, told);
  } else {
    const { socket } = response;
    const before = socket?.bytesWritten ?? 0;
    response.end(bytes);
    // Of a response that was broken off, what was handed to the system.
    if (told !== undefined) {
      response.once('close', () => {
        const handed =
          socket === null ? 0 : Math.max(0, Math.min(bytes.length, socket.bytesWritten - before));
        told.onSent?.(isSent(response) ? bytes.length : handed);
      });
    }
  }
  if (!counts) body?.onSent?.(0);
}

/** The HTTP/2 library counts a write as memory of the connection until the peer has taken it: not all of a segment at once. */
function writeSlices(response: ServerResponse, bytes: Buffer, told: ResourceBody | undefined): void {
  let at = 0;
  let taken = 0;
  const next = (): void => {
    const end = Math.min(bytes.length, at + HTTP2_WRITE_BYTES);
    const slice = bytes.subarray(at, end);
    const length = end - at;
    at = end;
    response.write(slice, (error) => {
      if (error !== null && error !== undefined) return;
      taken += length;
      if (at < bytes.length) next();
    });
    if (at === bytes.length) response.end();
  };
  if (told !== undefined) response.once('close', () => told.onSent?.(taken));
  next();
}

function told(answer: ResourceAnswer | undefined, bytes: number): void {
  if (answer !== undefined && !('status' in answer)) answer.onSent?.(bytes);
}
