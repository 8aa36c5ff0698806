import { isAbsolute, relative, resolve } from 'node:path';
import { DEFAULT_VHOST } from '../base/names.ts';
import type { Config, VhostConfig } from '../config/index.ts';
import type { Playable, PlayableFormat, StaticMount } from '../endpoints/http/index.ts';
import type { StreamName } from '../hub/ports.ts';
import { expandPath, safePath } from '../storage/path-template.ts';
import { firstVhosts } from './vhost-options.ts';

/** Variables of the moment of publishing: the address of such a file cannot be told beforehand. */
const DATED = /\[(?:2006|01|02|15|04|05|999|timestamp)\]/;

/** A folder and where the HTTP server shows it. */
interface Shown {
  /** Host that the request must have; undefined = any. */
  readonly host: string | undefined;
  /** `/files`, or empty for the root; without a slash at the end. */
  readonly prefix: string;
  readonly dir: string;
}

/** [hls, dash] The files that players open of a vhost's streams. */
export function playlistFiles({ hls, dash }: VhostConfig): readonly PlaylistFile[] {
  const files: PlaylistFile[] = [];
  if (hls.enabled) {
    const file = { dir: hls.hlsPath, template: hls.hlsM3u8File };
    files.push({ format: 'hls', ...file });
    if (hls.hlsLl) files.push({ format: 'll-hls', ...file });
  }
  if (dash.enabled) files.push({ format: 'dash', dir: dash.dashPath, template: dash.dashMpdFile });
  return files;
}

/** [http_static] The folders that vhosts show. */
export function staticMounts(vhosts: readonly VhostConfig[]): readonly StaticMount[] {
  return vhosts
    .filter(({ enabled, httpStatic }) => enabled && httpStatic.enabled)
    .map(({ name, httpStatic }) => ({ vhost: name, template: httpStatic.mount, dir: httpStatic.dir }));
}

/** A file that players open. */
export interface PlaylistFile {
  readonly format: PlayableFormat;
  /** [hls_path, dash_path] */
  readonly dir: string;
  /** [hls_m3u8_file, dash_mpd_file] Below `dir`, with variables. */
  readonly template: string;
}

/**
 * The playlists of a stream and their addresses on the HTTP server. What lies in no folder that this server
 * shows is left out: another web server serves it, and where is not known here.
 */
export function playlistUrls(
  config: Config,
  statics: readonly StaticMount[],
  filesOf: (vhost: VhostConfig) => readonly PlaylistFile[],
): (name: StreamName) => readonly Playable[] {
  const vhosts = new Map(firstVhosts(config).map((vhost) => [vhost.name, vhost]));
  const root: Shown = { host: undefined, prefix: '', dir: resolve(config.httpServer.dir) };
  // As requests are answered: with a host before without, long paths before short ones.
  const shown = [...statics.map(shownBy), root].toSorted(
    (a, b) =>
      Number(a.host === undefined) - Number(b.host === undefined) || b.prefix.length - a.prefix.length,
  );
  return (name) => {
    const vhost = vhosts.get(name.vhost);
    if (vhost === undefined) return [];
    const playable: Playable[] = [];
    for (const { format, dir, template } of filesOf(vhost)) {
      const file = fileOf(dir, template, name);
      const url = file === undefined ? undefined : urlOf(file, name.vhost, shown);
      if (url !== undefined) playable.push({ format, url });
    }
    return playable;
  };
}

function fileOf(dir: string, template: string, name: StreamName): string | undefined {
  if (DATED.test(template)) return undefined;
  try {
    return safePath(resolve(dir), expandPath(template, { ...name, timeMs: 0, utc: true }));
  } catch {
    return undefined; // The output has said so in the log.
  }
}

/** `http_static` of a vhost: `[vhost]/files` is the host and the path. A browser never says `__defaultVhost__`. */
function shownBy(mount: StaticMount): Shown {
  const [head = '', ...rest] = mount.template.replaceAll('[vhost]', mount.vhost).split('/');
  const host =
    head === '' || head.toLowerCase() === DEFAULT_VHOST.toLowerCase() ? undefined : head.toLowerCase();
  return { host, prefix: ['', ...rest].join('/').replace(/\/+$/, ''), dir: resolve(mount.dir) };
}

function urlOf(file: string, vhost: string, shown: readonly Shown[]): string | undefined {
  const asked = vhost.toLowerCase();
  const open = shown.filter(({ host }) => (host ?? asked) === asked);
  for (const one of open) {
    const below = relative(one.dir, file);
    if (below === '' || below.startsWith('..') || isAbsolute(below)) continue;
    const path = `${one.prefix}/${below}`;
    // Another folder may be shown at that path.
    if (open.find(({ prefix }) => path.startsWith(`${prefix}/`)) !== one) continue;
    const encoded = path.split('/').map(encodeURIComponent).join('/');
    return one.host === undefined ? encoded : `${encoded}?vhost=${encodeURIComponent(vhost)}`;
  }
  return undefined;
}
