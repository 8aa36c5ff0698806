import { useRef } from 'preact/hooks';
import type { LiveStream } from '../api/live.ts';
import type { StreamAddresses } from '../model/addresses.ts';
import { rememberedTransport } from '../model/remembered.ts';
import { chooseTransport, TRANSPORTS, type Choice, type TransportId } from '../model/transport.ts';
import { ENGINE_KINDS } from '../players/kinds.ts';

export interface TransportChoice extends Choice {
  readonly offered: readonly TransportId[];
}

/** How to play the stream: as the address bar says, else as this browser did last, else the first way that works. */
export function useTransport(
  stream: LiveStream,
  addresses: StreamAddresses,
  wanted: TransportId | undefined,
): TransportChoice {
  const remembered = useRef(rememberedTransport());
  if (wanted !== undefined) remembered.current = wanted;
  const offered = TRANSPORTS.filter((id) => addresses.by[id] !== undefined);
  const choice = chooseTransport(wanted ?? remembered.current, offered, (id) =>
    ENGINE_KINDS[id].obstacle(stream.videoCodec),
  );
  // Of a stream that is not there, nothing is known for certain.
  return { ...choice, detour: stream.state === 'idle' ? undefined : choice.detour, offered };
}
