import path from 'node:path';
import { needsTokenFile } from '../../server/api-access.ts';
import { placeOf, usedDirectives, writtenFolders, type NamedPath, type UsedDirective } from './directives.ts';
import { findingsOf, type Check, type Context, type Finding } from './finding.ts';
import type { Surroundings } from './surroundings.ts';

const say = findingsOf('paths');

/** Whether the server can write where its directives say, and read what it serves. */
export const checkPaths: Check = async (context) => {
  const { config, around, loaded } = context;
  const workDir = path.resolve(around.cwd, config.workDir);
  const work = await checkWorkDir(workDir, context);
  if (work.level === 'error') return [work]; // All the others start from it.
  const used = usedDirectives(config);
  const folders = writtenFolders(config, used);
  return [
    work,
    ...(await Promise.all(
      folders.map(async (folder) => {
        const finding = await checkWritable(folder, path.resolve(workDir, folder.written), context);
        return finding.level === 'ok' ? ((await checkFile(folder, workDir, context)) ?? finding) : finding;
      }),
    )),
    ...(needsTokenFile(config) ? [await checkTokens(config.httpApi.auth.tokenFile, workDir, context)] : []),
    ...(await Promise.all(
      servedFolders(used).map((served) =>
        checkServed(served, path.resolve(workDir, served.written), context),
      ),
    )),
    ...(await checkInputs(used, workDir, around, (key) => placeOf(loaded, key))),
  ];
};

async function checkWorkDir(workDir: string, { around, loaded }: Context): Promise<Finding> {
  const name = `work_dir ${workDir} (${placeOf(loaded, 'workDir')})`;
  const facts = await around.stat(workDir);
  if (typeof facts === 'string')
    return say.error(`${name} ${reason(facts)}`, `'mkdir -p ${shell(workDir)}', or another work_dir`);
  if (facts.kind !== 'folder') return say.error(`${name} is no folder`, 'name a folder in work_dir');
  const code = await around.access(workDir, 'execute');
  if (code !== undefined) return say.error(`${name} ${reason(code)}`, permit(workDir, 'rx', around));
  return say.ok(`${name} is there`);
}

async function checkWritable(folder: NamedPath, absolute: string, context: Context): Promise<Finding> {
  const { around, loaded } = context;
  const name = `${folder.name}: folder ${absolute} (${placeOf(loaded, folder.key)})`;
  const existing = await nearest(absolute, around);
  const there = existing.path === absolute;
  if (existing.kind !== 'folder') {
    const what =
      existing.kind === undefined ? reason(existing.code) : `cannot be: ${existing.path} is no folder`;
    return say.error(`${name} ${what}`, `name another place in ${folder.name}`);
  }
  const code =
    (await around.access(existing.path, 'write')) ?? (await around.access(existing.path, 'execute'));
  if (code === undefined)
    return say.ok(`${name} ${there ? 'can be written' : 'is not there and will be made'}`);
  if (code === 'EROFS')
    return say.error(
      `${name} is on a file system that is read-only`,
      `'mount -o remount,rw' it, give the container a volume there, or name another place in ${folder.name}`,
    );
  const what = there ? 'cannot be written' : `is not there and cannot be made in ${existing.path}`;
  return say.error(`${name} ${what} by this user (${code})`, permit(absolute, 'rwx', around, !there));
}

/** The file itself may belong to somebody else: root, who started the server once. */
async function checkFile(
  { name, key, file }: NamedPath,
  workDir: string,
  { around, loaded }: Context,
): Promise<Finding | undefined> {
  if (file === undefined) return undefined;
  const absolute = path.resolve(workDir, file);
  const code = await around.access(absolute, 'write');
  if (code === undefined || code === 'ENOENT') return undefined;
  return say.error(
    `${name}: file ${absolute} (${placeOf(loaded, key)}) cannot be written by this user (${code})`,
    permit(absolute, 'rw', around),
  );
}

/** One that is there is only read, and may be mounted; else it is made. */
async function checkTokens(written: string, workDir: string, context: Context): Promise<Finding> {
  const { around, loaded } = context;
  const named = { name: 'http_api.auth.token_file', key: 'httpApi.auth.tokenFile' };
  const file = path.resolve(workDir, written);
  const facts = await around.stat(file);
  if (typeof facts === 'string')
    return checkWritable({ ...named, written: path.dirname(written) }, path.dirname(file), context);
  const name = `${named.name}: file ${file} (${placeOf(loaded, named.key)})`;
  if (facts.kind !== 'file') return say.error(`${name} is no file`, `name a file in ${named.name}`);
  const code = await around.access(file, 'read');
  if (code !== undefined)
    return say.error(`${name} cannot be read by this user (${code})`, permit(file, 'r', around));
  return say.ok(`${name} can be read`);
}

/** Folders whose files are served over HTTP; none where the HTTP server is off. */
function servedFolders(used: readonly UsedDirective[]): readonly NamedPath[] {
  if (!used.some(({ name, value }) => name === 'http_server.enabled' && value === true)) return [];
  return used.flatMap(({ name, key, value }) =>
    /^(?:http_server|vhost\.http_static)\.dir$/.test(name) && typeof value === 'string'
      ? [{ name, key, written: value }]
      : [],
  );
}

async function checkServed(
  { name: directive, key }: NamedPath,
  dir: string,
  { around, loaded }: Context,
): Promise<Finding> {
  const name = `${directive}: folder ${dir} (${placeOf(loaded, key)})`;
  const facts = await around.stat(dir);
  if (facts === 'ENOENT')
    return say.note(`${name} is not there: no files are served from it`, `'mkdir -p ${shell(dir)}'`);
  if (typeof facts === 'string') return say.error(`${name} ${reason(facts)}`, permit(dir, 'rx', around));
  if (facts.kind !== 'folder') return say.error(`${name} is no folder`, `name a folder in ${directive}`);
  const code = (await around.access(dir, 'read')) ?? (await around.access(dir, 'execute'));
  if (code !== undefined)
    return say.error(`${name} cannot be read by this user (${code})`, permit(dir, 'rx', around));
  return say.ok(`${name} can be read`);
}

/** Files that an ingest plays. */
async function checkInputs(
  used: readonly UsedDirective[],
  workDir: string,
  around: Surroundings,
  place: (key: string) => string,
): Promise<readonly Finding[]> {
  const inputs = used.filter(({ name, value }) => name.endsWith('.input.url') && value !== '');
  const findings = inputs.map(async ({ name, key, value }): Promise<Finding | undefined> => {
    const type = used.find((other) => other.key === key.replace(/url$/, 'type'))?.value;
    // A URL is no matter of this check, and may hold a password.
    if (type !== 'file' || /^[a-z][a-z0-9+.-]*:/i.test(String(value))) return undefined;
    const file = path.resolve(workDir, String(value));
    const code = await around.access(file, 'read');
    if (code === undefined) return undefined;
    const text = `${name}: file ${file} (${place(key)}) ${reason(code)}`;
    return say.warning(text, 'put the file there, or correct the path');
  });
  return (await Promise.all(findings)).filter((finding) => finding !== undefined);
}

/** The path, or the nearest folder above it that is there. */
export async function nearest(
  absolute: string,
  around: Pick<Surroundings, 'stat'>,
): Promise<{
  readonly path: string;
  readonly kind: 'file' | 'folder' | 'other' | undefined;
  readonly code: string;
}> {
  for (let at = absolute; ; at = path.dirname(at)) {
    const facts = await around.stat(at);
    if (typeof facts !== 'string') return { path: at, kind: facts.kind, code: '' };
    const above = at !== path.dirname(at);
    if ((facts !== 'ENOENT' && facts !== 'ENOTDIR') || !above)
      return { path: at, kind: undefined, code: facts };
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'is not there',
  ENOTDIR: 'cannot be: a part of the path is no folder',
  EACCES: 'cannot be entered by this user',
  ELOOP: 'is a symbolic link in a circle',
  EROFS: 'is on a file system that is read-only',
};

function reason(code: string): string {
  return REASONS[code] ?? `cannot be used (${code})`;
}

/** Folders of the system: they may not be given to one user. */
const SHARED = /^\/[^/]*$|^\/(?:bin|boot|dev|etc|lib|proc|run|sbin|sys|usr)\/|^\/var\/[^/]*$/;

function permit(folder: string, rights: string, { uid }: Surroundings, make = false): string {
  const now = uid === undefined ? '' : ` (now uid ${uid})`;
  if (!make && SHARED.test(folder))
    return `use a path of its own there, one that belongs to the user of the server${now}`;
  const first = make ? `mkdir -p ${shell(folder)} && ` : '';
  return `'${first}chown USER ${shell(folder)} && chmod u+${rights} ${shell(folder)}'; USER is who runs the server${now}`;
}

/** A path as a word of a shell command. */
function shell(text: string): string {
  return /^[\w./:@%+,=-]+$/.test(text) ? text : `"${text.replace(/["\\$`]/g, '\\$&')}"`;
}
