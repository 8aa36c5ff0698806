import type { StreamWarning } from '../../hub/health-events.ts';
import type { StreamName, StreamSnapshot } from '../../hub/ports.ts';
import type { StreamSums } from '../sessions/index.ts';
import { labelText, type Labels, type SeriesText } from './series-text.ts';

/** A stream with what it carried. */
export interface MeasuredStream {
  readonly snapshot: StreamSnapshot;
  readonly sums: StreamSums;
}

/** Series that are written before others on the event loop have their turn. */
const TURN = 1_000;

interface Row {
  readonly stream: MeasuredStream;
  readonly labels: string;
}

type Figure = readonly [
  name: string,
  type: 'gauge' | 'counter',
  help: string,
  read: (stream: MeasuredStream, now: number) => number | undefined,
];

const FIGURES: readonly Figure[] = [
  [
    'srs_stream_active',
    'gauge',
    'Whether the stream is published.',
    ({ snapshot }) => Number(snapshot.state === 'live'),
  ],
  ['srs_stream_clients', 'gauge', 'Viewers of the stream.', ({ snapshot }) => snapshot.viewers],
  [
    'srs_stream_receive_bytes_total',
    'counter',
    'Bytes received for the stream.',
    ({ sums }) => sums.receivedBytes,
  ],
  [
    'srs_stream_send_bytes_total',
    'counter',
    'Bytes sent to viewers of the stream.',
    ({ sums }) => sums.sentBytes,
  ],
  [
    'srs_stream_receive_kbps',
    'gauge',
    'Average of 30 s, kbit/s.',
    ({ sums }, now) => sums.kbps(now).recv_30s,
  ],
  ['srs_stream_send_kbps', 'gauge', 'Average of 30 s, kbit/s.', ({ sums }, now) => sums.kbps(now).send_30s],
  [
    'srs_stream_drops_total',
    'counter',
    'Times that queues of its viewers overflowed.',
    ({ sums }) => sums.drops,
  ],
  [
    'srs_stream_queue_seconds',
    'gauge',
    'Media in the longest queue of a viewer.',
    ({ sums }) => sums.queuedMs / 1_000,
  ],
  [
    'srs_stream_video_frames',
    'gauge',
    'Pictures of the present publisher.',
    ({ snapshot }) => snapshot.videoFrames,
  ],
  [
    'srs_stream_audio_frames',
    'gauge',
    'Frames of sound of the present publisher.',
    ({ snapshot }) => snapshot.audioFrames,
  ],
  ['srs_stream_video_fps', 'gauge', 'Pictures per second.', ({ snapshot }) => snapshot.pulse?.videoFps],
  [
    'srs_stream_gop_seconds',
    'gauge',
    'Length of the last group of pictures.',
    ({ snapshot }) => inSeconds(snapshot.pulse?.gopMs),
  ],
  [
    'srs_stream_av_offset_seconds',
    'gauge',
    'How much sound is ahead of the picture that comes with it.',
    ({ snapshot }) => inSeconds(snapshot.pulse?.avOffsetMs),
  ],
  [
    'srs_stream_timeline_repairs_total',
    'counter',
    'Timestamps that had to be repaired.',
    ({ snapshot }) => snapshot.timelineRepairs,
  ],
];

/**
 * Writes the series of streams: those with the most viewers and the highest rates, `max` of them; the others are summed up. Metric
 * by metric, as the format wants them.
 */
export async function writeStreams(
  text: SeriesText,
  streams: readonly MeasuredStream[],
  warnings: (name: StreamName) => readonly StreamWarning[],
  { max, now }: { readonly max: number; readonly now: number },
): Promise<void> {
  const ordered = busiestFirst(streams, max);
  const shown = ordered
    .slice(0, max)
    .map((stream): Row => ({ stream, labels: labelText(namesOf(stream.snapshot.name)) }));
  let rows = 0;
  for (const [name, type, help, read] of FIGURES) {
    text.metric(name, type, help);
    for (const { stream, labels } of shown) {
      rows += 1;
      if (rows % TURN === 0) await new Promise(setImmediate);
      text.add(labels, read(stream, now));
    }
  }
  text.metric('srs_stream_warning', 'gauge', 'What is wrong with the stream now.');
  for (const { stream } of shown) {
    const { name } = stream.snapshot;
    for (const { problem } of warnings(name)) text.add(labelText({ ...namesOf(name), problem }), 1);
  }
  writeOthers(text, ordered.slice(max), now);
}

/** What streams without series of their own have together: as gauges, since a stream may come and go here. */
function writeOthers(text: SeriesText, others: readonly MeasuredStream[], now: number): void {
  let clients = 0;
  let received = 0;
  let sent = 0;
  for (const { snapshot, sums } of others) {
    const kbps = sums.kbps(now);
    clients += snapshot.viewers;
    received += kbps.recv_30s;
    sent += kbps.send_30s;
  }
  const one = (name: string, help: string, value: number): void =>
    text.metric(name, 'gauge', help).add('', value);
  one('srs_other_streams', 'Streams without series of their own.', others.length);
  one('srs_other_streams_clients', 'Viewers of these streams.', clients);
  one('srs_other_streams_receive_kbps', 'What these streams receive, kbit/s.', received);
  one('srs_other_streams_send_kbps', 'What these streams send, kbit/s.', sent);
}

function busiestFirst(streams: readonly MeasuredStream[], max: number): readonly MeasuredStream[] {
  if (streams.length <= max) return streams;
  return streams.toSorted(
    (a, b) => b.snapshot.viewers - a.snapshot.viewers || b.snapshot.receivedKbps - a.snapshot.receivedKbps,
  );
}

/** These and no others: a name may come with more of what a client said, tokens among it. */
function namesOf({ vhost, app, stream }: StreamName): StreamName & Labels {
  return { vhost, app, stream };
}

function inSeconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1_000;
}
