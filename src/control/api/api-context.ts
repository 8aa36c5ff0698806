import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { StreamWarning } from '../../hub/health-events.ts';
import type { Hub, StreamName } from '../../hub/ports.ts';
import type { HostFigures } from '../../observe/host/index.ts';
import type { ServerEvents } from '../events/index.ts';
import type { RawSource } from '../raw/index.ts';
import type { SessionRegistry } from '../sessions/index.ts';
import type { Bans } from '../access/index.ts';
import type { AnswerBase } from './answer.ts';
import type { VhostFacts } from './api-shapes.ts';
import type { ApiAuth } from './auth.ts';

/** Objects of one answer at most. */
export const MAX_PAGE = 10_000;

/** SRS looks at no method here. */
export const ANY_METHOD: ['GET', 'POST', 'PUT', 'DELETE', 'HEAD'] = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD'];

export interface ApiPlace {
  readonly host: string | undefined;
  readonly port: number;
}

/** [exporter] Figures for Prometheus. */
export interface ApiMetrics {
  readonly contentType: string;
  text(): Promise<string>;
}

/** What the API shows. */
export interface ApiSources {
  readonly hub: Hub;
  readonly sessions: SessionRegistry;
  readonly bans: Pick<Bans, 'all' | 'get' | 'add' | 'lift'>;
  /** What happens. */
  readonly events: ServerEvents;
  /** The last sample. */
  readonly host: { readonly figures: HostFigures | undefined };
  /** What is wrong with a stream now. Default: nothing is known. */
  readonly warnings?: (name: StreamName) => readonly StreamWarning[];
  /** Default, or undefined: the exporter is off. */
  readonly metrics?: () => ApiMetrics | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Unix ms. */
  readonly unixTime: () => number;
  /** Open connections of this server. */
  readonly connections: () => number;
  /** Where this server is reached. A host is undefined where it listens on all addresses. */
  readonly places: () => {
    readonly rtmp: ApiPlace | undefined;
    readonly api: ApiPlace | undefined;
    /** An address of this machine that others may know. */
    readonly publicHost: string;
  };
  /** Who may call what. Default: everybody everything. */
  readonly auth?: Pick<ApiAuth, 'whileLetIn'>;
  /** New clients are served: everything listens and nothing is ending. */
  readonly ready: () => boolean;
  /** The configuration of this process, for the RAW API. Default, or undefined: there is no file to read or write. */
  readonly raw?: () => RawSource | undefined;
  /** What the configuration in force says of a vhost; undefined = it has none of the name. */
  readonly vhostOf: (name: string) => VhostFacts | undefined;
}

/** Who this server is. */
export interface ApiIdentity {
  /** `major.minor.revision` of this program. */
  readonly version: string;
  /** Id string of this server: configured, or a new one at each start. */
  readonly serverId: string;
  /** A new one at each start. */
  readonly serviceId: string;
  readonly pid: number;
}

export interface ApiContext extends ApiSources, ApiIdentity {
  readonly base: AnswerBase;
}
