// What the repository's own scripts share. Plain JavaScript: it runs before anything is installed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/** Runs a program in the repository's root with its output shown; ends this process with its code when it fails. */
export function must(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit', ...options });
  if (result.error) fail(`${command}: ${result.error.message}`);
  if (result.status !== 0) process.exit(result.status ?? 1);
}

export function fail(message) {
  console.error(message);
  process.exit(1);
}

export function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 20)) {
    fail(`srs-ts needs Node.js 20.20 or newer; this is ${process.versions.node}.`);
  }
}

function* filesOf(entry) {
  const full = path.join(ROOT, entry);
  if (!existsSync(full)) return;
  if (statSync(full).isFile()) {
    yield entry;
    return;
  }
  for (const name of readdirSync(full).sort()) {
    if (name === 'node_modules' || name === 'dist') continue;
    yield* filesOf(path.join(entry, name));
  }
}

function fingerprint(entries) {
  const hash = createHash('sha256');
  hash.update(process.versions.node);
  for (const entry of entries) {
    for (const file of filesOf(entry))
      hash
        .update(file)
        .update('\0')
        .update(readFileSync(path.join(ROOT, file)));
  }
  return hash.digest('hex');
}

/** Runs `work` unless `stampFile` says that it was done for the same inputs. */
function whenChanged(stampFile, inputs, work) {
  const stamp = path.join(ROOT, stampFile);
  const wanted = fingerprint(inputs);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return false;
  rmSync(stamp, { force: true });
  work();
  writeFileSync(stamp, wanted);
  return true;
}

/** Installs the locked dependencies below `folder` if they are missing or outdated. */
export function installDependencies(folder = '.') {
  whenChanged(
    path.join(folder, 'node_modules/.srs-ts-lock'),
    [path.join(folder, 'package.json'), path.join(folder, 'package-lock.json')],
    () => {
      const folderOfModules = path.join(ROOT, folder, 'node_modules');
      // npm would empty what the link leads to, which another tree needs.
      if (lstatSync(folderOfModules, { throwIfNoEntry: false })?.isSymbolicLink() === true)
        fail(`${folderOfModules} is a link, and what it leads to is not what package-lock.json wants.`);
      console.log(`Installing the locked dependencies${folder === '.' ? '' : ` of ${folder}/`} (npm ci) …`);
      must('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
        cwd: path.join(ROOT, folder),
      });
    },
  );
}

/** Compiles the server to dist/ if its sources changed. */
export function buildServer() {
  whenChanged('dist/.stamp', ['src', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'], () => {
    console.log('Building the server …');
    rmSync(path.join(ROOT, 'dist'), { recursive: true, force: true });
    must(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json']);
  });
}

/** Bundles the page to console/dist/ if its sources changed. */
export function buildPage() {
  whenChanged('console/dist/.stamp', ['console', 'package-lock.json'], () => {
    console.log('Building the page …');
    must(process.execPath, ['node_modules/vite/bin/vite.js', 'build', 'console', '--logLevel', 'warn']);
  });
}
