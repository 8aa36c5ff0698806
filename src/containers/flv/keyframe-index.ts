/**
 * Where the keyframes of a file are: a bounded number of rows. When they are full, every second row goes and from then on every
 * second keyframe is noted: the rows stay spread over the whole file, however long it gets.
 */
export class KeyframeIndex {
  readonly #rows: number;
  #positions: number[] = [];
  #times: number[] = [];
  #every = 1;
  #skipped = 0;

  constructor(rows: number) {
    this.#rows = rows;
  }

  get size(): number {
    return this.#positions.length;
  }

  add(position: number, time: number): void {
    if (this.#skipped + 1 < this.#every) {
      this.#skipped += 1;
      return;
    }
    this.#skipped = 0;
    if (this.size === this.#rows) {
      this.#positions = this.#positions.filter((_, row) => row % 2 === 0);
      this.#times = this.#times.filter((_, row) => row % 2 === 0);
      this.#every *= 2;
      this.#skipped = 1;
      return;
    }
    this.#positions.push(position);
    this.#times.push(time);
  }

  /** Of a row; the last one stands for those that are not used, and `none` for all when there is none. */
  positionAt(row: number, none: number): number {
    return this.#positions[Math.min(row, this.size - 1)] ?? none;
  }

  /** ms */
  timeAt(row: number): number {
    return this.#times[Math.min(row, this.size - 1)] ?? 0;
  }
}
