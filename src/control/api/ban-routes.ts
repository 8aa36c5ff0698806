import type { FastifyInstance } from 'fastify';
import { ServerError } from '../../base/errors.ts';
import { MAX_BAN_SECONDS, type Ban, type BanWish } from '../access/index.ts';
import { API_ERRORS, failure, methodNotAllowed, wholeNumber, type Failure } from './answer.ts';
import { MAX_PAGE, type ApiContext } from './api-context.ts';
import { ADDED_BAN, LIFTED_BAN, LISTED_BANS, ONE_BAN } from './live-docs.ts';
import type { BanObject } from './schemas/live-schemas.ts';
import { jsonList } from './json-list.ts';

type Fields = Readonly<Record<string, unknown>>;

/** `/api/v1/bans/`: who must not publish or play. */
export function addBanRoutes(app: FastifyInstance, context: ApiContext): void {
  // In a scope of their own: no other route reads a body.
  void app.register((scope, _options, done) => {
    scope.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, parsed) => {
      try {
        parsed(null, JSON.parse(String(body)) as unknown);
      } catch {
        parsed(Object.assign(new Error('no JSON'), { statusCode: 400 }));
      }
    });
    addRoutes(scope, context);
    done();
  });
}

function addRoutes(app: FastifyInstance, { base, bans }: ApiContext): void {
  app.get<{ Querystring: Fields }>('/api/v1/bans/', { schema: LISTED_BANS }, async ({ query }, reply) => {
    const all = bans.all();
    const start = wholeNumber(query['start'], 0);
    const count = Math.max(1, Math.min(MAX_PAGE, wholeNumber(query['count'], MAX_PAGE)));
    const head = { ...base, total: all.length };
    const text = await jsonList(head, 'bans', all.slice(start, start + count), banObject);
    return reply.type('application/json; charset=utf-8').send(text);
  });
  app.get<{ Params: { id: string } }>('/api/v1/bans/:id', { schema: ONE_BAN }, ({ params: { id } }) => {
    const ban = bans.get(id);
    return ban === undefined ? unknown(id) : { ...base, ban: banObject(ban) };
  });
  app.post<{ Querystring: Fields; Body: unknown }>(
    '/api/v1/bans/',
    { schema: ADDED_BAN },
    ({ query, body }) => {
      const { ban, kicked } = bans.add(wishOf({ ...query, ...(isObject(body) ? body : {}) }));
      return { ...base, ban: banObject(ban), kicked };
    },
  );
  app.delete<{ Params: { id: string } }>('/api/v1/bans/:id', { schema: LIFTED_BAN }, ({ params: { id } }) => {
    const ban = bans.lift(id);
    return ban === undefined ? unknown(id) : { ...base, ban: banObject(ban) };
  });
  app.delete('/api/v1/bans/', () => failure(API_ERRORS.NO_BAN, 'which ban?'));
  app.put('/api/v1/bans/', methodNotAllowed);
  app.route({ method: ['POST', 'PUT', 'PATCH'], url: '/api/v1/bans/:id', handler: methodNotAllowed });
}

/** `?ban=SECONDS` of a DELETE, 0 = until it is lifted; undefined = nobody is banned. Throws BAN_INVALID. */
export function banSeconds(query: unknown): number | undefined {
  const value = isObject(query) ? query['ban'] : undefined;
  return value === undefined ? undefined : secondsOf(value, 'ban');
}

export function banObject({ id, range, stream, action, reason, createdMs, expiresMs }: Ban): BanObject {
  return {
    id,
    ip: range?.toString() ?? '',
    stream: stream ?? '',
    action,
    reason,
    created_ms: createdMs,
    expires_ms: expiresMs ?? 0,
  };
}

function wishOf(fields: Fields): BanWish {
  const text = (key: string): string | undefined => {
    const value = fields[key];
    if (value === undefined || typeof value === 'string') return value;
    throw new ServerError('BAN_INVALID', `${key} must be one text`);
  };
  const seconds = fields['seconds'] === undefined ? undefined : secondsOf(fields['seconds'], 'seconds');
  return { ip: text('ip'), stream: text('stream'), action: text('action'), reason: text('reason'), seconds };
}

function secondsOf(value: unknown, name: string): number {
  const number = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isInteger(number) && number >= 0 && number <= MAX_BAN_SECONDS)
    return number;
  throw new ServerError('BAN_INVALID', `${name} must be a whole number of seconds, up to ${MAX_BAN_SECONDS}`);
}

function unknown(id: string): Failure {
  return failure(API_ERRORS.NO_BAN, `no ban with the id ${id}`);
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
