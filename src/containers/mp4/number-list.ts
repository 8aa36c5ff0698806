const BLOCK = 4096;

type Block = Float64Array | Int32Array | Uint32Array;

/** Numbers that only grow in count, in typed blocks: no copy when it grows, 4 or 8 bytes each. */
export class NumberList {
  readonly #make: () => Block;
  readonly #blocks: Block[] = [];
  #length = 0;

  constructor(kind: 'u32' | 'i32' | 'f64') {
    this.#make =
      kind === 'f64'
        ? () => new Float64Array(BLOCK)
        : kind === 'i32'
          ? () => new Int32Array(BLOCK)
          : () => new Uint32Array(BLOCK);
  }

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length % BLOCK === 0) this.#blocks.push(this.#make());
    this.#length += 1;
    this.set(this.#length - 1, value);
  }

  /** 0 beyond the end. */
  at(index: number): number {
    return this.#blocks[Math.floor(index / BLOCK)]?.[index % BLOCK] ?? 0;
  }

  set(index: number, value: number): void {
    const block = this.#blocks[Math.floor(index / BLOCK)];
    if (block !== undefined) block[index % BLOCK] = value;
  }

  /** All of them in order. */
  forEach(visit: (value: number) => void): void {
    let left = this.#length;
    for (const block of this.#blocks) {
      const count = Math.min(left, BLOCK);
      left -= count;
      for (let i = 0; i < count; i += 1) visit(block[i] ?? 0);
    }
  }
}
