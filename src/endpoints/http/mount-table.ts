import { DEFAULT_VHOST } from '../../base/names.ts';
import type { StreamName } from '../../hub/ports.ts';
import { isLiveEnding, LIVE_ENDINGS, type LiveEnding } from '../../outputs/http-live/index.ts';

/** [http_remux mount] of one vhost. */
export interface Mount {
  readonly vhost: string;
  /** `[vhost]/[app]/[stream].flv`, `/[app]/[stream].flv`, `/live/show.flv` … The extension chooses the format. */
  readonly template: string;
  readonly announced?: Announced | undefined;
}

/** [http_remux has_audio, has_video, drop_if_not_match] What is said of streams without looking at them [guess_has_av off]. */
export interface Announced {
  readonly audio: boolean;
  readonly video: boolean;
  /** Leave out what is not said. */
  readonly dropOthers: boolean;
}

export interface MountTableOptions {
  readonly mounts: readonly Mount[];
  /**
   * The configured vhost that serves this host or `vhost=` value, with SRS's fallback to `__defaultVhost__`; undefined
   * when there is none or it is off.
   */
  readonly resolveVhost: (host: string) => string | undefined;
}

export interface MountMatch {
  readonly name: StreamName;
  readonly ending: LiveEnding;
  /** Another ending than the mount's own: plays what is here, and never brings a stream from elsewhere. */
  readonly isOther: boolean;
  readonly announced: Announced | undefined;
}

interface CompiledMount {
  readonly vhost: string;
  /** Host that the request must have; undefined = any. */
  readonly host: string | undefined;
  readonly pattern: RegExp;
  /** The same path with any of `LIVE_ENDINGS`, where the template ends in `[stream]` and one of them. */
  readonly anyEnding: RegExp | undefined;
  /** The template's path without its ending, for building URLs. */
  readonly path: string;
  readonly ending: LiveEnding;
  readonly announced: Announced | undefined;
  /** What the template itself says where it has no variable: the folder is the app, the file is the stream. */
  readonly fixedApp: string | undefined;
  readonly fixedStream: string | undefined;
}

/** Which live stream a URL names, by the mount templates of all vhosts. */
export class MountTable {
  readonly #mounts: readonly CompiledMount[];
  readonly #resolveVhost: (host: string) => string | undefined;

  constructor(options: MountTableOptions) {
    this.#mounts = options.mounts.flatMap((mount) => compile(mount) ?? []);
    this.#resolveVhost = options.resolveVhost;
  }

  /**
   * @param host Host name of the request, without port.
   * @param path Decoded path.
   * @param queryVhost `?vhost=`, which wins over the host.
   */
  match(host: string, path: string, queryVhost?: string): MountMatch | undefined {
    const vhost = this.#resolveVhost(queryVhost ?? host);
    // What the templates say themselves goes before the other endings.
    return (
      this.#find(ownEnding, host, vhost, path, queryVhost !== undefined) ??
      this.#find(otherEnding, host, vhost, path, queryVhost !== undefined)
    );
  }

  #find(
    apply: (mount: CompiledMount, path: string) => MountMatch | undefined,
    host: string,
    vhost: string | undefined,
    path: string,
    onlyVhost: boolean,
  ): MountMatch | undefined {
    for (const mount of this.#mounts) {
      if (mount.vhost !== vhost) continue;
      const match = apply(mount, path);
      if (match !== undefined) return match;
    }
    if (onlyVhost) return undefined;
    // A mount that does not begin with its vhost belongs to every host, as in SRS.
    for (const mount of this.#mounts) {
      if (mount.vhost === vhost || (mount.host !== undefined && mount.host !== host)) continue;
      const match = apply(mount, path);
      if (match !== undefined) return match;
    }
    return undefined;
  }

  /** A path (with `?vhost=` where the host alone would not find it) at which the stream plays, or undefined. */
  pathFor(name: StreamName, ending: LiveEnding): string | undefined {
    for (const mount of this.#mounts) {
      if (mount.vhost !== name.vhost) continue;
      if (mount.ending !== ending && mount.anyEnding === undefined) continue;
      if ((mount.fixedApp ?? name.app) !== name.app) continue;
      if ((mount.fixedStream ?? name.stream) !== name.stream) continue;
      const path = `${mount.path.replaceAll('[app]', name.app).replaceAll('[stream]', name.stream)}.${ending}`;
      const encoded = path.split('/').map(encodeURIComponent).join('/');
      return name.vhost === DEFAULT_VHOST ? encoded : `${encoded}?vhost=${encodeURIComponent(name.vhost)}`;
    }
    return undefined;
  }
}

/** Undefined for an ending that nobody serves; the configuration refuses it. */
function compile(mount: Mount): CompiledMount | undefined {
  const slash = mount.template.indexOf('/');
  const head = slash < 0 ? mount.template : mount.template.slice(0, slash);
  const tail = slash < 0 ? '/' : mount.template.slice(slash);
  // `[vhost]` before the first slash is the host of the URL; further on it is a part of the path.
  const whole = tail.replaceAll('[vhost]', mount.vhost);
  const dot = whole.lastIndexOf('.');
  const ending = dot < 0 ? '' : whole.slice(dot + 1);
  if (!isLiveEnding(ending)) return undefined;
  const path = whole.slice(0, dot);
  const pattern = path
    .split(/(\[app\]|\[stream\])/)
    .map((part) => {
      if (part === '[app]') return '(?<app>.+)';
      if (part === '[stream]') return '(?<stream>[^/]+)';
      return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    })
    .join('');
  return {
    vhost: mount.vhost,
    host: head === '' ? undefined : head.replaceAll('[vhost]', mount.vhost).toLowerCase(),
    pattern: new RegExp(`^${pattern}\\.${ending}$`, 'u'),
    anyEnding: path.endsWith('[stream]')
      ? new RegExp(`^${pattern}\\.(?<ending>${LIVE_ENDINGS.join('|')})$`, 'u')
      : undefined,
    path,
    ending,
    announced: mount.announced,
    fixedApp: path.includes('[app]') ? undefined : path.slice(1, Math.max(1, path.lastIndexOf('/'))),
    fixedStream: path.includes('[stream]') ? undefined : path.slice(path.lastIndexOf('/') + 1),
  };
}

function ownEnding(mount: CompiledMount, path: string): MountMatch | undefined {
  return matchOf(mount, mount.pattern.exec(path), mount.ending);
}

function otherEnding(mount: CompiledMount, path: string): MountMatch | undefined {
  const found = mount.anyEnding?.exec(path) ?? undefined;
  const ending = found?.groups?.['ending'] ?? '';
  return found !== undefined && isLiveEnding(ending) ? matchOf(mount, found, ending) : undefined;
}

function matchOf(
  mount: CompiledMount,
  found: RegExpExecArray | null,
  ending: LiveEnding,
): MountMatch | undefined {
  if (found === null) return undefined;
  const app = found.groups?.['app'] ?? mount.fixedApp ?? '';
  const stream = found.groups?.['stream'] ?? mount.fixedStream ?? '';
  if (stream === '' || app === '') return undefined;
  return {
    name: { vhost: mount.vhost, app, stream },
    ending,
    isOther: ending !== mount.ending,
    announced: mount.announced,
  };
}
