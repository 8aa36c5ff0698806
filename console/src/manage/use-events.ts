import { useEffect, useState } from 'preact/hooks';
import type { Api } from './api.ts';
import { EventParser } from './event-parser.ts';
import type { ShownEvent } from './objects.ts';

/** Events that are shown. */
const SHOWN = 100;
const RETRY_MS = 2_000;

/** The newest events first. */
export function useEvents(api: Api, onEvent: () => void): readonly ShownEvent[] {
  const [events, setEvents] = useState<readonly ShownEvent[]>([]);
  useEffect(() => {
    const abort = new AbortController();
    let lastId: string | undefined;
    let timer: number | undefined;
    const read = async (): Promise<void> => {
      try {
        const parser = new EventParser();
        const reader = (await api.events(lastId, abort.signal)).getReader();
        const decoder = new TextDecoder();
        for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
          const came = parser.add(decoder.decode(piece.value, { stream: true }));
          lastId = came.findLast(({ id }) => id !== undefined)?.id ?? lastId;
          const told = came.filter(({ type }) => type !== 'hello');
          if (told.length === 0) continue;
          setEvents((old) => [...told.toReversed(), ...old].slice(0, SHOWN));
          onEvent();
        }
      } catch {
        // The server is away or wants credentials: the overview tells.
      }
      if (!abort.signal.aborted) timer = window.setTimeout(() => void read(), RETRY_MS);
    };
    void read();
    return () => {
      abort.abort();
      window.clearTimeout(timer);
    };
  }, [api, onEvent]);
  return events;
}
