import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { ServerError } from '../../base/errors.ts';
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

/** Opens the log, and makes its folder where it is missing. Throws LOG_OPEN_FAILED. */
export function openLog(config: Config): RootLogger {
  const settings = logSettings(config);
  makeLogFolder(settings);
  return createLogger({ ...settings, pid: process.pid });
}

/** Throws LOG_OPEN_FAILED. */
export function makeLogFolder({ tank }: Pick<LogSettings, 'tank'>): void {
  if (tank === 'console') return;
  try {
    mkdirSync(path.dirname(tank), { recursive: true });
  } catch (cause) {
    throw new ServerError('LOG_OPEN_FAILED', `srs_log_file ${tank}: its folder cannot be made`, { cause });
  }
}
