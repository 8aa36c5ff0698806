import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { ServerError } from '../../src/base/errors.ts';
import { answer, BackEnd, yes } from '../support/back-end.ts';
import { eventually } from '../support/eventually.ts';
import { audioConfig, LIVE_DEMO, sessionOf, videoConfig, videoFrame } from '../support/hub-fixtures.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
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
  readonly kind: number;
  readonly events: readonly { readonly name: string; readonly attributes: SentSpan['attributes'] }[];
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status: { readonly code?: number; readonly message?: string };
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

async function callbacks(): Promise<BackEnd> {
  const backEnd = await BackEnd.start();
  ends.push(() => backEnd.stop());
  return backEnd;
}

const EVENTS = ['on_connect', 'on_close', 'on_publish', 'on_unpublish', 'on_play', 'on_stop'];

function hooks(backEnd: BackEnd, more = ''): string {
  const place = backEnd.url('/cb').replace('//', '//user:hidden@');
  const urls = EVENTS.map((event) => `${event} ${place}/${event}?key=hidden;`);
  return `http_hooks { enabled on; ${urls.join(' ')} ${more} }`;
}

test('each request of a callback is a child of the span of its session, also after its end', async () => {
  const { backEnd: traces, spans } = await collector();
  const back = await callbacks();
  let unpublished = 0;
  back.answer = (call, response, socket) => {
    if (call.body['action'] === 'on_unpublish') {
      unpublished += 1;
      if (unpublished === 1) response.statusCode = 503;
    }
    yes(call, response, socket);
  };
  const server = await start({ vhost: hooks(back) });
  const publisher = await RtmpPeer.publish(server.rtmpPort, 'demo?token=hidden');
  publisher.video(0, videoConfig().flvBody);
  publisher.audio(0, audioConfig().flvBody);
  const viewer = await httpFlvViewer(server, 'demo');
  viewer.abort();
  await back.call('on_stop');
  publisher.destroy();
  await eventually(
    () => (back.of('on_unpublish').length === 2 && back.of('on_close').length === 1 ? true : undefined),
    () => back.actions.join(' '),
  );
  await server.stop();
  const found = spans();
  const one = (name: string): SentSpan => found.find((span) => span.name === name) ?? assert.fail(name);
  const called = (span: SentSpan): Record<string, unknown> => attributes(span);
  const children = (parent: string): string[] =>
    found
      .filter(({ parentSpanId }) => parentSpanId === one(parent).spanId)
      .map(({ name }) => name)
      .sort();
  assert.deepEqual(children('publish'), ['access', 'on_close', 'on_publish', 'on_unpublish', 'on_unpublish']);
  assert.deepEqual(children('play'), ['access', 'on_play', 'on_stop']);
  const connect = one('on_connect'); // There is no session yet whose span it could have.
  assert.equal(connect.parentSpanId ?? '', '');
  assert.equal(called(connect)['srs.session'], called(one('publish'))['srs.session']);
  const asked = one('on_publish');
  assert.equal(asked.kind, 3, 'a client');
  assert.equal(asked.traceId, one('publish').traceId);
  const { 'srs.event_id': id, ...rest } = called(asked);
  assert.equal(id, back.of('on_publish')[0]?.headers['x-srs-event-id']);
  assert.deepEqual(rest, {
    'srs.session': called(one('publish'))['srs.session'],
    'srs.attempt': 1,
    'http.request.method': 'POST',
    'url.full': back.url('/cb/on_publish'),
    'srs.outcome': 'accepted',
    'http.response.status_code': 200,
    'srs.answer_code': 0,
  });
  const [first, second] = found.filter(({ name }) => name === 'on_unpublish');
  assert.ok(first !== undefined && second !== undefined);
  assert.deepEqual(
    [first, second].map((span) => [
      called(span)['srs.attempt'],
      called(span)['http.response.status_code'],
      called(span)['srs.outcome'],
      called(span)['srs.answer_code'],
      called(span)['error.type'],
      span.status.code,
    ]),
    [
      [1, 503, 'failed', undefined, 'failed', 2],
      [2, 200, 'accepted', 0, undefined, 0],
    ],
  );
  assert.match(first.status.message ?? '', /answered HTTP status 503$/);
  assert.ok(traces.calls.every(({ text }) => !text.includes('hidden')));
});

test('a refusal and a back end that is not there are in the span of the request', async () => {
  const { spans } = await collector();
  const back = await callbacks();
  back.answer = answer(200, '{"code":7}');
  const server = await start({ vhost: hooks(back) });
  const ask = (): Promise<Response> => fetch(`http://127.0.0.1:${server.httpPort}/live/demo.flv`);
  assert.equal((await ask()).status, 403);
  await back.stop();
  assert.notEqual((await ask()).status, 200);
  await server.stop();
  const [refused, failed] = spans().filter(({ name }) => name === 'on_play');
  assert.ok(refused !== undefined && failed !== undefined);
  assert.deepEqual(
    [refused, failed].map((span) => [
      attributes(span)['srs.outcome'],
      attributes(span)['srs.answer_code'],
      attributes(span)['http.response.status_code'],
      span.status.code,
    ]),
    [
      ['refused', 7, 200, 0],
      ['failed', undefined, undefined, 2],
    ],
  );
  const parents = spans().filter(({ name }) => name === 'play');
  for (const span of [refused, failed]) assert.ok(parents.some(({ spanId }) => spanId === span.parentSpanId));
});

test('warnings of a stream are events of its publish, and so is who ends a session', async () => {
  const { spans } = await collector();
  const server = await start({
    vhost: 'health { no_media 1; }',
    top: 'http_api { enabled on; listen 127.0.0.1:0; auth { enabled off; } }',
  });
  const api = `http://127.0.0.1:${server.server.addresses.api[0]?.port ?? 0}/api/v1`;
  const publisher = await RtmpPeer.publish(server.rtmpPort, 'demo');
  publisher.video(0, videoConfig().flvBody);
  publisher.video(0, videoFrame(0, true).flvBody);
  const viewer = await httpFlvViewer(server, 'demo');
  await server.line('no_video: no picture');
  const kicked = async (id: string | undefined, query = ''): Promise<void> => {
    assert.equal((await fetch(`${api}/clients/${id}${query}`, { method: 'DELETE' })).status, 200);
  };
  const clients = (await (await fetch(`${api}/clients/`)).json()) as {
    readonly clients: readonly { readonly id: string; readonly publish: boolean }[];
  };
  await kicked(clients.clients.find(({ publish }) => !publish)?.id);
  await kicked(clients.clients.find(({ publish }) => publish)?.id, '?ban=60');
  await eventually(
    () => (server.stream('demo')?.publisher === undefined ? true : undefined),
    () => 'no publisher',
  );
  viewer.abort();
  publisher.destroy();
  await server.stop();
  const events = (name: string): unknown[] =>
    spans()
      .filter((span) => span.name === name)
      .flatMap((span) => span.events.map((event) => [event.name, attributes(event)]));
  const warned = { 'srs.problem': 'no_video', 'srs.message': 'no picture for N s' };
  assert.deepEqual(JSON.parse(JSON.stringify(events('publish')).replaceAll(/\d+ s"/g, 'N s"')), [
    ['begin', {}],
    ['warning_began', warned],
    ['warning_over', warned],
    ['banned', { 'srs.message': 'banned by the operator' }],
  ]);
  assert.deepEqual(events('play').slice(-1), [['kicked', { 'srs.message': 'kicked by the API' }]]);
});

test('who is let in and begins nothing has a span too: it is the parent of what was asked and told', async () => {
  const { spans } = await collector();
  const back = await callbacks();
  const server = await start({ vhost: hooks(back) });
  assert.equal((await fetch(`http://127.0.0.1:${server.httpPort}/live/nobody.flv`)).status, 404);
  await back.call('on_stop');
  await server.stop();
  const [play, ...more] = spans().filter(({ name }) => name === 'play');
  assert.ok(play !== undefined && more.length === 0);
  assert.equal(attributes(play)['srs.end_reason'], 'not_begun');
  for (const name of ['access', 'on_play', 'on_stop'])
    assert.equal(spans().find((span) => span.name === name)?.parentSpanId, play.spanId, name);
});
