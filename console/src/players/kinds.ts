import type { Obstacle, TransportId } from '../model/transport.ts';
import { t } from '../strings/index.ts';
import { canDecodeVideo, mediaSource } from './codec-support.ts';
import { DashEngine } from './dash-engine.ts';
import type { Engine, EngineKind, EngineOptions } from './engine.ts';
import { HlsEngine } from './hls-engine.ts';
import { NativeHlsEngine, playsHlsItself } from './native-hls-engine.ts';
import { MpegtsEngine } from './mpegts-engine.ts';

/** What hands the media to Media Source Extensions. */
function obstacle(videoCodec: string | undefined): Obstacle | undefined {
  if (mediaSource() === undefined) return 'browser';
  return videoCodec !== undefined && !canDecodeVideo(videoCodec) ? 'codec' : undefined;
}

function hlsObstacle(videoCodec: string | undefined): Obstacle | undefined {
  return mediaSource() === undefined && playsHlsItself() ? undefined : obstacle(videoCodec);
}

function openHls(options: EngineOptions, lowLatency: boolean): Engine {
  return mediaSource() === undefined ? new NativeHlsEngine(options) : new HlsEngine(options, lowLatency);
}

/** Every player kind. The libraries are loaded by the engines, when something is played by them. */
export const ENGINE_KINDS: Readonly<Record<TransportId, EngineKind>> = {
  'http-flv': {
    id: 'http-flv',
    label: t.transports['http-flv'],
    obstacle,
    open: (options) => new MpegtsEngine(options, 'flv'),
  },
  'ws-flv': {
    id: 'ws-flv',
    label: t.transports['ws-flv'],
    obstacle,
    open: (options) => new MpegtsEngine(options, 'flv'),
  },
  'http-ts': {
    id: 'http-ts',
    label: t.transports['http-ts'],
    obstacle,
    open: (options) => new MpegtsEngine(options, 'mpegts'),
  },
  'll-hls': {
    id: 'll-hls',
    label: t.transports['ll-hls'],
    obstacle: hlsObstacle,
    open: (options) => openHls(options, true),
  },
  hls: {
    id: 'hls',
    label: t.transports.hls,
    obstacle: hlsObstacle,
    open: (options) => openHls(options, false),
  },
  dash: { id: 'dash', label: t.transports.dash, obstacle, open: (options) => new DashEngine(options) },
};
