import type { Deadline } from '../../base/timer-wheel.ts';
import type { StreamOutput } from '../../hub/output-events.ts';
import type { StreamName } from '../../hub/ports.ts';
import { HlsOutput } from './hls-output.ts';
import type { HlsDeps, HlsOptions } from './options.ts';
import type { HlsShelf } from './shelf.ts';
import type { WindowNumbers } from './window-loader.ts';

/** Streams that were disposed and whose numbers are remembered; the oldest are forgotten first. */
const MAX_REMEMBERED = 10_000;
/** How often it is looked for files of an ended stream that may be deleted now, ms. */
const SWEEP_MS = 5_000;

/** The HLS outputs of all streams, and what the files of those need that are over. */
export class HlsOutputs {
  readonly #deps: HlsDeps;
  readonly #afterlives = new Map<string, Afterlife>();
  readonly #numbers = new Map<string, WindowNumbers>();

  constructor(deps: HlsDeps) {
    this.#deps = deps;
  }

  /** Streams that are over and whose files still wait to be deleted. */
  get waiting(): number {
    return this.#afterlives.size;
  }

  /** Throws CONFIG_INVALID for options that exclude each other, STREAM_NAME_INVALID for a name that files cannot have. */
  create(start: {
    readonly name: StreamName;
    readonly options: HlsOptions;
    readonly after: Promise<void>;
  }): StreamOutput {
    const { name, options } = start;
    return new HlsOutput(
      {
        name,
        options,
        ready: (path) => start.after.then(() => this.#end(path)),
        numbers: (path) => this.#take(path),
        closed: (path, shelf, lastFrameAt) => this.#begin(path, shelf, options, lastFrameAt),
      },
      this.#deps,
    );
  }

  /** Files that still wait stay where they are; their journals know them. Idempotent. */
  close(): void {
    for (const afterlife of this.#afterlives.values()) afterlife.cancel();
    this.#afterlives.clear();
  }

  async #end(path: string): Promise<void> {
    const afterlife = this.#afterlives.get(path);
    if (afterlife === undefined) return;
    this.#afterlives.delete(path);
    afterlife.cancel();
    await afterlife.settled();
  }

  #take(path: string): WindowNumbers | undefined {
    const numbers = this.#numbers.get(path);
    this.#numbers.delete(path);
    return numbers;
  }

  #begin(path: string, shelf: HlsShelf, options: HlsOptions, lastFrameAt: number): void {
    this.#afterlives.get(path)?.cancel();
    const afterlife = new Afterlife(shelf, this.#deps, {
      disposeInMs:
        options.disposeMs === 0 ? undefined : lastFrameAt + options.disposeMs - this.#deps.clock.now(),
      disposed: () => this.#remember(path, shelf.numbers),
      over: () => {
        if (this.#afterlives.get(path) === afterlife) this.#afterlives.delete(path);
      },
    });
    this.#afterlives.set(path, afterlife);
    afterlife.start();
  }

  #remember(path: string, numbers: WindowNumbers): void {
    this.#numbers.set(path, numbers);
    if (this.#numbers.size <= MAX_REMEMBERED) return;
    const [oldest] = this.#numbers.keys();
    if (oldest !== undefined) this.#numbers.delete(oldest);
  }
}

interface AfterlifeOptions {
  readonly disposeInMs: number | undefined;
  readonly disposed: () => void;
  readonly over: () => void;
}

/** The files of a stream that is over: old ones are deleted in their time, and all of them after `hls_dispose`. */
class Afterlife {
  readonly #shelf: HlsShelf;
  readonly #deps: HlsDeps;
  readonly #options: AfterlifeOptions;
  #sweep: Deadline | undefined;
  #dispose: Deadline | undefined;
  #disposing: Promise<void> | undefined;

  constructor(shelf: HlsShelf, deps: HlsDeps, options: AfterlifeOptions) {
    this.#shelf = shelf;
    this.#deps = deps;
    this.#options = options;
  }

  start(): void {
    const { disposeInMs } = this.#options;
    if (disposeInMs !== undefined) {
      this.#dispose = this.#deps.wheel.deadline(Math.max(0, disposeInMs), () => {
        this.#dispose = undefined;
        this.#disposing = this.#shelf.dispose();
        this.#options.disposed();
        this.#next();
      });
    }
    this.#next();
  }

  cancel(): void {
    this.#sweep?.cancel();
    this.#dispose?.cancel();
  }

  async settled(): Promise<void> {
    await this.#disposing;
    await this.#shelf.settled();
  }

  #next(): void {
    this.#sweep?.cancel();
    this.#sweep = undefined;
    if (this.#shelf.hasRetired) {
      this.#sweep = this.#deps.wheel.deadline(SWEEP_MS, () => {
        this.#shelf.sweep();
        this.#next();
      });
      return;
    }
    if (this.#dispose !== undefined) return;
    // A new output of this name waits for what is still being deleted.
    void this.settled().then(() => this.#options.over());
  }
}
