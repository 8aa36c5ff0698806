import type { FastifyInstance } from 'fastify';
import { ServerError } from '../../base/errors.ts';
import { DEFAULT_VHOST } from '../../base/names.ts';
import { streamKey, type StreamSnapshot } from '../../hub/ports.ts';
import { banObject, banSeconds } from './ban-routes.ts';
import { API_ERRORS, failure, methodNotAllowed, wholeNumber, type Failure } from './answer.ts';
import { MAX_PAGE, type ApiContext } from './api-context.ts';
import { streamObject } from './api-shapes.ts';
import { jsonList } from './json-list.ts';
import { LISTED_STREAMS, ONE_STREAM, STOPPED_STREAM } from './live-docs.ts';
import type { StreamObject } from './schemas/live-schemas.ts';

interface PageQuery {
  readonly start?: unknown;
  readonly count?: unknown;
}

/** `/api/v1/streams/`: the streams that are published, held or waited for. An id is the stream's id or its name. */
export function addStreamRoutes(app: FastifyInstance, context: ApiContext): void {
  const { base, sessions, hub, clock, unixTime } = context;
  const toObject = (snapshot: StreamSnapshot): StreamObject =>
    streamObject({
      snapshot,
      sums: sessions.stream(snapshot.name),
      publisher: snapshot.publisher === undefined ? undefined : sessions.find(snapshot.publisher.id),
      warnings: context.warnings?.(snapshot.name) ?? [],
      now: clock.now(),
      unixMs: unixTime(),
    });
  const find = (id: string): StreamSnapshot | undefined =>
    hub.list().find(({ name }) => isNamed(name, id) || sessions.stream(name).id === id);

  app.get<{ Querystring: PageQuery }>(
    '/api/v1/streams/',
    { schema: LISTED_STREAMS },
    async ({ query }, reply) => {
      const all = hub.list();
      const start = wholeNumber(query.start, 0);
      const count = Math.max(1, Math.min(MAX_PAGE, wholeNumber(query.count, MAX_PAGE)));
      const page = all.slice(start, start + count);
      const text = await jsonList({ ...base, total: all.length }, 'streams', page, toObject);
      return reply.type('application/json; charset=utf-8').send(text);
    },
  );
  app.get<{ Params: { '*': string } }>(
    '/api/v1/streams/*',
    { schema: ONE_STREAM },
    ({ params: { '*': id } }) => {
      const found = find(id);
      return found === undefined ? unknown(id) : { ...base, stream: toObject(found) };
    },
  );
  app.delete<{ Params: { '*': string } }>(
    '/api/v1/streams/*',
    { schema: STOPPED_STREAM },
    ({ params: { '*': id }, query }) => {
      const seconds = banSeconds(query);
      const found = id === '' ? undefined : find(id);
      if (found === undefined) return unknown(id);
      if (seconds !== undefined) {
        const wish = { stream: streamKey(found.name), action: 'publish', seconds };
        const { ban, kicked } = context.bans.add(wish);
        return { ...base, ban: banObject(ban), kicked };
      }
      const publisher = found.publisher === undefined ? undefined : hub.session(found.publisher.id);
      if (publisher === undefined) return failure(API_ERRORS.NO_STREAM, `nobody publishes ${id}`);
      context.logger.info(`${streamKey(found.name)} is stopped by the API: session ${publisher.id}`);
      publisher.close(new ServerError('SESSION_KICKED', 'stopped by the API'));
      return base;
    },
  );
  for (const url of ['/api/v1/streams/', '/api/v1/streams/*'])
    app.route({ method: ['POST', 'PUT', 'PATCH'], url, handler: methodNotAllowed });
  app.delete('/api/v1/streams/', methodNotAllowed);
}

function unknown(id: string): Failure {
  return failure(API_ERRORS.NO_STREAM, `no stream with the id or name ${id}`);
}

/** `vhost/app/stream`; a stream of the default vhost also as `app/stream`. A slash before it is as good as none. */
function isNamed(name: StreamSnapshot['name'], text: string): boolean {
  const asked = text.startsWith('/') ? text.slice(1) : text;
  return (
    asked === streamKey(name) || (name.vhost === DEFAULT_VHOST && asked === `${name.app}/${name.stream}`)
  );
}
