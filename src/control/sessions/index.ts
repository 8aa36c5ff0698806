export { RoleMap, type Role } from './role-map.ts';
export { SessionRegistry, type SessionRegistryOptions } from './session-registry.ts';
export type { TrackedSession } from './session.ts';
export { stableId } from './stable-id.ts';
export type { Kbps, StreamSums, VhostSums } from './sums.ts';
