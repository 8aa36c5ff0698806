import { describeError, type ServerError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { SessionInfo } from './ports.ts';

/** Closes a session; one that throws keeps no other from its end. */
export function closeSession(session: SessionInfo, reason: ServerError, logger: Logger): void {
  try {
    session.close(reason);
  } catch (error) {
    logger.warn(`session ${session.id} could not be closed: ${describeError(error)}`);
  }
}
