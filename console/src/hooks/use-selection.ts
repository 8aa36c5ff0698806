import { useRef, useState } from 'preact/hooks';
import type { LiveAnswer, LiveStream } from '../api/live.ts';
import { formatRoute, isRouteOf, type Route } from '../model/route.ts';

/** A row for a stream that the server does not list, because nobody publishes it yet or any more. */
function placeholder(route: Route): LiveStream {
  const app = route.app.split('/').map(encodeURIComponent).join('/');
  const query = route.vhost === '__defaultVhost__' ? '' : `?vhost=${encodeURIComponent(route.vhost)}`;
  return {
    vhost: route.vhost,
    app: route.app,
    stream: route.stream,
    state: 'idle',
    playable: [{ format: 'flv', url: `/${app}/${encodeURIComponent(route.stream)}.flv${query}` }],
    hasAudio: true,
    hasVideo: true,
    viewers: 0,
    kbps: 0,
  };
}

/**
 * The stream to show: the one that the address bar names, else the first live one. What was picked stays picked, also while it
 * is away, so that the picture never jumps to another stream by itself.
 */
export function useSelection(
  route: Route | undefined,
  answer: LiveAnswer | undefined,
): LiveStream | undefined {
  const [picked, setPicked] = useState<Route | undefined>(undefined);
  const known = useRef<LiveStream | undefined>(undefined);
  const firstLive = answer?.streams.find((stream) => stream.state === 'live');
  const wanted = route ?? picked ?? firstLive;
  if (route === undefined && picked === undefined && firstLive !== undefined) setPicked(firstLive);
  if (wanted === undefined) return undefined;
  const listed = answer?.streams.find((stream) => isRouteOf(wanted, stream));
  if (listed !== undefined) {
    known.current = listed;
    return listed;
  }
  const last = known.current;
  // An ended stream keeps its address, so that the player need not start anew when it comes back.
  if (last !== undefined && formatRoute(last) === formatRoute(wanted))
    return { ...last, state: 'idle', viewers: 0, kbps: 0 };
  return placeholder(wanted);
}
