import { type ChildProcess, fork } from 'node:child_process';
import path from 'node:path';
import type {
  FetchOrder,
  LoadCalls,
  LoadReply,
  LoadRequest,
  LoadSnapshot,
  PlayOrder,
  PublishOrder,
} from './protocol.ts';

/** A load process as its parent sees it. */
export class LoadProcess implements LoadCalls {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<
    number,
    { resolve: (result: unknown) => void; reject: (error: Error) => void }
  >();
  #nextId = 1;

  constructor() {
    this.#child = fork(path.join(import.meta.dirname, 'worker.ts'), { execArgv: ['--import', 'tsx'] });
    this.#child.on('message', (message) => {
      const reply = message as LoadReply;
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if (reply.error === undefined) waiting?.resolve(reply.result);
      else waiting?.reject(new Error(reply.error));
    });
    this.#child.on('exit', (code) => {
      for (const { reject } of this.#waiting.values())
        reject(new Error(`a load process ended with code ${code}`));
      this.#waiting.clear();
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  publish(order: PublishOrder): Promise<void> {
    return this.#call('publish', order) as Promise<void>;
  }

  play(order: PlayOrder): Promise<void> {
    return this.#call('play', order) as Promise<void>;
  }

  fetch(order: FetchOrder): Promise<void> {
    return this.#call('fetch', order) as Promise<void>;
  }

  stall(count: number): Promise<void> {
    return this.#call('stall', count) as Promise<void>;
  }

  mark(): Promise<void> {
    return this.#call('mark', undefined) as Promise<void>;
  }

  snapshot(): Promise<LoadSnapshot> {
    return this.#call('snapshot', undefined) as Promise<LoadSnapshot>;
  }

  leave(): Promise<void> {
    return this.#call('leave', undefined) as Promise<void>;
  }

  /** Ends the process. Idempotent. */
  close(): void {
    if (this.#child.connected) this.#child.disconnect();
    this.#child.kill();
  }

  #call(call: keyof LoadCalls, argument: unknown): Promise<unknown> {
    const request: LoadRequest = { id: this.#nextId++, call, argument };
    return new Promise((resolve, reject) => {
      this.#waiting.set(request.id, { resolve, reject });
      this.#child.send(request);
    });
  }
}
