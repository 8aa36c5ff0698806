import type { SessionTrace } from './call-trace.ts';
import type { EventOwner } from './hook-dispatcher.ts';
import type { HookOptions } from './hook-options.ts';

/** What counts the events of several owners together. */
export interface EventCounter {
  sequence: number;
  /** What follows the calls about it; undefined = nobody does. */
  trace: SessionTrace | undefined;
}

/** An owner of events that counts with all others of its session. A class: each viewer has one. */
export class CountedOwner implements EventOwner {
  readonly key: string;
  readonly vhost: string;
  readonly options: HookOptions | undefined;
  readonly #counter: EventCounter;

  constructor(key: string, vhost: string, options: HookOptions | undefined, counter: EventCounter) {
    this.key = key;
    this.vhost = vhost;
    this.options = options;
    this.#counter = counter;
  }

  get sequence(): number {
    return this.#counter.sequence;
  }

  get trace(): SessionTrace | undefined {
    return this.#counter.trace;
  }

  set sequence(value: number) {
    this.#counter.sequence = value;
  }
}
