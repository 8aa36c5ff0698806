import type { EventType, ServerEvent } from './event-schemas.ts';

/** Events that are kept for those who come back with the id of the last one they saw. */
export const MAX_KEPT_EVENTS = 4_096;

/** Events that are told to those who asked for them by name, and not kept: there may be many each second. */
const PASSING: ReadonlySet<EventType> = new Set(['segment_done']);

/** One event with its number. */
export class NumberedEvent {
  /** From 1, one more each. */
  readonly id: number;
  readonly event: ServerEvent;
  #text: string | undefined;

  constructor(id: number, event: ServerEvent) {
    this.id = id;
    this.event = event;
  }

  /** JSON of the event, made once for all who want it. */
  get text(): string {
    this.#text ??= JSON.stringify(this.event);
    return this.#text;
  }
}

/** Which events somebody wants. */
export interface EventFilter {
  /** Undefined: all but those that are only told by name. */
  readonly types: ReadonlySet<EventType> | undefined;
  /** `vhost/app/stream`; undefined: all, also those that are about no stream. */
  readonly stream: string | undefined;
}

export type EventReader = (event: NumberedEvent) => void;

/** What happened lately, and who wants to hear what comes. */
export class EventLog {
  /** A ring: the event with the number `id` is at `id % MAX_KEPT_EVENTS`. */
  readonly #kept: (NumberedEvent | undefined)[] = [];
  readonly #readers = new Map<EventReader, EventFilter>();
  #last = 0;

  /** Number of the newest event; 0 = none yet. */
  get last(): number {
    return this.#last;
  }

  /** Who listens. */
  get readers(): number {
    return this.#readers.size;
  }

  add(event: ServerEvent): void {
    this.#last += 1;
    const numbered = new NumberedEvent(this.#last, event);
    this.#kept[this.#last % MAX_KEPT_EVENTS] = PASSING.has(event.type) ? undefined : numbered;
    for (const [read, filter] of this.#readers) if (isWanted(event, filter)) read(numbered);
  }

  /** What came after the event with the number `after`; undefined when some of it is forgotten. */
  since(after: number, filter: EventFilter): readonly NumberedEvent[] | undefined {
    if (after > this.#last || this.#last - after > MAX_KEPT_EVENTS) return undefined;
    const events: NumberedEvent[] = [];
    for (let id = after + 1; id <= this.#last; id += 1) {
      const kept = this.#kept[id % MAX_KEPT_EVENTS];
      if (kept !== undefined && isWanted(kept.event, filter)) events.push(kept);
    }
    return events;
  }

  /** Returns how to stop listening. */
  listen(filter: EventFilter, read: EventReader): () => void {
    this.#readers.set(read, filter);
    return () => void this.#readers.delete(read);
  }
}

function isWanted(event: ServerEvent, { types, stream }: EventFilter): boolean {
  if (types === undefined ? PASSING.has(event.type) : !types.has(event.type)) return false;
  if (stream === undefined) return true;
  return 'stream' in event && `${event.vhost}/${event.app}/${event.stream}` === stream;
}
