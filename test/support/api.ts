import { systemClock } from '../../src/base/clock.ts';
import { silentLogger, type Logger } from '../../src/base/logger.ts';
import { Bans } from '../../src/control/access/index.ts';
import { ApiServer, type ApiServerDeps } from '../../src/control/api/index.ts';
import { ServerEvents } from '../../src/control/events/index.ts';
import { SessionRegistry } from '../../src/control/sessions/index.ts';
import { FakeHub } from './fake-hub.ts';

/** The API of a server that a test makes up. */
export interface TestApi {
  readonly api: ApiServer;
  readonly hub: FakeHub;
  readonly sessions: SessionRegistry;
  readonly bans: Bans;
  readonly events: ServerEvents;
  readonly origin: string;
  readonly close: () => Promise<void>;
}

export const API_TIME = 1_700_000_010_000;

export async function startTestApi(
  deps: Partial<ApiServerDeps> & { readonly crossdomain?: boolean; readonly logger?: Logger } = {},
): Promise<TestApi> {
  const hub = new FakeHub();
  const clock = deps.clock ?? systemClock;
  const unixTime = (): number => API_TIME;
  const sessions = new SessionRegistry({ clock, unixTime, exists: (name) => hub.find(name) !== undefined });
  const events = new ServerEvents({ clock, unixTime, find: (name) => hub.find(name) });
  const bans = new Bans({
    clock,
    unixTime,
    logger: silentLogger,
    sessions: () => sessions.page(0, Infinity),
    vhostOf: (requested) => requested,
    store: () => undefined,
    observer: events,
  });
  const { crossdomain = true, ...more } = deps;
  const api = new ApiServer(
    {
      listen: [{ host: '127.0.0.1', port: 0 }],
      crossdomain,
      version: '4.5.6-beta.1',
      serverId: 'vid-1',
      serviceId: 'service-1',
      pid: 42,
    },
    {
      hub,
      sessions,
      bans,
      events,
      host: { figures: undefined },
      clock,
      logger: silentLogger,
      unixTime,
      connections: () => 3,
      places: () => ({
        rtmp: { host: undefined, port: 1935 },
        api: { host: undefined, port: 1985 },
        publicHost: '8.8.8.8',
      }),
      ready: () => true,
      vhostOf: () => ({ enabled: true, hlsFragmentSeconds: undefined }),
      ...more,
    },
  );
  await api.start();
  return {
    api,
    hub,
    sessions,
    bans,
    events,
    origin: `http://127.0.0.1:${api.addresses[0]?.port ?? 0}`,
    close: async () => {
      events.close();
      await api.close();
      sessions.close();
    },
  };
}
