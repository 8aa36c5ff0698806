import { ServerError } from '../../base/errors.ts';
import { maskUrl } from '../../base/mask-url.ts';
import { withoutKey } from '../../hub/grants.ts';
import type { AccessGrant, SessionDetails, SessionInfo } from '../../hub/ports.ts';
import { parseRtmpUrl, type Redirect, type ResolvedName } from '../../protocols/rtmp/index.ts';
import type { RtmpPeer } from './ports.ts';

/** What a session publishes or plays, as the access policy granted it. */
export interface Admitted {
  readonly name: ResolvedName;
  readonly details: SessionDetails;
}

/** What a peer asks for. */
export interface Wish extends Admitted {
  readonly action: 'connect' | 'publish' | 'play';
}

/** The peer is sent to another server. */
export class Redirection extends ServerError {
  readonly redirect: Redirect;

  /** `url`: RTMP or RTMPS, with or without a stream. */
  constructor(url: string) {
    super('ACCESS_REDIRECTED', `sent to ${maskUrl(url)}`);
    const [scheme = 'rtmp:'] = /^rtmps?:/i.exec(url) ?? [];
    const { tcUrl, stream } = parseRtmpUrl(url.replace(scheme, 'rtmp:'));
    this.redirect = { tcUrl: tcUrl.replace('rtmp:', scheme), ...(stream === '' ? {} : { url }) };
  }
}

/** The session as policies see it. */
export function asking(session: RtmpPeer, { action, details }: Wish): SessionInfo {
  return {
    id: session.id,
    ip: session.ip,
    type: action === 'connect' ? 'rtmp' : `rtmp-${action}`,
    details,
    close: (reason) => session.close(reason),
  };
}

/** Asks the access policy. Resolves with what it granted; rejects with its refusal, or with a Redirection. */
export async function admit(session: RtmpPeer, who: SessionInfo, wish: Wish): Promise<Admitted> {
  const { action, name, details } = wish;
  const grant = await session.services.policy.check({
    action,
    session: who,
    vhost: name.vhost,
    app: name.app,
    stream: name.stream,
    params: name.params,
    tcUrl: details.tcUrl ?? '',
    pageUrl: details.pageUrl ?? '',
  });
  return granted(wish, grant);
}

function granted({ name, details }: Wish, grant: AccessGrant | undefined): Admitted {
  if (grant?.redirect !== undefined) throw new Redirection(grant.redirect);
  if (grant?.stream === undefined) return { name, details };
  const shown = grant.isKey === true ? withoutKey(details, name.stream) : details;
  return { name: { ...name, stream: grant.stream }, details: shown };
}
