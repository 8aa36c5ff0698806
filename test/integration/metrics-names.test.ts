import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { LIVE_DEMO, sessionOf, videoConfig, videoFrame } from '../support/hub-fixtures.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { scrapeOf, type Scrape } from '../support/scrape.ts';
import { TestServer } from '../support/test-server.ts';
import { httpFlvViewer } from '../support/viewers.ts';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

async function scrape(server: TestServer): Promise<Scrape> {
  const port = server.server.addresses.exporter[0]?.port ?? 0;
  return scrapeOf(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
}

async function scrapeOnce(): Promise<Scrape> {
  const server = await TestServer.start({ top: 'exporter { enabled on; listen 127.0.0.1:0; }' });
  try {
    return await scrape(server);
  } finally {
    await server.stop();
  }
}

test('docs/metrics.md lists every metric of a scrape with its type, and no other', async () => {
  const { types } = await scrapeOnce();
  const rows = read('docs/metrics.md').matchAll(/^\| `([a-z_]+)` +\| (gauge|counter|histogram) +\|/gm);
  const told = new Map(Array.from(rows, ([, name = '', type = '']) => [name, type]));
  assert.deepEqual([...told].sort(), [...types].sort());
});

test('dashboard and alert rules name nothing that no scrape has; the dashboard shows everything', async () => {
  const { types } = await scrapeOnce();
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

/** The labels of each metric as docs/metrics.md lists them. */
function listedLabels(): ReadonlyMap<string, readonly string[]> {
  const rows = read('docs/metrics.md').matchAll(
    /^\| `([a-z_]+)` +\| (?:gauge|counter|histogram) +\|([^|]*)\|/gm,
  );
  return new Map(
    Array.from(rows, ([, name = '', labels = '']) => {
      const own = Array.from(labels.matchAll(/`(\w+)`/g), ([, label = '']) => label);
      return [name, /\bstream\b/.test(labels) ? ['vhost', 'app', 'stream', ...own] : own];
    }),
  );
}

test('series have the labels that docs/metrics.md lists, under a stream, a viewer, a refusal and a warning', async () => {
  const server = await TestServer.start({
    top: 'exporter { enabled on; listen 127.0.0.1:0; }',
    vhost: 'health { no_media 1; } security { enabled on; allow play all; deny publish all; }',
  });
  try {
    const lease = server.hub.publish(LIVE_DEMO, sessionOf('publisher', 'rtmp-publish'));
    lease.write(videoConfig());
    lease.write(videoFrame(0, true));
    const viewer = await httpFlvViewer(server, 'demo');
    const refused = await RtmpPeer.open(server.rtmpPort);
    await refused.createStream();
    refused.call(1, 'publish', null, 'other', 'live');
    await server.line('SECURITY_DENIED');
    refused.destroy();
    await server.line('no_video: no picture');
    const found = await scrape(server);
    const listed = listedLabels();
    let checked = 0;
    for (const [name, labels] of listed) {
      for (const series of found.labels(name)) {
        assert.deepEqual(Object.keys(series).sort(), [...labels].sort(), name);
        checked += 1;
      }
    }
    assert.ok(checked > 40, String(checked));
    for (const name of ['srs_stream_active', 'srs_stream_warning', 'srs_refusals_total', 'srs_sessions'])
      assert.ok(found.labels(name).length > 0, name);
    viewer.abort();
    lease.release();
  } finally {
    await server.stop();
  }
});

/** Labels that Prometheus gives to everything, and that of the buckets of a histogram. */
const GIVEN = ['instance', 'job', 'le'];

test('dashboard and alert rules select and show only labels that their series have', () => {
  const listed = listedLabels();
  const dashboard = read('packaging/grafana/srs-ts.json');
  const panels = JSON.parse(dashboard) as {
    readonly panels: readonly {
      readonly targets?: readonly { readonly expr: string; readonly legendFormat?: string }[];
    }[];
  };
  const shown = panels.panels.flatMap(({ targets = [] }) =>
    targets.map(({ expr, legendFormat = '' }) => ({ expr, text: legendFormat })),
  );
  const alerts = read('packaging/prometheus/alerts.yml')
    .split(/^ +- alert:/m)
    .slice(1)
    .map((text) => ({ expr: /expr: (.*)/.exec(text)?.[1] ?? '', text }));
  assert.ok(alerts.length > 10 && shown.length > 40);
  for (const { expr, text } of [...shown, ...alerts]) {
    const all = new Set(GIVEN);
    for (const [, name = '', selector = ''] of expr.matchAll(
      /\b((?:srs|process|nodejs)_[a-z_]+)(?:\{([^}]*)\})?/g,
    )) {
      const own = listed.get(name) ?? listed.get(name.replace(/_(?:bucket|sum|count)$/, '')) ?? [];
      for (const label of own) all.add(label);
      for (const [, label = ''] of selector.matchAll(/(\w+)\s*[=!]~?"/g))
        assert.ok(own.includes(label) || GIVEN.includes(label), `${name} has no ${label}: ${expr}`);
    }
    const grouped = Array.from(expr.matchAll(/\b(?:by|without|on)\s*\(([^)]*)\)/g), ([, by = '']) => by);
    const told = Array.from(
      text.matchAll(/\{\{\s*(?:\$labels\.)?([a-z_]+)\s*\}\}/g),
      ([, label = '']) => label,
    );
    for (const label of [...grouped.flatMap((by) => by.split(/,\s*/)), ...told])
      assert.ok(all.has(label), `${label}: ${expr}`);
  }
});
