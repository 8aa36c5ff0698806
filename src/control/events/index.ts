export { EventLog, MAX_KEPT_EVENTS, type EventFilter, type NumberedEvent } from './event-log.ts';
export {
  EVENT_SCHEMAS,
  HELLO_SCHEMA,
  type EventType,
  type HelloEvent,
  type ServerEvent,
} from './event-schemas.ts';
export { EventBody, type EventBodyOptions } from './event-body.ts';
export { ServerEvents, type ReloadOutcome, type ServerEventsOptions } from './server-events.ts';
