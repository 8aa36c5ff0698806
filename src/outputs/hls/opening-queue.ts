import type { StreamState } from '../../hub/ports.ts';
import type { Frame } from '../../media/frame.ts';

/** What may wait until the disk has told what was there before. */
export const MAX_OPENING_FRAMES = 20_000;
export const MAX_OPENING_BYTES = 32 * 1024 * 1024;

interface StateChange {
  readonly state: StreamState;
  readonly publication: number;
}

/** Frames and changes of state in their order, until the files of a stream may be touched. */
export class OpeningQueue {
  readonly #items: (Frame | StateChange)[] = [];
  #bytes = 0;
  /** Frames were left out. */
  overflowed = false;

  get items(): readonly (Frame | StateChange)[] {
    return this.#items;
  }

  addFrame(frame: Frame): void {
    this.#bytes += frame.flvBody.length;
    if (this.#bytes <= MAX_OPENING_BYTES && this.#items.length < MAX_OPENING_FRAMES) this.#items.push(frame);
    else this.overflowed = true;
  }

  addState(state: StreamState, publication: number): void {
    const last = this.#items.at(-1);
    if (last !== undefined && 'state' in last && this.#items.length >= MAX_OPENING_FRAMES) this.#items.pop();
    this.#items.push({ state, publication });
  }
}
