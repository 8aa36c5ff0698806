import type { SessionDetails } from '../../hub/ports.ts';
import type { Socket } from '../../net/index.ts';
import type { ConnectRequest, ResolvedName } from '../../protocols/rtmp/index.ts';

/** What of connect is needed as long as the connection is there. */
export type SaidOfItself = Pick<ConnectRequest, 'app' | 'tcUrl' | 'pageUrl' | 'swfUrl' | 'flashVer'>;

/** There are thousands of connections, and strangers decide how much they say. */
export function whatStays({ app, tcUrl, pageUrl, swfUrl, flashVer }: ConnectRequest): SaidOfItself {
  return { app, tcUrl, pageUrl, swfUrl, flashVer };
}

/** What a peer said of itself with connect, and with its publish or play. */
export function peerDetails(
  socket: Socket,
  connect: SaidOfItself | undefined,
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
