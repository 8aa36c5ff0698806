import { canDecodeVideo } from './codec-support.ts';
import type { EngineId, EngineKind } from './engine.ts';
import { FlvEngine } from './flv-engine.ts';
import { t } from '../strings/index.ts';

const cannotPlay = (codec: string | undefined): boolean => codec !== undefined && !canDecodeVideo(codec);

/** Every player kind, in the order of the page's choice. */
export const ENGINE_KINDS: readonly [EngineKind, ...EngineKind[]] = [
  {
    id: 'http-flv',
    label: t.httpFlv,
    address: (addresses) => addresses.httpFlv,
    cannotPlay,
    open: (options) => new FlvEngine(options),
  },
  {
    id: 'ws-flv',
    label: t.wsFlv,
    address: (addresses) => addresses.wsFlv,
    cannotPlay,
    open: (options) => new FlvEngine(options),
  },
];

export function engineKind(id: EngineId): EngineKind {
  return ENGINE_KINDS.find((kind) => kind.id === id) ?? ENGINE_KINDS[0];
}
