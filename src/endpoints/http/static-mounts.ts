import { DEFAULT_VHOST } from '../../base/names.ts';
import { DocumentRoot, type Located } from '../../storage/document-root.ts';

/** [http_static] of one vhost. */
export interface StaticMount {
  readonly vhost: string;
  /** [http_static mount] `[vhost]/`, `[vhost]/files`, `/vod` … */
  readonly template: string;
  /** [http_static dir] */
  readonly dir: string;
}

export interface StaticMountsOptions {
  readonly mounts: readonly StaticMount[];
  /** [http_server dir] For the paths that no mount takes. */
  readonly dir: string;
  /** Folder of the bundled page, for what the folder at `/` of all hosts does not have; undefined = no page. */
  readonly pageDir: string | undefined;
}

interface CompiledMount {
  /** Host that the request must have; undefined = any. */
  readonly host: string | undefined;
  /** `/` or `/files`, without a slash at the end. */
  readonly prefix: string;
  readonly roots: readonly DocumentRoot[];
}

/** Which folder a URL path is served from: the mounts of all vhosts, else the one folder of the server. */
export class StaticMounts {
  /** Those of the most exact match first: with a host before without, long prefixes before short ones. */
  readonly #mounts: readonly CompiledMount[];

  constructor(options: StaticMountsOptions) {
    const page = options.pageDir === undefined ? [] : [new DocumentRoot(options.pageDir)];
    const compiled = options.mounts.map((mount) => compile(mount, page));
    compiled.push({ host: undefined, prefix: '/', roots: [new DocumentRoot(options.dir), ...page] });
    // Stable: of two equal ones the first one counts, so that a vhost's own mount at `/` takes the place of the server's folder.
    this.#mounts = compiled.toSorted(
      (a, b) =>
        Number(a.host === undefined) - Number(b.host === undefined) || b.prefix.length - a.prefix.length,
    );
  }

  /**
   * The file at `path`, or where to go instead. One mount alone is asked, the most exact one: the files of a vhost with a mount
   * are not mixed with those of others.
   *
   * @param host Host name of the request (or its `?vhost=`), lower case.
   * @param path Decoded URL path that begins with `/` and has no `..`.
   */
  async locate(host: string, path: string): Promise<Located> {
    const mount = this.#mountOf(host, path);
    if (mount === undefined) return undefined;
    const { prefix } = mount;
    if (prefix !== '/' && path === prefix) return { redirect: `${path}/` };
    const below = belowPrefix(path, prefix);
    for (const root of mount.roots) {
      const located = await root.locate(below);
      if (located === undefined) continue;
      return 'redirect' in located && prefix !== '/' ? { redirect: prefix + located.redirect } : located;
    }
    return undefined;
  }

  /**
   * The first of what `find` has for the absolute paths at which `locate` would look, in the same order; by text alone, without
   * a look at the disk.
   */
  lookUp<T>(host: string, path: string, find: (path: string) => T | undefined): T | undefined {
    const mount = this.#mountOf(host, path);
    if (mount === undefined || (mount.prefix !== '/' && path === mount.prefix)) return undefined;
    const below = belowPrefix(path, mount.prefix);
    for (const root of mount.roots) {
      const wanted = root.pathOf(below);
      const found = wanted === undefined ? undefined : find(wanted);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #mountOf(host: string, path: string): CompiledMount | undefined {
    return this.#mounts.find((one) => (one.host ?? host) === host && isBelow(path, one.prefix));
  }
}

function belowPrefix(path: string, prefix: string): string {
  return prefix === '/' ? path : path.slice(prefix.length);
}

function compile(mount: StaticMount, page: readonly DocumentRoot[]): CompiledMount {
  const slash = mount.template.indexOf('/');
  const head = slash < 0 ? mount.template : mount.template.slice(0, slash);
  const tail = (slash < 0 ? '' : mount.template.slice(slash)).replaceAll('[vhost]', mount.vhost);
  // A browser never says `__defaultVhost__`: as in SRS, that vhost is the one for every host.
  const named = head.replaceAll('[vhost]', mount.vhost).toLowerCase();
  const host = named === '' || named === DEFAULT_VHOST.toLowerCase() ? undefined : named;
  const prefix = tail.replace(/\/+$/, '') || '/';
  const own = new DocumentRoot(mount.dir);
  return { host, prefix, roots: host === undefined && prefix === '/' ? [own, ...page] : [own] };
}

function isBelow(path: string, prefix: string): boolean {
  return prefix === '/' || path === prefix || path.startsWith(`${prefix}/`);
}
