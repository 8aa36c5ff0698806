import { describeError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Tally } from '../base/tally.ts';
import type { Undo } from '../base/undo.ts';
import type { Frame } from '../media/frame.ts';
import type { FrameTap, StreamState } from './ports.ts';

/** One tap of a stream and whether it is still one. */
class Slot {
  readonly tap: FrameTap;
  open = true;

  constructor(tap: FrameTap) {
    this.tap = tap;
  }
}

/** Where a tap begins: what is in force. */
export interface TapStart {
  readonly state: StreamState;
  readonly publication: number;
  readonly head: readonly Frame[];
  readonly gop: { readonly frames: readonly Frame[] };
}

/**
 * The taps of one stream. The list is replaced, never changed, so that a tap may come or leave in the middle of a walk. What a
 * tap throws costs it its place and nobody else anything.
 */
export class FrameTaps {
  readonly #errors: Tally;
  readonly #logger: Logger;
  #slots: readonly Slot[] = [];

  /** `errors` counts the taps that threw. */
  constructor(errors: Tally, logger: Logger) {
    this.#errors = errors;
    this.#logger = logger;
  }

  get size(): number {
    return this.#slots.length;
  }

  /** Adds a tap and tells it where it begins. `left` is called when the undo, not an end, took it away. */
  add(tap: FrameTap, start: TapStart, left: () => void): Undo {
    const slot = new Slot(tap);
    this.#slots = [...this.#slots, slot];
    const { state, publication } = start;
    const begun = start.head;
    const group = tap.from === 'gop' ? start.gop.frames : [];
    this.#tellState(slot, state, publication);
    // A tap may end the publish by what it does here: then this is of the past.
    const current = (): boolean => slot.open && start.state === state && start.publication === publication;
    for (const frame of begun) if (current()) this.#give(slot, frame);
    for (const frame of group) if (current()) this.#give(slot, frame);
    return () => {
      if (!slot.open) return;
      this.#remove(slot);
      left();
    };
  }

  /** One frame for all taps. */
  frame(frame: Frame): void {
    const slots = this.#slots;
    for (let index = 0; index < slots.length; index += 1) this.#give(slots[index] as Slot, frame);
  }

  state(state: StreamState, publication: number): void {
    for (const slot of this.#slots) this.#tellState(slot, state, publication);
  }

  /** The stream is gone: each tap's one end. */
  end(): void {
    const slots = this.#slots;
    this.#slots = [];
    for (const slot of slots) this.#end(slot, 'gone');
  }

  #give(slot: Slot, frame: Frame): void {
    if (!slot.open) return;
    try {
      slot.tap.onFrame(frame);
    } catch (error) {
      this.#failed(slot, error);
    }
  }

  #tellState(slot: Slot, state: StreamState, publication: number): void {
    if (!slot.open) return;
    try {
      slot.tap.onState(state, publication);
    } catch (error) {
      this.#failed(slot, error);
    }
  }

  #failed(slot: Slot, error: unknown): void {
    this.#errors.add(describeError(error));
    this.#logger.warn(`output ${slot.tap.name} failed and gets no more frames: ${describeError(error)}`);
    if (!slot.open) return; // It left and then threw.
    this.#remove(slot);
    slot.open = true;
    this.#end(slot, 'failed');
  }

  #end(slot: Slot, reason: 'gone' | 'failed'): void {
    if (!slot.open) return;
    slot.open = false;
    try {
      slot.tap.onEnd(reason);
    } catch (error) {
      this.#errors.add(describeError(error));
      this.#logger.warn(`output ${slot.tap.name} failed at its end: ${describeError(error)}`);
    }
  }

  #remove(slot: Slot): void {
    slot.open = false;
    this.#slots = this.#slots.filter((one) => one !== slot);
  }
}
