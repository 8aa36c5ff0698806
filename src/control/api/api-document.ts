import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance, RouteOptions } from 'fastify';
import { ANY_METHOD_MARK, API_TAGS } from './route-docs.ts';
import { FAILURE } from './schemas/parts.ts';

/** Where the document is, and the page to read it. */
export const DOCUMENT_URL = '/api/v1/openapi.json';
export const DOCUMENT_PAGE_URL = '/api/v1/docs';

/** The page runs its own program and nothing else. It colours by style attributes, and its arrows are images in data URLs. */
const PAGE_POLICY = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self' 'unsafe-inline'",
  'img-src': "'self' data:",
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
};

const DESCRIPTION =
  'The HTTP API of srs-ts: paths, shapes and numbers of SRS, and more. Logical errors are HTTP 200 with a `code` that is not 0; ' +
  'with `?strict=1` they have a status of their own.';

type Operation = Record<string, unknown> & {
  responses?: Record<string, unknown>;
  security?: readonly object[];
};

/**
 * Adds the document, made of the schemas of the routes, and the page. Before the routes: what is added earlier is not seen.
 * Schemas are for readers: requests are looked at by the handlers, which answer as SRS does, and bodies are written as they are.
 */
export function addDocument(app: FastifyInstance, version: string): void {
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  void app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'srs-ts',
        version,
        description: DESCRIPTION,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      tags: Object.entries(API_TAGS).map(([name, description]) => ({ name, description })),
      components: {
        securitySchemes: {
          basic: {
            type: 'http',
            scheme: 'basic',
            description: 'http_api.auth username and password: the role admin.',
          },
          bearer: {
            type: 'http',
            scheme: 'bearer',
            description:
              'A token of http_api.auth, which has the role read, operate or admin; each one may do what those before it may.',
          },
        },
      },
    },
    // Routes without a tag answer wrong methods, redirect, or serve files.
    hideUntagged: true,
    transform: ({ schema, url, route }) => {
      const shown = { ...schema, security: securityOf(route) }; // A route may have no schema at all.
      return { schema: shown, url: url.replace('/*', shown.params === undefined ? '/' : '/:id') };
    },
    transformObject: (document) => {
      const made = 'openapiObject' in document ? document.openapiObject : {};
      finish(made as { paths?: Record<string, Record<string, Operation>> });
      return made;
    },
  });
  void app.register((scope, _options, done) => {
    // Everybody may read it: it is the same at every server of this version.
    scope.addHook('onRoute', (route) => {
      route.config = { ...route.config, role: 'none' };
    });
    scope.get(DOCUMENT_URL, { schema: { hide: true } }, () => app.swagger());
    void scope.register(swaggerUi, {
      routePrefix: DOCUMENT_PAGE_URL,
      staticCSP: PAGE_POLICY,
      theme: { title: 'srs-ts API', js: [{ filename: 'colours.js', content: COLOURS }] },
      uiConfig: {
        url: '../openapi.json',
        layout: 'BaseLayout',
        docExpansion: 'list',
        deepLinking: true,
        validatorUrl: null,
      },
    });
    done();
  });
}

/** The page has dark colours, and by itself never takes them. */
const COLOURS = `const dark = matchMedia('(prefers-color-scheme: dark)');
const choose = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', choose);
choose();
`;

function securityOf({
  config,
  method,
}: RouteOptions): readonly { readonly [name: string]: readonly string[] }[] {
  const role = config?.role;
  if (role === 'none') return [];
  const methods = Array.isArray(method) ? method : [method];
  const byMethod = methods.includes('GET') ? 'read' : 'operate';
  const least = typeof role === 'string' ? role : typeof role === 'function' ? 'admin' : byMethod;
  return [{ basic: [] }, { bearer: [least] }];
}

/** What the library does not know: routes for every method, and the answers that every route may give. */
function finish({ paths = {} }: { paths?: Record<string, Record<string, Operation>> }): void {
  for (const operations of Object.values(paths)) {
    const isAny = operations['get']?.[ANY_METHOD_MARK] === true;
    for (const [method, operation] of Object.entries(operations)) {
      if (isAny && method !== 'get') {
        delete operations[method];
        continue;
      }
      delete operation[ANY_METHOD_MARK];
      if (operation.security?.length === 0) continue;
      const refused = (description: string): object => ({
        description,
        content: { 'application/json': { schema: FAILURE } },
      });
      operation.responses = {
        ...operation.responses,
        401: refused('No credentials, or wrong ones.'),
        403: refused('These credentials may not do this.'),
        429: refused('Too many wrong credentials from this address; Retry-After says how long.'),
      };
    }
  }
}
