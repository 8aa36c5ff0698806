import type { FastifyInstance } from 'fastify';
import { Type } from '../../base/json-type.ts';
import { DEFAULT_VHOST } from '../../base/names.ts';
import { EVENT_SCHEMAS, EventBody, HELLO_SCHEMA, type EventFilter, type EventType } from '../events/index.ts';
import { API_ERRORS, failure } from './answer.ts';
import type { ApiContext } from './api-context.ts';
import { described } from './route-docs.ts';
import { text } from './schemas/parts.ts';

/** Who may listen at the same time. */
export const MAX_EVENT_READERS = 100;

const NAMES = Object.keys(EVENT_SCHEMAS) as readonly EventType[];

interface EventQuery {
  readonly types?: unknown;
  readonly stream?: unknown;
  readonly last_event_id?: unknown;
}

const DOCS = described({
  tag: 'events',
  summary: 'What happens, as it happens',
  description:
    'Server-sent events without an end: `event` is the type, `data` one of these objects, `id` is for coming back. ' +
    'The first event, hello, has no id. A comment comes every 15 s.',
  query: {
    types: Type.Optional(
      text(
        'Only these types, with commas; `stream` stands for all that begin with stream_.',
        'stream,session_started',
      ),
    ),
    stream: Type.Optional(
      text('Only what is about this stream: vhost/app/stream or app/stream.', 'live/show'),
    ),
    last_event_id: Type.Optional(text('As the header Last-Event-ID: go on behind this event.')),
  },
  answer: Type.Union([HELLO_SCHEMA, ...Object.values(EVENT_SCHEMAS)], { description: 'Events.' }),
  produces: 'text/event-stream',
});

/** `/api/v1/events`. */
export function addEventRoutes(app: FastifyInstance, context: ApiContext): void {
  const { base, events, clock, unixTime, version } = context;
  const { server, service } = base;
  app.get<{ Querystring: EventQuery }>('/api/v1/events', { schema: DOCS }, (request, reply) => {
    const { query, headers } = request;
    const filter = filterOf(query);
    if (typeof filter === 'string') return reply.code(400).send(failure(API_ERRORS.BAD_REQUEST, filter));
    if (events.log.readers >= MAX_EVENT_READERS)
      return reply
        .code(503)
        .header('Retry-After', '10')
        .send(failure(API_ERRORS.BAD_REQUEST, `${MAX_EVENT_READERS} listen already`));
    // Proxies such as nginx would keep events until there are enough of them.
    reply.type('text/event-stream; charset=utf-8').header('X-Accel-Buffering', 'no');
    // Without a body there is nobody who listens, and nothing that would end.
    if (request.method === 'HEAD') return reply.send();
    const asked = headers['last-event-id'] ?? query.last_event_id;
    const body = new EventBody({
      events,
      clock,
      filter,
      service,
      lastId: typeof asked === 'string' && asked !== '' ? asked : undefined,
      hello: { type: 'hello', at_ms: Math.round(unixTime()), server, service, version },
    });
    const undo = context.auth?.whileLetIn(request, () => body.finish());
    if (undo !== undefined) body.once('close', undo);
    return reply.send(body);
  });
}

/** A text says what is wrong. */
function filterOf({ types, stream }: EventQuery): EventFilter | string {
  const asked = typeof stream === 'string' ? stream.replace(/^\//, '') : undefined;
  const key = asked?.split('/').length === 2 ? `${DEFAULT_VHOST}/${asked}` : asked;
  if (typeof types !== 'string' || types === '') return { types: undefined, stream: key };
  const wanted = new Set<EventType>();
  for (const name of types.split(',')) {
    const found = NAMES.filter((each) => each === name || each.startsWith(`${name}_`));
    if (found.length === 0) return `no type of events is named so; there are ${NAMES.join(', ')}`;
    for (const each of found) wanted.add(each);
  }
  return { types: wanted, stream: key };
}
