import { useEffect, useState } from 'preact/hooks';
import { parseRoute, type Route } from '../model/route.ts';

/** The stream that the address bar names; undefined when it names none. */
export function useRoute(): Route | undefined {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const onHash = (): void => setRoute(parseRoute(location.hash));
    window.addEventListener('hashchange', onHash);
    return () => window.removeEventListener('hashchange', onHash);
  }, []);
  return route;
}
