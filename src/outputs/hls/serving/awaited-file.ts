import type { TimerWheel } from '../../../base/timer-wheel.ts';
import type { LiveResource, ResourceRefusal, ResourceRequest } from '../../../storage/live-resources.ts';
import type { AnnouncedPart } from '../options.ts';
import { WaitingRoom } from './waiting-room.ts';

/**
 * A part that a preload hint announced and that is not there yet: who asks waits for it, so that its bytes leave as soon as
 * there are any. Spec: bis, 4.4.5.3.
 */
export class AwaitedFile implements AnnouncedPart {
  readonly bytes = 0;
  readonly #waiting: WaitingRoom;
  readonly #timeoutMs: () => number;
  #settled: LiveResource | 'never' | undefined;

  /** `timeoutMs`: a request waits no longer. */
  constructor(wheel: TimerWheel, timeoutMs: () => number) {
    this.#waiting = new WaitingRoom(wheel, () => () => undefined);
    this.#timeoutMs = timeoutMs;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Here it is; undefined: it will not come. */
  settle(resource: LiveResource | undefined): void {
    this.#settled ??= resource ?? 'never';
    this.#waiting.close();
  }

  respond(request: ResourceRequest): ReturnType<LiveResource['respond']> {
    if (this.#settled !== undefined) return this.#answer(request);
    if (request.headOnly) return NOT_YET;
    return this.#wait(request);
  }

  release(): void {}

  async #wait(request: ResourceRequest): Promise<Awaited<ReturnType<LiveResource['respond']>>> {
    const { signal } = request;
    const end = await this.#waiting.wait({ isReady: () => false, timeoutMs: this.#timeoutMs(), signal });
    if (this.#settled !== undefined) return this.#answer(request);
    return end === 'full' ? BUSY : NOT_YET;
  }

  #answer(request: ResourceRequest): ReturnType<LiveResource['respond']> {
    return this.#settled === 'never' ? NOT_YET : this.#settled?.respond(request);
  }
}

const NOT_YET: ResourceRefusal = { status: 404, text: 'not there' };
const BUSY: ResourceRefusal = { status: 503, text: 'too many requests wait' };
