import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { ServerError } from '../../src/base/errors.ts';
import { answer, BackEnd } from '../support/back-end.ts';
import { eventually } from '../support/eventually.ts';
import { LIVE_DEMO, sessionOf, videoConfig, videoFrame } from '../support/hub-fixtures.ts';
import { TestServer, type TestServerOptions } from '../support/test-server.ts';
import { httpFlvViewer, rtmpViewer } from '../support/viewers.ts';

interface Value {
  readonly stringValue?: string;
  readonly intValue?: number | string;
}

interface SentSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Value }[];
  readonly events: readonly { readonly name: string }[];
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status: { readonly code?: number };
}

interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: SentSpan['attributes'] };
    readonly scopeSpans: readonly { readonly spans: readonly SentSpan[] }[];
  }[];
}

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  for (const name of Object.keys(process.env))
    if (name.startsWith('OTEL_')) Reflect.deleteProperty(process.env, name);
});

/** A collector that speaks OTLP over HTTP. */
async function collector(): Promise<{
  readonly backEnd: BackEnd;
  readonly spans: () => SentSpan[];
  readonly resources: () => unknown[];
}> {
  const backEnd = await BackEnd.start();
  backEnd.answer = answer(200, '{}');
  ends.push(() => backEnd.stop());
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = backEnd.url('');
  process.env['OTEL_BSP_SCHEDULE_DELAY'] = '50';
  const exports = (): Export[] => backEnd.calls.map(({ body }) => body as unknown as Export);
  const groups = () => exports().flatMap(({ resourceSpans }) => resourceSpans);
  return {
    backEnd,
    spans: () => groups().flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
    resources: () => groups().map(({ resource }) => attributes(resource)),
  };
}

async function start(options: TestServerOptions = {}): Promise<TestServer> {
  const server = await TestServer.start(options);
  ends.push(() => server.stop());
  return server;
}

function attributes(span: Pick<SentSpan, 'attributes'>): Record<string, unknown> {
  return Object.fromEntries(
    span.attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]),
  );
}

function publish(server: TestServer, id = 'p1') {
  const lease = server.hub.publish(LIVE_DEMO, sessionOf(id, 'rtmp-publish'));
  lease.write(videoConfig());
  for (let index = 0; index < 50; index += 1) lease.write(videoFrame(index * 40, index % 25 === 0, index));
  return lease;
}

test('one span for each session, its decision a child, a play linked to its publish', async () => {
  process.env['OTEL_SERVICE_NAME'] = 'edge-7';
  process.env['OTEL_RESOURCE_ATTRIBUTES'] = 'deployment.environment=test';
  const { backEnd, spans, resources } = await collector();
  const server = await start();
  const lease = publish(server);
  const viewers = [await rtmpViewer(server, 'demo'), await httpFlvViewer(server, 'demo')];
  for (const viewer of viewers) {
    await eventually(
      () => (viewer.media().length > 3 ? true : undefined),
      () => 'media',
    );
  }
  viewers[0]?.abort();
  await eventually(
    () => (server.stream('demo')?.viewers === 1 ? true : undefined),
    () => 'one viewer',
  );
  const kicked = server.hub.list()[0];
  assert.ok(kicked);
  lease.release();
  await server.stop();
  const found = spans();
  assert.deepEqual(found.map(({ name }) => name).sort(), ['access', 'access', 'play', 'play', 'publish']);
  const [published] = found.filter(({ name }) => name === 'publish');
  assert.ok(published);
  assert.equal(attributes(published)['srs.stream'], 'demo');
  assert.ok(Number(attributes(published)['srs.received_bytes']) > 2_000);
  for (const span of found) {
    assert.match(span.traceId, /^[0-9a-f]{32}$/);
    assert.match(span.spanId, /^[0-9a-f]{16}$/);
    assert.ok(BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano));
  }
  for (const play of found.filter(({ name }) => name === 'play')) {
    const [link] = play.links;
    assert.deepEqual([link?.traceId, link?.spanId], [published.traceId, published.spanId]);
    assert.deepEqual(
      play.events.map(({ name }) => name),
      ['begin', 'first_media'],
    );
    const { 'srs.sent_bytes': sent, 'srs.type': type, 'srs.vhost': vhost } = attributes(play);
    assert.ok(Number(sent) > 1_000);
    assert.deepEqual([vhost, /^(?:rtmp|flv)-play$/.test(String(type))], ['__defaultVhost__', true]);
    assert.ok(found.some(({ name, parentSpanId }) => name === 'access' && parentSpanId === play.spanId));
  }
  for (const resource of resources()) {
    assert.equal((resource as Record<string, unknown>)['service.name'], 'edge-7');
    assert.equal((resource as Record<string, unknown>)['deployment.environment'], 'test');
  }
  assert.ok(backEnd.calls.every(({ url }) => url === '/v1/traces'));
});

test('who is refused makes one span with an error; the name that was asked for is not in it', async () => {
  const { backEnd, spans } = await collector();
  const server = await start({
    policy: { check: () => Promise.reject(new ServerError('SECURITY_DENIED', 'no')) },
  });
  const response = await fetch(`http://127.0.0.1:${server.httpPort}/live/secretkey.flv`);
  assert.equal(response.status, 403);
  await server.stop();
  assert.deepEqual(
    spans()
      .map(({ name, status }) => [name, status.code])
      .sort(),
    [
      ['access', 2],
      ['play', 2],
    ],
  );
  assert.ok(backEnd.calls.every(({ text }) => !text.includes('secretkey')));
});

test('sampling is that of the environment', async () => {
  process.env['OTEL_TRACES_SAMPLER'] = 'always_off';
  const { spans } = await collector();
  const server = await start();
  publish(server).release();
  await server.stop();
  assert.equal(spans().length, 0);
});

test('without the variables, or switched off, there is nothing', async () => {
  const { backEnd } = await collector();
  process.env['OTEL_SDK_DISABLED'] = 'true';
  const server = await start();
  publish(server).release();
  await server.stop();
  assert.equal(backEnd.calls.length, 0);
  assert.equal(server.linesWith('traced').length, 0);
});

test('a collector that never answers disturbs nobody, nor the end of the server', async () => {
  const { backEnd } = await collector();
  backEnd.answer = () => undefined;
  const server = await start();
  for (let round = 0; round < 3_000; round += 1) publish(server, `p${round}`).release();
  const before = performance.now();
  await server.stop();
  assert.ok(performance.now() - before < 6_000);
  assert.equal(server.linesWith('the collector of traces does not answer').length, 1);
});
