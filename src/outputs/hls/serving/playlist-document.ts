import type { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/logger.ts';
import type { TimerWheel } from '../../../base/timer-wheel.ts';
import type { Undo } from '../../../base/undo.ts';
import type { MediaPlaylist } from '../../../containers/m3u8/index.ts';
import { REVOKED, type FileRights } from '../../../hub/file-admission.ts';
import type { FileSession } from '../../../hub/file-session.ts';
import { FileSessions } from '../../../hub/file-sessions.ts';
import type { AccessPolicy, AttendRequest } from '../../../hub/ports.ts';
import { newContext } from '../../../hub/viewer-context.ts';
import { counted } from '../../../storage/guarded-file.ts';
import type {
  ResourceAnswer,
  ResourceBody,
  ResourceRefusal,
  ResourceRequest,
} from '../../../storage/live-resources.ts';
import type { LivePlaylist } from '../live-playlist.ts';
import type { HlsDocument, HlsOptions } from '../options.ts';
import { AwaitedFile } from './awaited-file.ts';
import { masterText } from './master-text.ts';
import { CONTEXT_PARAMETER, readPlaylistQuery, type PlaylistQuery } from './playlist-query.ts';
import { PlaylistTexts, type QueriedKeys } from './playlist-texts.ts';
import { judgeReload, reloadTimeoutMs, type ReloadVerdict } from './reload.ts';
import { WaitingRoom } from './waiting-room.ts';

/** What viewers of one stream get. */
export type ServingOptions = Pick<HlsOptions, 'viewerSessions' | 'segmentSessions' | 'relativeMaster'>;

export interface PlaylistDocumentDeps {
  readonly live: LivePlaylist;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly logger: Logger;
  readonly access: AccessPolicy;
  /** Default: no vhost is protected. */
  readonly rights?: FileRights | undefined;
  /** Counts a viewer of the stream: `hub.find(name)?.attend(request)`. */
  attend(request: AttendRequest): Undo | undefined;
  /** Bound of the viewers with an id. Default: MAX_FILE_SESSIONS. */
  readonly maxSessions?: number;
}

/** Who comes before the first segment waits so long for it, ms: longer than one of 10 s takes, shorter than players wait. */
const FIRST_PLAYLIST_MS = 18_000;
/** Of what has a viewer's id in it. */
const OF_ONE_VIEWER = 'private, no-store';

/** The playlist of a live stream at its path: what each viewer gets of it, when, and as whom. */
export class PlaylistDocument implements HlsDocument {
  readonly #live: LivePlaylist;
  readonly #wheel: TimerWheel;
  readonly #options: ServingOptions;
  readonly #sessions: FileSessions;
  readonly #waiting: WaitingRoom;
  readonly #marker = `ctx${randomBytes(16).toString('hex')}`;
  #texts: PlaylistTexts | undefined;
  #closed = false;

  constructor(options: ServingOptions, deps: PlaylistDocumentDeps) {
    const { live, wheel } = deps;
    this.#options = options;
    this.#live = live;
    this.#wheel = wheel;
    this.#waiting = new WaitingRoom(wheel, (listener) => live.subscribe(listener));
    this.#sessions = new FileSessions({
      kind: 'hls',
      name: live.name,
      clock: deps.clock,
      wheel,
      logger: deps.logger,
      access: deps.access,
      rights: deps.rights,
      attend: (request) => deps.attend(request),
      timeoutMs: () => this.#holdMs(),
      revoked: () => this.#waiting.recheck(),
      maxSessions: deps.maxSessions,
    });
  }

  /** Viewers with an id. */
  get viewers(): number {
    return this.#sessions.size;
  }

  /** Requests that wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Who may have a segment, part, map or key: the bytes are counted for those who ask with an id. */
  readonly admit = ({ query }: ResourceRequest): ResourceRefusal | FileSession | undefined =>
    this.#sessions.admit(query);

  get isPrivate(): boolean {
    return this.#sessions.isProtected;
  }

  /** What to serve an announced part with until it is there, or `settle(undefined)` says that it will not come. */
  announced(): AwaitedFile {
    return new AwaitedFile(this.#wheel, () => this.#holdMs());
  }

  respond(request: ResourceRequest): Answer {
    if (this.#closed) return undefined;
    const query = readPlaylistQuery(request.query);
    if (typeof query === 'string') return { status: 400, text: query };
    const { viewerSessions } = this.#options;
    if (!viewerSessions && !this.#sessions.isProtected) return this.#media(request, query, undefined);
    const known = this.#sessions.find(query.context);
    if (known === 'revoked') return REVOKED;
    if (known !== undefined) return this.#media(request, query, known);
    if (!viewerSessions && query.context === undefined) return this.#unnamed(request, query);
    // Nothing begins: a master playlist with an id that nobody has, or what a viewer with this id would see.
    if (request.headOnly) {
      const reader = { context: query.context ?? newContext(), session: undefined };
      return query.context === undefined
        ? this.#master(request, query, reader)
        : this.#media(request, query, reader);
    }
    return this.#begin(request, query);
  }

  /** The stream is over, or its settings changed: all sessions end, nobody waits, the disk has what is left. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#sessions.close();
    this.#waiting.close();
    this.#texts = undefined;
  }

  /** [hls_ctx off] Where segments need the id of a viewer there is one all the same, without a master playlist. */
  #unnamed(request: ResourceRequest, query: PlaylistQuery): Answer {
    const { context, origin } = this.#sessions.contextFor(request, query.rest);
    const known = this.#sessions.find(context);
    if (known === 'revoked') return REVOKED;
    if (known !== undefined) return this.#media(request, query, known);
    const named = { ...query, context };
    return request.headOnly
      ? this.#media(request, named, { context, session: undefined })
      : this.#begin(request, named, origin);
  }

  async #begin(
    request: ResourceRequest,
    query: PlaylistQuery,
    origin?: string,
  ): Promise<ResourceAnswer | undefined> {
    const session = await this.#sessions.begin(query.context, request, query.rest, origin);
    // What the disk has of a stream that is over is for who is still behind: nobody is counted.
    if (session === undefined || 'status' in session) return session;
    return query.context === undefined
      ? this.#master(request, query, session)
      : this.#media(request, query, session);
  }

  #master(request: ResourceRequest, query: PlaylistQuery, reader: Reader): Answer {
    const { context, session } = reader;
    const live = this.#live;
    // Before the first whole segment nothing is known of the bit rate.
    const isKnown = (): ReloadVerdict =>
      live.playlist !== undefined && live.facts.bandwidth > 0 ? 'now' : 'wait';
    return this.#when(isKnown, request, session, () => {
      const { path } = request;
      const relative = this.#options.relativeMaster;
      const bytes = masterText(live, { path, rest: query.rest, context, relative });
      return this.#body(bytes, 'no-store', session);
    });
  }

  #media(request: ResourceRequest, query: PlaylistQuery, reader: Reader | undefined): Answer {
    const judge = (): ReloadVerdict => judgeReload(query, this.#live);
    return this.#when(judge, request, reader?.session, (playlist) => {
      if (this.#texts?.playlist !== playlist) this.#texts = new PlaylistTexts(playlist, this.#marker);
      const texts = this.#texts;
      if (reader === undefined) {
        // The answer to a blocking request is the same for all who ask with this URL (bis, appendix B.1).
        const isShared = query.sequence !== undefined;
        const cacheControl = isShared ? `public, max-age=${playlist.targetDurationSec}` : undefined;
        return this.#body(textFor(texts, query, undefined, false), cacheControl, undefined);
      }
      const { viewerSessions, segmentSessions } = this.#options;
      const { isProtected } = this.#sessions;
      const isNamed = isProtected || (viewerSessions && segmentSessions);
      const bytes = textFor(texts, query, isNamed ? reader.context : undefined, isProtected);
      return this.#body(bytes, OF_ONE_VIEWER, reader.session);
    });
  }

  /** Answers when the playlist has what is wanted of it. */
  #when(
    judge: () => ReloadVerdict,
    request: ResourceRequest,
    session: FileSession | undefined,
    body: (playlist: MediaPlaylist) => ResourceBody,
  ): Answer {
    const verdict = judge();
    if (verdict === 'far') return TOO_FAR;
    if (verdict === 'now' || request.headOnly) return this.#now(body);
    return this.#later(judge, request, session, body);
  }

  #now(body: (playlist: MediaPlaylist) => ResourceBody): ResourceAnswer {
    const { playlist } = this.#live;
    return playlist === undefined ? NOT_YET : body(playlist);
  }

  async #later(
    judge: () => ReloadVerdict,
    request: ResourceRequest,
    session: FileSession | undefined,
    body: (playlist: MediaPlaylist) => ResourceBody,
  ): Promise<ResourceAnswer | undefined> {
    const live = this.#live;
    session?.waits(true);
    const end = await this.#waiting.wait({
      isReady: () => judge() !== 'wait' || session?.hasEnded() === true,
      timeoutMs: this.#holdMs(),
      signal: request.signal,
    });
    session?.waits(false);
    if (this.#closed) return undefined;
    if (session !== undefined) {
      const still = this.#sessions.find(session.context);
      if (still === undefined) return undefined;
      if (still === 'revoked') return REVOKED;
    }
    if (end === 'ready') return judge() === 'far' ? TOO_FAR : this.#now(body);
    return live.playlist === undefined ? NOT_YET : end === 'full' ? BUSY : LATE;
  }

  #body(bytes: Buffer, cacheControl: string | undefined, session: FileSession | undefined): ResourceBody {
    const { modifiedMs } = this.#live;
    const body = { bytes, modifiedMs, ...(cacheControl === undefined ? {} : { cacheControl }) };
    return session === undefined ? body : counted(body, session);
  }

  /** How long a request may wait now, ms. */
  #holdMs(): number {
    return reloadTimeoutMs(this.#live, FIRST_PLAYLIST_MS);
  }
}

/**
 * What segments have to be asked for with: the id of a viewer, and the vhost by which the playlist was found. `all`: nothing is
 * given out without the id, keys neither.
 */
function textFor(
  texts: PlaylistTexts,
  { skip, vhost }: PlaylistQuery,
  context: string | undefined,
  all: boolean,
): Buffer {
  const session = context === undefined ? undefined : `${CONTEXT_PARAMETER}=${context}`;
  const query = [session, vhost].filter((one) => one !== undefined).join('&');
  if (query === '') return texts.shared(skip);
  const keys: QueriedKeys = all ? 'all' : vhost === undefined ? 'none' : 'relative';
  return texts.withQuery(skip, query, keys);
}

type Answer = ResourceAnswer | undefined | Promise<ResourceAnswer | undefined>;

/** For whom an answer is: an id, and the session that counts it, except with HEAD. */
interface Reader {
  readonly context: string;
  readonly session: FileSession | undefined;
}

const NOT_YET: ResourceRefusal = { status: 404, text: 'nothing of the stream is there yet' };
const TOO_FAR: ResourceRefusal = { status: 400, text: '_HLS_msn or _HLS_part is too far in the future' };
const LATE: ResourceRefusal = { status: 503, text: 'the stream does not go on' };
const BUSY: ResourceRefusal = { status: 503, text: 'too many requests wait' };
