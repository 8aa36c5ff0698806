import type { Logger } from '../base/logger.ts';
import type { RecordStore } from '../control/hooks/index.ts';
import type { RawSource } from '../control/raw/index.ts';
import type { HealthObserver } from '../hub/health-events.ts';
import type { OutputObserver } from '../hub/output-events.ts';
import type { AccessPolicy, StreamObserver, StreamResolver } from '../hub/ports.ts';

/** What the owner of a server may add or replace. */
export interface ServerDeps {
  readonly logger: Logger;
  readonly version: string;
  /** Folder of the built page; undefined = no page. */
  readonly pageDir: string | undefined;
  /** Where a directive is written, by its key such as `httpServer.https.cert`; undefined = not known. For errors at the start. */
  readonly placeOf?: (key: string) => string | undefined;
  /** What the RAW API reads and writes. Default: there is no file of the configuration. */
  readonly raw?: () => RawSource | undefined;
  /** Who may connect, publish and play. Default: everybody. */
  readonly policy?: AccessPolicy;
  /** [http_hooks_spool] Opens the file of callbacks that are still to be told. Default: there is none. */
  readonly hookStore?: (path: string) => RecordStore;
  /** Told of each start and end of a publish and a play. */
  readonly observers?: readonly StreamObserver[];
  /** Told of segments and recordings that are done, and of outputs that failed. */
  readonly outputObservers?: readonly OutputObserver[];
  /** Told of what is wrong with published streams. */
  readonly healthObservers?: readonly HealthObserver[];
  /** Asked, in order, for a stream that is not here. */
  readonly resolvers?: readonly StreamResolver[];
}
