export {
  HttpEndpoint,
  type HttpEndpointDeps,
  type HttpEndpointOptions,
  type HttpEndpointSettings,
} from './http-endpoint.ts';
export type { Playable, PlayableFormat } from './live-list.ts';
export { MountTable, type Mount, type MountMatch, type MountTableOptions } from './mount-table.ts';
export type { StaticMount } from './static-mounts.ts';
export type { FileGuard } from './file-guard.ts';
