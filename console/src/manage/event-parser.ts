import type { ShownEvent } from './objects.ts';

/** Takes a stream of server-sent events apart (WHATWG HTML, 9.2.6). The browser's own reader cannot send credentials. */
export class EventParser {
  #rest = '';

  /** The events that `text` completes. */
  add(text: string): readonly ShownEvent[] {
    const blocks = (this.#rest + text).split(/\r\n\r\n|\n\n|\r\r/);
    this.#rest = blocks.pop() ?? '';
    return blocks.flatMap((block) => eventOf(block) ?? []);
  }
}

function eventOf(block: string): ShownEvent | undefined {
  let id: string | undefined;
  let type = 'message';
  const data: string[] = [];
  for (const line of block.split(/\r\n|\n|\r/)) {
    const at = line.indexOf(':');
    if (at === 0) continue; // A comment.
    const name = at < 0 ? line : line.slice(0, at);
    const value = at < 0 ? '' : line.slice(at + 1).replace(/^ /, '');
    if (name === 'id') id = value;
    else if (name === 'event') type = value;
    else if (name === 'data') data.push(value);
  }
  if (data.length === 0) return undefined;
  try {
    const fields = JSON.parse(data.join('\n')) as Record<string, unknown>;
    const at = fields['at_ms'];
    return { id, type, at_ms: typeof at === 'number' ? at : 0, fields };
  } catch {
    return undefined;
  }
}
