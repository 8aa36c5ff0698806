import { useLive } from '../hooks/use-live.ts';
import { useRoute } from '../hooks/use-route.ts';
import { useSelection } from '../hooks/use-selection.ts';
import type { LiveStream } from '../api/live.ts';
import { streamAddresses } from '../model/addresses.ts';
import { rememberTransport } from '../model/remembered.ts';
import { formatRoute } from '../model/route.ts';
import type { TransportId } from '../model/transport.ts';
import { t } from '../strings/index.ts';
import { AddressList } from './address-list.tsx';
import { Header } from './header.tsx';
import { HelpSection } from './help-section.tsx';
import { PlayerPanel } from './player-panel.tsx';
import { PublishGuide } from './publish-guide.tsx';
import { StreamList } from './stream-list.tsx';

/** The whole page. */
export function App() {
  const { live, refresh } = useLive();
  const route = useRoute();
  const selected = useSelection(route, live.answer);
  const server = live.answer?.server;
  const addresses =
    selected === undefined || server === undefined ? undefined : streamAddresses(selected, server, location);

  return (
    <>
      <a class="skip" href="#player" onClick={skipToPlayer}>
        {t.skipToPlayer}
      </a>
      <Header live={live} />
      <main class="columns">
        <div class="column-main">
          {live.reach === 'unreachable' && (
            <p class="notice notice-bad" role="alert">
              {t.unreachableLong}
            </p>
          )}
          {selected !== undefined && addresses !== undefined && (
            <PlayerPanel
              stream={selected}
              addresses={addresses}
              reachable={live.reach === 'ok'}
              wanted={route?.by}
              onTransport={(by) => playBy(selected, by)}
              onLost={refresh}
            />
          )}
          {live.answer === undefined && live.reach === 'asking' && <p class="notice">{t.asking}</p>}
          {selected === undefined && server !== undefined && (
            <section class="card welcome">
              <h2>{t.noStreams}</h2>
              <p>{t.noStreamsLong}</p>
              <PublishGuide server={server} />
            </section>
          )}
        </div>
        <div class="column-side">
          {live.answer !== undefined && <StreamList streams={live.answer.streams} selected={selected} />}
          {addresses !== undefined && <AddressList addresses={addresses} />}
          {selected !== undefined && server !== undefined && <HelpSection server={server} />}
        </div>
      </main>
    </>
  );
}

/** The choice is kept by this browser, and by the address, which can be handed on. */
function playBy({ vhost, app, stream }: LiveStream, by: TransportId): void {
  rememberTransport(by);
  location.hash = formatRoute({ vhost, app, stream, by });
}

/** Not by the link itself: the hash of this page names a stream. */
function skipToPlayer(event: Event): void {
  event.preventDefault();
  document.getElementById('player')?.focus();
}
