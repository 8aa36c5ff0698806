import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServerError } from '../../../../src/base/errors.ts';
import { GrantedLimits } from '../../../../src/control/access/index.ts';
import type {
  AccessAction,
  AccessGrant,
  AccessPolicy,
  LiveStream,
  Playback,
  SessionInfo,
} from '../../../../src/hub/ports.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

const NAME = { vhost: 'v', app: 'a', stream: 's' };
/** Bytes of 1,000 kbit. */
const MBIT = 125_000;

function rig(grant: AccessGrant | undefined) {
  const clock = new ManualClock();
  const limits = new GrantedLimits(clock);
  const ends: ServerError[] = [];
  const session: SessionInfo = {
    id: '1',
    ip: '10.0.0.1',
    type: 'test',
    close: (reason) => {
      ends.push(reason);
      limits.publishEnded(NAME, session);
      limits.playEnded(NAME, session);
    },
  };
  const settled: string[] = [];
  const inner: AccessPolicy = {
    check: () => Promise.resolve(grant),
    protects: (vhost) => vhost === 'v',
    settled: ({ id }) => settled.push(id),
  };
  const flow = { bytes: 0 };
  const policy = limits.over(inner);
  const check = (action: AccessAction) =>
    policy.check({ action, session, vhost: 'v', app: 'a', stream: 's', params: '' });
  const stream = { snapshot: () => ({ receivedBytes: flow.bytes }) } as LiveStream;
  const playback = {
    get stats() {
      return { sentBytes: flow.bytes };
    },
  } as Playback;
  const begin = async (action: 'publish' | 'play'): Promise<void> => {
    assert.deepEqual(await check(action), grant);
    if (action === 'publish') limits.publishStarted(NAME, session, stream);
    else limits.playStarted(NAME, session, playback);
    policy.settled?.(session);
  };
  return { clock, limits, ends, session, settled, policy, check, begin, flow };
}

test('no limits cost no timer; who asks else is asked as before', async () => {
  for (const grant of [undefined, {}, { stream: 'other', isKey: true }]) {
    const { begin, clock, limits, settled, policy } = rig(grant);
    await begin('publish');
    assert.equal(clock.pending, 0);
    assert.equal(limits.size, 0);
    assert.deepEqual(settled, ['1']);
    assert.deepEqual([policy.protects?.('v'), policy.protects?.('w')], [true, false]);
  }
});

test('what never began, or was sent elsewhere, leaves nothing', async () => {
  const never = rig({ durationMs: 1_000 });
  await never.check('play');
  assert.equal(never.limits.size, 1);
  never.policy.settled?.(never.session);
  assert.equal(never.limits.size, 0);
  for (const [grant, action] of [
    [{ durationMs: 1_000, redirect: 'rtmp://there/live' }, 'play'],
    [{ durationMs: 1_000 }, 'connect'],
  ] as const) {
    const made = rig(grant);
    await made.check(action);
    assert.equal(made.limits.size, 0);
  }
});

for (const action of ['publish', 'play'] as const) {
  test(`${action}: the session ends once when its time is over, and not before`, async () => {
    const { begin, clock, ends, limits } = rig({ durationMs: 60_000, maxKbps: 1_000 });
    await begin(action);
    clock.advance(59_999);
    assert.deepEqual(ends, []);
    clock.advance(1_000);
    assert.deepEqual(
      ends.map(({ code }) => code),
      ['SESSION_EXPIRED'],
    );
    clock.advance(120_000);
    assert.equal(ends.length, 1);
    assert.equal(limits.size, 0);
    assert.equal(clock.pending, 0);
  });
}

test('who ends before is not ended again', async () => {
  const { begin, clock, ends, limits, session } = rig({ durationMs: 60_000 });
  await begin('publish');
  clock.advance(1_000);
  limits.publishEnded(NAME, session);
  clock.advance(120_000);
  assert.deepEqual(ends, []);
  assert.equal(clock.pending, 0);
});

const RATES: readonly { name: string; seconds: readonly number[]; endsAfter: number | undefined }[] = [
  { name: 'at the limit', seconds: Array<number>(60).fill(MBIT), endsAfter: undefined },
  { name: 'far above it', seconds: Array<number>(60).fill(4 * MBIT), endsAfter: 10 },
  {
    name: 'one that gets a whole group of pictures at the beginning',
    seconds: [60 * MBIT, ...Array<number>(30).fill(0.9 * MBIT)],
    endsAfter: undefined,
  },
  {
    name: 'in bursts with pauses between them',
    seconds: Array.from({ length: 60 }, (_, index) => (index % 10 === 0 ? 9 * MBIT : 0)),
    endsAfter: undefined,
  },
  {
    name: 'first below and then above',
    seconds: [...Array<number>(20).fill(MBIT / 2), ...Array<number>(20).fill(1.2 * MBIT)],
    endsAfter: 30,
  },
];

for (const { name, seconds, endsAfter } of RATES) {
  test(`a rate limit, and a session that is ${name}`, async () => {
    for (const action of ['publish', 'play'] as const) {
      const { begin, clock, ends, flow } = rig({ maxKbps: 1_000 });
      await begin(action);
      let ended: number | undefined;
      for (const [index, bytes] of seconds.entries()) {
        flow.bytes += bytes;
        clock.advance(1_000);
        if (ends.length > 0) ended ??= index + 1;
      }
      assert.equal(ended, endsAfter);
      assert.deepEqual(
        ends.map(({ code }) => code),
        endsAfter === undefined ? [] : ['BITRATE_EXCEEDED'],
      );
    }
  });
}
