import { configToJson, type ConfigJson, type LoadedConfig } from '../config/index.ts';
import { stableId } from '../control/sessions/index.ts';

/** What is told of the root by `scope=global`: SRS's blocks; each directive beside them. */
const BLOCKS = ['heartbeat', 'stats', 'http_api', 'http_server'];
/** Blocks of a vhost that `scope=vhost` tells of, by SRS's names. */
const VHOST_BLOCKS = [
  'cluster',
  'forward',
  'play',
  'publish',
  'refer',
  'bandcheck',
  'security',
  'http_static',
  'http_remux',
  'http_hooks',
  'hls',
  'hds',
  'dash',
  'dvr',
  'exec',
];
/** Features of a vhost: the directive that says whether it is on. */
const FEATURES: Readonly<Record<string, string>> = {
  dvr: 'dvr.enabled',
  http_static: 'http_static.enabled',
  http_remux: 'http_remux.enabled',
  hls: 'hls.enabled',
  hds: 'hds.enabled',
  dash: 'dash.enabled',
  http_hooks: 'http_hooks.enabled',
  exec: 'exec.enabled',
  bandcheck: 'bandcheck.enabled',
  forward: 'forward.enabled',
  security: 'security.enabled',
  refer: 'refer.enabled',
  mr: 'publish.mr',
  min_latency: 'min_latency',
  gop_cache: 'play.gop_cache',
  tcp_nodelay: 'tcp_nodelay',
  mix_correct: 'play.mix_correct',
  atc: 'play.atc',
};

/** `scope=minimal`. */
export function queryMinimal(loaded: LoadedConfig): object {
  const { listen } = configToJson(loaded);
  return { listen };
}

/** `scope=global`: what is written of the root, and of each vhost what is on. Secrets are masked. */
export function queryGlobal(loaded: LoadedConfig): object {
  const json = configToJson(loaded);
  const sources = sourcesOf(json);
  const vhosts = vhostsOf(json);
  const root: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(json)) {
    if (name === 'vhost' || name === '$sources') continue;
    if (name === 'stream_caster') root[name] = value;
    else if (sources.has(name))
      root[name] = BLOCKS.includes(name) || isBlock(value) ? written(value, name, sources) : value;
  }
  return {
    ...root,
    nb_vhosts: vhosts.length,
    vhosts: Object.fromEntries(
      vhosts.map((vhost) => [vhost.name, { ...headOf(vhost), ...featuresOf(vhost) }]),
    ),
  };
}

/** `scope=vhost`: what is written of one vhost, with its own switches; undefined = there is none. Secrets are masked. */
export function queryVhost(loaded: LoadedConfig, name: string): object | undefined {
  const json = configToJson(loaded);
  const sources = sourcesOf(json);
  const vhosts = vhostsOf(json);
  const i = vhosts.findIndex((vhost) => vhost.name === name);
  const vhost = vhosts[i];
  if (vhost === undefined) return undefined;
  const at = `vhost[${i}]`;
  const blocks: Record<string, unknown> = {};
  for (const block of VHOST_BLOCKS) {
    const path = `${at}.${block}`;
    if (!sources.has(path)) continue;
    const body = written(vhost[block], path, sources);
    // SRS tells whether a block is on, also where that is its default.
    const enabled = valueAt(vhost, `${block}.enabled`);
    blocks[block] = enabled === undefined ? body : { enabled, ...body };
  }
  if ('security' in blocks) blocks['security'] = securityOf(vhost['security']);
  return {
    ...headOf(vhost),
    ...blocks,
    ...(sources.has(`${at}.ingest[0]`) ? { ingests: vhost['ingest'] } : {}),
    ...(sources.has(`${at}.transcode[0]`) ? { transcodes: vhost['transcode'] } : {}),
  };
}

type Json = Readonly<Record<string, unknown>>;
type VhostJson = Json & { readonly name: string };

function sourcesOf(json: ConfigJson): ReadonlySet<string> {
  return new Set(Object.keys(json['$sources'] as Json));
}

/** Of two vhosts with one name the first one counts. */
function vhostsOf(json: ConfigJson): readonly VhostJson[] {
  return json['vhost'] as readonly VhostJson[];
}

function headOf({ name, enabled }: VhostJson): object {
  return { id: stableId('vid', name), name, enabled };
}

function featuresOf(vhost: VhostJson): object {
  const on: Record<string, true> = {};
  for (const [feature, path] of Object.entries(FEATURES))
    if (valueAt(vhost, path) === true) on[feature] = true;
  if (valueAt(vhost, 'cluster.mode') === 'local') on['origin'] = true;
  if (!['off', undefined].includes(valueAt(vhost, 'play.time_jitter') as string | undefined))
    on['time_jitter'] = true;
  for (const block of ['ingest', 'transcode'])
    if (Array.isArray(vhost[block]) && vhost[block].some((one: Json) => one['enabled'] === true))
      on[block] = true;
  return on;
}

/** The directives of a block that are written somewhere; blocks inside it likewise. */
function written(value: unknown, path: string, sources: ReadonlySet<string>): object {
  const body: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value as Json)) {
    const at = `${path}.${name}`;
    if (Array.isArray(member) && sources.has(`${at}[0]`)) body[name] = member;
    else if (sources.has(at)) body[name] = isBlock(member) ? written(member, at, sources) : member;
  }
  return body;
}

function securityOf(security: unknown): object {
  const { enabled, allow, deny } = security as Json;
  const rules = (action: string, lines: unknown): object[] =>
    (Array.isArray(lines) ? (lines as (readonly string[])[]) : []).map(([method = '', entry = '']) => ({
      action,
      method,
      entry,
    }));
  return { enabled, allows: rules('allow', allow), denies: rules('deny', deny) };
}

function isBlock(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function valueAt(json: Json, path: string): unknown {
  let value: unknown = json;
  for (const name of path.split('.')) value = isBlock(value) ? value[name] : undefined;
  return value;
}
