import type { FastifyInstance } from 'fastify';
import type { HostFigures } from '../../observe/host/index.ts';
import { ANY_METHOD, type ApiContext } from './api-context.ts';
import { meminfosData, rusagesData, selfStatsData, summariesData, systemStatsData } from './host-shapes.ts';

/** What was measured of host and process. Nothing is measured for a request. */
export function addHostRoutes(app: FastifyInstance, context: ApiContext): void {
  const { base, host, sessions, unixTime, version, pid } = context;
  const summaries = (figures: HostFigures): object => {
    let receivedBytes = 0;
    let sentBytes = 0;
    for (const vhost of sessions.vhosts) {
      receivedBytes += vhost.receivedBytes;
      sentBytes += vhost.sentBytes;
    }
    return summariesData(figures, {
      version,
      pid,
      connections: context.connections(),
      receivedBytes,
      sentBytes,
      nowMs: unixTime(),
    });
  };
  for (const [name, data] of [
    ['summaries', summaries],
    ['rusages', rusagesData],
    ['self_proc_stats', selfStatsData],
    ['system_proc_stats', systemStatsData],
    ['meminfos', meminfosData],
  ] as const) {
    app.route({
      method: ANY_METHOD,
      url: `/api/v1/${name}`,
      // Without a sample (the first takes some ms) there is nothing that could be said.
      handler: () => ({ ...base, data: host.figures === undefined ? { ok: false } : data(host.figures) }),
    });
  }
}
