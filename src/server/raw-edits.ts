import path from 'node:path';
import { ServerError } from '../base/errors.ts';
import { printable } from '../base/printable.ts';
import {
  addDirective,
  appendBlock,
  applyEdits,
  directiveAt,
  formatListen,
  placesOf,
  removeDirective,
  setArguments,
  type ConfigChange,
  type LoadedConfig,
  type Origin,
  type PlacedDirective,
  type TextEdit,
  type VhostConfig,
} from '../config/index.ts';
import type { RawUpdate } from '../control/raw/index.ts';

/** What is on the disk. */
export interface DiskConfig {
  readonly loaded: LoadedConfig;
  /** Its files by their absolute paths. */
  readonly texts: ReadonlyMap<string, string>;
  /** Where relative paths of the command line start from. */
  readonly cwd: string;
}

/** A file with another text, and what that is meant to change. */
export interface FileEdit {
  /** Absolute. */
  readonly file: string;
  readonly before: string;
  readonly after: string;
  /** Whether it must change the configuration; false: the directive may be one that sets no option. */
  readonly mustChange: boolean;
  /** Whether a difference of the configurations is meant. */
  readonly isMeant: (change: Pick<ConfigChange, 'directive' | 'vhost' | 'kind'>) => boolean;
}

/** How an update is made in the files. Throws RAW_PARAMETERS where it does not fit what they say. */
export function editFor(update: Exclude<RawUpdate, { kind: 'undo' }>, disk: DiskConfig): FileEdit {
  switch (update.kind) {
    case 'set':
      return setRoot(update.directive, wordsFor(update, disk), disk);
    case 'vhost':
      return editVhost(update, disk);
    case 'dvr':
      return editRecording(update, disk);
    default:
      return update satisfies never;
  }
}

/** Options of the directives that may be set, as `Config` and `origins` call them. */
const KEYS: Readonly<Record<string, string>> = {
  listen: 'listen',
  pid: 'pid',
  chunk_size: 'chunkSizeBytes',
  ff_log_dir: 'ffLogDir',
  srs_log_tank: 'srsLogTank',
  srs_log_level: 'srsLogLevel',
  srs_log_file: 'srsLogFile',
  max_connections: 'maxConnections',
  utc_time: 'utcTime',
  pithy_print_ms: 'pithyPrintMs',
};

function wordsFor({ directive, words }: RawUpdate & { kind: 'set' }, disk: DiskConfig): readonly string[] {
  return directive === 'listen' ? keepAddresses(words, disk.loaded.config.listen) : words;
}

/** SRS's API knows ports alone: they stay at the addresses that the file has, so that what was on one machine is not open to all. */
function keepAddresses(
  ports: readonly string[],
  listen: LoadedConfig['config']['listen'],
): readonly string[] {
  const hosts = listen.some(({ host }) => host === undefined)
    ? [undefined]
    : [...new Set(listen.map(({ host }) => host))];
  const addresses = ports.map(Number).flatMap((port) => {
    const same = listen.filter((address) => address.port === port);
    return same.length > 0 ? same : hosts.map((host) => ({ host, port }));
  });
  return [
    ...new Set(addresses.map((one) => (one.host === undefined ? String(one.port) : formatListen(one)))),
  ];
}

function setRoot(directive: string, words: readonly string[], disk: DiskConfig): FileEdit {
  const { config, origins } = disk.loaded;
  if (directive === 'srs_log_level' && config.srsLogLevelV2 !== '')
    throw unfit('srs_log_level_v2 is set, and counts instead');
  const origin = origins.get(KEYS[directive] ?? directive);
  // What sets no option of this version has no origin: look for it.
  const found = origin === undefined ? findInRoot(directive, disk) : place(directive, origin, disk);
  const isMeant: FileEdit['isMeant'] = (change) =>
    change.directive === directive || (directive === 'chunk_size' && change.directive === 'vhost.chunk_size');
  if (found !== undefined)
    return {
      ...edited(found.file, disk, (text) => setArguments(text, found.directive, words)),
      mustChange: false,
      isMeant,
    };
  const insert = (text: string): readonly TextEdit[] => addDirective(text, placesOf(text), directive, words);
  return { ...edited(mainFile(disk), disk, insert), mustChange: false, isMeant };
}

function editVhost(update: RawUpdate & { kind: 'vhost' }, disk: DiskConfig): FileEdit {
  const { action, name, newName = '' } = update;
  const isMeant: FileEdit['isMeant'] = ({ directive, kind, vhost }) => {
    if (action === 'enable' || action === 'disable') return directive === 'vhost.enabled' && vhost === name;
    if (directive !== 'vhost') return false;
    const comes = action === 'update' ? newName : name;
    return kind === 'added' ? action !== 'delete' && vhost === comes : action !== 'create' && vhost === name;
  };
  if (action === 'create') {
    if (vhostOf(name, disk) !== undefined) throw unfit(`there is a vhost ${shown(name)} already`);
    return {
      ...edited(mainFile(disk), disk, (text) => appendBlock(text, ['vhost', name])),
      mustChange: true,
      isMeant,
    };
  }
  const { vhost, key } = neededVhost(name, disk);
  const at = place('vhost', originOf(key, disk), disk);
  if (action === 'enable' || action === 'disable') {
    const enabled = action === 'enable';
    if (vhost.enabled === enabled)
      throw unfit(`the vhost ${shown(name)} is ${enabled ? 'on' : 'off'} already`);
    return {
      ...inBlock(at, 'enabled', `${key}.enabled`, [enabled ? 'on' : 'off'], disk),
      mustChange: true,
      isMeant,
    };
  }
  if (vhost.enabled) throw unfit(`the vhost ${shown(name)} is on: disable it first`);
  if (action === 'delete')
    return { ...edited(at.file, disk, () => removeDirectiveOf(at, disk)), mustChange: true, isMeant };
  if (vhostOf(newName, disk) !== undefined) throw unfit(`there is a vhost ${shown(newName)} already`);
  return {
    ...edited(at.file, disk, (text) => setArguments(text, at.directive, [newName])),
    mustChange: true,
    isMeant,
  };
}

function editRecording(update: RawUpdate & { kind: 'dvr' }, disk: DiskConfig): FileEdit {
  const { vhost: name, stream, action } = update;
  const { vhost, key } = neededVhost(name, disk);
  if (!vhost.dvr.enabled) throw unfit(`the vhost ${shown(name)} records nothing: dvr is off`);
  const now = vhost.dvr.dvrApply.filter((word) => word !== 'none');
  // SRS would take it as "this one only": enabling one stream would end the recordings of all others.
  if (now.includes('all')) {
    if (action === 'disable') throw unfit('dvr_apply is all: there is no form for all but one');
    return { ...unchanged(mainFile(disk), disk), mustChange: false, isMeant: () => false };
  }
  const others = now.filter((word) => word !== stream);
  const next = action === 'enable' ? [...others, stream] : others;
  const same = now.includes(stream) === (action === 'enable');
  if (same) return { ...unchanged(mainFile(disk), disk), mustChange: false, isMeant: () => false };
  const at = place('dvr', originOf(`${key}.dvr`, disk), disk);
  const words = next.length === 0 ? ['none'] : next;
  return {
    ...inBlock(at, 'dvr_apply', `${key}.dvr.dvrApply`, words, disk),
    mustChange: true,
    isMeant: (change) => change.directive === 'vhost.dvr.dvr_apply' && change.vhost === name,
  };
}

type FilePart = Pick<FileEdit, 'file' | 'before' | 'after'>;

interface At {
  readonly file: string;
  readonly directive: PlacedDirective;
}

/** Sets a directive where it stands, or adds it to the block at `at`. */
function inBlock(at: At, name: string, key: string, words: readonly string[], disk: DiskConfig): FilePart {
  const origin = disk.loaded.origins.get(key);
  if (origin !== undefined) {
    const found = place(name, origin, disk);
    return edited(found.file, disk, (text) => setArguments(text, found.directive, words));
  }
  const { block } = at.directive;
  if (block === undefined) throw unfit(`${name} has no block to stand in`);
  return edited(at.file, disk, (text) => addDirective(text, block, name, words));
}

function removeDirectiveOf({ file, directive }: At, disk: DiskConfig): readonly TextEdit[] {
  return removeDirective(disk.texts.get(file) ?? '', directive);
}

function edited(file: string, disk: DiskConfig, edits: (text: string) => readonly TextEdit[]): FilePart {
  const before = disk.texts.get(file) ?? '';
  if (before.includes('\uFFFD'))
    throw new ServerError('CONFIG_WRITE_FAILED', `${shown(file)} holds bytes that are not UTF-8 text`);
  try {
    return { file, before, after: applyEdits(before, edits(before)) };
  } catch (error) {
    if (error instanceof RangeError) throw unfit(error.message);
    throw error;
  }
}

function unchanged(file: string, disk: DiskConfig): FilePart {
  return edited(file, disk, () => []);
}

/** Where a directive stands. A variable stands nowhere: it would still count. */
function place(name: string, origin: Origin, disk: DiskConfig): At {
  const variable = /^environment (\S+)$/.exec(origin.file)?.[1];
  if (variable !== undefined)
    throw unfit(`${name} is set by the environment variable ${variable}, which counts before the file`);
  const file = path.resolve(disk.cwd, origin.file);
  const text = disk.texts.get(file);
  const directive = text === undefined ? undefined : directiveAt(text, placesOf(text), origin);
  if (directive === undefined)
    throw unfit(`${name} stands in ${shown(origin.file)}, in a form that cannot be changed here`);
  return { file, directive };
}

function originOf(key: string, disk: DiskConfig): Origin {
  const origin = disk.loaded.origins.get(key);
  if (origin === undefined) throw unfit(`there is no block for it in the file`);
  return origin;
}

function findInRoot(name: string, disk: DiskConfig): At | undefined {
  for (const [file, text] of disk.texts) {
    const directive = placesOf(text).children.find(({ words }) => words[0].text === name);
    if (directive !== undefined && file === mainFile(disk)) return { file, directive };
  }
  return undefined;
}

function mainFile({ loaded }: DiskConfig): string {
  const [file] = loaded.files;
  if (file === undefined) throw new ServerError('RAW_DISABLED', 'this server has no configuration file');
  return file;
}

/** Of two vhosts with one name the first one counts. */
function vhostOf(name: string, { loaded }: DiskConfig): { vhost: VhostConfig; key: string } | undefined {
  const i = loaded.config.vhosts.findIndex((vhost) => vhost.name === name);
  const vhost = loaded.config.vhosts[i];
  return vhost === undefined ? undefined : { vhost, key: `vhosts[${i}]` };
}

function neededVhost(name: string, disk: DiskConfig): { vhost: VhostConfig; key: string } {
  const found = vhostOf(name, disk);
  if (found === undefined) throw unfit(`there is no vhost ${shown(name)}`);
  return found;
}

function shown(text: string): string {
  return printable(text, 200);
}

function unfit(message: string): ServerError {
  return new ServerError('RAW_PARAMETERS', message);
}
