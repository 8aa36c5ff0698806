import type { ComponentChildren } from 'preact';
import { codecName, formatAge, formatRate, formatSize } from '../model/format.ts';
import { ActButton } from './act-button.tsx';
import type { Overview } from './api.ts';
import type { Ban, Client, ShownEvent, Stream, Vhost } from './objects.ts';
import { Pager } from './pager.tsx';
import { m } from './strings.ts';

/** For how long the buttons ban, seconds. */
const BAN_SECONDS = 600;

/** `path` of the API as `clients/ID`. */
export type End = (path: string, banSeconds?: number) => void;

interface CardProps {
  readonly title: string;
  readonly count?: number;
  readonly heads: readonly string[];
  readonly pager?: ComponentChildren;
  readonly children: ComponentChildren[];
}

function TableCard({ title, count, heads, pager, children }: CardProps) {
  return (
    <section class="card" aria-label={title}>
      <h2>
        {title} {count !== undefined && <span class="quiet">{count}</span>}
      </h2>
      {children.length === 0 ? (
        <p class="quiet">{m.none}</p>
      ) : (
        <div class="scroll">
          <table>
            <thead>
              <tr>
                {heads.map((head) => (
                  <th key={head} scope="col">
                    {head}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>{children}</tbody>
          </table>
        </div>
      )}
      {pager}
    </section>
  );
}

interface PagedProps {
  readonly overview: Overview;
  readonly end: End;
  readonly onStart: (start: number) => void;
}

export function Streams({ overview: { streams, streamPage }, end, onStart }: PagedProps) {
  const heads = [m.stream, m.state, m.media, m.clients, m.incoming, m.outgoing, m.age, ''];
  return (
    <TableCard
      title={m.streams}
      count={streamPage.total}
      heads={heads}
      pager={<Pager about={m.streams} page={streamPage} shown={streams.length} onStart={onStart} />}
    >
      {streams.map((stream) => (
        <tr key={stream.id}>
          <th scope="row">{stream.url}</th>
          <td>
            <span class={`badge badge-${stream.publish.active ? 'live' : 'waiting'}`}>
              {stream.publish.active ? m.live : m.waiting}
            </span>
          </td>
          <td>{mediaOf(stream)}</td>
          <td class="number">{stream.clients}</td>
          <td class="number">{formatRate(stream.kbps.recv_30s)}</td>
          <td class="number">{formatRate(stream.kbps.send_30s)}</td>
          <td class="number">
            {stream.publish.active ? formatAge(Date.now() - stream.publish.started_ms) : ''}
          </td>
          <td>
            <div class="acts">
              {stream.publish.active && (
                <>
                  <ActButton label={m.stop} about={stream.url} onAct={() => end(`streams/${stream.id}`)} />
                  <ActButton
                    label={m.ban}
                    about={stream.url}
                    onAct={() => end(`streams/${stream.id}`, BAN_SECONDS)}
                  />
                </>
              )}
            </div>
          </td>
        </tr>
      ))}
    </TableCard>
  );
}

export function Clients({ overview: { clients, clientPage }, end, onStart }: PagedProps) {
  const heads = [m.address, m.kind, m.stream, m.incoming, m.outgoing, m.queue, m.drops, m.age, ''];
  return (
    <TableCard
      title={m.clients}
      count={clientPage.total}
      heads={heads}
      pager={<Pager about={m.clients} page={clientPage} shown={clients.length} onStart={onStart} />}
    >
      {clients.map((client) => (
        <ClientRow key={`${client.id} ${client.publish}`} client={client} end={end} />
      ))}
    </TableCard>
  );
}

function ClientRow({ client, end }: { readonly client: Client; readonly end: End }) {
  const path = `clients/${encodeURIComponent(client.id)}`;
  const about = `${client.kind} ${client.ip}`;
  return (
    <tr>
      <th scope="row" title={client.id}>
        {client.ip}
      </th>
      <td>{client.kind}</td>
      <td>{client.url}</td>
      <td class="number">{formatRate(client.kbps.recv_30s)}</td>
      <td class="number">{formatRate(client.kbps.send_30s)}</td>
      <td class="number">{client.queue_ms} ms</td>
      <td class="number">{client.drops}</td>
      <td class="number">{formatAge(client.alive * 1_000)}</td>
      <td>
        <div class="acts">
          <ActButton label={m.kick} about={about} onAct={() => end(path)} />
          <ActButton label={m.ban} about={about} onAct={() => end(path, BAN_SECONDS)} />
        </div>
      </td>
    </tr>
  );
}

export function Vhosts({ vhosts }: { readonly vhosts: readonly Vhost[] }) {
  return (
    <TableCard title={m.vhosts} heads={[m.vhost, '', m.streams, m.clients, m.incoming, m.outgoing]}>
      {vhosts.map(({ id, name, enabled, streams, clients, kbps }) => (
        <tr key={id}>
          <th scope="row">{name}</th>
          <td>{enabled ? m.on : m.off}</td>
          <td class="number">{streams}</td>
          <td class="number">{clients}</td>
          <td class="number">{formatRate(kbps.recv_30s)}</td>
          <td class="number">{formatRate(kbps.send_30s)}</td>
        </tr>
      ))}
    </TableCard>
  );
}

export function Bans({ bans, end }: { readonly bans: readonly Ban[]; readonly end: End }) {
  return (
    <TableCard title={m.bans} count={bans.length} heads={[m.who, m.until, '']}>
      {bans.map(({ id, ip, stream, action, expires_ms }) => (
        <tr key={id}>
          <th scope="row">{[action, ip, stream].filter((part) => part !== '').join(' ')}</th>
          <td>{expires_ms === 0 ? m.forEver : new Date(expires_ms).toLocaleTimeString()}</td>
          <td>
            <div class="acts">
              <ActButton label={m.lift} about={id} onAct={() => end(`bans/${encodeURIComponent(id)}`)} />
            </div>
          </td>
        </tr>
      ))}
    </TableCard>
  );
}

export function Events({ events }: { readonly events: readonly ShownEvent[] }) {
  return (
    <section class="card" aria-label={m.events}>
      <h2>{m.events}</h2>
      {events.length === 0 && <p class="quiet">{m.none}</p>}
      <ol class="events">
        {events.map((event) => (
          <li key={event.id}>
            <time class="quiet">{new Date(event.at_ms).toLocaleTimeString()}</time>{' '}
            <span class="strong">{event.type}</span> <span class="quiet">{wordsOf(event)}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function wordsOf({ fields }: ShownEvent): string {
  const stream =
    typeof fields['stream'] === 'string' ? `${String(fields['app'])}/${fields['stream']}` : undefined;
  const more = ['kind', 'ip', 'message', 'what', 'applied', 'refused'].map((name) => fields[name]);
  return [stream, ...more]
    .filter((part) => part !== undefined && part !== '' && !(Array.isArray(part) && part.length === 0))
    .map(String)
    .join(' · ');
}

function mediaOf({ video, audio }: Stream): string {
  const parts: string[] = [];
  if (video !== null) {
    const size = video.width > 0 ? ` ${formatSize(video.width, video.height)}` : '';
    parts.push(`${codecName(video.codec)}${size}`);
  }
  if (audio !== null) parts.push(`${codecName(audio.codec)} ${audio.sample_rate / 1_000} kHz`);
  return parts.join(' · ');
}
