import assert from 'node:assert/strict';

/** One server-sent event as a client sees it. */
export interface SeenEvent {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Takes an event stream apart (WHATWG HTML, 9.2.6), as far as we send it. */
export class EventReader {
  readonly events: SeenEvent[] = [];
  comments = 0;
  #rest = '';
  #wake: (() => void) | undefined;

  add(text: string): void {
    const blocks = (this.#rest + text).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    for (const block of blocks) this.#block(block);
    this.#wake?.();
  }

  get types(): readonly string[] {
    return this.events.map(({ event }) => event);
  }

  /** Resolves with the events once there are so many. */
  async until(count: number): Promise<readonly SeenEvent[]> {
    const deadline = setTimeout(() => this.#wake?.(), 5_000);
    const ends = performance.now() + 5_000;
    while (this.events.length < count) {
      assert.ok(
        performance.now() < ends,
        `${count} events are waited for, there are ${this.types.join(', ')}`,
      );
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    clearTimeout(deadline);
    return this.events;
  }

  #block(block: string): void {
    const fields = new Map<string, string>();
    for (const line of block.split('\n')) {
      const [, name = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
      if (name === '') this.comments += 1;
      else fields.set(name, value);
    }
    const data = fields.get('data');
    if (data === undefined) return;
    this.events.push({
      id: fields.get('id'),
      event: fields.get('event') ?? 'message',
      data: JSON.parse(data) as Record<string, unknown>,
    });
  }
}

/** Reads `/api/v1/events` until `stop`. */
export async function readEvents(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly reader: EventReader; readonly ended: Promise<void>; stop(): void }> {
  const abort = new AbortController();
  const response = await fetch(url, { headers, signal: abort.signal });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  assert.ok(response.body);
  const reader = new EventReader();
  const ended = (async (body: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const chunk of body) reader.add(decoder.decode(chunk, { stream: true }));
  })(response.body).catch(() => undefined);
  return { reader, ended, stop: () => abort.abort() };
}
