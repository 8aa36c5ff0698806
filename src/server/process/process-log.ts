import type { Config } from '../../config/index.ts';
import { createLogger, logLevelOf, type LogSettings, type RootLogger } from '../../observe/index.ts';

/** What the configuration says of the log. */
export function logSettings(config: Config): LogSettings {
  return {
    tank: config.srsLogTank === 'console' ? 'console' : config.srsLogFile,
    level: logLevelOf(config.srsLogLevel, config.srsLogLevelV2),
    format: config.srsLogFormat,
    utc: config.utcTime,
  };
}

/** Opens the log. Throws LOG_OPEN_FAILED. */
export function openLog(config: Config): RootLogger {
  return createLogger({ ...logSettings(config), pid: process.pid });
}
