import type { LiveStream } from '../api/live.ts';

/** Which stream the page's hash names: `#/app/stream`, with `?vhost=` for any other than the default vhost. */
export interface Route {
  readonly vhost: string;
  readonly app: string;
  readonly stream: string;
}

const DEFAULT_VHOST = '__defaultVhost__';

/** Undefined when the hash names no stream. Everything after the last slash is the stream: an app may contain slashes. */
export function parseRoute(hash: string): Route | undefined {
  const match = /^#\/([^?]+)\/([^/?]+)(?:\?(.*))?$/.exec(hash);
  if (match === null) return undefined;
  const [, app = '', stream = '', query = ''] = match;
  try {
    return {
      vhost: new URLSearchParams(query).get('vhost') ?? DEFAULT_VHOST,
      app: decodeURIComponent(app),
      stream: decodeURIComponent(stream),
    };
  } catch {
    return undefined; // A stray percent sign.
  }
}

export function formatRoute(route: Route): string {
  const app = route.app.split('/').map(encodeURIComponent).join('/');
  const query = route.vhost === DEFAULT_VHOST ? '' : `?vhost=${encodeURIComponent(route.vhost)}`;
  return `#/${app}/${encodeURIComponent(route.stream)}${query}`;
}

/** True when the row is the stream that the route names. */
export function isRouteOf(route: Route, stream: LiveStream): boolean {
  return route.vhost === stream.vhost && route.app === stream.app && route.stream === stream.stream;
}
