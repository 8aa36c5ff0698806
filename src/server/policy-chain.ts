import { ServerError } from '../base/errors.ts';
import { isRedirect, isStreamName } from '../base/names.ts';
import type { AccessGrant, AccessPolicy, AccessRequest, SessionInfo } from '../hub/ports.ts';

/**
 * Policies that all have to agree, asked in order: the cheap ones first, those that tell somebody last. Each is asked about the
 * stream that the ones before it granted. Of several limits the strictest holds; nobody is asked any more about a client that is
 * sent elsewhere.
 */
export class PolicyChain implements AccessPolicy {
  readonly #policies: readonly AccessPolicy[];

  constructor(policies: readonly AccessPolicy[]) {
    this.#policies = policies;
  }

  async check(request: AccessRequest): Promise<AccessGrant | undefined> {
    let asked = request;
    let granted: AccessGrant | undefined;
    for (const policy of this.#policies) {
      const grant = await policy.check(asked);
      if (grant === undefined) continue;
      judge(grant);
      granted = granted === undefined ? grant : both(granted, grant);
      if (granted.redirect !== undefined) break;
      if (grant.stream !== undefined)
        asked = { ...asked, stream: grant.stream, isKey: granted.isKey === true };
    }
    return granted;
  }

  protects(vhost: string): boolean {
    return this.#policies.some((policy) => policy.protects?.(vhost) === true);
  }

  settled(session: SessionInfo): void {
    for (const policy of this.#policies) policy.settled?.(session);
  }
}

/** What is granted goes into files, headers and answers: it must be what it is taken for. */
function judge({ stream, redirect }: AccessGrant): void {
  if (stream !== undefined && !isStreamName(stream))
    throw new ServerError('STREAM_NAME_INVALID', 'the name that was granted is no name of a stream');
  if (redirect !== undefined && !isRedirect(redirect))
    throw new ServerError('URL_INVALID', 'where the client is sent to is no URL');
}

function both(first: AccessGrant, second: AccessGrant): AccessGrant {
  const durationMs = least(first.durationMs, second.durationMs);
  const maxKbps = least(first.maxKbps, second.maxKbps);
  return {
    ...first,
    ...second,
    ...(first.isKey === true ? { isKey: true } : {}),
    ...(durationMs === undefined ? {} : { durationMs }),
    ...(maxKbps === undefined ? {} : { maxKbps }),
  };
}

function least(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}
