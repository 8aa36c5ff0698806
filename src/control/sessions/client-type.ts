import type { SessionInfo } from '../../hub/ports.ts';

/** How an RTMP client began to publish → SRS's name of it. */
const PUBLISHERS = {
  fmle: 'fmle-publish',
  flash: 'flash-publish',
  haivision: 'haivision-publish',
} as const;

/**
 * SRS's name (4 and later) of a kind of client. Live bodies over HTTP and WebSocket are all `flv-play` there, whatever the
 * container; our own name of them is `SessionInfo.type`.
 */
export function clientType({ type, details }: SessionInfo): string {
  if (type === 'rtmp-publish') return PUBLISHERS[details?.publishStyle ?? 'fmle'];
  return /^(?:ws-)?(?:flv|ts|aac|mp3)-play$/.test(type) ? 'flv-play' : type;
}
