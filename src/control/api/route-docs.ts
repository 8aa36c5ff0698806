import type { FastifySchema } from 'fastify';
import type { TProperties, TSchema } from 'typebox';
import { Type } from '../../base/json-type.ts';
import { FAILURE } from './schemas/parts.ts';

/** Groups of the document, in its order. */
export const API_TAGS = {
  live: 'Streams, clients and vhosts: who publishes and who watches.',
  events: 'What happens, as it happens.',
  access: 'Who is kept away.',
  host: 'Figures of host and process.',
  server: 'This server and its configuration.',
  tests: 'For those who write clients.',
} as const;

export interface RouteDocs {
  readonly tag: keyof typeof API_TAGS;
  readonly summary: string;
  readonly description?: string;
  readonly query?: TProperties;
  readonly params?: TProperties;
  readonly body?: TSchema;
  /** A good body. */
  readonly answer: TSchema;
  /** It may also say what went wrong, with HTTP 200 or, in strict mode, another status. @default false */
  readonly mayFail?: boolean;
  /** Bodies of other statuses. */
  readonly others?: Readonly<Record<number, TSchema>>;
  /** @default application/json */
  readonly produces?: string;
  /** The route takes every method, as SRS has it; the document shows GET. */
  readonly anyMethod?: boolean;
}

/** What the API's document tells of a route. The server itself neither checks requests nor shapes answers by it. */
export function described(docs: RouteDocs): FastifySchema {
  const { tag, summary, description, query, params, body, answer, mayFail = false, others = {} } = docs;
  const good = mayFail
    ? Type.Union([answer, FAILURE], { description: 'What was asked for, or what went wrong.' })
    : answer;
  return {
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(query === undefined ? {} : { querystring: Type.Object(query) }),
    ...(params === undefined ? {} : { params: Type.Object(params) }),
    ...(body === undefined ? {} : { body }),
    ...(docs.produces === undefined ? {} : { produces: [docs.produces] }),
    ...(docs.anyMethod === true ? { [ANY_METHOD_MARK]: true } : {}),
    response: { 200: good, ...others },
  };
}

/** Marks what is shown with one method of several. */
export const ANY_METHOD_MARK = 'x-any-method';
