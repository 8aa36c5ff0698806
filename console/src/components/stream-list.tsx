import type { LiveStream, StreamState } from '../api/live.ts';
import { describeTracks, formatAge, formatRate } from '../model/format.ts';
import { formatRoute } from '../model/route.ts';
import { t } from '../strings/index.ts';

const STATE_LABELS: Readonly<Record<StreamState, string>> = {
  live: t.stateLive,
  idle: t.stateIdle,
  waiting: t.stateWaiting,
};

interface StreamListProps {
  readonly streams: readonly LiveStream[];
  readonly selected: LiveStream | undefined;
}

/** The streams as links, so that they can be opened in a new tab and the address bar keeps the choice. */
export function StreamList({ streams, selected }: StreamListProps) {
  const current = selected === undefined ? undefined : formatRoute(selected);
  return (
    <section class="card" aria-labelledby="streams-heading">
      <h2 id="streams-heading">{t.streams}</h2>
      {streams.length === 0 && <p class="quiet">{t.noStreams}</p>}
      <ul class="streams">
        {streams.map((stream) => {
          const route = formatRoute(stream);
          return (
            <li key={route}>
              <a href={route} class="stream" aria-current={route === current ? 'true' : undefined}>
                <StreamRow stream={stream} />
              </a>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function StreamRow({ stream }: { readonly stream: LiveStream }) {
  const live = stream.state === 'live';
  const facts = [t.viewers(stream.viewers)];
  if (live) facts.push(formatRate(stream.kbps));
  if (live && stream.publishedAtMs) facts.push(t.since(formatAge(Date.now() - stream.publishedAtMs)));
  const tracks = describeTracks(stream);
  return (
    <>
      <span class="stream-name">
        {stream.app}/{stream.stream}
        {stream.vhost !== '__defaultVhost__' && <span class="quiet"> @ {stream.vhost}</span>}
      </span>
      <span class={`badge badge-${stream.state}`}>{STATE_LABELS[stream.state]}</span>
      <span class="stream-facts quiet">
        {tracks !== '' && <span>{tracks}</span>}
        <span>{facts.join(' · ')}</span>
      </span>
    </>
  );
}
