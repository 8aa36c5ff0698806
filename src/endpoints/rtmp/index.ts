export { RtmpEndpoint, type RtmpEndpointOptions } from './rtmp-endpoint.ts';
export type { RtmpServices, RtmpVhostOptions, RtmpVhosts } from './ports.ts';
