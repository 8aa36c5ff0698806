import { Type } from '../../base/json-type.ts';
import type { RouteDocs } from './route-docs.ts';
import { FAILURE, text } from './schemas/parts.ts';
import * as bodies from './schemas/server-schemas.ts';

const server = (summary: string, answer: RouteDocs['answer'], more: Partial<RouteDocs> = {}): RouteDocs => ({
  tag: 'server',
  summary,
  answer,
  ...more,
});
const test = (summary: string, answer: RouteDocs['answer'], more: Partial<RouteDocs> = {}): RouteDocs => ({
  tag: 'tests',
  summary,
  answer,
  ...more,
});

export const ROOT = server('Versions of the API', bodies.ROOT_BODY, {
  description: 'Every unknown path below answers the same.',
});
export const INDEX = server('What there is', bodies.INDEX_BODY, {
  description: 'Every unknown path below answers the same.',
});
export const VERSIONS = server('The version of this program', bodies.VERSIONS_BODY);
export const FEATURES = server('What this server can do', bodies.FEATURES_BODY);
export const AUTHORS = server('The licence and the authors', bodies.AUTHORS_BODY);
export const HEALTH = server('Whether the server lives and is ready', bodies.HEALTH_BODY, {
  description: 'Needs no credentials. 503 while it is not ready: it starts or ends.',
  others: { 503: bodies.HEALTH_BODY },
});
export const HEALTH_LIVE = server('Whether the server lives', bodies.HEALTH_BODY, {
  description: 'Needs no credentials. 200 whenever it answers, also while it starts or ends.',
});
export const RAW = server('The settings of this API, and the configuration', bodies.RAW_ANSWER, {
  description: '`rpc=raw` answers the settings; the other ones are those of the RAW API.',
  query: {
    rpc: Type.Optional(text('raw, reload, reload-fetch, query, update or undo.', 'raw')),
    scope: Type.Optional(text('Of query: global, minimal or vhost. Of update: what to change.', 'global')),
    vhost: Type.Optional(text('Of query with scope=vhost: which one.')),
    value: Type.Optional(text('Of update: the new value, or which vhost.')),
    param: Type.Optional(text('Of update: create, update, delete, enable or disable.')),
    data: Type.Optional(text('Of update: the new name of a vhost, or app/stream.')),
    dry_run: Type.Optional(text('Of update: 1 = tell the difference and change nothing.', '1')),
  },
  mayFail: true,
});
export const REQUESTS = test('The request itself', bodies.REQUESTS_BODY);
export const ERRORS = test('Always the error 100', FAILURE);
export const REDIRECTS = test('Always redirected to errors', FAILURE, {
  others: { 301: Type.Null({ description: 'See Location.' }) },
});
