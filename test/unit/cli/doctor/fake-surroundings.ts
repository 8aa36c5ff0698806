import { parseConfig } from '../../../../src/config/index.ts';
import type { Check, Context, Finding } from '../../../../src/cli/doctor/finding.ts';
import type {
  DiskSpace,
  FileFacts,
  ProgramResult,
  Surroundings,
} from '../../../../src/cli/doctor/surroundings.ts';
import { findRunningServer } from '../../../../src/cli/doctor/running-server.ts';

export const GIB = 1024 ** 3;

/** What differs from a machine in good order. */
export interface Trouble extends Partial<
  Pick<
    Surroundings,
    | 'env'
    | 'uid'
    | 'nodeVersion'
    | 'colours'
    | 'container'
    | 'cpus'
    | 'memoryBytes'
    | 'wait'
    | 'now'
    | 'monotonicMs'
  >
> {
  /** Texts by path; every folder above them is there. */
  readonly files?: Readonly<Record<string, string>>;
  readonly folders?: readonly string[];
  /** Error codes of `stat`, by path. */
  readonly stat?: Readonly<Record<string, string>>;
  /** Error codes of `access`, by path and what is wanted: `/srv write`. */
  readonly access?: Readonly<Record<string, string>>;
  readonly links?: Readonly<Record<string, string>>;
  readonly space?: Partial<DiskSpace>;
  /** Error codes of listening, by `host:port`; `*` is every address. */
  readonly bind?: Readonly<Record<string, string>>;
  readonly answers?: Readonly<Record<string, string>>;
  /** By the command and its last argument. */
  readonly programs?: Readonly<Record<string, ProgramResult>>;
}

export interface FakeSurroundings extends Surroundings {
  /** What was run and listened on, in this order. */
  readonly did: readonly string[];
}

/** A machine in good order, in `/srv` (device 1), but for what is named. */
export function fakeSurroundings(trouble: Trouble = {}): FakeSurroundings {
  const files = new Map(
    Object.entries({
      '/proc/self/limits': 'Max open files            65536                65536                files\n',
      '/proc/sys/net/core/somaxconn': '4096\n',
      '/proc/1/comm': 'systemd\n',
      ...trouble.files,
    }),
  );
  const folders = new Set(['/', '/srv', ...(trouble.folders ?? [])]);
  for (const file of files.keys())
    for (let i = file.lastIndexOf('/'); i > 0; i = file.lastIndexOf('/', i - 1))
      folders.add(file.slice(0, i));
  const inodes = [...folders, ...files.keys()];
  const facts = (path: string, depth = 0): FileFacts | undefined => {
    const link = trouble.links?.[path];
    if (link !== undefined && depth < 5) return facts(link, depth + 1);
    const kind = folders.has(path) ? 'folder' : files.has(path) ? 'file' : undefined;
    return kind === undefined ? undefined : { kind, device: 1, inode: inodes.indexOf(path) };
  };
  const did: string[] = [];
  let ms = 0;
  return {
    env: trouble.env ?? {},
    pid: 100,
    uid: 'uid' in trouble ? trouble.uid : 1000,
    nodeVersion: trouble.nodeVersion ?? '20.20.2',
    cwd: '/srv',
    colours: trouble.colours ?? false,
    container: trouble.container,
    cpus: trouble.cpus ?? 4,
    memoryBytes: trouble.memoryBytes ?? 8 * GIB,
    addresses: ['127.0.0.1', '192.0.2.1'],
    timeZone: 'Europe/Berlin',
    now: trouble.now ?? (() => Date.UTC(2026, 5, 1) + ms),
    monotonicMs: trouble.monotonicMs ?? (() => ms),
    wait:
      trouble.wait ??
      ((time, signal) => {
        if (signal !== undefined) return new Promise(() => undefined); // A deadline: never reached.
        ms += time;
        return Promise.resolve();
      }),
    did,
    read: (path) => Promise.resolve(files.get(path)),
    list: (path) => {
      const names = [...files.keys(), ...Object.keys(trouble.links ?? {})]
        .filter((file) => file.startsWith(`${path}/`))
        .map((file) => file.slice(path.length + 1).split('/')[0] ?? '');
      return Promise.resolve(names.length === 0 ? undefined : [...new Set(names)]);
    },
    link: (path) => Promise.resolve(trouble.links?.[path]),
    stat: (path) => Promise.resolve(trouble.stat?.[path] ?? facts(path) ?? 'ENOENT'),
    access: (path, wanted) =>
      Promise.resolve(
        trouble.access?.[`${path} ${wanted}`] ?? (facts(path) === undefined ? 'ENOENT' : undefined),
      ),
    space: () =>
      Promise.resolve({
        totalBytes: 100 * GIB,
        freeBytes: 50 * GIB,
        totalFiles: 1000,
        freeFiles: 500,
        ...trouble.space,
      }),
    bind: (host, port, transport) => {
      const address = `${host ?? '*'}:${port}`;
      did.push(`${transport} ${address}`);
      return Promise.resolve(trouble.bind?.[address]);
    },
    get: (url) => Promise.resolve(trouble.answers?.[url]),
    run: (command, args) => {
      did.push([command, ...args].join(' '));
      return Promise.resolve(trouble.programs?.[`${command} ${args.at(-1) ?? ''}`]);
    },
  };
}

export function fakeContext(conf: string, around: Surroundings): Context {
  // What is always written where nothing else is said would be in the findings of every case.
  const quiet = ['ban_file', 'http_hooks_spool'].filter((name) => !conf.includes(name));
  const text = `${conf}\n${quiet.map((name) => `${name} "";`).join(' ')}`;
  const loaded = parseConfig(text, 'srs.conf', { allowPortZero: true });
  const { config } = loaded;
  return {
    config,
    source: 'srs.conf',
    loaded,
    problems: [],
    around,
    running: () => findRunningServer(config, around),
  };
}

/** Level, what, and what to do, as lines: `error: …`, `  -> …`. */
export function linesOf(findings: readonly Finding[]): readonly string[] {
  return findings.flatMap(({ level, what, mend }) => [
    `${level}: ${what}`,
    ...(mend === undefined ? [] : [`  -> ${mend}`]),
  ]);
}

/** What a check finds with a configuration in a situation, as lines. */
export async function find(check: Check, conf: string, trouble: Trouble = {}): Promise<readonly string[]> {
  return linesOf(await check(fakeContext(conf, fakeSurroundings(trouble))));
}
