import { formatRate, formatSeconds, formatSize } from '../model/format.ts';
import type { Reading } from '../players/playback-controller.ts';
import { t } from '../strings/index.ts';

/** The player's figures. */
export function ReadingList({ reading }: { readonly reading: Reading }) {
  const { latencyS, aimS, bufferS, width, height, kbps, droppedFrames } = reading;
  const size = width === undefined || height === undefined ? undefined : formatSize(width, height);
  return (
    <dl class="readings">
      <Entry
        name={t.latency}
        note={aimS === undefined ? undefined : t.aim(formatSeconds(aimS))}
        id="latency"
        help={t.latencyHelp}
        value={show(latencyS, formatSeconds)}
      />
      <Entry name={t.buffer} id="buffer" help={t.bufferHelp} value={show(bufferS, formatSeconds)} />
      <Entry name={t.resolution} id="resolution" value={size ?? t.unknown} />
      <Entry name={t.bitrate} id="bitrate" value={show(kbps, formatRate)} />
      <Entry name={t.dropped} id="dropped" help={t.droppedHelp} value={show(droppedFrames, String)} />
    </dl>
  );
}

function show(value: number | undefined, format: (value: number) => string): string {
  return value === undefined ? t.unknown : format(value);
}

interface EntryProps {
  readonly name: string;
  readonly id: string;
  readonly value: string;
  readonly help?: string;
  /** Beside the value. */
  readonly note?: string | undefined;
}

function Entry({ name, id, value, help, note }: EntryProps) {
  return (
    <div class="reading" title={help}>
      <dt>{name}</dt>
      <dd>
        <span data-reading={id}>{value}</span>
        {note !== undefined && <span class="reading-note"> {note}</span>}
      </dd>
    </div>
  );
}
