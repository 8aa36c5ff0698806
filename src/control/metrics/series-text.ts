/** Longest value of a label, characters: names of streams come from clients. */
export const MAX_LABEL_CHARS = 128;

export type Labels = Readonly<Record<string, string>>;

/**
 * Series in the text format of Prometheus (exposition format 0.0.4), one metric after the other: for what is read at each scrape,
 * thousands of times, where a library's own bookkeeping would cost more than the figures.
 */
export class SeriesText {
  readonly #parts: string[] = [];
  #name = '';

  /** Begins a metric. */
  metric(name: string, type: 'gauge' | 'counter', help: string): this {
    this.#name = name;
    this.#parts.push(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`);
    return this;
  }

  /** A series of the metric; `labels` as `labelText` gives them. A value that is not known is left out. */
  add(labels: string, value: number | undefined): void {
    if (value !== undefined) this.#parts.push(`${this.#name}${labels} ${numberText(value)}\n`);
  }

  /** Text that is ready. */
  append(text: string): void {
    this.#parts.push(text.endsWith('\n') ? text : `${text}\n`);
  }

  toString(): string {
    return this.#parts.join('');
  }
}

/** `{vhost="a",app="live"}`; empty without labels. */
export function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  // Half of a character would be no UTF-8.
  const bounded =
    value.length <= MAX_LABEL_CHARS ? value : Array.from(value).slice(0, MAX_LABEL_CHARS).join('');
  return bounded
    .replace(/\p{Surrogate}/gu, '\ufffd')
    .replace(/[\\"\n]/g, (sign) => (sign === '\n' ? '\\n' : `\\${sign}`));
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}
