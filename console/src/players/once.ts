import type { EngineEvents, Problem } from './engine.ts';

/**
 * Tells an engine's end once, and not in the middle of a call of its library: the owner closes the engine in answer, which the
 * libraries do not all survive there.
 */
export class EndOnce {
  readonly #events: EngineEvents;
  #over = false;

  constructor(events: EngineEvents) {
    this.#events = events;
  }

  /** The engine is closed, or its end is told. */
  get over(): boolean {
    return this.#over;
  }

  /** Nothing is told any more. */
  silence(): void {
    this.#over = true;
  }

  ended(): void {
    this.#later(() => this.#events.ended());
  }

  failed(problem: Problem): void {
    this.#later(() => this.#events.failed(problem));
  }

  #later(tell: () => void): void {
    queueMicrotask(() => {
      if (this.#over) return;
      this.#over = true;
      tell();
    });
  }
}
