import type { FastifyReply, FastifyRequest } from 'fastify';
import { WebSocketServer } from 'ws';
import { describeError, ServerError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { maskName, maskUrl } from '../../base/mask-url.ts';
import type { TimerWheel } from '../../base/timer-wheel.ts';
import { withoutKey } from '../../hub/grants.ts';
import type {
  AccessPolicy,
  Hub,
  LiveStream,
  SessionDetails,
  TrackChoice,
  WireFormat,
} from '../../hub/ports.ts';
import {
  bearerOf,
  CORS_HEADERS,
  isHttp2,
  requestClient,
  takeSocket,
  takeStream,
  type IncomingMessage,
  type Socket,
} from '../../net/index.ts';
import {
  LIVE_TYPES,
  LiveViewer,
  liveResponseHead,
  whyNotPlayable,
  type LiveBodyOptions,
  type LiveEnding,
  type LiveViewerStart,
} from '../../outputs/http-live/index.ts';
import {
  elsewhere,
  NO_TRACKS,
  notFound,
  PIPELINED,
  refuse,
  refuseSocket,
  unfit,
  type Refusal,
} from './live-refusal.ts';
import type { MountMatch, MountTable } from './mount-table.ts';
import { pageUrlOf } from './page-url.ts';
import { hostName, parseTarget, type RequestTarget } from './request-target.ts';

export interface LiveRouteOptions {
  readonly hub: Hub;
  readonly access: AccessPolicy;
  /** Asked at each request. */
  settings(): LiveRouteSettings;
  readonly liveFormat: (ending: LiveEnding, options: LiveBodyOptions) => WireFormat;
  /** `Server` header. */
  readonly server: string;
  readonly logger: Logger;
  readonly wheel: TimerWheel;
  readonly newSessionId: () => string;
}

export interface LiveRouteSettings {
  readonly mounts: MountTable;
  readonly crossdomain: boolean;
}

interface Wanted {
  readonly target: RequestTarget;
  readonly match: MountMatch;
  readonly body: Body;
}

/** What of a stream goes into a body. */
type Body = Pick<LiveBodyOptions, 'tracks' | 'announce'>;

/** Longest WebSocket message that a viewer may send, bytes. It is thrown away anyway. */
export const MAX_WEBSOCKET_MESSAGE_BYTES = 4_096;
/** A viewer that reads nothing gets no more pongs than fit here, bytes. */
const MAX_PONG_BACKLOG_BYTES = 64 * 1024;
/** Live bodies over HTTP and WebSocket: request → access → stream → a viewer on the raw socket. */
export class LiveRoute {
  readonly #options: LiveRouteOptions;
  readonly #viewers = new Set<LiveViewer>();
  readonly #webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_WEBSOCKET_MESSAGE_BYTES,
    autoPong: false,
  });

  constructor(options: LiveRouteOptions) {
    this.#options = options;
  }

  /** The live stream that the request names, or undefined when it names none. */
  match(hostHeader: string | undefined, target: RequestTarget): MountMatch | undefined {
    const vhost = new URLSearchParams(target.query).get('vhost') ?? undefined;
    return this.#options.settings().mounts.match(hostName(hostHeader), target.path, vhost);
  }

  /** GET: the body. `isBehind`: it came behind another request of its connection, which was not answered yet. */
  async serve(
    request: FastifyRequest,
    reply: FastifyReply,
    target: RequestTarget,
    match: MountMatch,
    isBehind: boolean,
  ): Promise<FastifyReply> {
    // Thousands of them could wait for one slow pull.
    if (isBehind) return refuse(reply, PIPELINED);
    const body = bodyOf(target.query, match);
    if (body === undefined) return refuse(reply, NO_TRACKS);
    const viewer = this.#viewer(request.raw, `${match.ending}-play`, liveDetails(request.raw, 'http', match));
    try {
      return await this.#serve(viewer, request, reply, { target, match, body });
    } finally {
      this.#options.access.settled?.(viewer);
    }
  }

  async #serve(
    viewer: LiveViewer,
    request: FastifyRequest,
    reply: FastifyReply,
    { target, match, body }: Wanted,
  ): Promise<FastifyReply> {
    const found = await this.#admit(viewer, request.raw, { target, match, body });
    if ('status' in found) return refuse(reply, found);
    const contentType = LIVE_TYPES[match.ending];
    const overHttp2 = isHttp2(reply.raw);
    const socket = overHttp2 ? takeStream(reply.raw, this.#headers(contentType)) : takeSocket(reply.raw);
    if (socket === undefined) return refuse(reply, PIPELINED); // Or the client is gone and nobody will read it.
    reply.hijack();
    const chunked = request.raw.httpVersionMajor === 1 && request.raw.httpVersionMinor >= 1;
    this.#start(viewer, {
      socket,
      stream: found.stream,
      format: this.#options.liveFormat(match.ending, {
        framing: chunked ? 'chunked' : 'identity',
        ...body,
      }),
      ...(overHttp2 ? {} : { head: this.#head(chunked, contentType) }),
      unfit: unfitOf(found.stream, match.ending, body.tracks),
    });
    return reply;
  }

  /** HEAD: what GET would begin with. Brings no stream here and asks no access policy: nothing is played. */
  head(reply: FastifyReply, target: RequestTarget, match: MountMatch): FastifyReply {
    const body = bodyOf(target.query, match);
    if (body === undefined) return refuse(reply, NO_TRACKS);
    const stream = this.#options.hub.find(match.name);
    if (stream === undefined || stream.state === 'idle') return refuse(reply, notFound(match));
    const why = unfitOf(stream, match.ending, body.tracks)?.();
    if (why !== undefined) return refuse(reply, unfit(why));
    return reply
      .code(200)
      .header('Content-Type', LIVE_TYPES[match.ending])
      .header('Cache-Control', 'no-cache, no-store')
      .send();
  }

  /** A WebSocket handshake on any path. */
  async upgrade(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const wanted = this.#wanted(request);
    if ('status' in wanted) {
      refuseSocket(socket, wanted);
      return;
    }
    const viewer = this.#viewer(
      request,
      `ws-${wanted.match.ending}-play`,
      liveDetails(request, 'ws', wanted.match),
    );
    try {
      await this.#upgrade(viewer, request, socket, head, wanted);
    } finally {
      this.#options.access.settled?.(viewer);
    }
  }

  async #upgrade(
    viewer: LiveViewer,
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
    wanted: Wanted,
  ): Promise<void> {
    const { ending } = wanted.match;
    const found = await this.#admit(viewer, request, wanted);
    if ('status' in found) {
      refuseSocket(socket, found);
      return;
    }
    // Refuses bad handshakes itself (RFC 6455, 4.2.1) and then does not call back.
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('error', () => webSocket.terminate()); // A protocol error of the peer, e.g. a message too large.
      webSocket.on('ping', (data) => {
        if (socket.writableLength < MAX_PONG_BACKLOG_BYTES) webSocket.pong(data);
      });
      this.#start(viewer, {
        socket,
        stream: found.stream,
        format: this.#options.liveFormat(ending, { framing: 'websocket', ...wanted.body }),
        unfit: unfitOf(found.stream, ending, wanted.body.tracks),
      });
    });
  }

  /** Ends all viewers. */
  close(): void {
    for (const viewer of this.#viewers) {
      viewer.close(new ServerError('SERVER_STOPPING', 'the server is stopping'));
    }
  }

  /** Viewers whose connection is open. */
  get viewers(): number {
    return this.#viewers.size;
  }

  #wanted(request: IncomingMessage): Wanted | Refusal {
    const target = parseTarget(request.url ?? '');
    if (target === undefined) return { status: 400, text: 'bad request' };
    const match = this.match(request.headers.host, target);
    if (match === undefined) return { status: 404, text: 'not found' };
    if (match.isOther && this.#options.hub.find(match.name) === undefined) return notFound(match);
    const body = bodyOf(target.query, match);
    return body === undefined ? NO_TRACKS : { target, match, body };
  }

  #viewer(request: IncomingMessage, type: string, details: SessionDetails): LiveViewer {
    const viewer: LiveViewer = new LiveViewer({
      id: this.#options.newSessionId(),
      ip: requestClient(request).ip,
      type,
      details,
      logger: this.#options.logger,
      wheel: this.#options.wheel,
      onClosed: () => this.#viewers.delete(viewer),
    });
    return viewer;
  }

  async #admit(
    viewer: LiveViewer,
    request: IncomingMessage,
    { target, match, body }: Wanted,
  ): Promise<{ readonly stream: LiveStream } | Refusal> {
    const { hub, access, logger } = this.#options;
    const { vhost, app, stream } = match.name;
    const log = logger.child({ session: viewer.id });
    const line = (name: string): string => `${viewer.type} of ${vhost}/${app}/${name} from ${viewer.ip}`;
    const pageUrl = pageUrlOf(request.headers);
    const bearer = bearerOf(request.headers.authorization);
    let granted = match.name;
    try {
      const grant = await access.check({
        action: 'play',
        session: viewer,
        vhost,
        app,
        stream,
        params: target.query,
        ...(pageUrl === undefined ? {} : { pageUrl }),
        ...(bearer === undefined ? {} : { bearer }),
      });
      if (grant?.redirect !== undefined) {
        log.info(`${line(maskName(stream))} is sent to ${maskUrl(grant.redirect)}`);
        return elsewhere(grant.redirect);
      }
      if (grant?.stream !== undefined) granted = { ...match.name, stream: grant.stream };
      if (grant?.isKey === true) viewer.details = withoutKey(viewer.details, stream);
    } catch (error) {
      log.warn(`${line(maskName(stream))} refused: ${describeError(error)}`);
      return error instanceof ServerError
        ? { status: 403, text: `forbidden: ${error.code}` }
        : { status: 503, text: 'unavailable' };
    }
    const where = line(granted.stream);
    try {
      const found = await hub.resolve(granted, 'fail');
      if (found !== undefined) {
        const why = unfitOf(found, match.ending, body.tracks)?.();
        if (why === undefined) return { stream: found };
        log.debug(`${where}: ${why}`);
        return unfit(why);
      }
      // Anybody can ask for any name at any rate: no line that everybody sees.
      log.debug(`${line(maskName(granted.stream))}: no such stream`);
      return notFound(match);
    } catch (error) {
      log.warn(`${where} failed: ${describeError(error)}`);
      return { status: 503, text: 'unavailable' };
    }
  }

  #start(viewer: LiveViewer, start: LiveViewerStart): void {
    this.#viewers.add(viewer);
    try {
      viewer.start(start);
    } catch (error) {
      this.#options.logger
        .child({ session: viewer.id })
        .warn(`${viewer.type} could not begin: ${describeError(error)}`);
      viewer.close(
        error instanceof ServerError
          ? error
          : new ServerError('SESSION_CLOSED', 'could not begin', { cause: error }),
      );
    }
  }

  /** Of a body over HTTP/2. */
  #headers(contentType: string): Readonly<Record<string, string>> {
    const cors = this.#options.settings().crossdomain ? CORS_HEADERS : {};
    const { server } = this.#options;
    return { server, 'content-type': contentType, 'cache-control': 'no-cache, no-store', ...cors };
  }

  #head(chunked: boolean, contentType: string): Buffer {
    return liveResponseHead({
      chunked,
      contentType,
      server: this.#options.server,
      headers: this.#options.settings().crossdomain ? CORS_HEADERS : {},
      nowMs: Date.now(),
    });
  }
}

/** What the request says of its sender. */
function liveDetails(
  { headers, socket, url = '' }: IncomingMessage,
  scheme: 'http' | 'ws',
  { name }: MountMatch,
): SessionDetails {
  const transport = 'encrypted' in socket && socket.encrypted === true ? (`${scheme}s` as const) : scheme;
  const query = url.indexOf('?');
  const pageUrl = pageUrlOf(headers);
  return {
    transport,
    ...(headers.host === undefined ? {} : { tcUrl: `${transport}://${headers.host}/${name.app}` }),
    ...(pageUrl === undefined ? {} : { pageUrl }),
    params: query < 0 ? '' : url.slice(query),
    ...(headers['user-agent'] === undefined ? {} : { userAgent: headers['user-agent'] }),
  };
}

/** `?audio=0` leaves the sound out, `?video=0` the picture; both leave nothing (undefined). */
function tracksOf(query: string): TrackChoice | undefined {
  if (query === '') return 'av';
  const params = new URLSearchParams(query);
  const audio = params.get('audio') !== '0';
  const video = params.get('video') !== '0';
  if (audio) return video ? 'av' : 'a';
  return video ? 'v' : undefined;
}

/** The tracks by the query and by what the mount announces; undefined when that leaves nothing. */
function bodyOf(query: string, { ending, announced }: MountMatch): Body | undefined {
  const asked = ending === 'aac' || ending === 'mp3' ? 'a' : tracksOf(query);
  if (asked === undefined || announced === undefined) return asked && { tracks: asked };
  const announce = { hasAudio: announced.audio, hasVideo: announced.video };
  if (!announced.dropOthers) return { tracks: asked, announce };
  const audio = asked !== 'v' && announced.audio;
  const video = asked !== 'a' && announced.video;
  if (!audio && !video) return undefined;
  return { tracks: audio ? (video ? 'av' : 'a') : 'v', announce };
}

/** Asks why the ending does not fit the stream, if it can fail to. */
function unfitOf(
  stream: LiveStream,
  ending: LiveEnding,
  tracks: TrackChoice,
): (() => string | undefined) | undefined {
  if (ending === 'flv') return undefined;
  return () => whyNotPlayable(ending, tracks, stream.snapshot(), Date.now());
}
