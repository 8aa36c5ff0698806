import type { FastifyInstance } from 'fastify';
import { Type } from '../../base/json-type.ts';
import { sendText } from '../../net/index.ts';
import type { ApiContext } from './api-context.ts';
import { described } from './route-docs.ts';

const DOCS = described({
  tag: 'host',
  summary: 'Figures for Prometheus, where the exporter is enabled',
  answer: Type.String({ description: 'The text format of Prometheus, version 0.0.4.' }),
  produces: 'text/plain',
  others: { 404: Type.String({ description: 'The exporter is not enabled.' }) },
});

/** `/metrics`, as SRS has it: on the API beside the port of the exporter. */
export function addMetricsRoute(app: FastifyInstance, { metrics }: ApiContext): void {
  app.get('/metrics', { schema: DOCS }, async (_request, reply) => {
    const source = metrics?.();
    if (source === undefined) return sendText(reply, 404, 'the exporter is not enabled');
    return reply.type(source.contentType).send(await source.text());
  });
}
