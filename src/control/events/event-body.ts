import { Readable } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import type { EventFilter, NumberedEvent } from './event-log.ts';
import type { HelloEvent } from './event-schemas.ts';
import type { ServerEvents } from './server-events.ts';

/** Bytes that may wait for one reader; who is slower is ended. */
export const MAX_EVENT_BACKLOG_BYTES = 4 * 1024 * 1024;
/** A comment is sent so often, ms: proxies and this server end what is silent for long. */
export const HEARTBEAT_MS = 15_000;
/** After so long a reader comes back, ms. */
const RETRY_MS = 2_000;

export interface EventBodyOptions {
  readonly events: ServerEvents;
  readonly clock: Clock;
  readonly filter: EventFilter;
  /** What ids begin with: those of another run are no ids of ours. */
  readonly service: string;
  /** Of the last event that this reader saw, if it says so. */
  readonly lastId: string | undefined;
  readonly hello: Omit<HelloEvent, 'missed'>;
}

/** The body of one reader: server-sent events (WHATWG HTML, 9.2). It ends with the server, with the right of its reader, or when that is too slow. */
export class EventBody extends Readable {
  readonly #undo: (() => void)[] = [];
  readonly #service: string;

  constructor({ events, clock, filter, service, lastId, hello }: EventBodyOptions) {
    super();
    this.#service = service;
    const after = numberOf(lastId, service);
    const missing =
      lastId === undefined ? [] : after === undefined ? undefined : events.log.since(after, filter);
    const first: HelloEvent = { ...hello, missed: missing === undefined };
    this.#write(`retry: ${RETRY_MS}\nevent: hello\ndata: ${JSON.stringify(first)}\n\n`);
    for (const event of missing ?? []) this.#tell(event);
    if (events.closed) {
      this.push(null);
      return;
    }
    this.#undo.push(
      events.log.listen(filter, (event) => this.#tell(event)),
      events.onClose(() => this.finish()),
      clock.every(HEARTBEAT_MS, () => this.#write(':\n\n')),
    );
  }

  /** Ends it behind what was told. Idempotent. */
  finish(): void {
    if (this.#undo.length === 0) return;
    this.#release();
    this.push(null);
  }

  override _read(): void {
    // Events come when they come.
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#release();
    done(error);
  }

  #tell({ id, event, text }: NumberedEvent): void {
    this.#write(`id: ${this.#service}-${id}\nevent: ${event.type}\ndata: ${text}\n\n`);
  }

  #write(text: string): void {
    if (this.destroyed) return;
    this.push(text);
    if (this.readableLength > MAX_EVENT_BACKLOG_BYTES) this.destroy();
  }

  #release(): void {
    for (const undo of this.#undo.splice(0)) undo();
  }
}

/** The number in an id of this run; undefined = it is none. */
function numberOf(id: string | undefined, service: string): number | undefined {
  if (id?.startsWith(`${service}-`) !== true) return undefined;
  const digits = id.slice(service.length + 1);
  return /^\d{1,15}$/.test(digits) ? Number(digits) : undefined;
}
