/** The encoder's clock may run off the wall clock by so much before dates are set anew, ms. */
const MAX_DRIFT_MS = 2_000;

/** [hls_program_date_time] Stream time → time of day: by one anchor, so that dates fit the lengths of segments. */
export class WallAnchor {
  #offset: number | undefined;

  /** Times do not go on: the next one is the anchor. */
  reset(): void {
    this.#offset = undefined;
  }

  /** Unix ms of `streamMs`, which is arriving at `unixMs`. */
  at(streamMs: number, unixMs: number): number {
    const offset = this.#offset;
    if (offset === undefined || Math.abs(streamMs + offset - unixMs) > MAX_DRIFT_MS) {
      this.#offset = unixMs - streamMs;
      return unixMs;
    }
    return Math.round(streamMs + offset);
  }
}
