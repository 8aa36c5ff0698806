import { ServerError } from '../../base/errors.ts';
import { hideSecret } from '../../base/hide-secret.ts';
import type { AccessGrant, AccessRequest, SessionInfo } from '../../hub/ports.ts';
import type { HookClient } from './hook-bodies.ts';

/** Whether the client is sent to another server. Throws HOOK_ANSWER_INVALID where it cannot go. */
export function isElsewhere(grant: AccessGrant | undefined, { session }: AccessRequest): boolean {
  if (grant?.redirect === undefined) return false;
  const overRtmp = session.details?.transport.startsWith('rtmp') ?? session.type.startsWith('rtmp');
  const url = URL.canParse(grant.redirect) ? new URL(grant.redirect) : undefined;
  const fits = overRtmp ? /^rtmps?:/i : /^(?:https?|wss?):/i;
  if (url !== undefined && url.host !== '' && url.username === '' && fits.test(url.protocol)) return true;
  throw new ServerError('HOOK_ANSWER_INVALID', 'the client cannot be sent to the URL of the answer');
}

/** `before` where it says the same as `now`, so that one of them can go. */
export function sameClient(before: HookClient | undefined, now: HookClient): HookClient {
  const isSame =
    before?.id === now.id &&
    before.ip === now.ip &&
    before.tcUrl === now.tcUrl &&
    before.pageUrl === now.pageUrl &&
    before.param === now.param;
  return isSame ? before : now;
}

/** The same client, without a secret that it asked for in what it said. */
export function withoutSecret(client: HookClient, secret: string): HookClient {
  const { tcUrl, pageUrl, param } = client;
  return {
    ...client,
    tcUrl: hideSecret(tcUrl, secret),
    pageUrl: hideSecret(pageUrl, secret),
    param: hideSecret(param, secret),
  };
}

/** After a restart it is not known who published. */
export const NOBODY: Pick<SessionInfo, 'id' | 'ip' | 'details'> = { id: '', ip: '' };

/** Whom the calls about a session name. */
export function clientOf(
  { id, ip, details }: Pick<SessionInfo, 'id' | 'ip' | 'details'>,
  request: Pick<AccessRequest, 'vhost' | 'app' | 'params' | 'tcUrl' | 'pageUrl' | 'isKey'>,
): HookClient {
  // What the session says of itself may hold the secret that it asked for; the question does not.
  const said = request.isKey === true ? undefined : details;
  const query = request.params === '' ? (said?.params ?? '') : request.params;
  return {
    id,
    ip,
    // Some clients of HTTP name no host.
    tcUrl: said?.tcUrl ?? request.tcUrl ?? `rtmp://${request.vhost}/${request.app}`,
    pageUrl: said?.pageUrl ?? request.pageUrl ?? '',
    param: query === '' || query.startsWith('?') ? query : `?${query}`,
  };
}
