import { ServerError } from '../../base/errors.ts';
import { resolveName, type ResolvedName } from '../../protocols/rtmp/index.ts';
import type { SaidOfItself } from './peer-details.ts';
import type { RtmpVhostOptions, RtmpVhosts } from './ports.ts';

/** What a connect, publish or play is about. */
export interface Target {
  readonly name: ResolvedName;
  readonly vhost: RtmpVhostOptions;
}

/** The name and vhost that a peer means. Throws what `resolveName` throws, and VHOST_UNKNOWN. */
export function targetOf(
  vhosts: RtmpVhosts,
  connect: Pick<SaidOfItself, 'tcUrl' | 'app'> | undefined,
  rawName: string,
): Target {
  const name = resolveName(connect?.tcUrl ?? '', connect?.app ?? '', rawName);
  const vhost = vhosts.find(name.vhost);
  if (vhost === undefined) throw new ServerError('VHOST_UNKNOWN', `vhost ${name.vhost} is not served here`);
  return { name: { ...name, vhost: vhost.name }, vhost };
}
