import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { LivePoller, type LiveView } from '../api/live-poller.ts';

/** What the server says is live, and a way to ask at once. */
export function useLive(): { readonly live: LiveView; readonly refresh: () => void } {
  const [live, setLive] = useState<LiveView>({ reach: 'asking', answer: undefined });
  const poller = useRef<LivePoller | undefined>(undefined);
  useEffect(() => {
    const started = new LivePoller(setLive);
    poller.current = started;
    return () => started.close();
  }, []);
  const refresh = useCallback(() => poller.current?.refresh(), []);
  return { live, refresh };
}
