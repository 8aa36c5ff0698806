import assert from 'node:assert/strict';

/** What a scrape said. */
export interface Scrape {
  /** Value of each series, by its text. */
  readonly all: ReadonlyMap<string, number>;
  /** Type of each metric. */
  readonly types: ReadonlyMap<string, string>;
  /** The value of the series with exactly these labels; undefined = there is none. */
  value(name: string, labels?: Readonly<Record<string, string>>): number | undefined;
  /** The labels of each series of a metric. */
  labels(name: string): readonly Readonly<Record<string, string>>[];
  /** Series of counters and histograms. */
  counters(): readonly (readonly [string, number])[];
}

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (NaN|[+-]Inf|[-+0-9.e]+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;

/** Reads the text format of Prometheus strictly: each metric is told of once, before its series, and no series comes twice. */
export function scrapeOf(text: string): Scrape {
  assert.ok(text.endsWith('\n'));
  const series: { readonly name: string; readonly labels: Record<string, string>; readonly value: number }[] =
    [];
  const all = new Map<string, number>();
  const types = new Map<string, string>();
  const helped = new Set<string>();
  let metric = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const told = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line);
    if (told !== null) {
      const [, what, name = '', rest = ''] = told;
      if (what === 'HELP') {
        assert.ok(!helped.has(name), `${name} is told of twice`);
        helped.add(name);
      } else {
        assert.ok(helped.has(name) && !types.has(name), name);
        types.set(name, rest);
        metric = name;
      }
      continue;
    }
    if (line === '') continue;
    const [, name = '', labelText = '', value = ''] = LINE.exec(line) ?? [];
    assert.notEqual(name, '', `no series: ${line}`);
    const family = types.get(metric) === 'histogram' ? name.replace(/_(?:bucket|sum|count)$/, '') : name;
    assert.equal(family, metric, line);
    const labels: Record<string, string> = {};
    LABEL.lastIndex = 0;
    let end = 0;
    for (let found = LABEL.exec(labelText); found !== null; found = LABEL.exec(labelText)) {
      labels[found[1] ?? ''] = (found[2] ?? '').replace(/\\(.)/g, (_, sign) =>
        sign === 'n' ? '\n' : String(sign),
      );
      end = LABEL.lastIndex;
    }
    assert.equal(end, labelText.length, line);
    const key = keyOf(name, labels);
    assert.ok(!all.has(key), `twice: ${key}`);
    const number = value.endsWith('Inf') ? Infinity * (value.startsWith('-') ? -1 : 1) : Number(value);
    all.set(key, number);
    series.push({ name, labels, value: number });
  }
  return {
    all,
    types,
    value: (name, labels = {}) => all.get(keyOf(name, labels)),
    labels: (name) => series.filter((one) => one.name === name).map(({ labels }) => labels),
    counters: () =>
      [...all].filter(([key]) => {
        const name = key.replace(/\{.*/, '');
        return (
          types.get(name) === 'counter' ||
          types.get(name.replace(/_(?:bucket|sum|count)$/, '')) === 'histogram'
        );
      }),
  };
}

function keyOf(name: string, labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${name}{${pairs.map(([label, value]) => `${label}=${JSON.stringify(value)}`).join(',')}}`;
}
