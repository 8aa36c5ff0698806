import type { Obstacle, TransportId } from '../model/transport.ts';
import { t } from '../strings/index.ts';
import { canDecodeVideo, mediaSource } from './codec-support.ts';
import { DashEngine } from './dash-engine.ts';
import type { EngineKind } from './engine.ts';
import { HlsEngine } from './hls-engine.ts';
import { MpegtsEngine } from './mpegts-engine.ts';

/** All kinds hand the media to Media Source Extensions. */
function obstacle(videoCodec: string | undefined): Obstacle | undefined {
  if (mediaSource() === undefined) return 'browser';
  return videoCodec !== undefined && !canDecodeVideo(videoCodec) ? 'codec' : undefined;
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
    obstacle,
    open: (options) => new HlsEngine(options, true),
  },
  hls: { id: 'hls', label: t.transports.hls, obstacle, open: (options) => new HlsEngine(options, false) },
  dash: { id: 'dash', label: t.transports.dash, obstacle, open: (options) => new DashEngine(options) },
};
