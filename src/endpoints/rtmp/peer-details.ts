import type { SessionDetails } from '../../hub/ports.ts';
import type { Socket } from '../../net/index.ts';
import type { ConnectRequest, ResolvedName } from '../../protocols/rtmp/index.ts';

/** What a peer said of itself with connect, and with its publish or play. */
export function peerDetails(
  socket: Socket,
  connect: ConnectRequest | undefined,
  name: ResolvedName,
  publishStyle?: SessionDetails['publishStyle'],
): SessionDetails {
  return {
    transport: 'encrypted' in socket && socket.encrypted === true ? 'rtmps' : 'rtmp',
    tcUrl: connect?.tcUrl ?? '',
    pageUrl: connect?.pageUrl ?? '',
    swfUrl: connect?.swfUrl ?? '',
    params: name.params,
    userAgent: connect?.flashVer ?? '',
    ...(publishStyle === undefined ? {} : { publishStyle }),
  };
}
