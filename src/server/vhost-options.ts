import type { Config, VhostConfig } from '../config/index.ts';
import type { RtmpVhostOptions, RtmpVhosts } from '../endpoints/rtmp/index.ts';
import type { StreamOptions } from '../hub/ports.ts';
import { onePer } from './one-per.ts';
import type { VhostTable } from './vhost-table.ts';

/** What the vhost of a stream says to the hub. */
export function streamOptions(vhost: VhostConfig): StreamOptions {
  const { play, publish } = vhost;
  return {
    gopCache: play.gopCache,
    gopCacheMaxFrames: play.gopCacheMaxFrames,
    soundCacheMs: vhost.httpRemux.enabled ? vhost.httpRemux.fastCacheMs : 0,
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

/** The vhosts that count: of two with one name the first one does. */
export function firstVhosts(config: Config): readonly VhostConfig[] {
  const names = new Set<string>();
  return config.vhosts.filter(({ name }) => !names.has(name) && names.add(name));
}

/** The names of the vhosts that are on. */
export function servedVhosts(config: Config): ReadonlySet<string> {
  return new Set(firstVhosts(config).flatMap(({ name, enabled }) => (enabled ? [name] : [])));
}

/** What the vhosts of the configuration in force say to RTMP sessions. */
export function rtmpVhosts(vhosts: VhostTable): RtmpVhosts {
  const options = onePer(rtmpOptions);
  return {
    find(requested) {
      const vhost = vhosts.select(requested);
      return vhost && options(vhost);
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
