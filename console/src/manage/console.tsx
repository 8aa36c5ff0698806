import { useCallback, useMemo, useState } from 'preact/hooks';
import { formatAge } from '../model/format.ts';
import { Api, ApiRefusal } from './api.ts';
import { rememberAuthorization, rememberedAuthorization } from './credentials.ts';
import type { Summary } from './objects.ts';
import { SignIn } from './sign-in.tsx';
import { m } from './strings.ts';
import { Bans, Clients, Events, Streams, Vhosts, type End } from './tables.tsx';
import { useEvents } from './use-events.ts';
import { useOverview } from './use-overview.ts';

/** The management console. */
export function Console() {
  const [authorization, setAuthorization] = useState(rememberedAuthorization);
  const api = useMemo(() => new Api(authorization), [authorization]);
  const { state, refresh, turn } = useOverview(api);
  const events = useEvents(api, refresh);
  const [problem, setProblem] = useState('');
  const end = useCallback<End>(
    (path, banSeconds) => {
      api.end(path, banSeconds).then(
        () => setProblem(''),
        (error: unknown) => setProblem(error instanceof ApiRefusal ? error.message : m.unreachable),
      );
      refresh();
    },
    [api, refresh],
  );
  const signIn = (next: string | undefined): void => {
    rememberAuthorization(next);
    setAuthorization(next);
  };
  const { reach, overview } = state;
  const label = { asking: m.asking, ok: m.connected, unreachable: m.unreachable, refused: m.signIn }[reach];
  return (
    <>
      <header class="top">
        <h1>
          srs-ts <span class="quiet">{m.title}</span>
        </h1>
        <nav class="links">
          <a href="../api/v1/docs/">{m.apiDocs}</a>
          {authorization !== undefined && (
            <button type="button" class="act" onClick={() => signIn(undefined)}>
              {m.signOut}
            </button>
          )}
        </nav>
        <p class={`reach reach-${reach}`} role="status">
          <span class="dot" aria-hidden="true" />
          {label}
        </p>
      </header>
      <main class="columns manage">
        {reach === 'refused' && (
          <SignIn message={state.message} wasWrong={authorization !== undefined} onSignIn={signIn} />
        )}
        {problem !== '' && (
          <p class="notice notice-bad" role="alert">
            {m.failed(problem)}
          </p>
        )}
        {overview !== undefined && (
          <>
            <ServerFacts summary={overview.summary} />
            <Streams overview={overview} end={end} onStart={(streams) => turn({ streams })} />
            <Clients overview={overview} end={end} onStart={(clients) => turn({ clients })} />
            <div class="pair">
              <Vhosts vhosts={overview.vhosts} />
              <Bans bans={overview.bans} end={end} />
            </div>
            <Events events={events} />
          </>
        )}
      </main>
    </>
  );
}

function ServerFacts({ summary: { self, system } }: { readonly summary: Summary }) {
  if (self === undefined || system === undefined) return null;
  const facts = [
    [m.version, self.version],
    [m.uptime, formatAge(self.srs_uptime * 1_000)],
    [m.processCpu, m.percent(self.cpu_percent)],
    [m.memory, m.megabytes(self.mem_kbyte)],
    [m.hostCpu, m.percent(system.cpu_percent)],
    [m.load, system.load_1m.toFixed(2)],
    [m.connections, String(system.conn_srs)],
  ] as const;
  return (
    <dl class="card facts" aria-label={m.server}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt class="quiet">{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
