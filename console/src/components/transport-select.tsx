import type { LiveStream } from '../api/live.ts';
import { codecName } from '../model/format.ts';
import type { Detour, TransportId } from '../model/transport.ts';
import { ENGINE_KINDS } from '../players/kinds.ts';
import { t } from '../strings/index.ts';

interface TransportSelectProps {
  readonly value: TransportId | undefined;
  readonly offered: readonly TransportId[];
  readonly videoCodec: string | undefined;
  readonly onTransport: (id: TransportId) => void;
}

/** The ways to play that the server offers; those that this browser cannot play cannot be picked. */
export function TransportSelect({ value, offered, videoCodec, onTransport }: TransportSelectProps) {
  if (offered.length === 0) return null;
  return (
    <label class="transport">
      <span>{t.transport}</span>
      <select value={value} onChange={(event) => onTransport(event.currentTarget.value as TransportId)}>
        {offered.map((id) => {
          const { label } = ENGINE_KINDS[id];
          const hindered = ENGINE_KINDS[id].obstacle(videoCodec) !== undefined;
          return (
            <option key={id} value={id} disabled={hindered && id !== value}>
              {hindered ? t.notHere(label) : label}
            </option>
          );
        })}
      </select>
    </label>
  );
}

/** Why something else is played than what was asked for. */
export function detourText({ wanted, why }: Detour, id: TransportId, stream: LiveStream): string {
  const { label } = ENGINE_KINDS[id];
  const wantedLabel = ENGINE_KINDS[wanted].label;
  switch (why) {
    case 'not-offered':
      return t.detourNotOffered(wantedLabel, label);
    case 'browser':
      return t.detourBrowser(wantedLabel, label);
    case 'codec':
      return t.detourBrowser(`${wantedLabel} (${codecName(stream.videoCodec ?? '?')})`, label);
  }
}
