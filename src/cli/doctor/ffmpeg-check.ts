import path from 'node:path';
import { usedDirectives } from './directives.ts';
import { findingsOf, type Check, type Finding } from './finding.ts';
import type { Surroundings } from './surroundings.ts';

const say = findingsOf('ffmpeg');

/** Without these the usual work cannot be done. */
const NEEDED = { encoders: ['libx264', 'aac'], protocols: ['rtmp'] } as const;
/** Some use these. */
const USEFUL = { encoders: ['libx265', 'libopus', 'libfdk_aac'], protocols: ['srt', 'tls'] } as const;
const INSTALL = `install a full one: 'apt-get install ffmpeg', or a static build`;

/** The programs of the configuration, and the one that is found by name. */
export const checkFfmpeg: Check = async ({ config, around }) => {
  const named = new Map<string, string>();
  for (const { name, value } of usedDirectives(config)) {
    if (name.endsWith('.ffmpeg') && typeof value === 'string' && value !== '' && !named.has(value))
      named.set(value, name);
  }
  const findings: Finding[] = [];
  const seen = new Set<string>();
  for (const [written, name] of named) {
    const workDir = path.resolve(around.cwd, config.workDir);
    const file = written.includes('/') ? path.resolve(workDir, written) : await inPath(written, around);
    const code = file === undefined ? 'ENOENT' : await around.access(file, 'execute');
    if (file === undefined || code !== undefined) {
      const why = code === 'ENOENT' ? 'is not there' : `may not be run by this user (${code ?? ''})`;
      findings.push(say.error(`${name} ${written} ${why}`, `${INSTALL}, and name its path in ${name}`));
      continue;
    }
    seen.add(file);
    findings.push(...(await lookAt(file, `${name} ${file}`, around)));
  }
  const usual = await inPath('ffmpeg', around);
  if (usual !== undefined && !seen.has(usual)) findings.push(...(await lookAt(usual, usual, around)));
  if (usual === undefined && named.size === 0)
    findings.push(say.note('there is none in PATH; only transcoding and ingest by ffmpeg need it', INSTALL));
  return findings;
};

async function inPath(program: string, around: Surroundings): Promise<string | undefined> {
  for (const folder of (around.env['PATH'] ?? '').split(':')) {
    if (!path.isAbsolute(folder)) continue; // Means another folder wherever one stands.
    const file = path.join(folder, program);
    const facts = await around.stat(file);
    if (typeof facts === 'string' || facts.kind !== 'file') continue;
    if ((await around.access(file, 'execute')) === undefined) return file;
  }
  return undefined;
}

async function lookAt(file: string, name: string, around: Surroundings): Promise<readonly Finding[]> {
  const [version, encoders, protocols] = await Promise.all([
    around.run(file, ['-hide_banner', '-version']),
    around.run(file, ['-hide_banner', '-encoders']),
    around.run(file, ['-hide_banner', '-protocols']),
  ]);
  const number = /^ffmpeg version (\S+)/m.exec(version?.stdout ?? '')?.[1];
  if (version?.succeeded !== true || number === undefined)
    return [say.error(`${name} does not say its version: it is broken, or no ffmpeg`, INSTALL)];
  const able = {
    encoders: encoderNames(encoders?.stdout ?? ''),
    protocols: outputs(protocols?.stdout ?? ''),
  };
  const { has, lacks } = compare(able, USEFUL);
  const needed = compare(able, NEEDED);
  const all = [...needed.has, ...has];
  const findings: Finding[] = [
    say.ok(`${name} is version ${number}${all.length === 0 ? '' : `, with ${all.join(', ')}`}`),
  ];
  if (needed.lacks.length > 0)
    findings.push(say.warning(`${name} lacks ${needed.lacks.join(', ')}`, INSTALL));
  if (lacks.length > 0)
    findings.push(
      say.note(`${name} lacks ${lacks.join(', ')}: needed only where the configuration asks for them`),
    );
  return findings;
}

type Abilities = Readonly<Record<'encoders' | 'protocols', readonly string[]>>;

function compare(able: Abilities, wanted: Abilities): { has: readonly string[]; lacks: readonly string[] } {
  const kinds = ['encoders', 'protocols'] as const;
  const pick = (there: boolean): string[] =>
    kinds.flatMap((kind) => wanted[kind].filter((name) => able[kind].includes(name) === there));
  return { has: pick(true), lacks: pick(false) };
}

/** Lines such as ` V....D libx264              libx264 H.264 …`, below a legend. */
function encoderNames(text: string): readonly string[] {
  return [...text.matchAll(/^ [VAS][F.][S.][X.][B.][D.] (\S+) /gm)].map(([, name = '']) => name);
}

/** Names below `Output:`. */
function outputs(text: string): readonly string[] {
  return (text.split('Output:')[1] ?? '').split(/\s+/);
}
