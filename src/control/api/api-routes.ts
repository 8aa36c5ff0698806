import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ERRORS } from '../../base/errors.ts';
import type { Hub } from '../../hub/ports.ts';
import { clientObject, publishersOf, stableId, streamObject, type ClientSnapshot } from './api-shapes.ts';

export interface ApiRoutesOptions {
  readonly hub: Hub;
  /** `major.minor.revision` of this program. */
  readonly version: string;
  /** Id string of this process; a new one at each start. */
  readonly serverId: string;
  readonly pid: number;
  /** Unix ms. */
  readonly now: () => number;
  /** All connected clients; without it the publishers that the hub knows. */
  readonly clients?: () => readonly ClientSnapshot[];
}

/** SRS's numbers for what the API is asked for and does not find. */
const NO_STREAM = ERRORS.STREAM_NOT_FOUND.api;
const NO_CLIENT = 2049;
/** `/api/v1/clients/` gives so many without `count`, and never fewer. */
const MIN_CLIENTS = 10;

const V1_URLS = {
  versions: 'the version of this server',
  streams: 'the streams, or one of them by id',
  clients: 'the clients, or one of them by id; ?start=0&count=10',
} as const;

/** `/api/…` with SRS's paths and shapes. Logical errors are HTTP 200 with a `code`, as SRS has them. */
export function addApiRoutes(app: FastifyInstance, options: ApiRoutesOptions): void {
  const { hub, now } = options;
  // SRS 4 and later say service and pid too; a client of SRS 3 ignores them.
  const base = { code: 0, server: options.serverId, service: options.serverId, pid: String(options.pid) };
  const anyMethod: ['GET', 'POST', 'PUT', 'DELETE', 'HEAD'] = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD'];
  const clients = options.clients ?? (() => publishersOf(hub.list(), now()));

  const [major = 0, minor = 0, revision = 0] = options.version.split(/[.-]/).map((part) => Number(part) || 0);
  const versions = { ...base, data: { major, minor, revision, version: options.version } };
  app.route({ method: anyMethod, url: '/api/v1/versions', handler: () => versions });

  const index = { ...base, urls: V1_URLS };
  const root = { ...base, urls: { v1: 'the api version 1.0' } };
  app.route({ method: anyMethod, url: '/api/v1/*', handler: () => index });
  app.route({ method: anyMethod, url: '/api/*', handler: () => root });

  app.get('/api/v1/streams/', () => ({
    ...base,
    streams: hub.list().map((stream) => streamObject(stream, now())),
  }));
  app.get<{ Params: { id: string } }>('/api/v1/streams/:id', (request) => {
    const id = request.params.id;
    const found = hub
      .list()
      .find(({ name }) => stableId('str', `${name.vhost}/${name.app}/${name.stream}`) === id);
    return found === undefined
      ? { ...base, code: NO_STREAM }
      : { ...base, stream: streamObject(found, now()) };
  });

  app.get<{ Querystring: { start?: unknown; count?: unknown } }>('/api/v1/clients/', (request) => {
    const start = wholeNumber(request.query.start, 0);
    const count = Math.max(MIN_CLIENTS, wholeNumber(request.query.count, MIN_CLIENTS));
    return {
      ...base,
      clients: clients()
        .slice(start, start + count)
        .map(clientObject),
    };
  });
  app.get<{ Params: { id: string } }>('/api/v1/clients/:id', (request) => {
    const found = clients().find(({ id }) => id === request.params.id);
    return found === undefined ? { ...base, code: NO_CLIENT } : { ...base, client: clientObject(found) };
  });

  for (const path of ['streams', 'clients']) {
    for (const url of [`/api/v1/${path}/`, `/api/v1/${path}/:id`]) {
      app.route({ method: ['POST', 'PUT', 'DELETE'], url, handler: methodNotAllowed });
    }
    app.get(`/api/v1/${path}`, toSlash);
  }
  app.get('/api/v1', toSlash);
  app.get('/api', toSlash);
}

/** SRS answers the form without the slash with a redirect to the one with it. */
function toSlash(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const [path = '', query] = (request.raw.url ?? '').split('?', 2);
  return reply.redirect(query === undefined ? `${path}/` : `${path}/?${query}`, 302);
}

function methodNotAllowed(_request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply.code(405).type('text/plain; charset=utf-8').send('method not allowed\n');
}

function wholeNumber(value: unknown, fallback: number): number {
  return typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : fallback;
}
