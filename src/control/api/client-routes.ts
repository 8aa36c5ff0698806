import type { FastifyInstance } from 'fastify';
import { ServerError } from '../../base/errors.ts';
import { rangeOfClient } from '../../net/index.ts';
import { banObject, banSeconds } from './ban-routes.ts';
import { API_ERRORS, failure, methodNotAllowed, wholeNumber, type Failure } from './answer.ts';
import { MAX_PAGE, type ApiContext } from './api-context.ts';
import { clientObject } from './api-shapes.ts';
import { jsonList } from './json-list.ts';
import { ENDED_CLIENT, LISTED_CLIENTS, ONE_CLIENT } from './live-docs.ts';

interface PageQuery {
  readonly start?: unknown;
  readonly count?: unknown;
}

/** The list gives so many without `count`, and never fewer. */
const MIN_CLIENTS = 10;

/** `/api/v1/clients/`: publishers and viewers of all protocols. */
export function addClientRoutes(app: FastifyInstance, context: ApiContext): void {
  const { base, sessions, clock } = context;

  app.get<{ Querystring: PageQuery }>(
    '/api/v1/clients/',
    { schema: LISTED_CLIENTS },
    async ({ query }, reply) => {
      const start = wholeNumber(query.start, 0);
      const count = Math.min(MAX_PAGE, Math.max(MIN_CLIENTS, wholeNumber(query.count, MIN_CLIENTS)));
      const now = clock.now();
      const page = sessions.page(start, count);
      const head = { ...base, total: sessions.size };
      const text = await jsonList(head, 'clients', page, (session) => clientObject(session, now));
      return reply.type('application/json; charset=utf-8').send(text);
    },
  );
  app.get<{ Params: { id: string } }>('/api/v1/clients/:id', { schema: ONE_CLIENT }, ({ params: { id } }) => {
    const found = sessions.find(id);
    return found === undefined ? unknown(id) : { ...base, client: clientObject(found, clock.now()) };
  });
  app.delete<{ Params: { id: string } }>(
    '/api/v1/clients/:id',
    { schema: ENDED_CLIENT },
    ({ params: { id }, query }) => {
      const seconds = banSeconds(query);
      const found = sessions.find(id);
      if (found === undefined) return unknown(id);
      if (seconds !== undefined) {
        const ip = rangeOfClient(found.info.ip);
        const { ban, kicked } = context.bans.add({ ip, seconds, reason: `client ${id}` });
        return { ...base, ban: banObject(ban), kicked };
      }
      context.logger.info(`client ${id} (${found.info.type}, ip=${found.info.ip}) is kicked by the API`);
      found.info.close(new ServerError('SESSION_KICKED', 'kicked by the API'));
      return base;
    },
  );
  app.delete('/api/v1/clients/', () => failure(API_ERRORS.NO_CLIENT, 'which client?'));
  for (const url of ['/api/v1/clients/', '/api/v1/clients/:id'])
    app.route({ method: ['POST', 'PUT', 'PATCH'], url, handler: methodNotAllowed });
}

function unknown(id: string): Failure {
  return failure(API_ERRORS.NO_CLIENT, `no client with the id ${id}`);
}
