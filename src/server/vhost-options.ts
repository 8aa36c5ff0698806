import { selectVhost, type Config, type VhostConfig } from '../config/index.ts';
import type { RtmpVhostOptions, RtmpVhosts } from '../endpoints/rtmp/index.ts';
import type { StreamName, StreamOptions } from '../hub/ports.ts';

/** What the vhost of a stream says to the hub. */
export function streamOptions(config: Config, name: StreamName): StreamOptions {
  const vhost = config.vhosts.find((candidate) => candidate.name === name.vhost);
  if (vhost === undefined) throw new Error(`no vhost ${name.vhost}`); // Names in the hub are resolved ones.
  const { play, publish } = vhost;
  return {
    gopCache: play.gopCache,
    gopCacheMaxFrames: play.gopCacheMaxFrames,
    queueLengthMs: play.queueLengthMs,
    queueMaxBytes: play.queueMaxSizeBytes,
    sendTimeoutMs: play.sendTimeoutMs,
    timeJitter: play.timeJitter,
    atc: play.atc,
    atcAuto: play.atcAuto,
    mixCorrect: play.mixCorrect,
    reduceSequenceHeader: play.reduceSequenceHeader,
    mwLatencyMs: play.mwLatencyMs,
    mwAdaptive: play.mwAdaptive,
    minLatency: vhost.minLatency,
    sendMinIntervalMs: play.sendMinIntervalMs,
    holdMs: publish.holdTimeMs,
    parseSps: publish.parseSps,
  };
}

/** What the vhosts say to RTMP sessions. */
export function rtmpVhosts(config: Config): RtmpVhosts {
  return {
    find(requested) {
      const vhost = selectVhost(config, requested);
      return vhost === undefined ? undefined : rtmpOptions(vhost);
    },
  };
}

function rtmpOptions(vhost: VhostConfig): RtmpVhostOptions {
  return {
    name: vhost.name,
    chunkSizeBytes: vhost.chunkSizeBytes,
    tcpNoDelay: vhost.tcpNodelay,
    minLatency: vhost.minLatency,
    inAckSizeBytes: vhost.inAckSizeBytes,
    outAckSizeBytes: vhost.outAckSizeBytes,
    mergedReadMs: vhost.publish.mr ? vhost.publish.mrLatencyMs : 0,
    firstPacketTimeoutMs: vhost.publish.firstpktTimeoutMs,
    silenceTimeoutMs: vhost.publish.normalTimeoutMs,
  };
}
