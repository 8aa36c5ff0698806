export { escapeLogText, MAX_LOG_TEXT } from './log-escape.ts';
export { MAX_LOG_BACKLOG_BYTES } from './log-sink.ts';
export {
  createLogger,
  type LoggerOptions,
  type RootLogger,
  type SrsLogLevel,
  type WallClock,
} from './logger.ts';
export { createLoopProbe, type LoopProbe } from './loop-probe.ts';
export { newSessionId } from './session-id.ts';
export { createSessionReport, type SessionReport, type SessionReportOptions } from './session-report.ts';
