import path from 'node:path';
import type { Config, ListenAddress, LoadedConfig } from '../../config/index.ts';
import { ROOT } from '../../config/schema/root.ts';
import { optionKey, type Row, type Rows } from '../../config/schema/row.ts';
import type { Transport } from './surroundings.ts';

/** One directive that is in use, with its value. */
export interface UsedDirective {
  /** `vhost.hls.hls_path`. */
  readonly name: string;
  /** `vhosts[0].hls.hlsPath`, as the origins of a configuration name it. */
  readonly key: string;
  readonly row: Row;
  readonly value: unknown;
  /** It stands at the top of the file. */
  readonly top: boolean;
}

/** A folder or a file that a directive names. */
export interface NamedPath {
  readonly name: string;
  readonly key: string;
  /** The folder, as it was written. */
  readonly written: string;
  /** The file in it, where the directive names one file. */
  readonly file?: string;
}

/** A listener of the configuration. */
export interface NamedListener {
  readonly address: ListenAddress;
  readonly transport: Transport;
}

type Plain = Readonly<Record<string, unknown>>;

/** Every directive with a value whose feature is there and whose blocks are enabled. The table says what there is. */
export function usedDirectives(
  options: object,
  rows: Rows = ROOT,
  names: readonly string[] = [],
  keys = '',
): readonly UsedDirective[] {
  return Object.entries(rows).flatMap(([name, row]): readonly UsedDirective[] => {
    if (row.feature !== undefined || row.type === 'free') return [];
    const key = optionKey(name, row);
    const value = (options as Plain)[key];
    const path = [...names, name];
    const at = keys === '' ? key : `${keys}.${key}`;
    if (row.type === 'block') {
      return isOff(value) ? [] : usedDirectives(value as Plain, row.rows, path, at);
    }
    if (row.type === 'blocks') {
      return (value as readonly Plain[]).flatMap((block, i) =>
        isOff(block) ? [] : usedDirectives(block, row.rows, path, `${at}[${i}]`),
      );
    }
    return [{ name: path.join('.'), key: at, row, value, top: names.length === 0 }];
  });
}

function isOff(block: unknown): boolean {
  return (block as Plain)['enabled'] === false;
}

/** Blocks whose listeners take datagrams; a new one joins when its feature does. */
const UDP_BLOCKS: ReadonlySet<string> = new Set(['rtc_server', 'srt_server']);

/** Where the configuration listens. */
export function namedListeners(used: readonly UsedDirective[]): readonly NamedListener[] {
  return used.flatMap(({ name, row, value }): readonly NamedListener[] => {
    const transport = UDP_BLOCKS.has(name.split('.')[0] ?? '') ? 'udp' : 'tcp';
    if (row.type === 'listen') return [{ address: value as ListenAddress, transport }];
    if (row.type !== 'listens') return [];
    return (value as readonly ListenAddress[]).map((address) => ({ address, transport }));
  });
}

/** Folders that the server writes to, as directives name them. */
export function writtenFolders(config: Config, used: readonly UsedDirective[]): readonly NamedPath[] {
  return used.flatMap(({ name, key, row, value, top }): readonly NamedPath[] => {
    if (row.type !== 'text' || typeof value !== 'string') return [];
    const last = name.split('.').at(-1) ?? '';
    if (last === 'work_dir' || (last === 'srs_log_file' && config.srsLogTank !== 'file')) return [];
    const isFile = last === 'pid' || (top && /_(?:file|spool)$/.test(last));
    const isPath = isFile || /_(?:path|dir)$/.test(last);
    if (!isPath || value === '' || value.startsWith('/dev/')) return [];
    const isFolder = /_(?:path|dir)$/.test(last);
    const written = folderOf(value, isFolder);
    return [isFolder || value.includes('[') ? { name, key, written } : { name, key, written, file: value }];
  });
}

/** `./dvr/[app]/[stream].flv` is written below `./dvr`, `./objs/srs.log` in `./objs`. */
function folderOf(value: string, isFolder: boolean): string {
  const template = value.indexOf('[');
  if (template !== -1) return path.dirname(`${value.slice(0, template)}x`);
  return isFolder && path.extname(value) === '' ? value : path.dirname(value);
}

/** `conf/srs.conf:3`, the variable that said it, or `the default`. */
export function placeOf(loaded: LoadedConfig | undefined, key: string): string {
  const origin = loaded?.origins.get(key);
  if (origin === undefined) return 'the default';
  return origin.line === 0 ? origin.file : `${origin.file}:${origin.line}`;
}
