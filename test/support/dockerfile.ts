import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, posix, relative } from 'node:path';

/** One instruction of a Dockerfile, continued lines joined. */
interface Instruction {
  readonly name: string;
  readonly rest: string;
}

/** What the last stage became. */
export interface BuiltImage {
  /** Stands for `/` of the image, without what the base image brings. */
  readonly root: string;
  /** WORKDIR, inside `root`. */
  readonly workDir: string;
  /** ENV. */
  readonly env: Readonly<Record<string, string>>;
  /** CMD, when it is written as a list. */
  readonly command: readonly string[];
  /** The command of HEALTHCHECK, when it is written as a list. */
  readonly healthCheck: readonly string[];
  /** USER as a number. */
  readonly uid: number;
}

interface Stage {
  readonly root: string;
  workDir: string;
  readonly env: Record<string, string>;
  command: readonly string[];
  healthCheck: readonly string[];
  uid: number;
}

function instructions(file: string): Instruction[] {
  const text = readFileSync(file, 'utf8')
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, ' ');
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', rest = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
      return { name: name.toUpperCase(), rest };
    });
}

/** Whether the build sees a path: the last pattern of the ignore file that matches it or a folder above it decides. */
function seenBy(ignoreFile: string): (path: string) => boolean {
  const patterns = readFileSync(ignoreFile, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const wanted = line.startsWith('!');
      const pattern = line.replace(/^!/, '');
      const source = pattern
        .replaceAll(/[.+^$()|[\]{}]/g, '\\$&')
        .replaceAll('**/', '\0')
        .replaceAll('*', '[^/]*')
        .replaceAll('\0', '(?:.*/)?');
      return { wanted, expression: new RegExp(`^${source}(?:/|$)`) };
    });
  return (path) => patterns.findLast(({ expression }) => expression.test(path))?.wanted ?? true;
}

/**
 * Carries out a Dockerfile without Docker, in folders below `folder`: each stage is a folder that stands for `/`, and RUN
 * runs on this machine with that stage's WORKDIR as its directory. That proves which files an image has and that its steps
 * work; base images, users and layers it cannot prove. Knows what this repository's Dockerfile uses, and throws otherwise.
 */
export function buildImage(file: string, context: string, folder: string): BuiltImage {
  const seen = seenBy(`${file}.dockerignore`);
  const stages = new Map<string, Stage>();
  let stage: Stage | undefined;
  for (const { name, rest } of instructions(file)) {
    if (name === 'FROM') {
      const label = / AS (\S+)$/i.exec(rest)?.[1] ?? 'last';
      const root = join(folder, label);
      mkdirSync(root, { recursive: true });
      stage = { root, workDir: '/', env: {}, command: [], healthCheck: [], uid: 0 };
      stages.set(label, stage);
    } else if (stage !== undefined) {
      apply(name, rest, stage, stages, context, seen);
    } else if (name !== 'ARG') throw new Error(`${name} before FROM`);
  }
  if (stage === undefined) throw new Error('no FROM');
  return { ...stage, workDir: join(stage.root, stage.workDir) };
}

function apply(
  name: string,
  rest: string,
  stage: Stage,
  stages: ReadonlyMap<string, Stage>,
  context: string,
  seen: (path: string) => boolean,
): void {
  switch (name) {
    case 'WORKDIR':
      stage.workDir = posix.resolve(stage.workDir, rest);
      mkdirSync(join(stage.root, stage.workDir), { recursive: true });
      return;
    case 'COPY':
      copy(rest, stage, stages, context, seen);
      return;
    case 'RUN':
      runStep(rest, stage);
      return;
    case 'ENV': {
      const [key = '', value = ''] = rest.split('=', 2);
      stage.env[key] = value;
      return;
    }
    case 'USER':
      stage.uid = Number(rest.split(':')[0]);
      return;
    case 'CMD':
      stage.command = JSON.parse(rest) as string[];
      return;
    case 'HEALTHCHECK':
      stage.healthCheck = JSON.parse(/ CMD (\[.*\])$/.exec(rest)?.[1] ?? '[]') as string[];
      return;
    case 'LABEL':
    case 'VOLUME':
    case 'EXPOSE':
    case 'STOPSIGNAL':
    case 'ENTRYPOINT':
      return;
    default:
      throw new Error(`cannot carry out ${name}`);
  }
}

function copy(
  rest: string,
  stage: Stage,
  stages: ReadonlyMap<string, Stage>,
  context: string,
  seen: (path: string) => boolean,
): void {
  const words = rest.split(/\s+/);
  const from = words[0]?.startsWith('--from=') === true ? words.shift()?.slice('--from='.length) : undefined;
  const target = words.pop() ?? '.';
  const source = from === undefined ? context : stages.get(from)?.root;
  if (source === undefined) throw new Error(`no stage ${from ?? ''}`);
  const into = join(stage.root, posix.resolve(stage.workDir, target));
  for (const word of words) {
    const path = join(source, word);
    // A folder's content is copied, a file keeps its name below a target that ends in a slash.
    const to = statSync(path).isDirectory() || !target.endsWith('/') ? into : join(into, basename(path));
    cpSync(path, to, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (each) => {
        const inside = relative(source, each);
        // A folder that is not listed may hold one that is: `.` itself does.
        return from !== undefined || inside === '' || seen(inside);
      },
    });
  }
}

function runStep(command: string, stage: Stage): void {
  // Only root can give files away; for others they are theirs already.
  const text = process.getuid?.() === 0 ? command : command.replace(/&& chown .*$/, '');
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-ec', text], {
    cwd: join(stage.root, stage.workDir),
    // What a build machine has fetched before it need not fetch again.
    env: { ...process.env, npm_config_prefer_offline: 'true', ...stage.env },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`RUN ${command}\nended with ${String(status)}:\n${stdout}${stderr}`);
}
