import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { Readable } from 'node:stream';
import { readAt, streamFrom, type Located, type ServedFile } from '../../storage/document-root.ts';
import type { LiveResource, LiveResources } from '../../storage/live-resources.ts';
import { sendText } from '../../net/index.ts';
import type { FileRefusal } from '../../hub/file-admission.ts';
import type { StoredAnswer } from '../../hub/file-access.ts';
import type { FileGuard } from './file-guard.ts';
import { fileKind, forOne } from './file-kind.ts';
import { findFlvTag, FLV_HEAD_BYTES, flvStartHead, MAX_FLV_RESYNC_BYTES } from './flv-start.ts';
import { Mp4Start } from './mp4-start.ts';
import { PlaylistSender } from './playlist-sender.ts';
import { hostName, type RequestTarget } from './request-target.ts';
import { HttpResourceRequest } from './resource-request.ts';
import { StaticMounts, type StaticMount } from './static-mounts.ts';

export interface FileRouteOptions {
  /** [http_static] of the vhosts that have it. */
  readonly statics: readonly StaticMount[];
  /** [http_server dir] For what no mount takes. */
  readonly dir: string;
  /** Folder of the bundled page, for what `dir` does not have; undefined = no page. */
  readonly pageDir: string | undefined;
}

/** Files of the vhosts' mounts, of the document root, then of the bundled page. */
export class FileRoute {
  readonly #playlists = new PlaylistSender(() => Date.now());
  readonly #mp4 = new Mp4Start();
  readonly #resources: LiveResources | undefined;
  readonly #guard: FileGuard | undefined;
  #mounts: StaticMounts;

  /** `resources`: what is in memory, and wins over the disk. `guard`: default: files are for everybody. */
  constructor(options: FileRouteOptions, resources?: LiveResources, guard?: FileGuard) {
    this.#resources = resources;
    this.#guard = guard;
    this.#mounts = mountsOf(options);
  }

  /** Other folders, from the next request on. */
  setFolders(options: FileRouteOptions): void {
    this.#mounts = mountsOf(options);
  }

  /** Adds what `serve` needs of the framework. */
  async register(app: FastifyInstance): Promise<void> {
    await app.register(fastifyStatic, { serve: false });
  }

  /** What is in memory in place of the file that the target names. */
  resource(hostHeader: string | undefined, target: RequestTarget): LiveResource | undefined {
    const resources = this.#resources;
    if (resources === undefined || resources.size === 0) return undefined;
    return this.#mounts.lookUp(hostOf(hostHeader, target), target.path, (path) => resources.find(path));
  }

  /** The file that the target names, or where to go instead. `?vhost=` wins over the host, as for live streams. */
  find(hostHeader: string | undefined, target: RequestTarget): Promise<Located> {
    return this.#mounts.locate(hostOf(hostHeader, target), target.path);
  }

  async serve(target: RequestTarget, reply: FastifyReply): Promise<FastifyReply> {
    const located = await this.find(reply.request.headers.host, target);
    if (located === undefined) {
      const judged = await this.#judge(located, target, reply);
      // A secret name of a stream is known to the policy alone.
      return judged !== undefined && 'status' in judged
        ? refuse(reply, judged)
        : sendText(reply, 404, 'not found');
    }
    return this.send(located, target, reply);
  }

  async send(
    located: NonNullable<Located>,
    target: RequestTarget,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    if ('redirect' in located) {
      const path = located.redirect.split('/').map(encodeURIComponent).join('/');
      return reply.redirect(target.query === '' ? path : `${path}?${target.query}`, 302);
    }
    const judged = await this.#judge(located.file, target, reply);
    if (judged !== undefined && 'status' in judged) return refuse(reply, judged);
    return this.#sendFile(located.file, target, reply, judged?.query);
  }

  /** Who is not to have it is refused; undefined: it is for everybody. */
  async #judge(
    file: ServedFile | undefined,
    target: RequestTarget,
    reply: FastifyReply,
  ): Promise<StoredAnswer | undefined> {
    const guard = this.#guard;
    if (guard?.isOn() !== true) return undefined;
    // What is not there is a question only where it could be what players open.
    if (file === undefined && !fileKind(target.path).isPlaylist) return undefined;
    const { raw } = reply.request;
    const paths: string[] = [];
    this.#mounts.lookUp(hostOf(raw.headers.host, target), target.path, (path) => void paths.push(path));
    // Where it is without links says more than how it was called.
    if (file !== undefined) paths.unshift(`${file.root}/${file.path}`);
    const owner = await guard.ownerOf(paths);
    if (owner === undefined) return undefined;
    return guard.judge(owner, target.query, new HttpResourceRequest(raw, reply.raw, target));
  }

  /** `query`: of the viewer whose file it is; undefined: everybody's. */
  async #sendFile(
    file: ServedFile,
    target: RequestTarget,
    reply: FastifyReply,
    query: string | undefined,
  ): Promise<FastifyReply> {
    const params = new URLSearchParams(target.query);
    if (file.path.toLowerCase().endsWith('.mp4') && (await this.#mp4.send(file, params, reply))) return reply;
    const start = params.get('start');
    if (start !== null && file.path.toLowerCase().endsWith('.flv')) {
      if (!/^\d{1,15}$/.test(start)) {
        return reply.code(400).type('text/plain').send('start is not a number of bytes\n');
      }
      const from = Number(start);
      const head = from === 0 ? undefined : flvStartHead(await readAt(file, 0, FLV_HEAD_BYTES));
      if (head !== undefined && from >= file.sizeBytes) {
        return reply.code(416).type('text/plain').send('start is behind the end of the file\n');
      }
      if (head !== undefined && from > head.length) return sendFrom(file, head, from, reply);
    }
    const kind = fileKind(file.path);
    if (kind.isPlaylist && (await this.#playlists.send(file, kind, reply, query))) return reply;
    const { headers } = reply.request.raw;
    // The last n bytes of a file that has fewer are the whole file (RFC 9110, 14.1.2); the library would answer 416.
    const suffix = /^bytes=-(\d+)$/.exec(headers.range ?? '')?.[1];
    if (suffix !== undefined && Number(suffix) >= file.sizeBytes && file.sizeBytes > 0) delete headers.range;
    const first = /^bytes=(\d+)-\d*$/.exec(headers.range ?? '')?.[1];
    if (Number(first) >= file.sizeBytes && headers['if-range'] === undefined) {
      return sendText(
        reply.header('Content-Range', `bytes */${file.sizeBytes}`),
        416,
        'behind the end of the file',
      );
    }
    reply.header('Cache-Control', query === undefined ? kind.cacheControl : forOne(kind.cacheControl));
    if (kind.type === undefined) return reply.sendFile(file.path, file.root, { cacheControl: false });
    return reply.type(kind.type).sendFile(file.path, file.root, { cacheControl: false, contentType: false });
  }
}

function refuse(reply: FastifyReply, { status, text, location }: FileRefusal): FastifyReply {
  if (location !== undefined) reply.header('Location', location);
  return sendText(reply.header('Cache-Control', 'no-store'), status, text);
}

function hostOf(hostHeader: string | undefined, { query }: RequestTarget): string {
  const vhost = query === '' ? null : new URLSearchParams(query).get('vhost');
  return vhost?.toLowerCase() ?? hostName(hostHeader);
}

function mountsOf({ statics, dir, pageDir }: FileRouteOptions): StaticMounts {
  return new StaticMounts({ mounts: statics, dir, pageDir });
}

/** Header and config records, then the tags from the first one at or after `from`. */
async function sendFrom(
  file: ServedFile,
  head: Buffer,
  from: number,
  reply: FastifyReply,
): Promise<FastifyReply> {
  // Players take `start` from the keyframe index, which is exact; a rounded one would show garbage.
  const position = from + (findFlvTag(await readAt(file, from, MAX_FLV_RESYNC_BYTES)) ?? 0);
  reply
    .type('video/x-flv')
    .header('Content-Length', head.length + file.sizeBytes - position)
    .header('Cache-Control', 'no-cache');
  if (reply.request.method === 'HEAD') return reply.send();
  return reply.send(Readable.from(headThenFile(head, file, position), { objectMode: false }));
}

async function* headThenFile(head: Buffer, file: ServedFile, position: number): AsyncGenerator<Buffer> {
  yield head;
  for await (const chunk of streamFrom(file, position)) yield chunk as Buffer;
}
