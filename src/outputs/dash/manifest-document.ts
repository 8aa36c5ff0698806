import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { TimerWheel } from '../../base/timer-wheel.ts';
import type { Undo } from '../../base/undo.ts';
import { writeMpd, type Mpd } from '../../containers/mpd/index.ts';
import { REVOKED, withoutParameter, type FileRights } from '../../hub/file-admission.ts';
import type { FileSession } from '../../hub/file-session.ts';
import { FileSessions } from '../../hub/file-sessions.ts';
import type { AccessPolicy, AttendRequest, StreamName } from '../../hub/ports.ts';
import { addQuery, contextOf, parameterOf, vhostOf } from '../../hub/viewer-context.ts';
import { counted } from '../../storage/guarded-file.ts';
import type {
  LiveResource,
  ResourceAnswer,
  ResourceBody,
  ResourceRefusal,
  ResourceRequest,
} from '../../storage/live-resources.ts';

/** What an output needs to tell its viewers from each other. */
export interface DashViewerDeps {
  readonly clock: Clock;
  readonly access: AccessPolicy;
  /** Default: no vhost is protected. */
  readonly rights?: FileRights | undefined;
  /** Counts a viewer of a stream; undefined where there is no such stream any more. */
  attend(name: StreamName, request: AttendRequest): Undo | undefined;
}

export interface ManifestDocumentOptions {
  readonly name: StreamName;
  /** [dash_ctx] Viewers get a session. */
  readonly viewerSessions: boolean;
  /** A viewer who asked for nothing for so long is gone, ms. */
  readonly timeoutMs: number;
}

/** A manifest in pieces, between which the query of each viewer goes. */
interface Shown {
  readonly mpd: Mpd;
  readonly url: string;
  readonly modifiedMs: number;
  readonly shared: ResourceBody;
  pieces: readonly string[] | undefined;
}

const PARAMETER = parameterOf('dash');
/** Of what has a viewer's id in it. */
const OF_ONE_VIEWER = 'private, no-store';

/**
 * The manifest of a live stream at its path: what each viewer gets of it, and as whom. Segments are asked for with the id of the
 * viewer, which is in their templates; the manifest itself too by players that go by `Location`. Others, ffmpeg among them, ask
 * for it as at first, and are known by what their requests look like.
 */
export class ManifestDocument implements LiveResource {
  readonly #options: ManifestDocumentOptions;
  readonly #sessions: FileSessions;
  /** Letters and digits that no URL has. */
  readonly #marker = `ctx${randomBytes(16).toString('hex')}`;
  readonly #placeMarker = `loc${randomBytes(16).toString('hex')}`;
  #shown: Shown | undefined;
  #closed = false;

  constructor(
    options: ManifestDocumentOptions,
    deps: DashViewerDeps & { readonly wheel: TimerWheel; readonly logger: Logger },
  ) {
    this.#options = options;
    const { name, timeoutMs } = options;
    const { clock, wheel, logger, access, rights } = deps;
    this.#sessions = new FileSessions({
      kind: 'dash',
      name,
      clock,
      wheel,
      logger,
      access,
      rights,
      attend: (request) => deps.attend(name, request),
      timeoutMs: () => timeoutMs,
    });
  }

  /** Viewers with an id. */
  get viewers(): number {
    return this.#sessions.size;
  }

  /** Who may have a segment: the bytes are counted for those who ask with an id. */
  readonly admit = ({ query }: ResourceRequest): ResourceRefusal | FileSession | undefined =>
    this.#sessions.admit(query);

  get isPrivate(): boolean {
    return this.#sessions.isProtected;
  }

  /** @param url Of the manifest, relative to itself. */
  show(mpd: Mpd, url: string, bytes: Buffer, modifiedMs: number): void {
    this.#shown = { mpd, url, modifiedMs, shared: { bytes, modifiedMs }, pieces: undefined };
  }

  respond(request: ResourceRequest): ResourceAnswer | undefined | Promise<ResourceAnswer | undefined> {
    const shown = this.#shown;
    if (this.#closed || shown === undefined) return undefined;
    const { query } = request;
    if (!this.#options.viewerSessions && !this.#sessions.isProtected) return this.#plain(shown, query);
    const named = contextOf(query, PARAMETER);
    const rest = withoutParameter(query, PARAMETER);
    const unnamed = named === undefined ? this.#sessions.contextFor(request, rest) : undefined;
    const context = named ?? unnamed?.context;
    const known = this.#sessions.find(context);
    if (known === 'revoked') return REVOKED;
    if (known !== undefined) {
      if (named !== undefined) this.#sessions.returned(known);
      return this.#body(shown, known, rest);
    }
    // Nothing begins.
    if (request.headOnly) return shown.shared;
    return this.#begin(context, request, rest, unnamed?.origin);
  }

  /** The stream is over, or its settings changed: all sessions end, the disk has what is left. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#shown = undefined;
    this.#sessions.close();
  }

  async #begin(
    context: string | undefined,
    request: ResourceRequest,
    rest: string,
    origin: string | undefined,
  ): Promise<ResourceAnswer | undefined> {
    const session = await this.#sessions.begin(context, request, rest, origin);
    if (session === undefined || 'status' in session) return session;
    return this.#shown === undefined ? undefined : this.#body(this.#shown, session, rest);
  }

  /** The same for all, but for those who found it by `?vhost=`: they find the segments only so. */
  #plain(shown: Shown, query: string): ResourceBody {
    const vhost = vhostOf(query);
    if (vhost === undefined) return shown.shared;
    return { bytes: this.#text(shown, vhost, vhost), modifiedMs: shown.modifiedMs };
  }

  #body(shown: Shown, session: FileSession, rest: string): ResourceBody {
    const id = `${PARAMETER}=${session.context}`;
    const vhost = vhostOf(rest);
    const bytes = this.#text(
      shown,
      vhost === undefined ? id : `${id}&${vhost}`,
      rest === '' ? id : `${id}&${rest}`,
    );
    return counted({ bytes, modifiedMs: shown.modifiedMs, cacheControl: OF_ONE_VIEWER }, session);
  }

  /** @param place The query that the manifest itself is asked for with from now on. */
  #text(shown: Shown, query: string, place: string): Buffer {
    shown.pieces ??= this.#split(shown);
    const [head = '', ...rest] = shown.pieces;
    const marked = escapeXml(query);
    // The first piece is what stands before the address of the manifest.
    return Buffer.from(head + escapeXml(place) + rest.join(marked));
  }

  #split({ mpd, url }: Shown): readonly string[] {
    const text = writeMpd(withQuery(mpd, this.#marker, addQuery(url, this.#placeMarker)));
    const [head = '', rest = ''] = text.split(this.#placeMarker);
    return [head, ...rest.split(this.#marker)];
  }
}

/** A manifest whose segments and clock are asked for with a query, and which is asked for at `location` itself. */
function withQuery(mpd: Mpd, query: string, location: string): Mpd {
  const { utcTiming } = mpd;
  return {
    ...mpd,
    location,
    ...(utcTiming === undefined
      ? {}
      : { utcTiming: { ...utcTiming, value: addQuery(utcTiming.value, query) } }),
    periods: mpd.periods.map((period) => ({
      ...period,
      adaptationSets: period.adaptationSets.map((set) => ({
        ...set,
        template: {
          ...set.template,
          media: addQuery(set.template.media, query),
          ...((set.template.initialization ?? '') === ''
            ? {}
            : { initialization: addQuery(set.template.initialization ?? '', query) }),
        },
      })),
    })),
  };
}

/** Of what may stand in a URL. Spec: XML 1.0, 2.4. */
function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
