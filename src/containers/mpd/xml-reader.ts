import { ServerError } from '../../base/errors.ts';

/** Characters of one manifest: a day of short segments without a single run. */
export const MAX_MPD_CHARACTERS = 8 * 1024 * 1024;
/** Elements of one manifest. */
export const MAX_MPD_ELEMENTS = 200_000;
/** Elements inside each other; manifests need 7. */
export const MAX_MPD_DEPTH = 16;
/** Attributes of one element. */
export const MAX_XML_ATTRIBUTES = 64;

/** One element; text between its children is not kept apart. */
export interface XmlElement {
  /** Without its prefix. */
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: XmlElement[];
  text: string;
}

const TAG = /<(\/?)([A-Za-z_][\w.:-]*)/y;
const ATTRIBUTE = /\s+([A-Za-z_][\w.:-]*)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/y;
const TAG_END = /\s*(\/?)>/y;
const ENTITY = /&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#x([0-9a-fA-F]{1,6}));/y;
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/**
 * Reads the XML that manifests are made of: elements, attributes, text, comments, CDATA and the five entities. Document types
 * are refused, with everything that can grow out of them. Throws MPD_INVALID with the offset, or PLAYLIST_TOO_LARGE.
 */
export function readXml(text: string): XmlElement {
  if (text.length > MAX_MPD_CHARACTERS) throw tooLarge(`${text.length} characters`);
  const open: XmlElement[] = [];
  let root: XmlElement | undefined;
  let elements = 0;
  let at = text.startsWith('\ufeff') ? 1 : 0;
  while (at < text.length) {
    const parent = open.at(-1);
    const tag = text.indexOf('<', at);
    const end = tag < 0 ? text.length : tag;
    if (end > at) {
      const content = unescapeXml(text, at, end);
      if (parent !== undefined) parent.text += content;
      else if (content.trim() !== '') throw invalid(at, 'text outside of the root element');
    }
    if (tag < 0) break;
    at = tag;
    if (text.startsWith('<!--', at)) {
      at = behind(text, at, '-->');
    } else if (text.startsWith('<?', at)) {
      at = behind(text, at, '?>');
    } else if (text.startsWith('<![CDATA[', at)) {
      const close = behind(text, at, ']]>');
      if (parent === undefined) throw invalid(at, 'CDATA outside of the root element');
      parent.text += text.slice(at + 9, close - 3);
      at = close;
    } else {
      TAG.lastIndex = at;
      const match = TAG.exec(text);
      if (match === null) throw invalid(at, 'no element (document types are not read)');
      const name = match[2] ?? '';
      const attributes = new Map<string, string>();
      at = readAttributes(text, TAG.lastIndex, attributes);
      TAG_END.lastIndex = at;
      const close = TAG_END.exec(text);
      if (close === null) throw invalid(at, `<${name.slice(0, 40)}: an attribute or > is wanted`);
      at = TAG_END.lastIndex;
      if (match[1] === '/') {
        if (parent?.name !== local(name) || attributes.size > 0) throw invalid(at, `</${name.slice(0, 40)}>`);
        open.pop();
        continue;
      }
      elements += 1;
      if (elements > MAX_MPD_ELEMENTS) throw tooLarge(`${MAX_MPD_ELEMENTS} elements`);
      const element: XmlElement = { name: local(name), attributes, children: [], text: '' };
      if (parent !== undefined) parent.children.push(element);
      else if (root === undefined) root = element;
      else throw invalid(at, 'two root elements');
      if (close[1] === '/') continue;
      if (open.length === MAX_MPD_DEPTH) throw tooLarge(`${MAX_MPD_DEPTH} levels`);
      open.push(element);
    }
  }
  if (root === undefined) throw invalid(at, 'no element');
  if (open.length > 0) throw invalid(at, `<${open.at(-1)?.name ?? ''}> is not closed`);
  return root;
}

function readAttributes(text: string, from: number, into: Map<string, string>): number {
  let at = from;
  for (;;) {
    ATTRIBUTE.lastIndex = at;
    const match = ATTRIBUTE.exec(text);
    if (match === null) return at;
    if (into.size === MAX_XML_ATTRIBUTES) throw tooLarge(`${MAX_XML_ATTRIBUTES} attributes`);
    const name = match[1] ?? '';
    if (into.has(name)) throw invalid(at, `${name.slice(0, 40)} twice`);
    const value = match[2] ?? match[3] ?? '';
    into.set(name, unescapeXml(value, 0, value.length));
    at = ATTRIBUTE.lastIndex;
  }
}

function unescapeXml(text: string, from: number, to: number): string {
  let out = '';
  let at = from;
  for (;;) {
    const next = text.indexOf('&', at);
    if (next < 0 || next >= to) return out + text.slice(at, to);
    ENTITY.lastIndex = next;
    const match = ENTITY.exec(text);
    if (match === null) throw invalid(next, 'an unknown entity');
    const [, name, decimal, hexadecimal] = match;
    const code = decimal === undefined ? Number.parseInt(hexadecimal ?? '', 16) : Number(decimal);
    if (name === undefined && !(code <= 0x10ffff)) throw invalid(next, 'no character');
    out += text.slice(at, next) + (name === undefined ? String.fromCodePoint(code) : (ENTITIES[name] ?? ''));
    at = ENTITY.lastIndex;
  }
}

function behind(text: string, at: number, end: string): number {
  const found = text.indexOf(end, at);
  if (found < 0) throw invalid(at, `${end} is missing`);
  return found + end.length;
}

function local(name: string): string {
  return name.slice(name.lastIndexOf(':') + 1);
}

function invalid(at: number, message: string): ServerError {
  return new ServerError('MPD_INVALID', `at character ${at}: ${message}`);
}

function tooLarge(what: string): ServerError {
  return new ServerError('PLAYLIST_TOO_LARGE', `a manifest with more than ${what}`);
}
