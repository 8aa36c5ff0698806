import type { FastifyReply } from 'fastify';
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ServerError } from '../../base/errors.ts';
import { cutMovie, readBoxHeader, type MovieCut } from '../../containers/mp4/index.ts';
import { sendText } from '../../net/index.ts';
import { readAt, streamFrom, type ServedFile } from '../../storage/document-root.ts';
import { rangeOf } from './preconditions.ts';

/** A moov box that is read to seek in a file, bytes: some 8 hours of pictures and sound, in steps of up to 15 ms. */
export const MAX_START_MOOV_BYTES = 24 * 1024 * 1024;
/** Boxes of a file before its moov box. */
export const MAX_START_BOXES = 256;
/** Requests that wait for the one that is worked on; each costs memory and tens of ms of work. */
export const MAX_WAITING_STARTS = 32;

const BOX_HEADER_BYTES = 16;

interface Refusal {
  readonly status: 400 | 404 | 416 | 503;
  readonly text: string;
}

/**
 * `FILE.mp4?start=SECONDS&end=SECONDS`: a file of its own that begins at the keyframe at or before `start`, with an index made
 * for it. One request is worked on at a time, in steps, so that live streams never wait for it.
 */
export class Mp4Start {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** Answers, or false: the whole file is asked for. */
  async send(file: ServedFile, params: URLSearchParams, reply: FastifyReply): Promise<boolean> {
    const [start, end] = [params.get('start'), params.get('end')];
    if (start === null && end === null) return false;
    const from = secondsOf(start ?? '0');
    const to = end === null ? Number.POSITIVE_INFINITY : secondsOf(end);
    if (from === undefined || to === undefined) {
      refuse(reply, { status: 400, text: 'start and end are numbers of seconds' });
      return true;
    }
    if (from === 0 && end === null) return false;
    if (to <= from) {
      refuse(reply, { status: 400, text: 'end is not after start' });
      return true;
    }
    const cut = await this.#inTurn(() => cutFile(file, from, to));
    if ('status' in cut) refuse(reply, cut);
    else sendCut(file, cut, reply);
    return true;
  }

  async #inTurn(work: () => Promise<MovieCut | Refusal>): Promise<MovieCut | Refusal> {
    if (this.#waiting >= MAX_WAITING_STARTS) return { status: 503, text: 'too many seek at once' };
    this.#waiting += 1;
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }
}

/** Undefined = no such number. */
function secondsOf(text: string): number | undefined {
  return /^\d{1,9}(\.\d{0,9})?$/.test(text) ? Number(text) : undefined;
}

async function cutFile(file: ServedFile, start: number, end: number): Promise<MovieCut | Refusal> {
  try {
    const moov = await readMoov(file);
    const steps = cutMovie(moov, start, end);
    for (;;) {
      const step = steps.next();
      if (step.done !== true) {
        await nextTurn();
        continue;
      }
      const cut = step.value;
      // An index may tell of bytes that are not there.
      if (cut !== undefined && cut.to <= file.sizeBytes) return cut;
      return cut === undefined
        ? { status: 416, text: 'start is behind the end of the file' }
        : { status: 400, text: 'this file is not whole' };
    }
  } catch (error) {
    if (error instanceof ServerError)
      return { status: 400, text: `this file knows no start: ${error.message}` };
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      return { status: 404, text: 'not found' };
    throw error;
  }
}

/** The contents of the moov box, in front of the media or behind them. */
async function readMoov(file: ServedFile): Promise<Buffer> {
  let at = 0;
  for (let boxes = 0; boxes < MAX_START_BOXES; boxes += 1) {
    const header = readBoxHeader(await readAt(file, at, BOX_HEADER_BYTES), 0);
    if (header === undefined) break;
    const { type, headerBytes, size } = header;
    if (type === 'moov') {
      const length = Math.min(size, file.sizeBytes - at) - headerBytes;
      if (length > MAX_START_MOOV_BYTES)
        throw new ServerError('MP4_TOO_LARGE', `moov box of ${length} bytes`);
      return readAt(file, at + headerBytes, length);
    }
    at += size;
    if (at >= file.sizeBytes) break;
  }
  throw new ServerError('MP4_INVALID', 'it has no moov box');
}

/** The cut as the file that it is, or a range of it. */
function sendCut(file: ServedFile, { head, from, to }: MovieCut, reply: FastifyReply): void {
  const { headers } = reply.request;
  const total = head.length + to - from;
  // It has no tag that an If-Range could hold.
  const range = headers['if-range'] === undefined ? rangeOf(headers.range, total) : undefined;
  reply.header('Cache-Control', 'no-cache').header('Accept-Ranges', 'bytes');
  if (range === 'beyond') {
    sendText(reply.header('Content-Range', `bytes */${total}`), 416, 'behind the end of the file');
    return;
  }
  const { first, last } = range ?? { first: 0, last: total - 1 };
  if (range !== undefined) reply.code(206).header('Content-Range', `bytes ${first}-${last}/${total}`);
  reply.type('video/mp4').header('Content-Length', last + 1 - first);
  if (reply.request.method === 'HEAD') {
    reply.send();
    return;
  }
  const media = from - head.length; // What is added to a position in the cut for the one in the file.
  const body = headThenMedia(
    head.subarray(first, last + 1),
    file,
    Math.max(first, head.length) + media,
    last + 1 + media,
  );
  reply.send(Readable.from(body, { objectMode: false }));
}

async function* headThenMedia(
  head: Buffer,
  file: ServedFile,
  from: number,
  to: number,
): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head;
  if (to <= from) return;
  for await (const chunk of streamFrom(file, from, to)) yield chunk as Buffer;
}

function refuse(reply: FastifyReply, { status, text }: Refusal): void {
  sendText(reply.header('Cache-Control', 'no-cache'), status, text);
}
