import type { Rows } from './row.ts';

/** At the root: whose word counts on where clients come from, and how many connections one of them may have. */
export const PROXIES = {
  trusted_proxies: {
    type: 'list',
    default: [],
    form: 'networks',
    reload: 'live',
    doc: 'Addresses and networks of proxies that may say for whom they connect; see docs/proxies.md.',
  },
  proxy_protocol: {
    type: 'enum',
    values: ['auto', 'on', 'off'],
    default: 'auto',
    reload: 'live',
    doc: 'Whether connections of trusted proxies begin with a PROXY header (version 1 or 2): auto = they may, on = they must.',
  },
  proxy_header: {
    type: 'enum',
    values: ['x-forwarded-for', 'forwarded', 'x-real-ip', 'off'],
    default: 'x-forwarded-for',
    reload: 'live',
    doc: 'The one HTTP header in which trusted proxies name the client of a request.',
  },
  max_connections_per_ip: {
    type: 'int',
    default: 0,
    min: 0,
    max: 1_000_000,
    reload: 'hook',
    doc: 'Connections of one client (an IPv4 address, or a /64 of IPv6) beyond this number are closed at once; 0 = no limit.',
  },
} as const satisfies Rows;
