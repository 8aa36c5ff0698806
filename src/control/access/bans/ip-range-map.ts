import { networkOf, type IpBytes, type IpRange } from '../../../net/index.ts';

/** Ranges of one family and length. */
interface Prefix<T> {
  readonly bits: number;
  readonly networks: Map<string, Set<T>>;
}

/**
 * Values by ranges of addresses. To look one address up costs a step for each length of prefix that there is, however many ranges
 * there are.
 */
export class IpRangeMap<T> {
  /** By the number of bits of the family and of the prefix, then by the network. */
  readonly #prefixes = new Map<string, Prefix<T>>();

  add({ bytes, bits }: IpRange, value: T): void {
    const key = `${bytes.length}/${bits}`;
    const prefix = this.#prefixes.get(key) ?? {
      bits,
      networks: new Map<string, Set<T>>(),
    };
    this.#prefixes.set(key, prefix);
    const network = bytes.join('.');
    const values = prefix.networks.get(network);
    if (values === undefined) prefix.networks.set(network, new Set([value]));
    else values.add(value);
  }

  delete({ bytes, bits }: IpRange, value: T): void {
    const key = `${bytes.length}/${bits}`;
    const networks = this.#prefixes.get(key)?.networks;
    const values = networks?.get(bytes.join('.'));
    if (networks === undefined || values?.delete(value) !== true) return;
    if (values.size === 0) networks.delete(bytes.join('.'));
    if (networks.size === 0) this.#prefixes.delete(key);
  }

  /** All values of ranges that hold the address. */
  at(address: IpBytes): readonly T[] {
    const found: T[] = [];
    for (const { bits, networks } of this.#prefixes.values()) {
      for (const value of networks.get(networkOf(address, bits).join('.')) ?? []) found.push(value);
    }
    return found;
  }
}
