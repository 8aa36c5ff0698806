import { DEFAULT_VHOST } from '../../base/names.ts';
import type { StreamName } from '../../hub/ports.ts';

/** [http_remux mount] of one vhost. */
export interface Mount {
  readonly vhost: string;
  /** `[vhost]/[app]/[stream].flv`, `/[app]/[stream].flv`, `/live/show.flv` … The extension chooses the format. */
  readonly template: string;
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
  /** Without the dot. */
  readonly extension: string;
}

interface CompiledMount {
  readonly vhost: string;
  /** Host that the request must have; undefined = any. */
  readonly host: string | undefined;
  readonly pattern: RegExp;
  /** The template's path, for building URLs. */
  readonly path: string;
  readonly extension: string;
  /** What the template itself says where it has no variable: the folder is the app, the file is the stream. */
  readonly fixedApp: string | undefined;
  readonly fixedStream: string | undefined;
}

/** Which live stream a URL names, by the mount templates of all vhosts. */
export class MountTable {
  readonly #mounts: readonly CompiledMount[];
  readonly #resolveVhost: (host: string) => string | undefined;

  constructor(options: MountTableOptions) {
    this.#mounts = options.mounts.map(compile);
    this.#resolveVhost = options.resolveVhost;
  }

  /**
   * @param host Host name of the request, without port.
   * @param path Decoded path.
   * @param queryVhost `?vhost=`, which wins over the host.
   */
  match(host: string, path: string, queryVhost?: string): MountMatch | undefined {
    const asked = queryVhost ?? host;
    const vhost = this.#resolveVhost(asked);
    for (const mount of this.#mounts) {
      if (mount.vhost !== vhost) continue;
      const match = apply(mount, path);
      if (match !== undefined) return match;
    }
    if (queryVhost !== undefined) return undefined;
    // A mount that does not begin with its vhost belongs to every host, as in SRS.
    for (const mount of this.#mounts) {
      if (mount.vhost === vhost || (mount.host !== undefined && mount.host !== host)) continue;
      const match = apply(mount, path);
      if (match !== undefined) return match;
    }
    return undefined;
  }

  /** A path (with `?vhost=` where the host alone would not find it) at which the stream plays, or undefined. */
  pathFor(name: StreamName, extension: string): string | undefined {
    for (const mount of this.#mounts) {
      if (mount.vhost !== name.vhost || mount.extension !== extension) continue;
      if ((mount.fixedApp ?? name.app) !== name.app) continue;
      if ((mount.fixedStream ?? name.stream) !== name.stream) continue;
      const path = mount.path.replaceAll('[app]', name.app).replaceAll('[stream]', name.stream);
      const encoded = path.split('/').map(encodeURIComponent).join('/');
      return name.vhost === DEFAULT_VHOST ? encoded : `${encoded}?vhost=${encodeURIComponent(name.vhost)}`;
    }
    return undefined;
  }
}

function compile(mount: Mount): CompiledMount {
  const slash = mount.template.indexOf('/');
  const head = slash < 0 ? mount.template : mount.template.slice(0, slash);
  const tail = slash < 0 ? '/' : mount.template.slice(slash);
  // `[vhost]` before the first slash is the host of the URL; further on it is a part of the path.
  const path = tail.replaceAll('[vhost]', mount.vhost);
  const dot = path.lastIndexOf('.');
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
    pattern: new RegExp(`^${pattern}$`, 'u'),
    path,
    extension: dot < 0 ? '' : path.slice(dot + 1),
    fixedApp: path.includes('[app]') ? undefined : path.slice(1, Math.max(1, path.lastIndexOf('/'))),
    fixedStream: path.includes('[stream]')
      ? undefined
      : path.slice(path.lastIndexOf('/') + 1, dot < 0 ? undefined : dot),
  };
}

function apply(mount: CompiledMount, path: string): MountMatch | undefined {
  const found = mount.pattern.exec(path);
  if (found === null) return undefined;
  const app = found.groups?.['app'] ?? mount.fixedApp ?? '';
  const stream = found.groups?.['stream'] ?? mount.fixedStream ?? '';
  if (stream === '' || app === '') return undefined;
  return { name: { vhost: mount.vhost, app, stream }, extension: mount.extension };
}
