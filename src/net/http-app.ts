import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { describeError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpServer } from './http-server.ts';

export interface HttpAppOptions {
  readonly http: HttpServer;
  readonly logger: Logger;
  /** Largest request body that is read (and thrown away), bytes. */
  readonly maxBodyBytes: number;
  /** True: it answers the request itself, without the framework, or calls `goOn` for the framework to do so after all. */
  before?(request: IncomingMessage, response: ServerResponse, goOn: () => void): boolean;
  /** Headers of the response to this request, whatever it will be. Asked at each request. */
  headers(request: FastifyRequest): Readonly<Record<string, string>>;
  /**
   * Answers what was no proper request (`status` 400 to 499), or what a handler threw (else 500, or the status that the error
   * names). What is answered with 500 or above is logged.
   */
  fail(reply: FastifyReply, status: number, error: unknown): FastifyReply;
}

/**
 * What all our HTTP servers have of the web framework: requests of `http` go to it, bodies are read and thrown away whatever
 * their type (a route that wants one adds a parser), an unknown path is 404 in plain text. The caller adds routes.
 */
export function createHttpApp(options: HttpAppOptions): FastifyInstance {
  const { http, logger } = options;
  const app = Fastify({
    logger: false,
    exposeHeadRoutes: true,
    bodyLimit: options.maxBodyBytes,
    serverFactory: (handler) => {
      http.handle((request, response) => {
        const goOn = (): void => handler(request, response);
        if (options.before?.(request, response, goOn) !== true) goOn();
      });
      return http.server;
    },
    clientErrorHandler: (error, socket) => http.clientError(error, socket),
    frameworkErrors: (error, _request, reply) => {
      options.fail(reply, 400, error);
    },
  });
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(options.headers(request));
    done();
  });
  app.setErrorHandler((error, _request, reply) => {
    const answer = options.fail(reply, statusOf(error), error);
    if (reply.statusCode >= 500) logger.error(`request failed: ${describeError(error)}`);
    return answer;
  });
  app.setNotFoundHandler((_request, reply) => sendText(reply, 404, 'not found'));
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null, undefined));
  return app;
}

/** One line of plain text. */
export function sendText(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).type('text/plain; charset=utf-8').send(`${text}\n`);
}

function statusOf(error: unknown): number {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500;
}
