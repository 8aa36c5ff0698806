/** Attributes of one tag; the tags of HLS have at most about twenty. */
export const MAX_TAG_ATTRIBUTES = 64;

/**
 * Attributes by name; quoted strings come without their quotes. Undefined when the text is no attribute list. Spec: RFC
 * 8216, 4.2. Spaces around names and values are taken, as other readers do.
 */
export function readAttributes(text: string): Map<string, string> | undefined {
  const found = new Map<string, string>();
  for (let at = 0; at < text.length;) {
    const equals = text.indexOf('=', at);
    if (equals < 0) return text.slice(at).trim() === '' ? found : undefined;
    const name = text.slice(at, equals).trim();
    if (!/^[A-Z0-9-]+$/.test(name) || found.size === MAX_TAG_ATTRIBUTES) return undefined;
    let end: number;
    if (text[equals + 1] === '"') {
      const close = text.indexOf('"', equals + 2);
      if (close < 0) return undefined;
      found.set(name, text.slice(equals + 2, close));
      end = close + 1;
      const rest = text.slice(end).trimStart();
      if (rest !== '' && !rest.startsWith(',')) return undefined;
      end = rest === '' ? text.length : text.length - rest.length;
    } else {
      const comma = text.indexOf(',', equals);
      end = comma < 0 ? text.length : comma;
      found.set(name, text.slice(equals + 1, end).trim());
    }
    at = end + 1;
  }
  return found;
}
