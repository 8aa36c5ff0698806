import type { LiveResource, ResourceBody, ResourceRequest } from '../../storage/live-resources.ts';

/** Requests that may wait for one segment; further ones are told that it is not there. */
export const MAX_DASH_WAITING = 20_000;

/**
 * The segment that comes next. A player that runs at the very edge (ffmpeg does: it asks for what no manifest lists yet, again
 * and again) gets it when it is there, where it would else be told that there is none.
 */
export class ExpectedSegment implements LiveResource {
  readonly #waiting = new Set<(body: ResourceBody | undefined) => void>();

  respond(request: ResourceRequest): Promise<ResourceBody | undefined> | undefined {
    const { signal, headOnly } = request;
    if (headOnly || signal.aborted || this.#waiting.size >= MAX_DASH_WAITING) return undefined;
    return new Promise((resolve) => {
      const done = (body: ResourceBody | undefined): void => {
        this.#waiting.delete(done);
        signal.removeEventListener('abort', gone);
        resolve(body);
      };
      const gone = (): void => done(undefined);
      this.#waiting.add(done);
      signal.addEventListener('abort', gone);
    });
  }

  /** It is there, or will not come (undefined). */
  settle(body: ResourceBody | undefined): void {
    for (const done of this.#waiting) done(body);
  }
}
