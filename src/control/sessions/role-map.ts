import { streamKey, type StreamName } from '../../hub/ports.ts';

/** What a session does with a stream. */
export interface Role {
  readonly name: StreamName;
  readonly publishes: boolean;
}

/** Roles by the ids of their sessions. Nearly every session has one: only those that have more cost a key of their own each. */
export class RoleMap<R extends Role> {
  readonly #first = new Map<string, R>();
  /** Of sessions that are in the other one with another role. */
  readonly #others = new Map<string, R>();

  get size(): number {
    return this.#first.size + this.#others.size;
  }

  /** False: the session has this role already, and nothing has changed. */
  add(id: string, role: R): boolean {
    const first = this.#first.get(id);
    if (first === undefined) {
      const key = this.#others.size === 0 ? undefined : roleKey(id, role);
      if (key !== undefined && this.#others.has(key)) return false;
      this.#first.set(id, role);
      return true;
    }
    const key = roleKey(id, role);
    if (isSame(first, role) || this.#others.has(key)) return false;
    this.#others.set(key, role);
    return true;
  }

  /** The role, removed; undefined: the session has no such role. */
  take(id: string, role: Role): R | undefined {
    const first = this.#first.get(id);
    if (first !== undefined && isSame(first, role)) {
      this.#first.delete(id);
      return first;
    }
    if (this.#others.size === 0) return undefined;
    const key = roleKey(id, role);
    const other = this.#others.get(key);
    this.#others.delete(key);
    return other;
  }
}

function isSame(one: Role, other: Role): boolean {
  if (one.publishes !== other.publishes) return false;
  return one.name === other.name || streamKey(one.name) === streamKey(other.name);
}

function roleKey(id: string, { name, publishes }: Role): string {
  return `${id} ${publishes ? 'publish' : 'play'} ${streamKey(name)}`;
}
