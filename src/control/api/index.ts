export { ApiServer, MAX_API_CONNECTIONS, type ApiServerDeps, type ApiServerOptions } from './api-server.ts';
export type { VhostFacts } from './api-shapes.ts';
