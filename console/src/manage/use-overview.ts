import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ApiRefusal, type Api, type Overview, type Starts } from './api.ts';

const POLL_MS = 2_000;

export interface OverviewState {
  readonly reach: 'asking' | 'ok' | 'unreachable' | 'refused';
  /** What the API said when it refused. */
  readonly message: string;
  /** The last good one. */
  readonly overview: Overview | undefined;
}

const ASKING: OverviewState = { reach: 'asking', message: '', overview: undefined };

/** Asks the API again and again while the tab is visible. `turn` goes to other pages. */
export function useOverview(api: Api): {
  readonly state: OverviewState;
  readonly refresh: () => void;
  readonly turn: (to: Partial<Starts>) => void;
} {
  const [state, setState] = useState(ASKING);
  const starts = useRef<Starts>({ streams: 0, clients: 0 });
  const refresh = useRef<() => void>(() => undefined);
  useEffect(() => {
    let timer: number | undefined;
    let isAsking = false;
    let isClosed = false;
    setState(ASKING);
    const ask = async (): Promise<void> => {
      if (isAsking) return;
      window.clearTimeout(timer);
      isAsking = true;
      const asked = starts.current;
      const next = await api.overview(asked).then(
        (overview) => (): OverviewState => ({ reach: 'ok', message: '', overview }),
        (error: unknown) => (old: OverviewState) => failed(old, error),
      );
      isAsking = false;
      if (isClosed) return;
      setState(next);
      if (asked !== starts.current) void ask();
      else if (document.visibilityState === 'visible') timer = window.setTimeout(() => void ask(), POLL_MS);
    };
    refresh.current = () => void ask();
    const onVisible = (): void => {
      if (document.visibilityState === 'visible') void ask();
    };
    document.addEventListener('visibilitychange', onVisible);
    void ask();
    return () => {
      isClosed = true;
      window.clearTimeout(timer);
      document.removeEventListener('visibilitychange', onVisible);
    };
  }, [api]);
  const turn = useCallback((to: Partial<Starts>) => {
    starts.current = { ...starts.current, ...to };
    refresh.current();
  }, []);
  return { state, refresh: useCallback(() => refresh.current(), []), turn };
}

function failed(old: OverviewState, error: unknown): OverviewState {
  if (error instanceof ApiRefusal && [401, 403, 429].includes(error.status))
    return { reach: 'refused', message: error.status === 401 ? '' : error.message, overview: undefined };
  return { ...old, reach: 'unreachable' };
}
