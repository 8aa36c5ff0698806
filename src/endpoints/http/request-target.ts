/** Longest request target that is looked at, characters. */
export const MAX_TARGET_LENGTH = 4_096;

export interface RequestTarget {
  /** Decoded once, begins with `/`, holds no `.`/`..`/empty segment, backslash or control character. */
  readonly path: string;
  /** The path as it came, not decoded. */
  readonly rawPath: string;
  /** After `?`, as it came; empty when there is none. */
  readonly query: string;
}

/**
 * Reads the target of a request line. Undefined = refuse it with 400: what it names is not a plain path below the root.
 * RFC 9112, 3.2 (origin form and absolute form); RFC 3986, 2.1 (percent encoding, decoded exactly once).
 */
export function parseTarget(target: string): RequestTarget | undefined {
  if (target.length > MAX_TARGET_LENGTH) return undefined;
  let rest = target;
  if (!rest.startsWith('/')) {
    const absolute = /^https?:\/\/[^/?#]*/i.exec(rest);
    if (absolute === null) return undefined;
    rest = rest.slice(absolute[0].length);
    if (!rest.startsWith('/')) rest = `/${rest}`;
  }
  const hash = rest.indexOf('#');
  if (hash >= 0) rest = rest.slice(0, hash);
  const mark = rest.indexOf('?');
  const raw = mark < 0 ? rest : rest.slice(0, mark);
  const path = decodePath(raw);
  if (path === undefined) return undefined;
  return { path, rawPath: raw, query: mark < 0 ? '' : rest.slice(mark + 1) };
}

function decodePath(raw: string): string | undefined {
  let path: string;
  try {
    path = decodeURIComponent(raw);
  } catch {
    return undefined;
  }
  if (/[\u0000-\u001f\u007f\\]/.test(path)) return undefined;
  const segments = path.split('/');
  for (let i = 1; i < segments.length; i += 1) {
    const segment = segments[i] ?? '';
    // A path may end with a slash; an empty segment elsewhere lets two names mean one file.
    if (segment === '' && i < segments.length - 1) return undefined;
    if (segment === '.' || segment === '..') return undefined;
  }
  return path;
}

/** The host of a `Host` header: lower case, without port and brackets. Empty when there is none. */
export function hostName(header: string | undefined): string {
  if (header === undefined) return '';
  const bracketed = /^\[([^\]]*)\]/.exec(header);
  const host = bracketed === null ? header.replace(/:\d*$/, '') : (bracketed[1] ?? '');
  return host.toLowerCase().replace(/\.$/, '');
}
