import path from 'node:path';
import { usedDirectives, writtenFolders } from './directives.ts';
import { findingsOf, type Check, type Finding } from './finding.ts';
import { nearest } from './paths-check.ts';
import type { DiskSpace } from './surroundings.ts';
import { bytes } from './units.ts';

const say = findingsOf('disk space');

const LOW_SHARE = 0.1;
const LOW_BYTES = 1024 ** 3;
const LOW_FILES_SHARE = 0.05;

/** Room for logs and media: each file system once. */
export const checkDisk: Check = async ({ config, around }) => {
  const workDir = path.resolve(around.cwd, config.workDir);
  const users = new Map<number, { readonly folder: string; readonly names: string[] }>();
  for (const { name, written } of writtenFolders(config, usedDirectives(config))) {
    const { path: folder } = await nearest(path.resolve(workDir, written), around);
    const facts = await around.stat(folder);
    if (typeof facts === 'string') continue; // The check of paths tells it.
    const user = users.get(facts.device);
    if (user === undefined) users.set(facts.device, { folder, names: [name] });
    else if (!user.names.includes(name)) user.names.push(name);
  }
  if (users.size === 0) return [say.ok('nothing is written to a disk')];
  const findings: Finding[] = [];
  for (const { folder, names } of users.values()) {
    const space = await around.space(folder);
    const name = `${folder} (${names.join(', ')})`;
    if (space === undefined)
      findings.push(say.note(`${name}: the system does not say how much room there is`));
    else findings.push(...judge(name, folder, space));
  }
  return findings;
};

function judge(name: string, folder: string, space: DiskSpace): readonly Finding[] {
  const { totalBytes, freeBytes, totalFiles, freeFiles } = space;
  const percent = totalBytes === 0 ? 0 : Math.floor((freeBytes / totalBytes) * 100);
  const told = `${name}: ${bytes(freeBytes)} of ${bytes(totalBytes)} are free, ${percent} %`;
  const mend = `make room: 'du -xh ${folder} | sort -h | tail' shows what is large; rotate logs, shorten recordings`;
  const findings: Finding[] = [];
  if (freeBytes === 0) findings.push(say.error(told, mend));
  else if (freeBytes < LOW_BYTES || freeBytes < totalBytes * LOW_SHARE)
    findings.push(say.warning(told, mend));
  else findings.push(say.ok(told));
  if (totalFiles > 0 && freeFiles < totalFiles * LOW_FILES_SHARE) {
    const make = freeFiles === 0 ? say.error : say.warning;
    findings.push(
      make(
        `${name}: ${freeFiles} of ${totalFiles} files can still be made`,
        `delete small files: 'du -x --inodes ${folder} | sort -n | tail' shows where they are`,
      ),
    );
  }
  return findings;
}
