import type { Config } from '../config/index.ts';
import { RtmpEndpoint, type RtmpEndpointOptions } from '../endpoints/rtmp/index.ts';
import { listenAddress } from './addresses.ts';
import { rtmpVhosts } from './vhost-options.ts';
import type { VhostTable } from './vhost-table.ts';

/** What does not come from the configuration. */
export type RtmpServicesOfServer = Omit<
  RtmpEndpointOptions,
  'listen' | 'vhosts' | 'handshakeTimeoutMs' | 'emptyIpOk'
>;

/** The RTMP listeners and sessions; what a session asks of the configuration is what is in force then. */
export function rtmpEndpoint(
  config: () => Config,
  vhosts: VhostTable,
  services: RtmpServicesOfServer,
): RtmpEndpoint {
  return new RtmpEndpoint({
    ...services,
    listen: config().listen.map(listenAddress),
    vhosts: rtmpVhosts(vhosts),
    get handshakeTimeoutMs() {
      return config().rtmpHandshakeTimeoutMs;
    },
    get emptyIpOk() {
      return config().emptyIpOk;
    },
  });
}
