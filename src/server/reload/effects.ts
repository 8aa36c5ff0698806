import type { Config, ConfigChange } from '../../config/index.ts';

/** Whom a change disturbs when it is applied, in words; undefined = nobody who is connected. */
export function disturbance(change: ConfigChange, before: Config): string | undefined {
  const { directive, kind, vhost, id } = change;
  switch (directive) {
    case 'vhost':
      if (kind !== 'removed' || before.vhosts.find(({ name }) => name === vhost)?.enabled !== true) break;
      return 'clients of this vhost are disconnected';
    case 'vhost.enabled':
      return change.to === false ? 'clients of this vhost are disconnected' : undefined;
    case 'http_server.enabled':
      return change.to === false ? 'HTTP viewers are disconnected' : undefined;
    case 'http_api.enabled':
      return change.to === false ? 'connections of the API are closed' : undefined;
    case 'listen':
    case 'http_server.listen':
    case 'http_api.listen':
    case 'exporter.listen':
      return 'new connections only; open ones stay';
  }
  if (!directive.startsWith('vhost.ingest') || id === undefined) return undefined;
  if (kind === 'added') return 'this ingest is started';
  return kind === 'removed' ? 'this ingest is stopped' : 'this ingest is started anew';
}
