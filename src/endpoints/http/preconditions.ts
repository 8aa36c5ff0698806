import type { IncomingHttpHeaders } from '../../net/index.ts';

/** `Last-Modified` counts in seconds: a file that may change within the same one gets none, ms. */
export const AT_REST_MS = 2_000;

/** Whether the client has this body already: RFC 9110, 13.1.2 and 13.1.3; the tag wins over the time. */
export function isFresh(headers: IncomingHttpHeaders, etag: string, modifiedMs: number): boolean {
  const tags = headers['if-none-match'];
  if (tags !== undefined) {
    const plain = (tag: string): string => tag.trim().replace(/^W\//, '');
    return tags.trim() === '*' || tags.split(',').some((tag) => plain(tag) === plain(etag));
  }
  const since = headers['if-modified-since'];
  return since !== undefined && Math.floor(modifiedMs / 1000) * 1000 <= Date.parse(since);
}

/** `gzip`, or `*`, without `q=0`: RFC 9110, 12.5.3. */
export function acceptsGzip(header: string | readonly string[] | undefined): boolean {
  const named = String(header ?? '')
    .split(',')
    .map((part) =>
      part
        .trim()
        .toLowerCase()
        .split(/\s*;\s*/),
    );
  const found = named.find(([name]) => name === 'gzip') ?? named.find(([name]) => name === '*');
  return found !== undefined && !found.some((part) => /^q=0(\.0*)?$/.test(part));
}

/** Both ends included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * What of a body of `sizeBytes` is asked for: RFC 9110, 14.1.2. Undefined = all of it: no range, one that is no range of bytes,
 * or several (14.2 lets a server ignore them). `beyond` = it begins behind the end.
 */
export function rangeOf(header: string | undefined, sizeBytes: number): ByteRange | 'beyond' | undefined {
  const found = header === undefined ? null : /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header);
  if (found === null) return undefined;
  const [, from = '', to = ''] = found;
  if (from === '') {
    if (to === '') return undefined;
    if (Number(to) === 0 || sizeBytes === 0) return 'beyond';
    return { first: Math.max(0, sizeBytes - Number(to)), last: sizeBytes - 1 };
  }
  const first = Number(from);
  if (to !== '' && Number(to) < first) return undefined;
  if (first >= sizeBytes) return 'beyond';
  return { first, last: to === '' ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1) };
}

/**
 * Whether a range may be taken of the body as it is now: RFC 9110, 13.1.5. A weak tag never says so, a date only when it is the
 * one that was told. Undefined `header` = no condition.
 */
export function rangeHolds(
  header: string | readonly string[] | undefined,
  etag: string,
  lastModified: string | undefined,
): boolean {
  if (header === undefined) return true;
  return header === lastModified || (header === etag && !etag.startsWith('W/'));
}
