import type { FastifyInstance } from 'fastify';
import { Type } from '../../base/json-type.ts';
import { DEFAULT_VHOST } from '../../base/names.ts';
import { ANY_METHOD, type ApiContext } from './api-context.ts';
import { MAX_SHOWN_CHARS } from './api-shapes.ts';
import { described } from './route-docs.ts';
import { text as documented } from './schemas/parts.ts';
import { CLUSTERS_BODY } from './schemas/server-schemas.ts';

/** Where a co-worker sends players of a stream to. */
interface OriginObject {
  readonly ip: string;
  readonly port: number;
  readonly vhost: string;
  readonly api: string;
  readonly routers: readonly string[];
}

/** `/api/v1/clusters`: what another origin asks before it sends a player here. It has no `server`. */
export function addClusterRoute(app: FastifyInstance, context: ApiContext): void {
  const { hub, vhostOf, places } = context;
  const originOf = (
    asked: Readonly<Record<'vhost' | 'app' | 'stream' | 'coworker', string>>,
  ): OriginObject | null => {
    const vhost = vhostOf(asked.vhost) === undefined ? DEFAULT_VHOST : asked.vhost;
    const stream = hub.find({ vhost, app: asked.app, stream: asked.stream });
    const { rtmp, api, publicHost } = places();
    if (stream?.state !== 'live' || rtmp === undefined || api === undefined) return null;
    // What listens everywhere is reached at the name that the co-worker knows it by.
    const ip = rtmp.host ?? (hostOf(asked.coworker) || publicHost);
    const own = `${api.host ?? ip}:${api.port}`;
    return { ip, port: rtmp.port, vhost: asked.vhost, api: own, routers: [own] };
  };
  app.route<{ Querystring: Readonly<Record<string, unknown>> }>({
    method: ANY_METHOD,
    url: '/api/v1/clusters',
    schema: described({
      tag: 'server',
      summary: 'Where another origin sends the players of a stream to',
      query: {
        ip: Type.Optional(documented('Address of the player.')),
        vhost: Type.Optional(documented('Vhost. Default: __defaultVhost__.')),
        app: Type.Optional(documented('Application.', 'live')),
        stream: Type.Optional(documented('Name of the stream.', 'show')),
        coworker: Type.Optional(documented('host:port by which the asking origin knows this one.')),
      },
      answer: CLUSTERS_BODY,
      anyMethod: true,
    }),
    handler: ({ query }) => {
      const text = (name: string): string => {
        const value = query[name];
        return typeof value === 'string' ? value.slice(0, MAX_SHOWN_CHARS) : '';
      };
      const names = { vhost: text('vhost') || DEFAULT_VHOST, app: text('app'), stream: text('stream') };
      const origin = originOf({ ...names, coworker: text('coworker') });
      return { code: 0, data: { query: { ip: text('ip'), ...names }, origin } };
    },
  });
}

/** Of `host:port` or `[address]:port`. */
function hostOf(coworker: string): string {
  return /^(\[[^\]]*\]|[^:]*)(?::\d+)?$/.exec(coworker)?.[1] ?? '';
}
