import { isIP } from 'node:net';
import type { Directive, Word } from './parser.ts';
import { copyOrigin, printable } from './problem.ts';
import type { Diagnostics } from './problem.ts';
import { suggest } from './suggest.ts';

/** Longest token of the API, characters. */
export const MAX_API_TOKEN_CHARS = 512;

/** What words must look like beyond being words. */
type Form =
  | 'http-url'
  | 'access-rule'
  | 'deciding-hook'
  | 'networks'
  | 'api-token'
  | 'publish-proof'
  | 'play-proof'
  | 'sign-key'
  | 'jwt-secret';

/** Whether the words of a directive have the form that its row asks for; what is wrong is told. */
export function formFits(
  node: Directive,
  row: { readonly form?: Form },
  path: string,
  diagnostics: Diagnostics,
): boolean {
  if (row.form === undefined) return true;
  const wrong = (word: Word | undefined, message: string, expected: string, suggestion?: string): boolean => {
    const at = word === undefined ? node : { ...copyOrigin(node), line: word.line, column: word.column };
    diagnostics.error(at, path, message, { expected, ...(suggestion === undefined ? {} : { suggestion }) });
    return false;
  };
  if (row.form === 'http-url') {
    const bad = node.args.find(({ text }) => text !== '' && !isHttpUrl(text));
    return (
      bad === undefined ||
      wrong(bad, `'${printable(withoutSecrets(bad.text))}' is not possible here`, HTTP_URL)
    );
  }
  if (row.form === 'networks') {
    const bad = node.args.find(({ text }) => text !== '' && (text === 'all' || !isPeer(text)));
    return bad === undefined || wrong(bad, `'${printable(bad.text)}' is not possible here`, NETWORK);
  }
  const choices = CHOICES[row.form];
  if (choices !== undefined) {
    const bad = node.args.find(({ text }) => !choices.includes(text));
    const near = bad === undefined ? undefined : suggest(bad.text, choices);
    return (
      bad === undefined ||
      wrong(bad, `'${printable(bad.text)}' is not possible here`, choices.join(', '), near)
    );
  }
  const [action, who, extra] = node.args;
  const minChars = MIN_SECRET_CHARS[row.form];
  if (minChars !== undefined) {
    const expected = `a name of A-Z a-z 0-9 - . _, then a secret of ${minChars} or more characters`;
    if (action === undefined || who === undefined) return wrong(undefined, 'is not complete', expected);
    // Never what was written: it may be the secret.
    if (!/^[\w.-]{1,64}$/.test(action.text)) return wrong(action, 'the name is not possible here', expected);
    const { length } = who.text;
    if (length < minChars || length > MAX_SECRET_CHARS)
      return wrong(who, `the secret has ${length} characters`, expected);
    return extra === undefined || wrong(extra, `takes two values, not ${node.args.length}`, expected);
  }
  if (row.form === 'api-token') {
    if (action === undefined || who === undefined) return wrong(undefined, 'is not complete', API_TOKEN);
    if (!API_ROLES.includes(action.text)) {
      const near = suggest(action.text, API_ROLES);
      return wrong(action, 'the role is not possible here', API_ROLES.join(', '), near); // It may be the token.
    }
    if (!isApiToken(who.text)) return wrong(who, 'is not possible here', API_TOKEN); // Never the token itself.
    return extra === undefined || wrong(extra, `takes two values, not ${node.args.length}`, API_TOKEN);
  }
  if (action === undefined || who === undefined) return wrong(undefined, 'is not complete', ACCESS_RULE);
  if (action.text !== 'publish' && action.text !== 'play') {
    const near = suggest(action.text, ['publish', 'play']);
    return wrong(action, `'${printable(action.text)}' is not possible here`, 'publish or play', near);
  }
  if (!isPeer(who.text)) return wrong(who, `'${printable(who.text)}' is not possible here`, PEER);
  return extra === undefined || wrong(extra, `takes two values, not ${node.args.length}`, ACCESS_RULE);
}

/** What was meant as a URL: without its user, its query and its fragment, wherever those of no URL are. */
function withoutSecrets(text: string): string {
  const start = text.search(/[?#]/);
  const place = start < 0 ? text : `${text.slice(0, start)}?...`;
  const user = place.lastIndexOf('@');
  return user < 0 ? place : `...${place.slice(user)}`;
}

const HTTP_URL = 'a URL such as http://127.0.0.1:8085/api or https://example.org/api';
/** Events of http_hooks whose answer decides. */
const DECIDING_HOOKS = ['on_connect', 'on_publish', 'on_play'];
/** Lists of which only some words may be in. */
export const CHOICES: Readonly<Partial<Record<Form, readonly string[]>>> = {
  'deciding-hook': DECIDING_HOOKS,
  'publish-proof': ['signed', 'jwt', 'key'],
  'play-proof': ['signed', 'jwt'],
};
/** Shortest secrets, characters: that of HS256 has as many bytes as its hash (RFC 7518, 3.2). */
const MIN_SECRET_CHARS: Readonly<Partial<Record<Form, number>>> = { 'sign-key': 16, 'jwt-secret': 32 };
const MAX_SECRET_CHARS = 512;
const API_ROLES: readonly string[] = ['read', 'operate', 'admin'];
const API_TOKEN = 'read, operate or admin, then 16 or more of A-Z a-z 0-9 - . _ ~ + / = or sha256:HASH';
const NETWORK = 'an IP address or a network such as 10.0.0.0/8';
const PEER = 'all, an IP address or a range such as 10.0.0.0/8';
const ACCESS_RULE = `publish or play, then ${PEER}`;

function isHttpUrl(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text);
}

/** A bearer token (RFC 6750, 2.1) that is not guessed, or the hash of one. */
export function isApiToken(text: string): boolean {
  return text.startsWith('sha256:')
    ? /^sha256:[0-9a-f]{64}$/i.test(text)
    : /^[\w.~+/-]{16,}=*$/.test(text) && text.length <= MAX_API_TOKEN_CHARS;
}

/** `all`, an address, or a network in CIDR notation (RFC 4632, 3.1). */
function isPeer(text: string): boolean {
  if (text === 'all') return true;
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}
