import { isIP } from 'node:net';
import type { Directive, Word } from './parser.ts';
import { copyOrigin, printable } from './problem.ts';
import type { Diagnostics } from './problem.ts';
import { suggest } from './suggest.ts';

/** What words must look like beyond being words. */
type Form = 'http-url' | 'access-rule' | 'deciding-hook';

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
    return bad === undefined || wrong(bad, `'${printable(bad.text)}' is not possible here`, HTTP_URL);
  }
  if (row.form === 'deciding-hook') {
    const bad = node.args.find(({ text }) => !DECIDING_HOOKS.includes(text));
    const near = bad === undefined ? undefined : suggest(bad.text, DECIDING_HOOKS);
    return (
      bad === undefined ||
      wrong(bad, `'${printable(bad.text)}' is not possible here`, DECIDING_HOOKS.join(', '), near)
    );
  }
  const [action, who, extra] = node.args;
  if (action === undefined || who === undefined) return wrong(undefined, 'is not complete', ACCESS_RULE);
  if (action.text !== 'publish' && action.text !== 'play') {
    const near = suggest(action.text, ['publish', 'play']);
    return wrong(action, `'${printable(action.text)}' is not possible here`, 'publish or play', near);
  }
  if (!isPeer(who.text)) return wrong(who, `'${printable(who.text)}' is not possible here`, PEER);
  return extra === undefined || wrong(extra, `takes two values, not ${node.args.length}`, ACCESS_RULE);
}

const HTTP_URL = 'a URL such as http://127.0.0.1:8085/api or https://example.org/api';
/** Events of http_hooks whose answer decides. */
export const DECIDING_HOOKS = ['on_connect', 'on_publish', 'on_play'];
const PEER = 'all, an IP address or a range such as 10.0.0.0/8';
const ACCESS_RULE = `publish or play, then ${PEER}`;

function isHttpUrl(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text);
}

/** `all`, an address, or a network in CIDR notation (RFC 4632, 3.1). */
function isPeer(text: string): boolean {
  if (text === 'all') return true;
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}
