import {
  configToJson,
  type ConfigJson,
  type LoadedConfig,
  type Origin,
  type VhostConfig,
} from '../config/index.ts';
import { stableId } from '../control/sessions/index.ts';

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
/** Features of a vhost: the option that says whether it is on. Those that this version has not are on nowhere. */
const FEATURES: readonly (readonly [feature: string, option: string])[] = [
  ...['dvr', 'http_static', 'http_remux', 'hls', 'hds', 'dash', 'http_hooks', 'exec', 'bandcheck'].map(
    isEnabled,
  ),
  ...['forward', 'security', 'refer'].map(isEnabled),
  ['mr', 'publish.mr'],
  ['min_latency', 'minLatency'],
  ['gop_cache', 'play.gopCache'],
  ['tcp_nodelay', 'tcpNodelay'],
  ['mix_correct', 'play.mixCorrect'],
  ['atc', 'play.atc'],
];

function isEnabled(block: string): readonly [feature: string, option: string] {
  return [block, `${block.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())}.enabled`];
}

/** `scope=minimal`. */
export function queryMinimal(loaded: LoadedConfig): object {
  const { listen } = configToJson(only(loaded, undefined));
  return { listen };
}

/** `scope=global`: what is written of the root, and of each vhost what is on. Secrets are masked. */
export function queryGlobal(loaded: LoadedConfig): object {
  const json = configToJson(only(loaded, undefined));
  const sources = sourcesOf(json);
  const root: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(json)) {
    if (name === 'vhost' || name === '$sources') continue;
    if (Array.isArray(value) && sources.has(`${name}[0]`)) root[name] = value;
    else if (sources.has(name)) root[name] = isBlock(value) ? written(value, name, sources) : value;
  }
  const vhosts: Record<string, object> = {};
  for (const vhost of loaded.config.vhosts)
    // Of two vhosts with one name the first one counts.
    vhosts[vhost.name] ??= { ...headOf(vhost), ...featuresOf(vhost) };
  return { ...root, nb_vhosts: Object.keys(vhosts).length, vhosts };
}

/** `scope=vhost`: what is written of one vhost, with its own switches; undefined = there is none. Secrets are masked. */
export function queryVhost(loaded: LoadedConfig, name: string): object | undefined {
  const found = loaded.config.vhosts.find((vhost) => vhost.name === name);
  if (found === undefined) return undefined;
  const json = configToJson(only(loaded, found));
  const sources = sourcesOf(json);
  const [vhost = {}] = json['vhost'] as readonly Json[];
  const blocks: Record<string, unknown> = {};
  for (const block of VHOST_BLOCKS) {
    const path = `vhost[0].${block}`;
    if (!sources.has(path)) continue;
    const body = written(vhost[block], path, sources);
    // SRS tells whether a block is on, also where that is its default.
    const enabled = valueAt(vhost, `${block}.enabled`);
    blocks[block] = enabled === undefined ? body : { enabled, ...body };
  }
  if ('security' in blocks) blocks['security'] = securityOf(vhost['security']);
  return {
    ...headOf(found),
    ...blocks,
    ...(sources.has('vhost[0].ingest[0]') ? { ingests: vhost['ingest'] } : {}),
    ...(sources.has('vhost[0].transcode[0]') ? { transcodes: vhost['transcode'] } : {}),
  };
}

/** The configuration with one vhost alone, or none: showing all of thousands would take the time that media needs. */
function only(loaded: LoadedConfig, vhost: VhostConfig | undefined): LoadedConfig {
  const { config } = loaded;
  const own = vhost === undefined ? undefined : `vhosts[${config.vhosts.indexOf(vhost)}]`;
  const origins = new Map<string, Origin>();
  for (const [key, origin] of loaded.origins) {
    if (!key.startsWith('vhosts[')) origins.set(key, origin);
    else if (own !== undefined && key.startsWith(own))
      origins.set(`vhosts[0]${key.slice(own.length)}`, origin);
  }
  return { ...loaded, config: { ...config, vhosts: vhost === undefined ? [] : [vhost] }, origins };
}

type Json = Readonly<Record<string, unknown>>;

function sourcesOf(json: ConfigJson): ReadonlySet<string> {
  return new Set(Object.keys(json['$sources'] as Json));
}

function headOf({ name, enabled }: VhostConfig): object {
  return { id: stableId('vid', name), name, enabled };
}

function featuresOf(vhost: VhostConfig): object {
  const options = vhost as unknown as Json;
  const on: Record<string, true> = {};
  for (const [feature, option] of FEATURES) if (valueAt(options, option) === true) on[feature] = true;
  if (valueAt(options, 'cluster.mode') === 'local') on['origin'] = true;
  const jitter = valueAt(options, 'play.timeJitter');
  if (jitter !== undefined && jitter !== 'off') on['time_jitter'] = true;
  for (const [feature, blocks] of [
    ['ingest', options['ingests']],
    ['transcode', options['transcodes']],
  ] as const)
    if (Array.isArray(blocks) && blocks.some((one: Json) => one['enabled'] === true)) on[feature] = true;
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
