import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createServiceNotify, watchdogMs } from '../../../../src/server/process/service-notify.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { MemoryLogger } from '../../../support/memory-logger.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function fixture(env: Readonly<Record<string, string>>) {
  const clock = new ManualClock();
  const logger = new MemoryLogger();
  const sent: string[] = [];
  const state = { fail: false };
  const notify = createServiceNotify({
    clock,
    logger,
    env,
    pid: 7,
    send: (args) => {
      sent.push(args.join(' ').replace(/\d{3,}/, 'N'));
      return state.fail ? Promise.reject(new Error('nobody listens')) : Promise.resolve();
    },
  });
  return { clock, logger, sent, state, notify };
}

suite('the service manager', () => {
  test('there is none: nothing is sent', async () => {
    const { notify, sent, clock } = fixture({ WATCHDOG_USEC: '1000000' });
    notify.ready();
    notify.stopping();
    clock.advance(10_000);
    await turn();
    assert.deepEqual(sent, []);
  });

  test('READY comes after RELOADING, also when the reload fails', async () => {
    const { notify, sent } = fixture({ NOTIFY_SOCKET: '/run/notify' });
    notify.ready();
    notify.reloading(Promise.reject(new Error('not for us')));
    await turn();
    notify.stopping();
    await turn();
    assert.deepEqual(sent, [
      'READY=1 STATUS=serving',
      'RELOADING=1 MONOTONIC_USEC=N',
      'READY=1',
      'STOPPING=1 STATUS=stopping',
    ]);
  });

  test('a sign of life twice a period, none after close', async () => {
    const { notify, sent, clock } = fixture({ NOTIFY_SOCKET: '/run/notify', WATCHDOG_USEC: '3000000' });
    notify.ready();
    for (let at = 0; at < 6_000; at += 500) {
      clock.advance(500);
      await turn();
    }
    assert.equal(sent.filter((text) => text === 'WATCHDOG=1').length, 4);
    notify.close();
    clock.advance(6_000);
    await turn();
    assert.equal(sent.filter((text) => text === 'WATCHDOG=1').length, 4);
  });

  test('one that cannot be told costs one warning', async () => {
    const { notify, logger, state } = fixture({ NOTIFY_SOCKET: '/run/notify' });
    state.fail = true;
    notify.ready();
    notify.stopping();
    await turn();
    assert.equal(logger.lines.length, 1);
    assert.match(logger.lines[0] ?? '', /cannot be told READY=1 STATUS=serving: nobody listens/);
  });

  const PERIODS = [
    { env: {}, want: undefined },
    { env: { WATCHDOG_USEC: '30000000' }, want: 30_000 },
    { env: { WATCHDOG_USEC: '30000000', WATCHDOG_PID: '7' }, want: 30_000 },
    { env: { WATCHDOG_USEC: '30000000', WATCHDOG_PID: '8' }, want: undefined },
    { env: { WATCHDOG_USEC: 'soon' }, want: undefined },
    { env: { WATCHDOG_USEC: '0' }, want: undefined },
  ];
  for (const { env, want } of PERIODS)
    test(`watchdog ${JSON.stringify(env)}: ${want ?? 'none'}`, () => assert.equal(watchdogMs(env, 7), want));
});
