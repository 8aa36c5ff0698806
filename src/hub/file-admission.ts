import { describeError, ServerError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { maskName } from '../base/mask-url.ts';
import type { Undo } from '../base/undo.ts';
import type { FileKind, FileSession } from './file-session.ts';
import type { AccessGrant, AccessPolicy, SessionDetails, StreamName } from './ports.ts';
import { addQuery, parameterOf } from './viewer-context.ts';

/** What is known of a request for a file. */
export interface FileRequest {
  readonly host: string | undefined;
  readonly referer: string | undefined;
  readonly userAgent: string | undefined;
  /** The token of `Authorization: Bearer`: a secret. */
  readonly bearer?: string | undefined;
  readonly ip: string;
  readonly secure: boolean;
}

/** An answer in place of a file: an HTTP status and a line of text for it. */
export interface FileRefusal {
  readonly status: 302 | 403 | 404 | 503;
  readonly text: string;
  /** Of a 302. */
  readonly location?: string;
}

/** The viewers of one stream by files of one kind. */
export interface FileViewers {
  readonly kind: FileKind;
  readonly name: StreamName;
  /** The viewer with this id, who showed life just now; `revoked`: refuse; undefined: there is none. */
  find(context: string): FileSession | 'revoked' | undefined;
  /** Takes a viewer in whom the policy has let in. Undefined: the stream is over. */
  take(session: FileSession, grant: AccessGrant | undefined): FileSession | FileRefusal | undefined;
}

/** What all who give out files of streams share. */
export interface FileRights {
  /** Whether rules say who may play streams of this vhost: files then need the id of a viewer who may. */
  isProtected(vhost: string): boolean;
  /** These viewers are asked about files of their stream until the undo. */
  join(viewers: FileViewers): Undo;
  /** Those who watch this stream. */
  find(kind: FileKind, name: StreamName): FileViewers | undefined;
  /** The address of the file that players open, for this HTTP server; undefined where there is none. */
  urlOf(kind: FileKind, name: StreamName): string | undefined;
  /** The stream of this viewer is over: what is left of it on the disk is still for it. */
  remember(name: StreamName, session: FileSession): void;
  /** Whether this id is one of those. */
  remembers(name: StreamName, context: string): boolean;
}

/** What the policy says to a viewer of files: its grant, or what to answer instead. Never rejects. */
export async function askToPlay(
  access: AccessPolicy,
  session: FileSession,
  asked: {
    readonly name: StreamName;
    readonly request: FileRequest;
    readonly rest: string;
    readonly logger: Logger;
    /** Of the line that tells a refusal: anybody can ask for any name of a file at any rate. */
    readonly level: 'warn' | 'debug';
  },
): Promise<{ readonly grant: AccessGrant | undefined } | FileRefusal> {
  const { vhost, app, stream } = asked.name;
  const { referer, bearer } = asked.request;
  try {
    const grant = await access.check({
      action: 'play',
      session,
      vhost,
      app,
      stream,
      params: asked.rest,
      ...(referer === undefined ? {} : { pageUrl: referer }),
      ...(bearer === undefined ? {} : { bearer }),
    });
    return { grant };
  } catch (error) {
    const who = `${session.type} of ${vhost}/${app}/${maskName(stream)} from ${session.ip}`;
    asked.logger.child({ session: session.id })[asked.level](`${who} refused: ${describeError(error)}`);
    return error instanceof ServerError
      ? { status: 403, text: `forbidden: ${error.code}` }
      : { status: 503, text: 'unavailable' };
  }
}

/**
 * Where a grant sends a viewer: to another server, or to another stream of this one, whose viewer it then is already. Undefined:
 * nowhere.
 */
export function elsewhere(
  grant: AccessGrant | undefined,
  from: {
    readonly kind: FileKind;
    readonly name: StreamName;
    readonly rights?: FileRights | undefined;
    readonly session: FileSession;
    readonly rest: string;
  },
): FileRefusal | undefined {
  if (grant?.redirect !== undefined) {
    return { status: 302, text: 'the stream is elsewhere', location: grant.redirect };
  }
  const { kind, name, rights, session } = from;
  if (grant?.stream === undefined || grant.stream === name.stream) return undefined;
  const other = { ...name, stream: grant.stream };
  const url = rights?.urlOf(kind, other);
  if (url === undefined) return GONE;
  const taken = rights?.find(kind, other)?.take(session, grant);
  if (taken === undefined) return GONE;
  if ('status' in taken) return taken;
  // What came with a secret name is nobody else's either; a second `vhost` would be one too many.
  const rest = grant.isKey === true ? '' : withoutParameter(from.rest, 'vhost');
  const location = addQuery(addQuery(url, `${parameterOf(kind)}=${taken.context}`), rest);
  return { status: 302, text: 'the stream has another name', location };
}

/** A query without the parameters of this name. */
export function withoutParameter(query: string, name: string): string {
  return query
    .split('&')
    .filter((one) => one !== '' && one !== name && !one.startsWith(`${name}=`))
    .join('&');
}

/** What the first request says of its sender. */
export function detailsOf(
  { secure, host, referer, userAgent }: FileRequest,
  app: string,
  rest: string,
): SessionDetails {
  const transport = secure ? 'https' : 'http';
  return {
    transport,
    ...(host === undefined ? {} : { tcUrl: `${transport}://${host}/${app}` }),
    ...(referer === undefined ? {} : { pageUrl: referer }),
    params: rest === '' ? '' : `?${rest}`,
    ...(userAgent === undefined ? {} : { userAgent }),
  };
}

export const REVOKED: FileRefusal = { status: 403, text: 'forbidden: the session was ended' };
export const GONE: FileRefusal = { status: 404, text: 'the stream is gone' };
