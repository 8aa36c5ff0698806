import type { LiveStream, ServerInfo } from '../api/live.ts';

/** Where the page itself was loaded from: what every address is built on. `window.location` fits. */
export interface PageLocation {
  readonly href: string;
  readonly hostname: string;
  readonly protocol: string;
}

/** The addresses under which one stream can be played. */
export interface StreamAddresses {
  readonly rtmp: string;
  readonly httpFlv: string;
  readonly wsFlv: string;
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
  // Below the page's own address, not from the host's root: a reverse proxy may serve us under a sub-path.
  const flv = new URL(`./${stream.flvPath.replace(/^\/+/, '')}`, at.href);
  flv.hash = '';
  const ws = new URL(flv);
  ws.protocol = at.protocol === 'https:' ? 'wss:' : 'ws:';
  return {
    rtmp: `${rtmpBase(server, at)}/${path(stream.app)}/${encodeURIComponent(stream.stream)}${query}`,
    httpFlv: flv.href,
    wsFlv: ws.href,
  };
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
