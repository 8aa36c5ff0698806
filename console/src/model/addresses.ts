import type { LiveStream, ServerInfo } from '../api/live.ts';
import { FORMAT_OF, TRANSPORTS, type TransportId } from './transport.ts';

/** Where the page itself was loaded from: what every address is built on. `window.location` fits. */
export interface PageLocation {
  readonly href: string;
  readonly hostname: string;
  readonly protocol: string;
}

/** The addresses under which one stream can be played. */
export interface StreamAddresses {
  readonly rtmp: string;
  /** For the page's players; what the server does not offer is absent. */
  readonly by: Readonly<Partial<Record<TransportId, string>>>;
  /** The sound alone. */
  readonly sound: readonly { readonly format: 'aac' | 'mp3'; readonly url: string }[];
}

/** What a publisher has to fill in. */
export interface PublishAddresses {
  /** OBS calls this "Server". */
  readonly server: string;
  /** OBS calls this "Stream key". */
  readonly key: string;
  /** A whole ffmpeg command line. */
  readonly ffmpeg: string;
}

const DEFAULT_VHOST = '__defaultVhost__';
const DEFAULT_RTMP_PORT = 1935;
/** Playlists name their pieces without a query, so a vhost that only a query leads to cannot be played by them. */
const IN_PIECES: ReadonlySet<TransportId> = new Set(['hls', 'll-hls', 'dash']);

/** IPv6 addresses stand in brackets (RFC 3986, 3.2.2); browsers differ in whether `location.hostname` has them already. */
export function bracketed(hostname: string): string {
  return hostname.includes(':') && !hostname.startsWith('[') ? `[${hostname}]` : hostname;
}

/** True when the host name alone does not lead to the stream's vhost. */
function needsVhost(vhost: string, hostname: string): boolean {
  return vhost !== '' && vhost !== DEFAULT_VHOST && vhost !== hostname;
}

function path(text: string): string {
  return text.split('/').map(encodeURIComponent).join('/');
}

/** `rtmp://host[:port]`. */
export function rtmpBase(server: ServerInfo, at: PageLocation): string {
  const port = server.rtmpPort === DEFAULT_RTMP_PORT ? '' : `:${server.rtmpPort}`;
  return `rtmp://${bracketed(at.hostname)}${port}`;
}

export function streamAddresses(stream: LiveStream, server: ServerInfo, at: PageLocation): StreamAddresses {
  const query = needsVhost(stream.vhost, at.hostname) ? `?vhost=${encodeURIComponent(stream.vhost)}` : '';
  const by: Partial<Record<TransportId, string>> = {};
  for (const id of TRANSPORTS) {
    const url = stream.playable.find(({ format }) => format === FORMAT_OF[id])?.url;
    if (url === undefined || (IN_PIECES.has(id) && needsVhost(askedVhost(url), at.hostname))) continue;
    by[id] = absolute(url, at, id === 'ws-flv');
  }
  const sound: { readonly format: 'aac' | 'mp3'; readonly url: string }[] = [];
  for (const { format, url } of stream.playable) {
    if (format === 'aac' || format === 'mp3') sound.push({ format, url: absolute(url, at, false) });
  }
  return {
    rtmp: `${rtmpBase(server, at)}/${path(stream.app)}/${encodeURIComponent(stream.stream)}${query}`,
    by,
    sound,
  };
}

/** The vhost that the address has to name because its host alone would not lead there; empty when it names none. */
function askedVhost(serverPath: string): string {
  return new URLSearchParams(serverPath.split('?')[1]).get('vhost') ?? '';
}

/** Below the page's own address, not from the host's root: a reverse proxy may serve us under a sub-path. */
function absolute(serverPath: string, at: PageLocation, webSocket: boolean): string {
  const url = new URL(`./${serverPath.replace(/^\/+/, '')}`, at.href);
  url.hash = '';
  if (webSocket) url.protocol = at.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

/** What to fill in to publish `live/<key>` to this server. */
export function publishAddresses(server: ServerInfo, at: PageLocation, key: string): PublishAddresses {
  const base = `${rtmpBase(server, at)}/live`;
  return {
    server: base,
    key,
    ffmpeg: `ffmpeg -re -i video.mp4 -c:v libx264 -tune zerolatency -g 50 -c:a aac -f flv ${base}/${key}`,
  };
}
