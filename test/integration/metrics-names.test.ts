import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { scrapeOf, type Scrape } from '../support/scrape.ts';
import { TestServer } from '../support/test-server.ts';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

async function scrape(): Promise<Scrape> {
  const server = await TestServer.start({ top: 'exporter { enabled on; listen 127.0.0.1:0; }' });
  try {
    const port = server.server.addresses.exporter[0]?.port ?? 0;
    return scrapeOf(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
  } finally {
    await server.stop();
  }
}

test('docs/metrics.md lists every metric of a scrape with its type, and no other', async () => {
  const { types } = await scrape();
  const rows = read('docs/metrics.md').matchAll(/^\| `([a-z_]+)` +\| (gauge|counter|histogram) +\|/gm);
  const told = new Map(Array.from(rows, ([, name = '', type = '']) => [name, type]));
  assert.deepEqual([...told].sort(), [...types].sort());
});

test('dashboard and alert rules name nothing that no scrape has; the dashboard shows everything', async () => {
  const { types } = await scrape();
  const dashboard = JSON.parse(read('packaging/grafana/srs-ts.json')) as {
    readonly __inputs: readonly { readonly name: string }[];
    readonly panels: readonly { readonly targets?: readonly { readonly expr: string }[] }[];
  };
  assert.equal(dashboard.__inputs[0]?.name, 'DS_PROMETHEUS');
  const shown = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  const rules = Array.from(
    read('packaging/prometheus/alerts.yml').matchAll(/^ +expr: (.*)$/gm),
    ([, expr = '']) => expr,
  );
  assert.ok(rules.length > 10);
  const named = (expressions: readonly string[]): Set<string> =>
    new Set(
      expressions.flatMap((expr) =>
        Array.from(expr.matchAll(/\b(?:srs|process|nodejs)_[a-z_]+/g), ([name]) =>
          types.has(name) ? name : name.replace(/_(?:bucket|sum|count)$/, ''),
        ),
      ),
    );
  for (const name of named([...shown, ...rules])) assert.ok(types.has(name), name);
  assert.deepEqual([...named(shown)].sort(), [...types.keys()].sort());
});
