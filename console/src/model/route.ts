import type { LiveStream } from '../api/live.ts';
import { asTransport, type TransportId } from './transport.ts';

/**
 * Which stream the page's hash names: `#/app/stream`, with `?vhost=` for any other than the default vhost and `?by=` for how it
 * is played.
 */
export interface Route {
  readonly vhost: string;
  readonly app: string;
  readonly stream: string;
  readonly by?: TransportId;
}

const DEFAULT_VHOST = '__defaultVhost__';

/** Undefined when the hash names no stream. Everything after the last slash is the stream: an app may contain slashes. */
export function parseRoute(hash: string): Route | undefined {
  const match = /^#\/([^?]+)\/([^/?]+)(?:\?(.*))?$/.exec(hash);
  if (match === null) return undefined;
  const [, app = '', stream = '', query = ''] = match;
  const params = new URLSearchParams(query);
  const by = asTransport(params.get('by'));
  try {
    return {
      vhost: params.get('vhost') ?? DEFAULT_VHOST,
      app: decodeURIComponent(app),
      stream: decodeURIComponent(stream),
      ...(by === undefined ? {} : { by }),
    };
  } catch {
    return undefined; // A stray percent sign.
  }
}

export function formatRoute(route: Route): string {
  const app = route.app.split('/').map(encodeURIComponent).join('/');
  const query: string[] = [];
  if (route.vhost !== DEFAULT_VHOST) query.push(`vhost=${encodeURIComponent(route.vhost)}`);
  if (route.by !== undefined) query.push(`by=${route.by}`);
  const mark = query.length === 0 ? '' : '?';
  return `#/${app}/${encodeURIComponent(route.stream)}${mark}${query.join('&')}`;
}

/** True when the row is the stream that the route names. */
export function isRouteOf(route: Route, stream: LiveStream): boolean {
  return route.vhost === stream.vhost && route.app === stream.app && route.stream === stream.stream;
}
