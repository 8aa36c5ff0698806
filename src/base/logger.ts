/** What every line of a scoped logger carries. */
export interface LogScope {
  /** Id of the session (one client from accept to close), SRS's trace id. */
  readonly session?: string;
  /** `vhost/app/stream`. */
  readonly stream?: string;
  readonly component?: string;
}

/**
 * What lower layers know of logging. Implementations are in `src/observe`; they never block, and they escape control
 * characters, so text from a peer may be passed as it is. Never call it per packet: use `Tally`.
 */
export interface Logger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
  child(scope: LogScope): Logger;
}

/** Swallows everything: the default of library code and of tests that do not look at the log. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};
