import { isDeepStrictEqual } from 'node:util';
import { systemClock } from '../base/clock.ts';
import { describeError, ServerError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Undo } from '../base/undo.ts';
import { within } from '../base/within.ts';
import type { VhostConfig } from '../config/index.ts';
import type { OutputObserver, OutputStart, StreamOutput } from '../hub/output-events.ts';
import { streamKey, type LiveStream, type SessionInfo, type StreamObserver } from '../hub/ports.ts';
import type { StreamName, StreamState } from '../hub/ports.ts';
import type { Frame } from '../media/frame.ts';

/** A kind of files that are made of streams. `Options` are those of one stream; equal ones let a reload leave it alone. */
export interface OutputKind<Options = unknown> {
  /** `hls`, `dash` … */
  readonly name: string;
  /** What the vhost asks for; undefined = not this stream. */
  options(vhost: VhostConfig, name: StreamName): Options | undefined;
  create(start: OutputStart<Options>): StreamOutput;
  /** The server ends: what waits behind outputs that are closed is left. Idempotent. */
  close?(): void;
}

export interface StreamOutputsDeps {
  readonly kinds: readonly OutputKind[];
  readonly logger: Logger;
  /** Hears of outputs that could not begin or broke. */
  readonly observer: Required<Pick<OutputObserver, 'outputFailed'>>;
  /** The vhost of a stream. Throws when it is not served any more. */
  vhostOf(name: StreamName): VhostConfig;
}

/** The server ends although a disk does not answer, ms. */
const CLOSE_TIMEOUT_MS = 10_000;

/** One output of one stream. What the hub calls goes through here, so that its end is seen. */
class Running {
  readonly kind: OutputKind;
  readonly options: unknown;
  readonly output: StreamOutput;
  readonly name: string;
  readonly from: 'now' | 'gop';
  readonly #ended: (running: Running, reason: 'gone' | 'failed') => void;
  undo: Undo = () => undefined;

  constructor(
    kind: OutputKind,
    options: unknown,
    output: StreamOutput,
    ended: (running: Running, reason: 'gone' | 'failed') => void,
  ) {
    this.kind = kind;
    this.options = options;
    this.output = output;
    this.name = output.name;
    this.from = output.from ?? 'now';
    this.#ended = ended;
  }

  onFrame(frame: Frame): void {
    this.output.onFrame(frame);
  }

  onState(state: StreamState, publication: number): void {
    this.output.onState(state, publication);
  }

  onEnd(reason: 'gone' | 'failed'): void {
    this.#ended(this, reason);
  }
}

interface Tracked {
  readonly stream: LiveStream;
  session: SessionInfo;
  readonly running: Set<Running>;
}

/** [hls, dash, dvr, hds] Begins and ends what makes files of the streams, by the configuration in force. */
export class StreamOutputs implements StreamObserver {
  readonly #deps: StreamOutputsDeps;
  readonly #streams = new Map<LiveStream, Tracked>();
  /** The last close of an output by kind and stream. */
  readonly #closing = new Map<string, Promise<void>>();
  #closed = false;

  constructor(deps: StreamOutputsDeps) {
    this.#deps = deps;
  }

  publishStarted(_name: StreamName, session: SessionInfo, stream: LiveStream): void {
    if (this.#closed) return;
    let tracked = this.#streams.get(stream);
    if (tracked === undefined) {
      tracked = { stream, session, running: new Set() };
      this.#streams.set(stream, tracked);
    }
    tracked.session = session;
    for (const running of tracked.running) running.output.published(session);
    this.#update(tracked);
  }

  /** After a reload: ends what is off or has other options, and begins what is on. */
  reconfigure(): void {
    for (const tracked of this.#streams.values()) this.#update(tracked);
  }

  /** Ends all. Resolves when their files are written, or after a while without them. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const tracked of this.#streams.values()) {
      for (const running of tracked.running) this.#stop(tracked, running);
    }
    this.#streams.clear();
    if (!(await within(systemClock, CLOSE_TIMEOUT_MS, Promise.all(this.#closing.values())))) {
      this.#deps.logger.warn(`the disk does not answer: ${this.#closing.size} outputs are left unfinished`);
    }
    for (const kind of this.#deps.kinds) kind.close?.();
  }

  #update(tracked: Tracked): void {
    const { stream, running } = tracked;
    if (stream.state === 'gone') {
      this.#streams.delete(stream);
      return;
    }
    let vhost: VhostConfig | undefined;
    try {
      vhost = this.#deps.vhostOf(stream.name);
    } catch {
      // Its vhost was removed: the hub is about to end it.
    }
    for (const kind of this.#deps.kinds) {
      const options = vhost === undefined ? undefined : kind.options(vhost, stream.name);
      const present = [...running].find((one) => one.kind === kind);
      if (present !== undefined && isDeepStrictEqual(present.options, options)) continue;
      if (present !== undefined) this.#stop(tracked, present);
      if (options !== undefined) this.#start(tracked, kind, options);
    }
  }

  #start(tracked: Tracked, kind: OutputKind, options: unknown): void {
    const { stream, session } = tracked;
    const { name } = stream;
    try {
      const after = this.#closing.get(placeOf(kind, name)) ?? Promise.resolve();
      const output = kind.create({ name, options, after });
      const running = new Running(kind, options, output, (one, reason) => this.#ended(tracked, one, reason));
      tracked.running.add(running);
      output.published(session);
      running.undo = stream.tap(running);
    } catch (cause) {
      const error =
        cause instanceof ServerError
          ? cause
          : new ServerError('INTERNAL', 'an output could not begin', { cause });
      this.#deps.observer.outputFailed({ output: kind.name, name, session, error, then: 'stops' });
    }
  }

  #stop(tracked: Tracked, running: Running): void {
    tracked.running.delete(running);
    running.undo();
    this.#close(tracked.stream.name, running);
  }

  /** The hub says that it is over. */
  #ended(tracked: Tracked, running: Running, reason: 'gone' | 'failed'): void {
    if (!tracked.running.delete(running)) return;
    const { name } = tracked.stream;
    if (reason === 'gone') this.#streams.delete(tracked.stream);
    try {
      running.output.onEnd(reason);
    } finally {
      this.#close(name, running);
    }
    if (reason === 'gone') return;
    const error = new ServerError(
      'INTERNAL',
      `${running.name} failed; it begins again with the next publish`,
    );
    this.#deps.observer.outputFailed({
      output: running.name,
      name,
      session: tracked.session,
      error,
      then: 'stops',
    });
  }

  #close(name: StreamName, running: Running): void {
    const place = placeOf(running.kind, name);
    const before = this.#closing.get(place);
    const closed = running.output
      .close()
      .catch((error: unknown) => {
        this.#deps.logger.error(`${running.name} of ${streamKey(name)}: ${describeError(error)}`);
      })
      .then(() => before)
      .finally(() => {
        if (this.#closing.get(place) === closed) this.#closing.delete(place);
      });
    this.#closing.set(place, closed);
  }
}

function placeOf(kind: OutputKind, name: StreamName): string {
  return `${kind.name} ${streamKey(name)}`;
}
