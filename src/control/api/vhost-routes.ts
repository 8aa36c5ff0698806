import type { FastifyInstance } from 'fastify';
import { API_ERRORS, failure, methodNotAllowed } from './answer.ts';
import type { ApiContext } from './api-context.ts';
import { vhostObject } from './api-shapes.ts';
import { described } from './route-docs.ts';
import { VHOST_BODY, VHOSTS_BODY, type VhostObject } from './schemas/live-schemas.ts';
import { text } from './schemas/parts.ts';

/** `/api/v1/vhosts/`: the vhosts that have had a client. */
export function addVhostRoutes(app: FastifyInstance, context: ApiContext): void {
  const { base, sessions, hub, clock, vhostOf } = context;
  const all = (): VhostObject[] => {
    const streams = new Map<string, number>();
    for (const { name } of hub.list()) streams.set(name.vhost, (streams.get(name.vhost) ?? 0) + 1);
    const now = clock.now();
    const objects: VhostObject[] = [];
    for (const vhost of sessions.vhosts) {
      const facts = vhostOf(vhost.name);
      // One that the configuration has no more is told of as long as it has clients.
      if (facts === undefined && vhost.clients === 0) continue;
      const known = facts ?? { enabled: false, hlsFragmentSeconds: undefined };
      objects.push(vhostObject(vhost, known, streams.get(vhost.name) ?? 0, now));
    }
    return objects;
  };
  const listed = described({
    tag: 'live',
    summary: 'The vhosts that have had a client',
    answer: VHOSTS_BODY,
  });
  const one = described({
    tag: 'live',
    summary: 'One vhost',
    params: { id: text('Id of the vhost.', 'vid-7a31f0c') },
    answer: VHOST_BODY,
    mayFail: true,
  });
  app.get('/api/v1/vhosts/', { schema: listed }, () => ({ ...base, vhosts: all() }));
  app.get<{ Params: { id: string } }>('/api/v1/vhosts/:id', { schema: one }, ({ params }) => {
    const vhost = all().find(({ id }) => id === params.id);
    return vhost === undefined
      ? failure(API_ERRORS.NO_VHOST, `no vhost with the id ${params.id}`)
      : { ...base, vhost };
  });
  for (const url of ['/api/v1/vhosts/', '/api/v1/vhosts/:id'])
    app.route({ method: ['POST', 'PUT', 'PATCH', 'DELETE'], url, handler: methodNotAllowed });
}
