export type { LogFormat } from './line-format.ts';
export { escapeLogText, MAX_LOG_SCOPE, MAX_LOG_TEXT } from './log-escape.ts';
export { logLevelOf, type LogLevel, type SrsLogLevel, type SrsLogLevelV2 } from './log-level.ts';
export { MAX_LOG_BACKLOG_BYTES } from './log-sink.ts';
export { createLogger, type LoggerOptions, type LogSettings, type RootLogger } from './logger.ts';
export { createLoopProbe, type LoopProbe } from './loop-probe.ts';
export { newSessionId } from './session-id.ts';
export { createSessionReport, type SessionReport, type SessionReportOptions } from './session-report.ts';
export type { WallClock } from './stamp.ts';
