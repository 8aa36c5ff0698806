import type { Rows } from './row.ts';

const LIMIT = { type: 'int', default: 0, min: 0, max: 10_000_000, reload: 'live' } as const;

/** vhost > limits: how many at the same time, of all protocols. */
export const LIMITS = {
  max_clients: { ...LIMIT, doc: 'Publishers and viewers of this vhost together; 0 is any number.' },
  max_publishers: { ...LIMIT, doc: 'Publishers of this vhost; 0 is any number.' },
  max_viewers: { ...LIMIT, doc: 'Viewers of this vhost; 0 is any number.' },
  max_streams: {
    ...LIMIT,
    doc: 'Streams of this vhost that have a publisher or a viewer; 0 is any number.',
  },
  max_clients_per_ip: {
    ...LIMIT,
    doc: 'Publishers and viewers of one IPv4 address or one /64 network of IPv6; 0 is any number.',
  },
  max_viewers_per_stream: { ...LIMIT, doc: 'Viewers of one stream; 0 is any number.' },
} as const satisfies Rows;

/** Bans: directives of the root. */
export const BANS = {
  ban_file: {
    type: 'text',
    default: './objs/bans.json',
    reload: 'hook',
    doc: 'File that keeps bans over a restart; written when there is a ban. Empty: they end with the server.',
  },
} as const satisfies Rows;
