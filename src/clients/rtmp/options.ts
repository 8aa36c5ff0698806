import type { Clock } from '../../base/clock.ts';
import type { ServerError } from '../../base/errors.ts';
import type { Connection, ConnectTarget } from '../../net/index.ts';
import type { AmfInput, AmfValue } from '../../protocols/amf0/index.ts';
import type { StatusInfo } from '../../protocols/rtmp/index.ts';

/** How a session ended. Exactly one of these comes for each session, whatever happened. */
export interface RtmpEnd {
  /**
   * `local`: `close()` was called. `stream`: the server said that the stream is over. `remote`: the server closed the
   * connection. `error`: bad bytes, a timeout, an abort, a cut connection.
   */
  readonly reason: 'local' | 'stream' | 'remote' | 'error';
  /** Set for `remote` and `error`. */
  readonly error: ServerError | undefined;
}

/** Options of `publish` and `play`. */
export interface RtmpClientOptions {
  /** Ends the session, also one that runs, with SESSION_CLOSED. */
  readonly signal?: AbortSignal;
  /** For TCP, and again for all of RTMP up to the start of the stream, ms. @default 10000 */
  readonly timeoutMs?: number;
  /** Chunk size that we announce, bytes. @default 60000 */
  readonly chunkSize?: number;
  /** Redirects (302) to follow before giving up; 0 follows none. @default 3 */
  readonly maxRedirects?: number;
  /** `simple` leaves the digest out of the handshake. @default 'complex', which falls back by itself */
  readonly handshake?: 'simple' | 'complex';
  /** How we call ourselves. @default 'FMLE/3.0 (compatible; srs-ts)' */
  readonly flashVer?: string;
  readonly pageUrl?: string;
  readonly swfUrl?: string;
  /** Says another tcUrl than the address that is connected to, e.g. to name a vhost. @default from the URL */
  readonly tcUrl?: string;
  /** Further properties of the connect object. */
  readonly connectProperties?: Readonly<Record<string, AmfInput>>;
  /** Values after the connect object. */
  readonly connectArgs?: readonly AmfValue[];
  /** How long `close()` waits for the server to close, ms. @default 1000 */
  readonly closeTimeoutMs?: number;
  /** Each status that the server sends once the stream has started. */
  readonly onStatus?: (status: StatusInfo) => void;
  /** Called once, when the session is over. */
  readonly onEnd?: (end: RtmpEnd) => void;
  /** Opens the byte stream: for tunnels and tests. @default TCP */
  readonly connect?: (target: ConnectTarget) => Promise<Connection>;
  readonly clock?: Clock;
}
