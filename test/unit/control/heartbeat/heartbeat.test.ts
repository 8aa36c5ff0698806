import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { systemClock } from '../../../../src/base/clock.ts';
import { ServerError } from '../../../../src/base/errors.ts';
import { Heartbeat, type HeartbeatSettings } from '../../../../src/control/heartbeat/index.ts';
import { HttpClient, type HttpClientAnswer, type HttpClientRequest } from '../../../../src/net/index.ts';
import { answer, BackEnd } from '../../../support/back-end.ts';
import { eventually } from '../../../support/eventually.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { MemoryLogger } from '../../../support/memory-logger.ts';

const SETTINGS: HeartbeatSettings = {
  enabled: true,
  intervalMs: 9_900,
  url: 'http://127.0.0.1:1/api/v1/servers?key=hidden',
  deviceId: 'my "device"',
  ports: false,
  summaries: false,
};

interface Asked {
  readonly request: HttpClientRequest;
  readonly resolve: (answer: HttpClientAnswer) => void;
  readonly reject: (error: Error) => void;
}

function rig() {
  const clock = new ManualClock();
  const logger = new MemoryLogger();
  const asked: Asked[] = [];
  const summaries: { data: object | undefined } = { data: { ok: true } };
  const heartbeat = new Heartbeat({
    clock,
    logger,
    client: {
      request: (request) =>
        new Promise((resolve, reject) => {
          asked.push({ request, resolve, reject });
        }),
    },
    userAgent: 'srs-ts/1',
    serverId: 'vid-1',
    serviceId: 'service-1',
    pid: 42,
    ip: () => '10.0.0.1',
    ports: () => ({ rtmp: ['1935', '[::1]:1936'], api: ['1985'] }),
    summaries: () => summaries.data,
  });
  const body = (index: number): unknown => JSON.parse(String(asked[index]?.request.body)) as unknown;
  const settle = async (index: number, status?: number): Promise<void> => {
    if (status === undefined) asked[index]?.reject(new ServerError('HTTP_REQUEST_FAILED', 'no answer of x'));
    else asked[index]?.resolve({ status, body: Buffer.alloc(0) });
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, logger, asked, heartbeat, body, settle, summaries };
}

const BASE = {
  device_id: 'my "device"',
  ip: '10.0.0.1',
  server: 'vid-1',
  service: 'service-1',
  pid: '42',
};

test('reports at once and then in every interval, one at a time', async () => {
  const { clock, asked, heartbeat, body, settle } = rig();
  heartbeat.use(SETTINGS);
  assert.equal(asked.length, 1);
  assert.deepEqual(body(0), BASE);
  const { method, headers, timeoutMs } = asked[0]?.request ?? {};
  assert.deepEqual([method, headers?.['Content-Type'], timeoutMs], ['POST', 'application/json', 10_000]);
  clock.advance(5 * 9_900);
  assert.equal(asked.length, 1, 'nothing piles up behind a slow service');
  await settle(0, 200);
  clock.advance(9_900);
  assert.equal(asked.length, 2);
  heartbeat.close();
  assert.equal(asked[1]?.request.signal?.aborted, true);
  clock.advance(99_000);
  assert.equal(asked.length, 2);
});

test('summaries and ports, where they are wanted and there are any; a reload counts from the next report on', async () => {
  const { clock, asked, heartbeat, body, settle, summaries } = rig();
  heartbeat.use({ ...SETTINGS, summaries: true, ports: true });
  const ports = { rtmp: ['1935', '[::1]:1936'], api: ['1985'] };
  assert.deepEqual(body(0), { ...BASE, summaries: { data: { ok: true } }, ...ports });
  await settle(0, 200);
  heartbeat.use({ ...SETTINGS, summaries: true, deviceId: 'b' });
  assert.equal(asked.length, 1, 'not at once: neither address nor interval are others');
  summaries.data = undefined;
  clock.advance(9_900);
  assert.deepEqual(body(1), { ...BASE, device_id: 'b' });
  await settle(1, 200);
  heartbeat.use({ ...SETTINGS, intervalMs: 1_000 });
  assert.equal(asked.length, 3);
  await settle(2, 200);
  clock.advance(1_000);
  assert.equal(asked.length, 4);
  heartbeat.use({ ...SETTINGS, enabled: false });
  clock.advance(99_000);
  assert.equal(asked.length, 4);
});

test('a service that is away is told of once a minute, and when it is back; no query in the log', async () => {
  const { clock, logger, asked, heartbeat, settle } = rig();
  heartbeat.use(SETTINGS);
  for (let index = 0; index < 8; index += 1) {
    await settle(index, index === 3 ? 503 : undefined);
    clock.advance(9_900);
  }
  assert.deepEqual(logger.lines, [
    'warn [] a heartbeat was not taken: HTTP_REQUEST_FAILED(3066): no answer of x',
    'warn [] 8 heartbeats were not taken: HTTP_REQUEST_FAILED(3066): no answer of x',
  ]);
  await settle(asked.length - 1, 200);
  assert.equal(logger.lines[2], 'info [] heartbeats are taken again by http://127.0.0.1:1/api/v1/servers');
  heartbeat.close();
});

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

test('over real HTTP: whatever a service answers, the next report comes', async () => {
  const backEnd = await BackEnd.start();
  ends.push(() => backEnd.stop());
  const client = new HttpClient();
  const { logger } = rig();
  const heartbeat = new Heartbeat({
    clock: systemClock,
    logger,
    client,
    userAgent: 'srs-ts/1',
    serverId: 'a',
    serviceId: 'b',
    pid: 1,
    ip: () => '::1',
    ports: () => ({}),
    summaries: () => undefined,
  });
  ends.push(() => {
    heartbeat.close();
    client.close();
  });
  heartbeat.use({ ...SETTINGS, url: backEnd.url('/api/v1/servers'), intervalMs: 20 });
  const came = (count: number): Promise<unknown> =>
    eventually(
      () => (backEnd.calls.length >= count ? true : undefined),
      () => `${count} reports`,
    );
  await came(2);
  for (const bad of [
    answer(500, 'no'),
    answer(200, 'x'.repeat(300_000)),
    (_call, _response, socket) => void socket.destroy(),
  ] as const satisfies readonly BackEnd['answer'][]) {
    const before = backEnd.calls.length;
    backEnd.answer = bad;
    await came(before + 2);
  }
  assert.equal(backEnd.calls[0]?.body['ip'], '::1');
});
