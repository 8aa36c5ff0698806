import { DEFAULT_VHOST } from '../../base/names.ts';
import type { StreamWarning } from '../../hub/health-events.ts';
import type { Pulse } from '../../hub/media-pulse.ts';
import type { StreamSnapshot } from '../../hub/ports.ts';
import type { StreamSums, TrackedSession, VhostSums } from '../sessions/index.ts';
import type { ClientObject, StreamObject, VhostObject } from './schemas/live-schemas.ts';

/** SRS's codec names. */
const VIDEO_NAMES: Readonly<Record<string, string>> = {
  h264: 'H264',
  h265: 'HEVC',
  av1: 'AV1',
  vp6: 'VP6',
};
const AUDIO_NAMES: Readonly<Record<string, string>> = { aac: 'AAC', mp3: 'MP3', opus: 'Opus' };

/** Characters of a text of a peer that are shown. */
export const MAX_SHOWN_CHARS = 1_024;

/** What the configuration says of a vhost. */
export interface VhostFacts {
  readonly enabled: boolean;
  /** Length of a segment, seconds; undefined = no HLS. */
  readonly hlsFragmentSeconds: number | undefined;
}

/** `now` is time of the clock, ms. */
export function vhostObject(vhost: VhostSums, facts: VhostFacts, streams: number, now: number): VhostObject {
  const fragment = facts.hlsFragmentSeconds;
  return {
    id: vhost.id,
    name: vhost.name,
    enabled: facts.enabled,
    clients: vhost.clients,
    streams,
    send_bytes: vhost.sentBytes,
    recv_bytes: vhost.receivedBytes,
    kbps: vhost.kbps(now),
    hls: fragment === undefined ? { enabled: false } : { enabled: true, fragment },
  };
}

/** What a stream's object is made of. */
export interface StreamParts {
  readonly snapshot: StreamSnapshot;
  readonly sums: StreamSums;
  readonly publisher: TrackedSession | undefined;
  /** What is wrong with it now. */
  readonly warnings: readonly StreamWarning[];
  /** Time of the clock, and Unix time, ms. */
  readonly now: number;
  readonly unixMs: number;
}

export function streamObject({
  snapshot,
  sums,
  publisher,
  warnings,
  now,
  unixMs,
}: StreamParts): StreamObject {
  const { name, video, audio } = snapshot;
  return {
    id: sums.id,
    name: name.stream,
    vhost: sums.vhost.id,
    app: name.app,
    tcUrl: urlText(publisher?.info.details?.tcUrl),
    url: streamUrl(name),
    live_ms: unixMs,
    clients: snapshot.viewers + (snapshot.publisher === undefined ? 0 : 1),
    frames: snapshot.videoFrames,
    video_frames: snapshot.videoFrames,
    audio_frames: snapshot.audioFrames,
    timeline_repairs: snapshot.timelineRepairs,
    drops: sums.drops,
    queue_ms: Math.round(sums.queuedMs),
    health: healthObject(snapshot.pulse, warnings, now),
    send_bytes: sums.sentBytes,
    recv_bytes: sums.receivedBytes,
    kbps: sums.kbps(now),
    publish: {
      active: snapshot.state === 'live',
      cid: snapshot.publisher?.id ?? '',
      started_ms: snapshot.publishedAtMs ?? 0,
    },
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

function healthObject(
  pulse: Pulse | undefined,
  warnings: readonly StreamWarning[],
  now: number,
): StreamObject['health'] {
  if (pulse === undefined) return null;
  return {
    fps: pulse.videoFps,
    gop_ms: pulse.gopMs === undefined ? null : Math.max(0, Math.round(pulse.gopMs)),
    keyframe_ms: pulse.keyframeAt === undefined ? null : Math.max(0, Math.round(now - pulse.keyframeAt)),
    av_offset_ms: pulse.avOffsetMs ?? null,
    interleave_ms: pulse.interleaveMs,
    warnings: warnings.map(({ problem, message, sinceMs }) => ({ problem, message, since_ms: sinceMs })),
  };
}

/** `now` is time of the clock, ms. */
export function clientObject(session: TrackedSession, now: number): ClientObject {
  const { info, stream, publishes, bytes, queue } = session;
  const { details } = info;
  return {
    id: info.id,
    vhost: stream.vhost.id,
    stream: stream.id,
    ip: info.ip,
    pageUrl: urlText(details?.pageUrl),
    swfUrl: urlText(details?.swfUrl),
    tcUrl: urlText(details?.tcUrl),
    url: streamUrl(stream.name),
    name: stream.name.stream,
    type: session.type,
    kind: info.type,
    transport: details?.transport ?? '',
    user_agent: details?.userAgent?.slice(0, MAX_SHOWN_CHARS) ?? '',
    publish: publishes,
    alive: Math.round(Math.max(0, now - session.beganAt)) / 1_000,
    started_ms: session.beganUnixMs,
    send_bytes: publishes ? 0 : bytes,
    recv_bytes: publishes ? bytes : 0,
    kbps: session.kbps(now),
    queue_ms: Math.round(queue.queuedMs),
    queue_bytes: queue.queuedBytes,
    drops: queue.drops,
    dropped_bytes: queue.droppedBytes,
    rtt_ms: info.rttMs === undefined ? null : Math.round(info.rttMs * 10) / 10,
  };
}

/** SRS leaves the default vhost out. */
function streamUrl(name: { readonly vhost: string; readonly app: string; readonly stream: string }): string {
  return `${name.vhost === DEFAULT_VHOST ? '' : name.vhost}/${name.app}/${name.stream}`;
}

/** A URL that a peer named, without its query (also as SRS writes it), password and fragment: they hold tokens. */
function urlText(url: string | undefined): string {
  if (url === undefined || url === '') return '';
  const end = url.search(/[?#&,]|\.\.\./);
  const bare = end < 0 ? url : url.slice(0, end);
  return bare.replace(/^([a-z][a-z\d+.-]*:\/\/)[^/]*@/i, '$1').slice(0, MAX_SHOWN_CHARS);
}
