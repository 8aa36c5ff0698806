import { Type } from '../../base/json-type.ts';
import { MAX_PAGE } from './api-context.ts';
import { described } from './route-docs.ts';
import {
  BAN_BODY,
  BANNED_BODY,
  BANS_BODY,
  CLIENT_BODY,
  CLIENTS_BODY,
  ENDED_BODY,
  STREAM_BODY,
  STREAMS_BODY,
} from './schemas/live-schemas.ts';
import { text } from './schemas/parts.ts';

const digits = (description: string) =>
  Type.Optional(Type.String({ pattern: '^\\d{1,9}$', description, examples: ['10'] }));

const START = digits('How many to leave out. Default: 0.');
const PAGE = {
  start: START,
  count: digits(`How many at most. Default: ${MAX_PAGE}, which is also the most.`),
};
const BAN = {
  ban: digits('Also ban it for so many seconds; 0 = until it is lifted. Default: no ban.'),
};
const STREAM_ID = { id: text('Id of the stream, or its name: vhost/app/stream or app/stream.', 'live/show') };
const CLIENT_ID = { id: text('Id of the client.', '9q2m7x1ab') };
const BAN_ID = { id: text('Id of the ban.') };

export const LISTED_STREAMS = described({
  tag: 'live',
  summary: 'The streams that are published, held or waited for',
  query: PAGE,
  answer: STREAMS_BODY,
});
export const ONE_STREAM = described({
  tag: 'live',
  summary: 'One stream',
  params: STREAM_ID,
  answer: STREAM_BODY,
  mayFail: true,
});
export const STOPPED_STREAM = described({
  tag: 'live',
  summary: 'Stop the publisher of a stream',
  description: 'With `ban` nobody may publish the stream for that time.',
  params: STREAM_ID,
  query: BAN,
  answer: ENDED_BODY,
  mayFail: true,
});

export const LISTED_CLIENTS = described({
  tag: 'live',
  summary: 'Publishers and viewers of all protocols',
  query: {
    start: START,
    count: digits(`How many at most. Default: 10, which is also the least; at most ${MAX_PAGE}.`),
  },
  answer: CLIENTS_BODY,
});
export const ONE_CLIENT = described({
  tag: 'live',
  summary: 'One client',
  params: CLIENT_ID,
  answer: CLIENT_BODY,
  mayFail: true,
});
export const ENDED_CLIENT = described({
  tag: 'live',
  summary: 'Disconnect a client',
  description: 'With `ban` its address is kept away for that time.',
  params: CLIENT_ID,
  query: BAN,
  answer: ENDED_BODY,
  mayFail: true,
});

export const LISTED_BANS = described({
  tag: 'access',
  summary: 'Who must not publish or play',
  query: PAGE,
  answer: BANS_BODY,
});
export const ONE_BAN = described({
  tag: 'access',
  summary: 'One ban',
  params: BAN_ID,
  answer: BAN_BODY,
  mayFail: true,
});
const WISH = {
  ip: Type.Optional(text('Address or range to keep away. Default: from anywhere.', '203.0.113.0/24')),
  stream: Type.Optional(text('vhost/app/stream. Default: every stream.', 'live/show')),
  action: Type.Optional(text('publish, play or all. Default: all.', 'publish')),
  seconds: digits('For how long; 0 = until it is lifted.'),
  reason: Type.Optional(text('Why.')),
};
export const ADDED_BAN = described({
  tag: 'access',
  summary: 'Ban an address, a range or a stream',
  description: 'As fields of a JSON object or of the query. Sessions that it is about end at once.',
  query: WISH,
  answer: BANNED_BODY,
  mayFail: true,
});
export const LIFTED_BAN = described({
  tag: 'access',
  summary: 'Lift a ban',
  params: BAN_ID,
  answer: BAN_BODY,
  mayFail: true,
});
