/** RTMP client: publish and play. See docs/rtmp-client.md. */
export { play, publish } from './client.ts';
export type { RtmpClientOptions, RtmpEnd } from './options.ts';
export { RtmpPlayer } from './player.ts';
export type { RtmpMediaMessage, RtmpPlayOptions } from './player.ts';
export { RtmpPublisher } from './publisher.ts';
export type { RtmpPublishOptions } from './publisher.ts';
export { RtmpStatusError } from './status-error.ts';
