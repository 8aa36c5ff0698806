import type { RecordingDone, SegmentDone } from '../../hub/output-events.ts';
import { streamKey, type StreamName } from '../../hub/ports.ts';
import { stableId } from '../sessions/stable-id.ts';
import type { HookEvent } from './hook-options.ts';

/** What all bodies say of the server. */
export interface HookServer {
  /** [server_id] */
  readonly serverId: string;
  /** One for each start of the server. */
  readonly serviceId: string;
  /** The folder that paths of files are relative to. */
  readonly cwd: string;
}

/** Whom a call is about. */
export interface HookClient {
  readonly id: string;
  readonly ip: string;
  readonly tcUrl: string;
  readonly pageUrl: string;
  /** With its `?`, or empty. */
  readonly param: string;
}

export type HookBody = Readonly<Record<string, string | number>>;

/** What all bodies have. */
export function commonBody(
  event: HookEvent,
  server: HookServer,
  client: HookClient,
  name: Pick<StreamName, 'vhost' | 'app'>,
): HookBody {
  return {
    action: event,
    server_id: server.serverId,
    service_id: server.serviceId,
    client_id: client.id,
    ip: client.ip,
    vhost: name.vhost,
    app: name.app,
    tcUrl: client.tcUrl,
  };
}

/** Before it is known what the client wants, `stream` is empty. */
export function connectBody(
  server: HookServer,
  client: HookClient,
  name: Pick<StreamName, 'vhost' | 'app'>,
): HookBody {
  return {
    ...commonBody('on_connect', server, client, name),
    pageUrl: client.pageUrl,
    stream: '',
    param: client.param,
  };
}

export function closeBody(
  server: HookServer,
  client: HookClient,
  name: Pick<StreamName, 'vhost' | 'app'>,
  bytes: { readonly sent: number; readonly received: number },
): HookBody {
  return {
    ...commonBody('on_close', server, client, name),
    send_bytes: bytes.sent,
    recv_bytes: bytes.received,
  };
}

/** on_publish and on_unpublish. */
export function streamBody(
  event: HookEvent,
  server: HookServer,
  client: HookClient,
  name: StreamName,
): HookBody {
  return {
    ...commonBody(event, server, client, name),
    stream: name.stream,
    param: client.param,
    stream_url: streamKey(name),
    stream_id: stableId('str', streamKey(name)),
  };
}

/** on_play and on_stop. `clients`: how many play the stream, this one among them as long as it plays. */
export function playBody(
  event: 'on_play' | 'on_stop',
  server: HookServer,
  client: HookClient,
  name: StreamName,
  clients: number,
): HookBody {
  return {
    ...streamBody(event, server, client, name),
    ...(event === 'on_play' ? { pageUrl: client.pageUrl } : {}),
    clients,
  };
}

export function recordingBody(
  server: HookServer,
  client: HookClient,
  { name, file }: RecordingDone,
): HookBody {
  return { ...streamBody('on_dvr', server, client, name), cwd: server.cwd, file };
}

export function segmentBody(server: HookServer, client: HookClient, segment: SegmentDone): HookBody {
  return {
    ...streamBody('on_hls', server, client, segment.name),
    duration: segment.durationMs / 1000,
    cwd: server.cwd,
    file: segment.file,
    url: urlFromRoot(segment),
    m3u8: segment.playlist,
    m3u8_url: segment.playlistUrl,
    seq_no: segment.sequence,
  };
}

/** The URL of a segment relative to the root of the files; an absolute one (`hls_entry_prefix`) as it is. */
export function urlFromRoot({ url, playlistUrl }: Pick<SegmentDone, 'url' | 'playlistUrl'>): string {
  if (/^([a-z][a-z0-9+.-]*:)?\//i.test(url)) return url;
  return `${playlistUrl.slice(0, playlistUrl.lastIndexOf('/') + 1)}${url}`;
}

/**
 * The URL of on_hls_notify with its variables filled in, or that of the segment where it is absolute. What publishers chose (names,
 * params) cannot change the server, nor climb out of its place in the path. Undefined: that gives no URL.
 */
export function notifyUrl(
  template: string,
  serverId: string,
  { param }: HookClient,
  segment: SegmentDone,
): URL | undefined {
  const url = urlFromRoot(segment);
  if (/^https?:\/\//i.test(url)) return parsed(url);
  const values: Readonly<Record<string, string>> = {
    server_id: encodeURIComponent(wellFormed(serverId)),
    app: encodePath(segment.name.app),
    stream: encodePath(segment.name.stream),
    ts_url: encodePath(decoded(url)),
    param: encodeQuery(param),
  };
  const filled = template.replace(/\[(server_id|app|stream|ts_url|param)\]/g, (_, name: string) => {
    return values[name] ?? '';
  });
  const host = parsed(template.replace(/\[\w+\]/g, '_'))?.host;
  const made = parsed(filled);
  return made?.host === host ? made : undefined;
}

function parsed(url: string): URL | undefined {
  return URL.canParse(url) ? new URL(url) : undefined;
}

/** The URL of a segment is encoded where its playlist needs that. */
function decoded(url: string): string {
  try {
    return decodeURIComponent(url);
  } catch {
    return url; // It was not.
  }
}

/** Path segments (RFC 3986, 3.3). */
function encodePath(path: string): string {
  return path
    .split('/')
    .map((segment) => (segment === '.' || segment === '..' ? '_' : encodeURIComponent(wellFormed(segment))))
    .join('/');
}

/** RFC 3986, 3.4: what is no query character is escaped, what is escaped already stays; its `?` stays in front. */
function encodeQuery(param: string): string {
  return wellFormed(param).replace(/[^a-z0-9\-._~!$&'()*+,;=:@/?%]/giu, (character) =>
    encodeURIComponent(character),
  );
}

/** Without halves of surrogate pairs, which have no UTF-8. */
function wellFormed(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}
