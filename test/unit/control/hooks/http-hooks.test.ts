import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import fc from 'fast-check';
import { systemClock, type Clock } from '../../../../src/base/clock.ts';
import { silentLogger } from '../../../../src/base/logger.ts';
import { HttpHooks, type HookOptions } from '../../../../src/control/hooks/index.ts';
import type { AccessAction, LiveStream, SessionInfo, StreamName } from '../../../../src/hub/ports.ts';
import { MAX_WAITING_QUESTIONS } from '../../../../src/control/hooks/hook-dispatcher.ts';
import { BackEnd, yes } from '../../../support/back-end.ts';
import { eventually } from '../../../support/eventually.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
});

const EVENTS = ['on_connect', 'on_close', 'on_publish', 'on_unpublish', 'on_play', 'on_stop'] as const;

async function backEnd(): Promise<BackEnd> {
  const back = await BackEnd.start();
  undo.push(() => back.stop());
  return back;
}

function create(
  back: BackEnd,
  find: (name: StreamName) => LiveStream | undefined = () => undefined,
  changes: Partial<HookOptions> = {},
  clock: Clock = systemClock,
): HttpHooks {
  const options: HookOptions = {
    urls: Object.fromEntries(EVENTS.map((event) => [event, [back.url(`/${event}`)]])),
    timeoutMs: 5_000,
    retries: 0,
    secret: '',
    failOpen: [],
    verifyTls: true,
    notifyBytes: 64,
    ...changes,
  };
  const hooks = new HttpHooks({
    clock,
    unixTime: () => 0,
    logger: silentLogger,
    userAgent: 'test',
    server: { serverId: 's', serviceId: 't', cwd: '/' },
    options: () => options,
    find,
  });
  undo.push(() => hooks.close());
  return hooks;
}

const session = (id: string): SessionInfo => ({ id, ip: '10.0.0.1', type: 'test', close: () => undefined });
const NAME = { vhost: 'v', app: 'a', stream: 's' };
const check = (hooks: HttpHooks, id: string, action: AccessAction): Promise<boolean> =>
  hooks.check({ action, session: session(id), ...NAME, params: '' }).then(
    () => true,
    () => false,
  );

/** What one role of a session comes to. */
const role = fc.record({
  action: fc.constantFrom('publish' as const, 'play' as const),
  isGranted: fc.boolean(),
  begins: fc.boolean(),
  isTold: fc.boolean(),
});
const life = fc.record({
  /** undefined = no RTMP. */
  connect: fc.constantFrom(undefined, true, false),
  roles: fc.array(role, { maxLength: 3 }),
  /** The connection ends while the last role is being asked for. */
  endsEarly: fc.boolean(),
});

test('whatever a session does, each yes has one end, in order, and nothing is remembered', async () => {
  const back = await backEnd();
  const answers = new Map<string, boolean>();
  back.answer = ({ body }, response) =>
    void response.end(
      answers.get(`${String(body['client_id'])} ${String(body['action'])}`) === false ? '1' : '0',
    );
  const hooks = create(back);
  let sessions = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 5 }), async (lives) => {
      back.calls.length = 0;
      const expected = await Promise.all(
        lives.map(async ({ connect, roles, endsEarly }) => {
          const id = String((sessions += 1));
          const want: string[] = [];
          const bytes = { sent: 1, received: 2 };
          answers.set(`${id} on_connect`, connect !== false);
          if (connect !== undefined) {
            want.push('on_connect');
            assert.equal(await check(hooks, id, 'connect'), connect);
            hooks.settled(session(id));
          }
          for (const [index, { action, isGranted, begins, isTold }] of connect === false
            ? []
            : roles.entries()) {
            answers.set(`${id} on_${action}`, isGranted);
            want.push(`on_${action}`);
            const asked = check(hooks, id, action);
            const early = endsEarly && connect === true && index === roles.length - 1;
            if (early) hooks.connectionEnded(id, bytes);
            assert.equal(await asked, isGranted);
            if (isGranted && begins && !early) {
              if (action === 'publish') hooks.publishStarted(NAME, session(id));
              else hooks.playStarted(NAME, session(id));
            }
            hooks.settled(session(id));
            if (isGranted && begins && !early && isTold) {
              if (action === 'publish') hooks.publishEnded(NAME, session(id));
              else hooks.playEnded(NAME, session(id));
            } else if (isGranted && begins && connect === undefined) {
              // The hub tells each end; without a connection it is the only one who does.
              if (action === 'publish') hooks.publishEnded(NAME, session(id));
              else hooks.playEnded(NAME, session(id));
            }
            if (isGranted) want.push(action === 'publish' ? 'on_unpublish' : 'on_stop');
          }
          if (connect !== undefined) hooks.connectionEnded(id, bytes);
          hooks.connectionEnded(id, bytes); // A second end is none.
          if (connect === true) want.push('on_close');
          return [id, want] as const;
        }),
      );
      await eventually(() => hooks.waiting === 0, 'all is told');
      for (const [id, want] of expected) {
        const got = back.calls
          .filter(({ body }) => body['client_id'] === id)
          .map(({ body }) => body['action']);
        assert.deepEqual(got, want, JSON.stringify(lives));
      }
      assert.equal(hooks.sessions, 0, JSON.stringify(lives));
    }),
    { numRuns: 100, interruptAfterTimeLimit: 4_000, markInterruptAsFailure: false },
  );
});

test('who was not asked for has no end: a publisher of the server itself', async () => {
  const back = await backEnd();
  const hooks = create(back);
  hooks.publishStarted(NAME, session('1'));
  hooks.publishEnded(NAME, session('1'));
  hooks.connectionEnded('1', { sent: 0, received: 0 });
  await hooks.close();
  assert.deepEqual(back.calls, []);
});

test('a busy stream is refused without a question', async () => {
  const back = await backEnd();
  const publisher = { id: '0', ip: '', type: '' };
  const hooks = create(
    back,
    () => ({ snapshot: () => ({ publisher, viewers: 0 }) }) as unknown as LiveStream,
  );
  await assert.rejects(hooks.check({ action: 'publish', session: session('1'), ...NAME, params: '' }), {
    code: 'STREAM_BUSY',
  });
  hooks.settled(session('1'));
  assert.deepEqual([back.calls, hooks.sessions], [[], 0]);
});

test('who is being asked for when the server stops is refused, and so is who comes then', async () => {
  const back = await backEnd();
  back.answer = () => undefined;
  const hooks = create(back);
  const asked = hooks.check({ action: 'play', session: session('1'), ...NAME, params: '' });
  await eventually(() => back.calls.length === 1, 'the question');
  const began = performance.now();
  hooks.stopAsking();
  await assert.rejects(asked, { code: 'SERVER_STOPPING' });
  assert.ok(performance.now() - began < 2_000, 'at once, not when its call is over');
  await assert.rejects(hooks.check({ action: 'play', session: session('2'), ...NAME, params: '' }), {
    code: 'SERVER_STOPPING',
  });
  assert.equal(hooks.sessions, 0);
});

test('a decision takes 25 s at most, however long a call may take and however many wait', async () => {
  const back = await backEnd();
  back.answer = () => undefined;
  const clock = new ManualClock();
  const hooks = create(back, undefined, { timeoutMs: 120_000 }, clock);
  let decided = 0;
  const all = Array.from({ length: 70 }, (_, id) =>
    check(hooks, String(id), 'play').finally(() => (decided += 1)),
  );
  await eventually(() => back.calls.length === 64, 'as many questions as may be asked at a time');
  clock.advance(24_999);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(decided, 0);
  clock.advance(1);
  assert.ok((await Promise.all(all)).every((isGranted) => !isGranted));
  assert.deepEqual([back.calls.length, hooks.sessions], [64, 0]);
});

test('more questions than may wait are decided at once, and those that wait are asked in turn', async () => {
  const back = await backEnd();
  const held: (() => void)[] = [];
  back.answer = (_call, response) => void held.push(() => response.end('0'));
  const hooks = create(back);
  const waiting = Array.from({ length: 64 + MAX_WAITING_QUESTIONS }, (_, id) =>
    check(hooks, String(id), 'play'),
  );
  await eventually(() => held.length === 64, 'as many questions as may be asked at a time');
  assert.equal(await check(hooks, 'one more', 'play'), false);
  back.answer = yes;
  for (const answer of held) answer();
  assert.ok((await Promise.all(waiting)).every((isGranted) => isGranted));
});

test('a repeated event goes on with the URL that did not take it', async () => {
  const back = await backEnd();
  const clock = new ManualClock();
  const urls = { on_play: [back.url('/play')], on_stop: ['/a', '/b', '/c'].map((path) => back.url(path)) };
  const hooks = create(back, undefined, { urls, retries: 3 }, clock);
  let isDown = true;
  back.answer = (call, response) => {
    response.statusCode = call.url === '/b' && isDown ? 503 : 200;
    response.end('0');
  };
  const info = session('1');
  await check(hooks, '1', 'play');
  hooks.settled(info); // Nothing came of it.
  await eventually(() => back.calls.some(({ url }) => url === '/b'), 'the first try');
  isDown = false;
  await eventually(() => {
    clock.advance(500); // Its pause.
    return hooks.waiting === 0;
  }, 'the second try');
  assert.deepEqual(
    back.calls.map(({ url }) => url),
    ['/play', '/a', '/b', '/b', '/c'],
  );
});

test('a question comes behind the end before it, of the same session', async () => {
  const back = await backEnd();
  const held: (() => void)[] = [];
  back.answer = ({ body }, response) => {
    if (body['action'] === 'on_unpublish') held.push(() => response.end('0'));
    else response.end('0');
  };
  const hooks = create(back);
  const info = session('1');
  await check(hooks, '1', 'publish');
  hooks.publishStarted(NAME, info);
  hooks.settled(info);
  hooks.publishEnded(NAME, info);
  const again = check(hooks, '1', 'publish');
  const other = check(hooks, '2', 'publish');
  assert.equal(await other, true, 'nobody else waits');
  await eventually(() => held.length === 1, 'the end');
  assert.deepEqual(
    back.calls.filter(({ body }) => body['client_id'] === '1').map(({ body }) => body['action']),
    ['on_publish', 'on_unpublish'],
  );
  held[0]?.();
  assert.equal(await again, true);
});
