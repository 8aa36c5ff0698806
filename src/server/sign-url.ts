import { DEFAULT_VHOST } from '../base/names.ts';
import { signedQuery, type SignedText } from '../control/access/tokens/index.ts';

/** What a signed URL shall promise. */
export interface SignWish {
  /** `rtmp`, `rtmps`, `http`, `https`, `ws` or `wss`; what is in its query stays. */
  readonly url: string;
  readonly action: SignedText['action'];
  /** As the configuration calls it; undefined = the one that the URL names. */
  readonly vhost: string | undefined;
  /** Unix seconds. */
  readonly expires: number;
  readonly ip?: string;
  readonly nonce?: string;
  readonly kbps?: number;
  readonly durationSeconds?: number;
  /** Name of the secret. */
  readonly keyName?: string;
}

/** Endings of live bodies and playlists, which are no part of the name of a stream. */
const ENDING = /\.(flv|ts|aac|mp3|m3u8|mpd)$/i;
const OURS = ['action', 'expires', 'ip', 'nonce', 'kbps', 'duration', 'kid', 'sign'];

/** Which stream a URL means, and on which vhost. Throws a RangeError that says what is wrong. */
export function placeInUrl(text: string): {
  readonly vhost: string;
  readonly app: string;
  readonly stream: string;
} {
  const scheme = /^(rtmps?|https?|wss?):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined || !URL.canParse(text))
    throw new RangeError('the URL must begin with rtmp, rtmps, http, https, ws or wss, and ://');
  const { hostname, searchParams } = new URL(text);
  const plain = /^[^?#]*/.exec(text)?.[0] ?? '';
  const path = plain.replace(/^[^/]*\/\/[^/]*/, '').replace(/^\/+/, '');
  const isHttp = !scheme.startsWith('rtmp');
  const slash = path.lastIndexOf('/');
  const [app, stream] = [path.slice(0, Math.max(slash, 0)), path.slice(slash + 1)].map((part) =>
    isHttp ? decodeURIComponent(part) : part,
  );
  if (app === undefined || app === '' || stream === undefined || stream === '')
    throw new RangeError('the URL must name an app and a stream, such as rtmp://host/live/show');
  const vhost = searchParams.get('vhost') ?? hostname.replace(/^\[|\]$/g, '');
  return { vhost, app, stream: isHttp ? stream.replace(ENDING, '') : stream };
}

/** The URL with its signature. Throws a RangeError. */
export function signUrl(wish: SignWish, secret: string): string {
  const { url, action, expires, ip, nonce, kbps, durationSeconds, keyName } = wish;
  const { vhost, app, stream } = placeInUrl(url);
  const query = new URL(url).searchParams;
  if (OURS.some((name) => query.has(name))) throw new RangeError('the URL is signed already');
  const text: SignedText = {
    action,
    vhost: wish.vhost ?? vhost,
    app,
    stream,
    expires: String(expires),
    ...(ip === undefined ? {} : { ip }),
    ...(nonce === undefined ? {} : { nonce }),
    ...(kbps === undefined ? {} : { kbps: String(kbps) }),
    ...(durationSeconds === undefined ? {} : { duration: String(durationSeconds) }),
  };
  const added = signedQuery(text, secret, keyName);
  return `${url}${url.includes('?') ? '&' : '?'}${added}`;
}

/** The vhost that serves streams where none is named. */
export const USUAL_VHOST = DEFAULT_VHOST;
