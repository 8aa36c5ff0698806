import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { toSlash } from './answer.ts';

/** The console may talk to this server, and nothing else. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
  "form-action 'none'; frame-ancestors 'none'";

/** Of the folder of the built pages what is the console's. */
const FILES = /^\/(?:manage\.html|favicon\.svg|third-party-licenses\.md|assets\/[\w.-]+\.(?:js|css))?$/;

/**
 * `/console/`: the console, which is files of `folder`. Everybody may have it: it asks for credentials, and shows what the API
 * tells to these.
 */
export function addConsoleRoutes(app: FastifyInstance, folder: string): void {
  void app.register(async (scope) => {
    scope.addHook('onRoute', (route) => {
      route.config = { ...route.config, role: 'none' };
    });
    scope.addHook('onSend', (_request, reply, _payload, done) => {
      reply.headers({ 'Content-Security-Policy': POLICY, 'X-Content-Type-Options': 'nosniff' });
      done();
    });
    scope.get('/console', toSlash);
    await scope.register(fastifyStatic, {
      root: folder,
      prefix: '/console/',
      index: 'manage.html',
      decorateReply: false,
      cacheControl: false, // As everything of the API: `no-cache`, with an ETag.
      allowedPath: (path) => FILES.test(path),
    });
  });
}
