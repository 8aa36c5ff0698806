import { posix } from 'node:path';
import { otherPlace, printable } from './problem.ts';
import type { Diagnostics, Origin } from './problem.ts';
import type { Config, VhostConfig } from './schema/root.ts';

/** What tells one segment, or recording, of a stream from the next. */
const MOMENTS = /\[(?:seq|timestamp|999|05)\]/;

/** A directive that names files, and where they are. */
interface Names {
  /** `hls.hlsTsFile` */
  readonly key: string;
  /** `vhost.hls.hls_ts_file` */
  readonly directive: string;
  readonly dir: string;
  readonly template: string;
  /** One file after another has such a name. */
  readonly isSeries: boolean;
  /** Names that are taken are never used again: a number is added. */
  readonly isSafe: boolean;
}

/** Files of streams that would be written over each other: said, but allowed, since there may be just one stream. */
export function checkFileNames(
  vhosts: Config['vhosts'],
  at: (key: string) => Origin,
  isKnown: (key: string) => boolean,
  diagnostics: Diagnostics,
): void {
  const seen = new Map<string, { readonly name: string; readonly origin: Origin }>();
  const met = new Set<string>();
  vhosts.forEach((vhost, v) => {
    if (met.has(vhost.name)) return; // The first one counts.
    met.add(vhost.name);
    const place = (key: string): Origin =>
      isKnown(`vhosts[${v}].${key}`) ? at(`vhosts[${v}].${key}`) : at(`vhosts[${v}]`);
    const told = new Set<string>();
    for (const names of namesOf(vhost)) {
      const origin = place(names.key);
      checkVariables(names, origin, diagnostics);
      const path = posix.normalize(`${names.dir}/${names.template}`);
      if (names.isSafe || path.includes('[vhost]')) continue;
      const first = seen.get(path);
      if (first === undefined) seen.set(path, { name: vhost.name, origin });
      const block = names.key.slice(0, names.key.indexOf('.'));
      if (first === undefined || first.name === vhost.name || told.has(block)) continue;
      told.add(block);
      diagnostics.warn(
        origin,
        names.directive,
        `streams of the same name in this vhost and in '${printable(first.name)}' (${otherPlace(first.origin, origin)}) have the same files`,
        { expected: '[vhost] in the names, or other folders' },
      );
    }
  });
}

function checkVariables(names: Names, origin: Origin, diagnostics: Diagnostics): void {
  const { directive, template, isSeries, isSafe } = names;
  const quoted = `'${printable(template)}'`;
  if (!template.includes('[stream]') && !isSafe) {
    const message = `${quoted} has no [stream]: two streams would write the same files`;
    diagnostics.warn(origin, directive, message);
  }
  if (isSeries && !MOMENTS.test(template)) {
    const message = `${quoted} is the same name for one file after another: a number is added to it`;
    diagnostics.warn(origin, directive, message, {
      expected: `${isSafe ? '' : '[seq] or '}[timestamp] in it`,
    });
  }
}

/** What a vhost has switched on. */
function namesOf({ hls, dash, hds, dvr }: VhostConfig): readonly Names[] {
  const all: Names[] = [];
  const add = (key: string, dir: string, template: string, isSeries = false, isSafe = false): void => {
    const directive = `vhost.${key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
    all.push({ key, directive, dir, template, isSeries, isSafe });
  };
  if (hls.enabled) {
    const fmp4 = hls.hlsUseFmp4 || hls.hlsLl;
    add('hls.hlsM3u8File', hls.hlsPath, hls.hlsM3u8File);
    if (fmp4) {
      add('hls.hlsFmp4File', hls.hlsPath, hls.hlsFmp4File, true);
      add('hls.hlsInitFile', hls.hlsPath, hls.hlsInitFile);
    } else {
      add('hls.hlsTsFile', hls.hlsPath, hls.hlsTsFile, true);
    }
    if (hls.hlsKeys) add('hls.hlsKeyFile', hls.hlsKeyFilePath || hls.hlsPath, hls.hlsKeyFile, true);
  }
  if (dash.enabled) add('dash.dashMpdFile', dash.dashPath, dash.dashMpdFile);
  if (hds.enabled) add('hds.hdsPath', hds.hdsPath, '[app]/[stream].f4m');
  // An ending makes it a file; a folder gets the usual names.
  if (dvr.enabled && posix.extname(dvr.dvrPath) !== '') {
    const isAppended = dvr.dvrPlan === 'append';
    add('dvr.dvrPath', '', dvr.dvrPath, !isAppended, !isAppended);
  }
  return all;
}
