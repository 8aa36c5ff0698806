import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { rawAnswer, rawRole, type RawAnswerContext } from '../raw/index.ts';
import { API_ERRORS, failure, toSlash } from './answer.ts';
import { ANY_METHOD, type ApiContext, type ApiIdentity, type ApiSources } from './api-context.ts';
import { addBanRoutes } from './ban-routes.ts';
import { addClientRoutes } from './client-routes.ts';
import { addClusterRoute } from './cluster-route.ts';
import { addEventRoutes } from './event-routes.ts';
import { FEATURES } from './features.ts';
import { addHostRoutes } from './host-routes.ts';
import { addMetricsRoute } from './metrics-route.ts';
import { described, type RouteDocs } from './route-docs.ts';
import * as docs from './server-docs.ts';
import { addStreamRoutes } from './stream-routes.ts';
import { addVhostRoutes } from './vhost-routes.ts';

export interface ApiRoutesOptions extends ApiSources, ApiIdentity {
  /** The settings of the API in force. */
  readonly settings: RawAnswerContext['settings'];
}

type AddRoute = (
  url: string,
  docs: RouteDocs,
  handler: (request: FastifyRequest, reply: FastifyReply) => unknown,
) => void;

const V1_URLS = {
  versions: 'the version of this server',
  summaries: 'the summary of host, process and traffic',
  rusages: 'what this process has used, by getrusage',
  self_proc_stats: 'what the kernel tells of this process',
  system_proc_stats: 'what the kernel tells of the processors',
  meminfos: 'the memory of the host',
  authors: 'the license and the authors',
  features: 'what this server can do',
  requests: 'the request itself, for debugging',
  vhosts: 'the vhosts, or one of them by id',
  streams:
    'the streams, or one of them by id or name; ?start=0&count=10; DELETE stops its publisher, ?ban=60 and bans the name',
  clients:
    'the clients, or one of them by id; ?start=0&count=10; DELETE disconnects it, ?ban=60 and bans its address',
  bans: 'who must not publish or play; POST ip, stream, action, seconds, reason; DELETE lifts one by id',
  events: 'what happens, as server-sent events; ?types=stream,session&stream=live/show',
  openapi: 'what there is, as an OpenAPI document: openapi.json; a page to read it: docs/',
  raw: 'the settings of this API; the configuration: ?rpc=reload, query, update, undo',
  clusters: 'where another origin sends the players of a stream to',
  health: 'whether the server lives and is ready',
} as const;

const TESTS = {
  requests: 'the request itself',
  errors: 'always the error 100',
  redirects: 'always redirected to errors',
} as const;

/** `/api/…` with SRS's paths and shapes. Logical errors are HTTP 200 with a `code`, as SRS has them. */
export function addApiRoutes(app: FastifyInstance, options: ApiRoutesOptions): void {
  const { version, serverId, serviceId, pid } = options;
  const base = { code: 0, server: serverId, service: serviceId, pid: String(pid) } as const;
  const context: ApiContext = { ...options, base };
  const any: AddRoute = (url, docs, handler) => {
    app.route({ method: ANY_METHOD, url, schema: described({ ...docs, anyMethod: true }), handler });
  };

  any('/api/*', docs.ROOT, () => ({ ...base, urls: { v1: 'the api version 1.0' } }));
  any('/api/v1/*', docs.INDEX, () => ({ ...base, urls: V1_URLS, tests: TESTS }));
  const [major = 0, minor = 0, revision = 0] = version.split(/[.-]/).map((part) => Number(part) || 0);
  any('/api/v1/versions', docs.VERSIONS, () => ({ ...base, data: { major, minor, revision, version } }));
  any('/api/v1/features', docs.FEATURES, () => ({ ...base, data: FEATURES }));
  const authors = { license: 'MIT', contributors: 'the contributors of srs-ts' };
  any('/api/v1/authors', docs.AUTHORS, () => ({ ...base, data: authors }));
  const health = (url: string, its: typeof docs.HEALTH, isOk: (ready: boolean) => boolean): void => {
    app.route({
      method: ANY_METHOD,
      url,
      schema: described({ ...its, anyMethod: true }),
      config: { role: 'none' }, // Probes have no credentials.
      handler: (_request, reply) => {
        const ready = options.ready();
        // What asks for health looks at the status first.
        return reply.code(isOk(ready) ? 200 : 503).send({ ...base, data: { live: true, ready } });
      },
    });
  };
  health('/api/v1/health', docs.HEALTH, (ready) => ready);
  health('/api/v1/health/ready', docs.HEALTH, (ready) => ready);
  health('/api/v1/health/live', docs.HEALTH_LIVE, () => true);
  const raw = { base, settings: options.settings, source: () => options.raw?.() };
  app.route<{ Querystring: Readonly<Record<string, unknown>> }>({
    method: ANY_METHOD,
    url: '/api/v1/raw',
    schema: described({ ...docs.RAW, anyMethod: true }),
    config: { role: ({ query }) => rawRole(query) },
    handler: ({ query }) => rawAnswer(query, raw),
  });
  addTests(any, context);
  addClusterRoute(app, context);
  addHostRoutes(app, context);
  addMetricsRoute(app, context);
  addVhostRoutes(app, context);
  addStreamRoutes(app, context);
  addClientRoutes(app, context);
  addBanRoutes(app, context);
  addEventRoutes(app, context);
  for (const path of ['', '/v1', '/v1/vhosts', '/v1/streams', '/v1/clients', '/v1/bans'])
    app.get(`/api${path}`, toSlash);
}

/** `/api/v1/tests/`: for those who write clients. */
function addTests(any: AddRoute, { base, version, unixTime }: ApiContext): void {
  any('/api/v1/tests/requests', docs.REQUESTS, (request) => {
    const url = request.raw.url ?? '';
    const path = url.split('?', 1)[0] ?? '';
    // SRS means to show the headers of the request and then overwrites them; so no credentials are shown.
    const headers = { sigature: 'srs-ts', version, link: 'srs-ts', time: unixTime() };
    return { ...base, data: { uri: `http://${request.host}${path}`, path, METHOD: request.method, headers } };
  });
  any('/api/v1/tests/errors', docs.ERRORS, () => failure(API_ERRORS.TEST, 'the error that was asked for'));
  any('/api/v1/tests/redirects', docs.REDIRECTS, (_request, reply) =>
    reply.redirect('/api/v1/tests/errors', 301),
  );
}
