import type { FastifyReply } from 'fastify';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { readWhole, type ServedFile } from '../../storage/document-root.ts';
import type { FileKind } from './file-kind.ts';
import { withViewer } from './viewer-playlist.ts';
import { acceptsGzip, AT_REST_MS, isFresh } from './preconditions.ts';

/** A larger playlist is sent as any other file, and not packed, bytes. */
export const MAX_PLAYLIST_BYTES = 1024 * 1024;
/** Packed playlists that are kept for the next viewer. */
export const MAX_PACKED_PLAYLISTS = 256;
/** Below this gzip gains nothing, bytes. */
export const LEAST_PACKED_BYTES = 256;

const pack = promisify(gzip);

interface Packed {
  readonly etag: string;
  readonly bytes: Promise<Buffer>;
}

/**
 * Sends playlists. They are replaced while they are read, so one is read as a whole through one handle: length, tag and text
 * belong together. Packed once for all viewers who ask between two changes.
 */
export class PlaylistSender {
  readonly #packed = new Map<string, Packed>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /**
   * Answers, or false: it is too large or gone, and nothing was sent. `query`: of the viewer for whom it is, at all that the
   * playlist names.
   */
  async send(file: ServedFile, kind: FileKind, reply: FastifyReply, query?: string): Promise<boolean> {
    const read = await readWhole(file, MAX_PLAYLIST_BYTES);
    if (read === undefined) return false;
    const { modifiedMs } = read;
    const bytes =
      query === undefined ? read.bytes : Buffer.from(withViewer(file.path, read.bytes.toString(), query));
    const { headers, method } = reply.request;
    const etag = `W/"${createHash('sha1').update(bytes).digest('base64url')}"`;
    reply
      .header('Cache-Control', query === undefined ? kind.cacheControl : 'private, no-store')
      .header('ETag', etag)
      .header('Vary', 'Accept-Encoding')
      .type(kind.type ?? 'text/plain');
    const atRest = this.#nowMs() - modifiedMs > AT_REST_MS;
    if (atRest) reply.header('Last-Modified', new Date(modifiedMs).toUTCString());
    if (isFresh(headers, etag, atRest ? modifiedMs : Infinity)) {
      reply.removeHeader('Content-Type').code(304).send();
      return true;
    }
    const isPacked =
      query === undefined && bytes.length >= LEAST_PACKED_BYTES && acceptsGzip(headers['accept-encoding']);
    const body = isPacked ? await this.#pack(`${file.root}/${file.path}`, etag, bytes) : bytes;
    if (isPacked) reply.header('Content-Encoding', 'gzip');
    reply.header('Content-Length', body.length);
    if (method === 'HEAD') reply.send();
    else reply.send(body);
    return true;
  }

  #pack(path: string, etag: string, bytes: Buffer): Promise<Buffer> {
    const known = this.#packed.get(path);
    if (known?.etag === etag) return known.bytes;
    const packed = { etag, bytes: pack(bytes) };
    this.#packed.delete(path); // Goes to the end: the first one is the one that changed longest ago.
    this.#packed.set(path, packed);
    if (this.#packed.size > MAX_PACKED_PLAYLISTS) {
      for (const oldest of this.#packed.keys()) {
        this.#packed.delete(oldest);
        break;
      }
    }
    return packed.bytes;
  }
}
