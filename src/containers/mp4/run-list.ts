import { NumberList } from './number-list.ts';

/** Numbers as runs of equal ones, the form in which an MP4 has times: 8 bytes of memory for each run. */
export class RunList {
  readonly #counts = new NumberList('u32');
  readonly #values: NumberList;

  constructor(kind: 'u32' | 'i32') {
    this.#values = new NumberList(kind);
  }

  push(value: number, count = 1): void {
    const last = this.#values.length - 1;
    if (last >= 0 && this.#values.at(last) === value) {
      this.#counts.set(last, this.#counts.at(last) + count);
    } else if (count > 0) {
      this.#counts.push(count);
      this.#values.push(value);
    }
  }

  /** Runs that there are with one more number behind all others. */
  lengthWith(next: number): number {
    const { length } = this.#values;
    return length > 0 && this.#values.at(length - 1) === next ? length : length + 1;
  }

  /** All runs in order, with one more number behind all others. */
  forEachWith(next: number, visit: (count: number, value: number) => void): void {
    const last = this.#values.length - 1;
    const joins = this.lengthWith(next) === last + 1;
    for (let i = 0; i <= last; i += 1) {
      const count = this.#counts.at(i);
      visit(joins && i === last ? count + 1 : count, this.#values.at(i));
    }
    if (!joins) visit(1, next);
  }
}
