import { ServerError } from '../../base/errors.ts';
import { DEFAULT_VHOST } from '../../base/names.ts';

/** Spec: the port that IANA gave to RTMP; left out of URLs. */
export const DEFAULT_RTMP_PORT = 1935;
/** App of a URL without one, as SRS names it. */
export const DEFAULT_APP = '__defaultApp__';
/** A whole URL, a tcUrl, or a stream name with its query, bytes. */
export const MAX_URL_BYTES = 16_384;
/** App or stream after resolution, bytes. Longer ones cannot become a file name (255) with a suffix anyway. */
export const MAX_NAME_BYTES = 512;
/** Query of app and stream together, bytes: several signed tokens fit. */
export const MAX_PARAMS_BYTES = 8_192;

/** Where an RTMP client goes. */
export interface RtmpUrl {
  /** Name or address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** App with its query, as `connect` sends it; `__defaultApp__` when the URL has none. */
  readonly app: string;
  /** Stream with its query, as `publish` and `play` send it; may be empty. */
  readonly stream: string;
  /** The URL up to the app, as `connect` sends it. */
  readonly tcUrl: string;
}

/** Which stream a client means. */
export interface ResolvedName {
  /** What the client asked for; the caller maps a vhost that is not configured to `__defaultVhost__`. */
  readonly vhost: string;
  readonly app: string;
  readonly stream: string;
  /** The query of app and stream with its `?`, or empty: SRS's `param` of callbacks. */
  readonly params: string;
}

/**
 * Splits `rtmp://host[:port]/app[/…]/stream[?query]`.
 *
 * Where the app ends: before a segment with a colon (`live/mp4:dir/a.mp4`, as ffmpeg does), else at the last slash (as SRS
 * and OBS do). A query behind a single segment belongs to the app (`live?vhost=x/stream`, SRS's older form), behind two or
 * more to the stream, slashes in it included (tokens are often base64). Throws URL_INVALID.
 */
export function parseRtmpUrl(url: string): RtmpUrl {
  if (Buffer.byteLength(url) > MAX_URL_BYTES)
    throw new ServerError('URL_INVALID', `URL above ${MAX_URL_BYTES} bytes`);
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url);
  if (scheme?.[1]?.toLowerCase() !== 'rtmp')
    throw new ServerError('URL_INVALID', 'URL does not begin with rtmp://');
  const rest = url.slice(scheme[0].length);
  const slash = rest.search(/[/?#]/);
  const authority = slash < 0 ? rest : rest.slice(0, slash);
  const { host, port } = parseAuthority(authority);
  if (host === '') throw new ServerError('URL_INVALID', 'URL without a host');
  const path = slash < 0 ? '' : rest.slice(rest[slash] === '/' ? slash + 1 : slash);
  if (hasControl(path)) throw new ServerError('URL_INVALID', 'URL with a control character');
  const [app, stream] = splitPath(path);
  return { host, port, app, stream, tcUrl: formatTcUrl(host, port, app) };
}

/** The URL again; the default port is left out. */
export function formatRtmpUrl(url: {
  readonly host: string;
  readonly port?: number;
  readonly app: string;
  readonly stream?: string;
}): string {
  const tcUrl = formatTcUrl(url.host, url.port ?? DEFAULT_RTMP_PORT, url.app);
  return url.stream === undefined || url.stream === '' ? tcUrl : `${tcUrl}/${url.stream}`;
}

/**
 * Which vhost, app and stream a client means, from `tcUrl` and `app` of `connect` and the name in `publish` or `play`.
 *
 * All of SRS's forms: `vhost=NAME` (or `domain=NAME`) in the query of the app or of the stream, which wins; separators `?`,
 * `&`, `&&`, `,`, `=` and `...` (`app...vhost...NAME`: old Flash encoders took no `?` in a URL); a trailing `/_definst_` of
 * the app is dropped; without all this the host of `tcUrl` is the vhost. With an empty stream name the last segment of the
 * app is the stream (OBS with all in the server field). Throws STREAM_NAME_INVALID for names that must never reach a path:
 * control characters, `.` and `..` segments, backslashes, too long or empty ones.
 */
export function resolveName(tcUrl: string, connectApp: string, streamName: string): ResolvedName {
  for (const text of [tcUrl, connectApp, streamName]) {
    if (Buffer.byteLength(text) > MAX_URL_BYTES) {
      throw new ServerError('STREAM_NAME_INVALID', `name above ${MAX_URL_BYTES} bytes`);
    }
    if (hasControl(text)) throw new ServerError('STREAM_NAME_INVALID', 'name with a control character');
  }
  const { host, path } = splitTcUrl(tcUrl);
  let appText = path === '' ? connectApp : path;
  let streamText = streamName;
  if (streamText.replace(/^\/+/, '') === '') {
    // Without a segment to spare there is no stream, and cleanName says so.
    appText = trimSlashes(appText);
    const slash = appText.lastIndexOf('/');
    streamText = slash < 0 ? '' : appText.slice(slash + 1);
    if (slash >= 0) appText = appText.slice(0, slash);
  }
  const app = cutQuery(appText);
  const stream = cutQuery(streamText);
  const vhost = stream.vhost ?? app.vhost ?? (host === '' ? DEFAULT_VHOST : host);
  const appName = trimSlashes(stripSpaces(app.name)).replace(/(^|\/)_definst_$/, '');
  return {
    vhost: cleanName('vhost', trimSlashes(stripSpaces(vhost))),
    app: cleanName('app', trimSlashes(appName) === '' ? DEFAULT_APP : trimSlashes(appName)),
    stream: cleanName('stream', trimSlashes(stripSpaces(stream.name))),
    params: joinParams(app.params, stream.params),
  };
}

/** Keys and values of `ResolvedName.params`, percent-decoded; of a repeated key the last. */
export function readParams(params: string): ReadonlyMap<string, string> {
  return new Map(new URLSearchParams(params));
}

function parseAuthority(authority: string): { host: string; port: number } {
  if (authority.includes('@'))
    throw new ServerError('URL_INVALID', 'URL with a user name: RTMP carries keys in the query');
  const match = /^(?:\[([0-9a-f:.%a-z]+)\]|([^:[\]\s]*))(?::(\d{1,5})?)?$/i.exec(authority);
  if (match === null) throw new ServerError('URL_INVALID', 'URL with a bad host or port');
  const port = match[3] === undefined ? DEFAULT_RTMP_PORT : Number(match[3]);
  if (port < 1 || port > 65_535) throw new ServerError('URL_INVALID', `port ${port}`);
  return { host: match[1] ?? match[2] ?? '', port };
}

function splitPath(path: string): readonly [app: string, stream: string] {
  const question = path.search(/[?#]/);
  const plain = question < 0 ? path : path.slice(0, question);
  const query = question < 0 ? '' : path.slice(question);
  const colon = plain.indexOf(':');
  const firstSlash = plain.indexOf('/');
  if (firstSlash < 0) {
    const slash = query.lastIndexOf('/');
    const app = plain === '' ? DEFAULT_APP : plain;
    return slash < 0 ? [app + query, ''] : [app + query.slice(0, slash), query.slice(slash + 1)];
  }
  const slash = colon > firstSlash ? plain.lastIndexOf('/', colon) : plain.lastIndexOf('/');
  const app = plain.slice(0, slash);
  return [app === '' ? DEFAULT_APP : app, plain.slice(slash + 1) + query];
}

function formatTcUrl(host: string, port: number, app: string): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return `rtmp://${name}${port === DEFAULT_RTMP_PORT ? '' : `:${port}`}/${app}`;
}

/** Host and path of a tcUrl of a peer: any scheme, nothing refused, since many encoders fill it carelessly. */
function splitTcUrl(tcUrl: string): { host: string; path: string } {
  const scheme = tcUrl.indexOf('://');
  if (scheme < 0) return { host: '', path: '' };
  const rest = tcUrl.slice(scheme + 3);
  const slash = rest.search(/[/?]/);
  const authority = slash < 0 ? rest : rest.slice(0, slash);
  const path = slash < 0 ? '' : rest.slice(slash).replace(/^\/+/, '');
  const bracket = /^\[([^\]]*)\]/.exec(authority);
  return { host: bracket?.[1] ?? authority.replace(/:\d*$/, ''), path };
}

/** The name before the first separator, the vhost behind one, and the query as it came. */
function cutQuery(text: string): { name: string; vhost: string | undefined; params: string } {
  const question = text.indexOf('?');
  const parts = text.split(/\.\.\.|&&|[?&,=]/);
  const vhost = valueOf(parts, 'vhost') ?? valueOf(parts, 'domain');
  return { name: parts[0] ?? '', vhost, params: question < 0 ? '' : text.slice(question) };
}

function valueOf(parts: readonly string[], key: string): string | undefined {
  const at = parts.indexOf(key, 1);
  const value = at < 0 ? undefined : parts[at + 1]?.split('/')[0];
  return value === '' ? undefined : value;
}

function joinParams(app: string, stream: string): string {
  const joined = app === '' || app === '?' ? stream : stream === '' ? app : `${app}&${stream.slice(1)}`;
  if (Buffer.byteLength(joined) > MAX_PARAMS_BYTES) {
    throw new ServerError('STREAM_NAME_INVALID', `query above ${MAX_PARAMS_BYTES} bytes`);
  }
  // SRS: a query that only names the default vhost says nothing.
  return joined === '?' || joined === `?vhost=${DEFAULT_VHOST}` ? '' : joined;
}

function cleanName(what: string, name: string): string {
  if (name === '') throw new ServerError('STREAM_NAME_INVALID', `empty ${what} name`);
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) {
    throw new ServerError('STREAM_NAME_INVALID', `${what} name above ${MAX_NAME_BYTES} bytes`);
  }
  if (name.includes('\\')) throw new ServerError('STREAM_NAME_INVALID', `${what} name with a backslash`);
  if (what === 'vhost' && name.includes('/'))
    throw new ServerError('STREAM_NAME_INVALID', 'vhost name with a slash');
  for (const segment of name.split('/')) {
    if (segment === '..' || segment === '.') {
      throw new ServerError('STREAM_NAME_INVALID', `${what} name with a ${segment} segment`);
    }
  }
  return name;
}

function trimSlashes(text: string): string {
  return text.replace(/^\/+|\/+$/g, '');
}

/** SRS drops spaces in names: they come from copied URLs. */
function stripSpaces(text: string): string {
  return text.replaceAll(' ', '');
}

function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return true;
  }
  return false;
}
