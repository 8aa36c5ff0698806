export { ApiServer, MAX_API_CONNECTIONS, type ApiServerDeps, type ApiServerOptions } from './api-server.ts';
export { ApiAuth, HOW_TO_CALL, type ApiAccess, type ApiAuthSettings } from './auth.ts';
export { API_ROLES, type ApiToken } from './auth-credentials.ts';
export { summariesOf } from './host-routes.ts';
export type { ApiMetrics } from './api-context.ts';
export { isLoopbackName } from './request-site.ts';
export type { VhostFacts } from './api-shapes.ts';
