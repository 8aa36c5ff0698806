/** Parameters whose values are no secrets: what they say of a stream, a track or a place in it is worth to be seen. */
const PLAIN = new Set([
  'vhost',
  'domain',
  'audio',
  'video',
  'start',
  'end',
  'callback',
  'method',
  'rpc',
  'scope',
  'count',
  'expires',
  '_HLS_msn',
  '_HLS_part',
  '_HLS_skip',
]);
const HIDDEN = '***';

/**
 * A URL, or a query, as logs may have it: without its user and fragment, and without the values of its query, which may be tokens.
 * Also SRS's spellings of a query (`app...token...x`, `app?a=b,c=d`).
 */
export function maskUrl(url: string): string {
  // First of all: a password may look like a query.
  const bare = url.replace(/^([a-z][a-z\d+.-]*:\/\/)[^/?#]*@/i, '$1');
  // What this can be nobody knows: a password with a sign that it must not have, or a host with a query.
  if (/^[a-z][a-z\d+.-]*:\/\/[^/]*@/i.test(bare)) return bare.replace(/:\/\/.*$/s, `://${HIDDEN}`);
  const start = bare.search(/[?#]|\.\.\.|&/);
  return start < 0 ? bare : bare.slice(0, start) + maskQuery(bare.slice(start));
}

/**
 * The name of a stream that was asked for and refused, as logs may have it: it may be a stream key that is good elsewhere, or
 * tomorrow. Its beginning is left, by which a name is known again.
 */
export function maskName(name: string): string {
  return `${name.slice(0, Math.min(3, Math.floor(name.length / 4)))}${HIDDEN}`;
}

/** A query as logs may have it. */
function maskQuery(query: string): string {
  const fragment = query.indexOf('#');
  const text = fragment < 0 ? query : query.slice(0, fragment);
  return text
    .split(/(\.\.\.|[?&,])/)
    .map((part, index, parts) =>
      index % 2 === 1 ? part : maskPart(part, parts[index - 1], parts[index - 2]),
    )
    .join('');
}

/** `name=value`, or behind `...` a name or a value. */
function maskPart(part: string, separator: string | undefined, before: string | undefined): string {
  if (part === '') return part;
  const equals = part.indexOf('=');
  if (equals >= 0) {
    const name = part.slice(0, equals);
    return PLAIN.has(name) ? part : `${name}=${HIDDEN}`;
  }
  if (separator === '...')
    return PLAIN.has(part) || (before !== undefined && PLAIN.has(before)) ? part : HIDDEN;
  return PLAIN.has(part) ? part : HIDDEN;
}
