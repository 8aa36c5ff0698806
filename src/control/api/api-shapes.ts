import { createHash } from 'node:crypto';
import { streamKey, type StreamSnapshot } from '../../hub/ports.ts';

/** One connected publisher or player, for `/api/v1/clients/`. */
export interface ClientSnapshot {
  readonly id: string;
  readonly vhost: string;
  readonly app: string;
  readonly stream: string;
  readonly ip: string;
  readonly pageUrl: string;
  readonly swfUrl: string;
  readonly tcUrl: string;
  /** `rtmp-play`, `flv-play`, `fmle-publish` … */
  readonly type: string;
  readonly publish: boolean;
  /** Age, seconds. */
  readonly aliveSeconds: number;
}

/** SRS's codec names. */
const VIDEO_NAMES: Readonly<Record<string, string>> = {
  h264: 'H264',
  h265: 'HEVC',
  av1: 'AV1',
  vp6: 'VP6',
};
const AUDIO_NAMES: Readonly<Record<string, string>> = { aac: 'AAC', mp3: 'MP3', opus: 'Opus' };

/** An id of SRS's form that the same name always gets, so that nothing has to be remembered for it. */
export function stableId(kind: string, name: string): string {
  return `${kind}-${createHash('sha1').update(name).digest('hex').slice(0, 10)}`;
}

/** Object of `/api/v1/streams/` with SRS's field names. `nowMs` is the server's clock, Unix ms. */
export function streamObject(stream: StreamSnapshot, nowMs: number): Record<string, unknown> {
  const { name, publisher, video, audio } = stream;
  return {
    id: stableId('str', streamKey(name)),
    name: name.stream,
    vhost: stableId('vid', name.vhost),
    app: name.app,
    live_ms: nowMs,
    clients: stream.viewers + (publisher === undefined ? 0 : 1),
    frames: stream.videoFrames,
    send_bytes: 0,
    recv_bytes: stream.receivedBytes,
    kbps: { recv_30s: Math.round(stream.receivedKbps), send_30s: 0 },
    publish: { active: stream.state === 'live', cid: publisher?.id ?? '' },
    video:
      video === undefined
        ? null
        : {
            codec: VIDEO_NAMES[video.codec] ?? 'Other',
            profile: video.profile ?? 'Other',
            level: video.level ?? 'Other',
            width: video.width ?? 0,
            height: video.height ?? 0,
          },
    audio:
      audio === undefined
        ? null
        : {
            codec: AUDIO_NAMES[audio.codec] ?? 'Other',
            sample_rate: audio.sampleRate ?? 0,
            channel: audio.channels ?? 0,
            profile: audio.profile ?? 'Other',
          },
  };
}

/** Object of `/api/v1/clients/` with SRS's field names. */
export function clientObject(client: ClientSnapshot): Record<string, unknown> {
  return {
    id: client.id,
    vhost: stableId('vid', client.vhost),
    stream: stableId('str', streamKey(client)),
    ip: client.ip,
    pageUrl: client.pageUrl,
    swfUrl: client.swfUrl,
    tcUrl: client.tcUrl,
    // SRS leaves the default vhost out.
    url: `${client.vhost === '__defaultVhost__' ? '' : client.vhost}/${client.app}/${client.stream}`,
    type: client.type,
    publish: client.publish,
    alive: client.aliveSeconds,
  };
}

/** The publishers that the hub knows, as clients. */
export function publishersOf(streams: readonly StreamSnapshot[], nowMs: number): ClientSnapshot[] {
  const clients: ClientSnapshot[] = [];
  for (const { name, publisher, publishedAtMs } of streams) {
    if (publisher === undefined) continue;
    clients.push({
      ...name,
      id: publisher.id,
      ip: publisher.ip,
      pageUrl: '',
      swfUrl: '',
      tcUrl: '',
      type: publisher.type,
      publish: true,
      aliveSeconds: publishedAtMs === undefined ? 0 : Math.max(0, (nowMs - publishedAtMs) / 1000),
    });
  }
  return clients;
}
