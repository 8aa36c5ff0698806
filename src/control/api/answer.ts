import type { FastifyReply, FastifyRequest } from 'fastify';

/** What nearly every good body begins with. */
export interface AnswerBase {
  readonly code: 0;
  readonly server: string;
  /** SRS 4 and later; a client of SRS 3 ignores it and `pid`. */
  readonly service: string;
  readonly pid: string;
}

/** SRS's error body, and a text for people. */
export interface Failure {
  readonly code: number;
  readonly msg: string;
}

/** SRS's numbers for what a client of the API may get wrong. */
export const API_ERRORS = {
  /** What `/api/v1/tests/errors` answers. */
  TEST: 100,
  RAW_RPC: 1060,
  RAW_DISABLED: 1061,
  NO_VHOST: 2014,
  NO_STREAM: 2048,
  NO_CLIENT: 2049,
  NO_BAN: 1114,
  BAD_REQUEST: 4005,
} as const;

/** A logical error is HTTP 200, as SRS has it. */
export function failure(code: number, msg: string): Failure {
  return { code, msg };
}

/** 405 in plain text. */
export function methodNotAllowed(_request: unknown, reply: FastifyReply): FastifyReply {
  return reply.code(405).type('text/plain; charset=utf-8').send('method not allowed\n');
}

/** A whole number of the query, of up to 9 digits. */
export function wholeNumber(value: unknown, fallback: number): number {
  return typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : fallback;
}

/** SRS answers the form without the slash with a redirect to the one with it. */
export function toSlash(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const [path = '', query] = (request.raw.url ?? '').split('?', 2);
  return reply.redirect(query === undefined ? `${path}/` : `${path}/?${query}`, 302);
}
