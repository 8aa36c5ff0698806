import type { AccessPolicy, AccessRequest, SessionInfo } from '../hub/ports.ts';

/** Policies that all have to agree, asked in order: the cheap ones first, those that tell somebody last. */
export class PolicyChain implements AccessPolicy {
  readonly #policies: readonly AccessPolicy[];

  constructor(policies: readonly AccessPolicy[]) {
    this.#policies = policies;
  }

  async check(request: AccessRequest): Promise<void> {
    for (const policy of this.#policies) await policy.check(request);
  }

  settled(session: SessionInfo): void {
    for (const policy of this.#policies) policy.settled?.(session);
  }
}
