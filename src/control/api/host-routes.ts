import type { FastifyInstance } from 'fastify';
import type { HostFigures } from '../../observe/host/index.ts';
import { ANY_METHOD, type ApiContext } from './api-context.ts';
import { described } from './route-docs.ts';
import * as bodies from './schemas/host-schemas.ts';
import { meminfosData, rusagesData, selfStatsData, summariesData, systemStatsData } from './host-shapes.ts';

/** `data` of `/api/v1/summaries`. */
export function summariesOf(
  figures: HostFigures,
  context: Pick<ApiContext, 'sessions' | 'connections' | 'unixTime' | 'version' | 'pid'>,
): object {
  const { sessions, connections, unixTime, version, pid } = context;
  let receivedBytes = 0;
  let sentBytes = 0;
  for (const vhost of sessions.vhosts) {
    receivedBytes += vhost.receivedBytes;
    sentBytes += vhost.sentBytes;
  }
  return summariesData(figures, {
    version,
    pid,
    connections: connections(),
    receivedBytes,
    sentBytes,
    nowMs: unixTime(),
  });
}

/** What was measured of host and process. Nothing is measured for a request. */
export function addHostRoutes(app: FastifyInstance, context: ApiContext): void {
  const { base, host } = context;
  const summaries = (figures: HostFigures): object => summariesOf(figures, context);
  for (const [name, data, answer, summary] of [
    ['summaries', summaries, bodies.SUMMARIES_BODY, 'The summary of host, process and traffic'],
    ['rusages', rusagesData, bodies.RUSAGES_BODY, 'What this process has used, by getrusage(2)'],
    ['self_proc_stats', selfStatsData, bodies.SELF_STATS_BODY, 'What the kernel tells of this process'],
    [
      'system_proc_stats',
      systemStatsData,
      bodies.SYSTEM_STATS_BODY,
      'What the kernel tells of the processors',
    ],
    ['meminfos', meminfosData, bodies.MEMINFOS_BODY, 'The memory of the host'],
  ] as const) {
    app.route({
      method: ANY_METHOD,
      url: `/api/v1/${name}`,
      schema: described({ tag: 'host', summary, answer, anyMethod: true }),
      // Without a sample (the first takes some ms) there is nothing that could be said.
      handler: () => ({ ...base, data: host.figures === undefined ? { ok: false } : data(host.figures) }),
    });
  }
}
