import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import type { PublishLease, StreamName } from '../../src/hub/ports.ts';
import { BackEnd } from '../support/back-end.ts';
import { eventually } from '../support/eventually.ts';
import { LIVE_DEMO, sessionOf, videoConfig, videoFrame } from '../support/hub-fixtures.ts';
import { avcConfig, picture } from '../support/mp4-fixtures.ts';
import { ReloadServer } from '../support/reload-server.ts';
import { scrapeOf, type Scrape } from '../support/scrape.ts';
import { TestServer, type TestServerOptions } from '../support/test-server.ts';
import { httpFlvViewer, rtmpViewer } from '../support/viewers.ts';

const EXPORTER = 'exporter { enabled on; listen 127.0.0.1:0; label lab; tag t1; }';
const API = 'http_api { enabled on; listen 127.0.0.1:0; }';

const running: { stop(): Promise<void> }[] = [];
async function start(options: TestServerOptions = {}): Promise<TestServer> {
  const server = await TestServer.start({ top: `${EXPORTER} ${API}`, ...options });
  running.push(server);
  return server;
}

afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
});

type Exporting = Pick<TestServer, 'server'>;

function url(server: Exporting, path = '/metrics'): string {
  return `http://127.0.0.1:${server.server.addresses.exporter[0]?.port ?? 0}${path}`;
}

/** Scrapes until something holds: an answer is kept for a second. */
async function scrape(server: Exporting, holds: (scrape: Scrape) => boolean = () => true): Promise<Scrape> {
  const until = performance.now() + 10_000;
  for (;;) {
    const response = await fetch(url(server));
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    const found = scrapeOf(await response.text());
    if (holds(found)) return found;
    assert.ok(performance.now() < until, 'the figures never came');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function api(server: Exporting, path: string): Promise<Record<string, never>> {
  const port = server.server.addresses.api[0]?.port ?? 0;
  return (await (await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)).json()) as Record<string, never>;
}

/** Publishes a picture every 40 ms of media. */
function publish(server: TestServer, name: StreamName = LIVE_DEMO, id = 'publisher'): PublishLease {
  const lease = server.hub.publish(name, sessionOf(id, 'rtmp-publish'));
  lease.write(videoConfig());
  for (let index = 0; index < 50; index += 1) lease.write(videoFrame(index * 40, index % 25 === 0, index));
  return lease;
}

const DEMO = { vhost: '__defaultVhost__', app: 'live', stream: 'demo' };

test("SRS's names, with the values of the API, under a publisher and viewers", async () => {
  const server = await start();
  const lease = publish(server);
  const viewers = [await rtmpViewer(server, 'demo'), await httpFlvViewer(server, 'demo')];
  const figures = await scrape(server, (found) => found.value('srs_clients') === 3);
  const [stream] = (await api(server, 'streams/'))['streams'] as unknown as Record<string, never>[];
  assert.equal(figures.value('srs_streams'), 1);
  assert.equal(figures.value('srs_clients_total'), 3);
  assert.equal(figures.value('srs_clients_errs_total'), 0);
  assert.equal(figures.value('srs_receive_bytes_total'), stream?.['recv_bytes']);
  assert.equal(figures.value('srs_stream_receive_bytes_total', DEMO), stream?.['recv_bytes']);
  assert.equal(figures.value('srs_stream_clients', DEMO), 2);
  assert.equal(figures.value('srs_stream_active', DEMO), 1);
  assert.equal(figures.value('srs_stream_video_frames', DEMO), 50);
  assert.equal(figures.value('srs_stream_gop_seconds', DEMO), 1);
  assert.ok((figures.value('srs_send_bytes_total') ?? 0) > 0);
  assert.equal(figures.value('srs_vhost_clients', { vhost: '__defaultVhost__' }), 3);
  assert.equal(figures.value('srs_sessions', { type: 'rtmp-play' }), 1);
  assert.equal(figures.value('srs_first_media_seconds_count', { type: 'rtmp-play' }), 1);
  assert.equal(figures.value('srs_first_media_seconds_count', { type: 'flv-play' }), 1);
  assert.equal(figures.value('srs_access_seconds_count', { action: 'play' }), 2);
  const [build] = figures.labels('srs_build_info');
  const { server: serverId, service, pid } = await api(server, 'versions');
  assert.deepEqual(build, {
    server: serverId,
    service,
    pid,
    build_date: '',
    major: '9',
    version: '9.9.9',
    code: 'srs-ts',
    label: 'lab',
    tag: 't1',
  });
  assert.deepEqual(Object.keys(figures.labels('srs_node_uname_info')[0] ?? {}), [
    'sysname',
    'nodename',
    'release',
    'version',
    'machine',
  ]);
  assert.ok((figures.value('process_open_fds') ?? 0) > 0);
  for (const viewer of viewers) viewer.abort();
  lease.release();
});

test('what a client said beside the name of its stream is in no figure', async () => {
  const server = await start();
  // As endpoints hand names over: with the query of the client.
  const lease = publish(server, { ...LIVE_DEMO, params: '?token=hidden-token' } as StreamName);
  const figures = await scrape(server, (found) => found.value('srs_stream_active', DEMO) === 1);
  assert.ok(![...figures.all.keys()].some((series) => series.includes('hidden')));
  lease.release();
});

test('counters never fall: not when sessions end, not when a publisher comes again', async () => {
  const server = await start({ vhost: 'publish { hold_time 0; }' });
  let before: Scrape | undefined;
  for (let round = 1; round <= 2; round += 1) {
    const lease = publish(server, LIVE_DEMO, `publisher${round}`);
    const viewer = await rtmpViewer(server, 'demo');
    const during = await scrape(server, (found) => found.value('srs_clients_total') === 2 * round);
    viewer.abort();
    lease.release();
    const after = await scrape(server, (found) => found.value('srs_clients') === 0);
    for (const later of [during, after]) {
      for (const [series, value] of before?.counters() ?? [])
        if (!series.startsWith('srs_stream_')) assert.ok((later.all.get(series) ?? 0) >= value, series);
      before = later;
    }
  }
  const gone = await scrape(server, (found) => found.value('srs_streams') === 0);
  assert.equal(gone.labels('srs_stream_clients').length, 0, 'the series go with their stream');
});

test('refusals and sessions that fail are counted, by code', async () => {
  const server = await start({ vhost: 'security { enabled on; deny play all; }' });
  const lease = publish(server);
  const response = await fetch(`http://127.0.0.1:${server.httpPort}/live/demo.flv`);
  assert.equal(response.status, 403);
  const figures = await scrape(server);
  assert.equal(figures.value('srs_refusals_total', { action: 'play', code: 'SECURITY_DENIED' }), 1);
  assert.equal(figures.value('srs_clients_errs_total'), 1);
  lease.release();
});

test('the API has the same figures while the exporter is on; reloads move it, end it, and are counted', async () => {
  const text = (exporter: string): string =>
    `listen 127.0.0.1:0; ban_file ""; http_hooks_spool ""; vhost v {} ${API} exporter { ${exporter} }`;
  const server = await ReloadServer.start(text('enabled on; listen 127.0.0.1:0;'));
  running.push(server);
  const ofApi = (): Promise<Response> => fetch(`http://127.0.0.1:${server.apiPort}/metrics`);
  const answer = await ofApi();
  assert.equal(answer.status, 200);
  assert.equal(scrapeOf(await answer.text()).value('srs_streams'), 0);

  const before = server.server.addresses.exporter[0]?.port;
  await server.apply(text('enabled on; listen localhost:0; tag other;'));
  assert.notEqual(server.server.addresses.exporter[0]?.port, before);
  const failed = await server.reload('listen x;');
  assert.equal(failed.ok, false);
  const moved = await scrape(
    server,
    (found) =>
      found.labels('srs_build_info')[0]?.['tag'] === 'other' &&
      found.value('srs_reloads_total', { outcome: 'failed' }) === 1,
  );
  assert.equal(moved.value('srs_reloads_total', { outcome: 'ok' }), 1);
  const at = moved.value('srs_last_reload_timestamp_seconds', { outcome: 'failed' }) ?? 0;
  assert.ok(Math.abs(at - Date.now() / 1_000) < 60);
  await server.apply(text('enabled off;'));
  assert.deepEqual(server.server.addresses.exporter, []);
  assert.equal((await ofApi()).status, 404);
});

test('segments of each format are counted; callbacks of segments tell of HLS alone', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'srs-segments-'));
  const backEnd = await BackEnd.start();
  try {
    const server = await start({
      vhost: `
        hls  { enabled on; hls_path ${dir}; hls_fragment 2; }
        dash { enabled on; dash_path ${dir}; dash_fragment 2; }
        hds  { enabled on; hds_path ${dir}; hds_fragment 2; }
        http_hooks { enabled on; on_hls ${backEnd.url('/on_hls')}; }`,
    });
    const lease = server.hub.publish(LIVE_DEMO, sessionOf('publisher', 'rtmp-publish'));
    lease.write(avcConfig());
    for (let index = 0; index < 160; index += 1) lease.write(picture(index * 40, 0, index % 25 === 0));
    const counted = (found: Scrape): (number | undefined)[] =>
      ['hls', 'dash', 'hds'].map((output) => found.value('srs_segments_total', { output }));
    const figures = await scrape(server, (found) => counted(found).every((count) => count === 3));
    assert.deepEqual(counted(figures), [3, 3, 3]);
    await eventually(
      () => (backEnd.calls.length >= 3 ? true : undefined),
      () => 'three calls',
    );
    lease.release();
    await server.stop();
    const files = backEnd.calls.map(({ body }) => String(body['file']));
    assert.ok(
      files.every((file) => file.endsWith('.ts')),
      files.join(' '),
    );
  } finally {
    await backEnd.stop();
    await rm(dir, { recursive: true, force: true });
  }
});

test('only /metrics, only to look; who asks at the same time gets the same answer', async () => {
  const server = await start();
  assert.equal((await fetch(url(server, '/'))).status, 404);
  assert.equal((await fetch(url(server, '/api/v1/streams/'))).status, 404);
  assert.equal((await fetch(url(server), { method: 'POST', body: 'x' })).status, 405);
  const head = await fetch(url(server), { method: 'HEAD' });
  assert.deepEqual([head.status, await head.text()], [200, '']);
  const texts = await Promise.all(Array.from({ length: 10 }, async () => (await fetch(url(server))).text()));
  assert.equal(new Set(texts).size, 1);
});

test('5,000 streams: as many series as the configuration says, of the busiest; the others are summed up', async () => {
  const server = await start({ top: EXPORTER.replace('}', 'max_streams 10; }') });
  for (let index = 0; index < 5_000; index += 1)
    server.hub.publish({ ...DEMO, stream: `s${index}` }, sessionOf(`p${index}`));
  const viewer = await eventually(
    () => rtmpViewer(server, 's4321'),
    () => 'a viewer',
  );
  const figures = await scrape(server, (found) => found.value('srs_clients') === 5_001);
  assert.equal(figures.value('srs_streams'), 5_000);
  assert.equal(figures.labels('srs_stream_clients').length, 10);
  assert.equal(figures.value('srs_stream_clients', { ...DEMO, stream: 's4321' }), 1);
  assert.equal(figures.value('srs_other_streams'), 4_990);
  assert.ok(figures.all.size < 700, `${figures.all.size} series`);
  viewer.abort();
});
