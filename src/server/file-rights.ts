import { realpath } from 'node:fs/promises';
import { posix, resolve } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Config, VhostConfig } from '../config/index.ts';
import type { FileGuard, Playable } from '../endpoints/http/index.ts';
import { FileAccess, type StoredFile } from '../hub/file-access.ts';
import type { FileKind } from '../hub/file-session.ts';
import type { AccessPolicy, StreamName } from '../hub/ports.ts';
import { recordingTemplate } from '../outputs/dvr/index.ts';
import type { LiveResources } from '../storage/live-resources.ts';
import { PathPattern } from '../storage/path-pattern.ts';
import { playlistFiles, playlistUrls, staticMounts } from './playlist-urls.ts';
import { firstVhosts } from './vhost-options.ts';

/** A folder's place without symbolic links is looked up anew after so long, ms. */
const REAL_MS = 10_000;

export interface FileRightsDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly policy: AccessPolicy;
  readonly resources: LiveResources;
  /** The configuration in force. */
  readonly config: () => Config;
  /** Whether rules of any kind say who may play streams of a vhost. */
  readonly isProtected: (vhost: string) => boolean;
  /** Whether this address may not play this stream. */
  readonly isBanned: (name: StreamName, ip: string) => boolean;
}

/** Names of files of one vhost. */
interface Place {
  readonly kind: FileKind;
  readonly vhost: string;
  /** Absolute. */
  readonly root: string;
  /** Below it. */
  readonly template: string;
  readonly pattern: PathPattern;
}

/** Who may have the files of streams: those that outputs serve, and what lies on the disk of protected vhosts. */
export class StreamFileRights implements FileGuard {
  readonly access: FileAccess;
  readonly #deps: FileRightsDeps;
  readonly #real = new Map<string, { readonly path: string; readonly until: number }>();
  #of: Config | undefined;
  #urls: (name: StreamName) => readonly Playable[] = () => [];
  /** Of protected vhosts. */
  #places: readonly Place[] = [];

  constructor(deps: FileRightsDeps) {
    this.#deps = deps;
    this.access = new FileAccess({ ...deps, urlOf: (kind, name) => this.#urlOf(kind, name) });
  }

  isOn(): boolean {
    this.#refresh();
    return this.#places.length > 0;
  }

  async ownerOf(paths: readonly string[]): Promise<StoredFile | undefined> {
    this.#refresh();
    const { resources, isProtected } = this.#deps;
    for (const path of paths) {
      // An output knows best whose file it is.
      const gate = resources.gateOf(path);
      if (gate !== undefined) return isProtected(gate.name.vhost) ? gate : undefined;
    }
    for (const place of this.#places) {
      const real = await this.#realPattern(place);
      for (const path of paths) {
        const owner = place.pattern.match(path) ?? real?.match(path);
        if (owner !== undefined) return { kind: place.kind, name: { vhost: place.vhost, ...owner } };
      }
    }
    return undefined;
  }

  judge: FileGuard['judge'] = (file, query, request) => this.access.judge(file, query, request);

  /** Where players open a stream on the HTTP server. */
  #urlOf(kind: FileKind, name: StreamName): string | undefined {
    this.#refresh();
    return this.#urls(name).find(({ format }) => format === kind)?.url;
  }

  /** The same names where the folder really is; undefined where that makes no difference. */
  async #realPattern(place: Place): Promise<PathPattern | undefined> {
    const { root, template, vhost } = place;
    const now = this.#deps.clock.now();
    let real = this.#real.get(root);
    if (real === undefined || real.until <= now) {
      const path = await realpath(root).catch(() => root);
      real = { path, until: now + REAL_MS };
      this.#real.set(root, real);
    }
    return real.path === root ? undefined : new PathPattern(posix.join(real.path, template), vhost);
  }

  #refresh(): void {
    const config = this.#deps.config();
    if (config === this.#of) return;
    this.#of = config;
    this.#real.clear();
    this.#urls = playlistUrls(config, staticMounts(firstVhosts(config)), playlistFiles);
    const { isProtected } = this.#deps;
    const vhosts = firstVhosts(config).filter(({ name, enabled }) => enabled && isProtected(name));
    this.#places = vhosts.flatMap(placesOf);
  }
}

/** [hls, dash, hds, dvr] All names of files that a vhost's streams get. */
function placesOf({ name: vhost, hls, dash, hds, dvr }: VhostConfig): readonly Place[] {
  const places: Place[] = [];
  const add = (kind: FileKind, root: string, ...templates: readonly string[]): void => {
    for (const template of templates) {
      const folder = resolve(root);
      const pattern = new PathPattern(posix.join(folder, template), vhost);
      places.push({ kind, vhost, root: folder, template, pattern });
    }
  };
  if (hls.enabled) {
    add('hls', hls.hlsPath, hls.hlsM3u8File, hls.hlsTsFile, hls.hlsFmp4File, hls.hlsInitFile);
    if (hls.hlsKeys) add('hls', hls.hlsKeyFilePath === '' ? hls.hlsPath : hls.hlsKeyFilePath, hls.hlsKeyFile);
  }
  if (dash.enabled) {
    const folder = posix.join(posix.dirname(dash.dashMpdFile), '[stream]');
    add('dash', dash.dashPath, dash.dashMpdFile, `${folder}/video-*`, `${folder}/audio-*`);
  }
  if (hds.enabled)
    add('hds', hds.hdsPath, '[app]/[stream].f4m', '[app]/[stream].abst', '[app]/[stream]Seg1-Frag[seq]');
  if (dvr.enabled && !dvr.dvrPublic) {
    const template = recordingTemplate(dvr.dvrPath);
    const variable = template.indexOf('[');
    const folder = posix.dirname(`${variable < 0 ? template : template.slice(0, variable)}x`);
    add('dvr', folder, posix.relative(folder, template));
  }
  return places;
}
