export { Heartbeat, type HeartbeatDeps, type HeartbeatPorts, type HeartbeatSettings } from './heartbeat.ts';
