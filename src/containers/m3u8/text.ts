import { Buffer } from 'node:buffer';

// What a line or a quoted string cannot hold, and what RFC 3986 does not allow in a URI.
const NOT_URI = /[^!#-;=?-[\]_a-z~]+/g;
const NOT_QUOTED = /["\r\n\u0000]/g;

/** A URI as a playlist may hold it: names with spaces, quotes, line ends or letters beyond ASCII are percent-encoded. */
export function uriText(uri: string): string {
  const text = uri.replace(NOT_URI, percentEncode);
  // A line that begins with # is a comment or a tag.
  return text.startsWith('#') ? `%23${text.slice(1)}` : text;
}

function percentEncode(run: string): string {
  let out = '';
  for (const byte of Buffer.from(run, 'utf8')) out += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  return out;
}

/** A quoted-string; what it cannot hold (RFC 8216, 4.2) becomes an apostrophe. */
export function quoted(text: string): string {
  return `"${text.replace(NOT_QUOTED, "'")}"`;
}

/** Milliseconds as seconds with three decimals, without the rounding of a division. */
export function secondsText(ms: number): string {
  const whole = Number.isFinite(ms) && ms > 0 ? Math.round(ms) : 0;
  const rest = whole % 1000;
  const fraction = rest < 10 ? `00${rest}` : rest < 100 ? `0${rest}` : `${rest}`;
  return `${(whole - rest) / 1000}.${fraction}`;
}

/** A title or name on a line of its own: without line ends. */
export function lineText(text: string): string {
  return text.replace(/[\r\n\u0000]/g, ' ');
}
