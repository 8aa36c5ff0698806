import type { PlayableFormat } from '../api/live.ts';

/** Ways to carry a stream into the page, in the order of preference: what is nearest to live comes first. */
export const TRANSPORTS = ['http-flv', 'ws-flv', 'http-ts', 'll-hls', 'hls', 'dash'] as const;

export type TransportId = (typeof TRANSPORTS)[number];

/** Which of the server's formats a transport carries. */
export const FORMAT_OF: Readonly<Record<TransportId, PlayableFormat>> = {
  'http-flv': 'flv',
  'ws-flv': 'flv',
  'http-ts': 'ts',
  'll-hls': 'll-hls',
  hls: 'hls',
  dash: 'dash',
};

/** What stands in the way of a transport: the browser lacks what every stream needs, or what this stream needs. */
export type Obstacle = 'browser' | 'codec';

/** Why something else is played than what was wanted. */
export interface Detour {
  readonly wanted: TransportId;
  readonly why: 'not-offered' | Obstacle;
}

/** What to play by; `id` is undefined when the server offers nothing that a page can play. */
export interface Choice {
  readonly id: TransportId | undefined;
  readonly detour: Detour | undefined;
}

/** The transport of this name, if there is one. */
export function asTransport(name: string | null | undefined): TransportId | undefined {
  return TRANSPORTS.find((id) => id === name);
}

/**
 * The wanted transport where the server offers it and the browser plays it, else the first one of which both is true. Where no
 * transport plays, the wanted one stays: its message says why.
 */
export function chooseTransport(
  wanted: TransportId | undefined,
  offered: readonly TransportId[],
  obstacle: (id: TransportId) => Obstacle | undefined,
): Choice {
  const inOrder = TRANSPORTS.filter((id) => offered.includes(id));
  const playable = inOrder.find((id) => obstacle(id) === undefined);
  if (wanted === undefined) return { id: playable ?? inOrder[0], detour: undefined };
  const why = offered.includes(wanted) ? obstacle(wanted) : 'not-offered';
  if (why === undefined) return { id: wanted, detour: undefined };
  if (why !== 'not-offered' && playable === undefined) return { id: wanted, detour: undefined };
  return { id: playable ?? inOrder[0], detour: { wanted, why } };
}
