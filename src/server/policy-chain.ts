import { ServerError } from '../base/errors.ts';
import { hideSecret } from '../base/hide-secret.ts';
import { isRedirect, isStreamName } from '../base/names.ts';
import { bothGrants } from '../hub/grants.ts';
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
      granted = bothGrants(granted, grant);
      if (granted.redirect !== undefined) break;
      if (grant.stream !== undefined) asked = renamed(asked, grant.stream, granted.isKey === true);
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

/** The question about another stream; a secret that was asked for is in no part of it, but for what the session itself says. */
function renamed(asked: AccessRequest, stream: string, isKey: boolean): AccessRequest {
  if (!isKey) return { ...asked, stream };
  const { stream: key = '', params, tcUrl = asked.session.details?.tcUrl, pageUrl } = asked;
  return {
    ...asked,
    stream,
    isKey,
    params: hideSecret(params, key),
    ...(tcUrl === undefined ? {} : { tcUrl: hideSecret(tcUrl, key) }),
    ...(pageUrl === undefined ? {} : { pageUrl: hideSecret(pageUrl, key) }),
  };
}

/** What is granted goes into files, headers and answers: it must be what it is taken for. */
function judge({ stream, redirect }: AccessGrant): void {
  if (stream !== undefined && !isStreamName(stream))
    throw new ServerError('STREAM_NAME_INVALID', 'the name that was granted is no name of a stream');
  if (redirect !== undefined && !isRedirect(redirect))
    throw new ServerError('URL_INVALID', 'where the client is sent to is no URL');
}
