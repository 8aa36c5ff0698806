import { ServerError } from '../../base/errors.ts';
import { rawUpdateOf, type RawQuery } from './raw-rules.ts';
import type { RawReport, RawSettings, RawSource, RawUpdate } from './raw-source.ts';

export interface RawAnswerContext {
  /** What good bodies begin with. */
  readonly base: object;
  /** Of the configuration in force. */
  readonly settings: () => {
    readonly enabled: boolean;
    readonly listen: string;
    readonly crossdomain: boolean;
    readonly rawApi: RawSettings;
  };
  /** Undefined: this server has no file of its own, a program has made it. */
  readonly source: () => RawSource | undefined;
}

const RPCS = ['raw', 'reload', 'reload-fetch', 'query', 'update', 'undo'] as const;
/** The switch of each. */
const NEEDS = {
  reload: 'allow_reload',
  'reload-fetch': 'allow_reload',
  query: 'allow_query',
  update: 'allow_update',
  undo: 'allow_update',
} as const;
const QUERY_SCOPES = ['global', 'minimal', 'vhost'];

/** The role that a request needs: only the settings and the result of the last reload are for everybody who may look. */
export function rawRole(query: unknown): 'read' | 'admin' {
  const { rpc } = query as RawQuery;
  return rpc === 'query' || rpc === 'reload' || rpc === 'update' || rpc === 'undo' ? 'admin' : 'read';
}

/** The body of `/api/v1/raw`, whatever the method. Throws a ServerError with SRS's number. */
export function rawAnswer(query: RawQuery, context: RawAnswerContext): object | Promise<object> {
  const rpc = RPCS.find((one) => one === query['rpc']);
  const settings = context.settings();
  const { rawApi } = settings;
  if (rpc === 'raw') return { code: 0, http_api: settingsBody(settings) }; // Also where the rest is off.
  if (rpc === undefined) throw new ServerError('RAW_RPC_UNKNOWN', `rpc must be one of ${RPCS.join(', ')}`);
  if (!rawApi.enabled) throw off('enabled');
  const switches = {
    allow_reload: rawApi.allowReload,
    allow_query: rawApi.allowQuery,
    allow_update: rawApi.allowUpdate,
  };
  const needed = NEEDS[rpc];
  if (!switches[needed]) throw off(needed);
  const source = context.source();
  if (source === undefined)
    throw new ServerError('RAW_DISABLED', 'this server has no file of its own to read or write');
  switch (rpc) {
    case 'reload':
      return reload(source, context);
    case 'reload-fetch':
      return { ...context.base, data: fetched(source.last()) };
    case 'query':
      return { ...context.base, ...asked(query, source) };
    case 'update':
      return update(rawUpdateOf(query), query, source, context);
    case 'undo':
      return update({ kind: 'undo' }, query, source, context);
    default:
      return rpc satisfies never;
  }
}

/** SRS only begins a reload here; this one is over when it is answered. */
async function reload(source: RawSource, { base }: RawAnswerContext): Promise<object> {
  const report = await source.reload();
  if (report === undefined) throw new ServerError('SERVER_STOPPING', 'the server is ending');
  return { ...base, data: fetched(report) };
}

/** `data` of `reload-fetch`: SRS's four members, and what became of each directive. */
function fetched(report: RawReport | undefined): object {
  if (report === undefined) return { err: 0, msg: 'nothing has been reloaded yet', state: NEVER, rid: '' };
  const { at, trigger, ok, summary, problems, changes } = report;
  const refused = changes.some(({ outcome }) => outcome === 'refused');
  return {
    err: ok && !refused ? 0 : CONFIG_INVALID,
    msg: summary,
    state: ok ? APPLIED : UNUSABLE,
    rid: at.toString(36),
    at_ms: at,
    trigger,
    problems,
    changes,
  };
}

/** SRS's states of a reload: none yet, the file cannot be used, applied. */
const [NEVER, UNUSABLE, APPLIED] = [0, 20, 90] as const;
const CONFIG_INVALID = 1023;

function asked(query: RawQuery, source: RawSource): object {
  const { scope, vhost } = query;
  if (scope === 'global' || scope === 'minimal') return { [scope]: source.query(scope) };
  if (scope !== 'vhost')
    throw new ServerError('RAW_NOT_ALLOWED', `scope must be one of ${QUERY_SCOPES.join(', ')}`);
  if (typeof vhost !== 'string' || vhost === '') throw new ServerError('RAW_PARAMETERS', 'vhost is missing');
  const found = source.queryVhost(vhost);
  if (found === undefined) throw new ServerError('RAW_PARAMETERS', 'there is no such vhost');
  return { vhost: found };
}

async function update(
  asked: RawUpdate,
  query: RawQuery,
  source: RawSource,
  { base }: RawAnswerContext,
): Promise<object> {
  const dryRun = query['dry_run'] === '1' || query['dry_run'] === 'true';
  const { changed, file, changes, diff } = await source.update(asked, dryRun);
  return { ...base, data: { changed, dry_run: dryRun, file: file ?? '', changes, diff } };
}

function settingsBody({
  enabled,
  listen,
  crossdomain,
  rawApi,
}: ReturnType<RawAnswerContext['settings']>): object {
  return {
    enabled,
    listen,
    crossdomain,
    raw_api: {
      enabled: rawApi.enabled,
      allow_reload: rawApi.allowReload,
      allow_query: rawApi.allowQuery,
      allow_update: rawApi.allowUpdate,
    },
  };
}

function off(directive: string): ServerError {
  return new ServerError('RAW_DISABLED', `the RAW API is off: http_api.raw_api.${directive}`);
}
