import type { FastifyInstance, FastifyRequest } from 'fastify';
import { API_ERRORS } from './answer.ts';

/** Statuses of what is no success; whatever is not here is 400. */
const STATUSES: ReadonlyMap<number, number> = new Map([
  [API_ERRORS.NO_VHOST, 404],
  [API_ERRORS.NO_STREAM, 404],
  [API_ERRORS.NO_CLIENT, 404],
  [API_ERRORS.NO_BAN, 404],
  [API_ERRORS.RAW_DISABLED, 403],
]);

/**
 * SRS answers logical errors with HTTP 200. Who asks for `strict=1`, or sends `Prefer: handling=strict` (RFC 7240, 4.4), gets a
 * status of their own. The body is the same.
 */
export function addStrictMode(app: FastifyInstance): void {
  app.addHook('preSerialization', (request, reply, payload, done) => {
    if (reply.statusCode === 200 && isStrict(request)) {
      const code = codeOf(payload);
      if (code !== 0) reply.code(STATUSES.get(code) ?? 400);
    }
    done(null, payload);
  });
}

function isStrict({ query, headers }: FastifyRequest): boolean {
  const asked = typeof query === 'object' && query !== null && 'strict' in query ? query.strict : undefined;
  return asked === '1' || asked === 'true' || /\bhandling=strict\b/.test(String(headers['prefer'] ?? ''));
}

function codeOf(payload: unknown): number {
  const code = typeof payload === 'object' && payload !== null && 'code' in payload ? payload.code : 0;
  return typeof code === 'number' ? code : 0;
}
