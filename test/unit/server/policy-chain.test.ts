import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerError } from '../../../src/base/errors.ts';
import type { AccessGrant, AccessPolicy, AccessRequest, SessionInfo } from '../../../src/hub/ports.ts';
import { PolicyChain } from '../../../src/server/policy-chain.ts';

const session: SessionInfo = { id: '1', ip: '10.0.0.1', type: 'rtmp', close: () => undefined };
const request: AccessRequest = { action: 'play', session, vhost: 'v', app: 'a', params: '' };

test('all are asked in order until one refuses, and all hear when a wish is settled', async () => {
  const log: string[] = [];
  const policy = (name: string, refuses = false): AccessPolicy => ({
    check: () => {
      log.push(name);
      if (refuses) return Promise.reject(new ServerError('HOOK_REFUSED', name));
      return Promise.resolve(undefined);
    },
    settled: ({ id }) => log.push(`${name} ${id}`),
  });
  const asks: AccessPolicy = { check: () => (log.push('asks'), Promise.resolve(undefined)) };
  await new PolicyChain([policy('a'), asks, policy('b')]).check(request);
  assert.deepEqual(log.splice(0), ['a', 'asks', 'b']);
  const chain = new PolicyChain([policy('a'), asks, policy('no', true), policy('b')]);
  await assert.rejects(chain.check(request), { code: 'HOOK_REFUSED' });
  assert.deepEqual(log.splice(0), ['a', 'asks', 'no']);
  chain.settled(session);
  assert.deepEqual(log, ['a 1', 'no 1', 'b 1']);
});

test('each is asked about what the ones before it granted; the strictest limits hold; who is sent elsewhere is not asked about', async () => {
  const seen: string[] = [];
  const granting = (grant: AccessGrant | undefined): AccessPolicy => ({
    check: ({ stream, isKey }) => {
      seen.push(`${stream} ${isKey === true}`);
      return Promise.resolve(grant);
    },
  });
  const chain = new PolicyChain([
    granting(undefined),
    granting({ stream: 'public', isKey: true, durationMs: 9, maxKbps: 100 }),
    granting({ durationMs: 5, maxKbps: 200 }),
    granting({ stream: 'other' }),
    granting({ redirect: 'rtmp://there/live/x' }),
    granting({ durationMs: 1 }),
  ]);
  assert.deepEqual(await chain.check({ ...request, stream: 'key' }), {
    stream: 'other',
    isKey: true,
    durationMs: 5,
    maxKbps: 100,
    redirect: 'rtmp://there/live/x',
  });
  assert.deepEqual(seen, ['key false', 'key false', 'public true', 'public true', 'other true']);
  assert.equal(await new PolicyChain([granting(undefined)]).check(request), undefined);
});

test('a secret that was replaced is in no part of the next question', async () => {
  const key = 'a-long-secret-key';
  const asked: AccessRequest[] = [];
  const renames: AccessPolicy = { check: () => Promise.resolve({ stream: 'public', isKey: true }) };
  const hears: AccessPolicy = { check: (request) => (asked.push(request), Promise.resolve(undefined)) };
  const said = { tcUrl: `rtmp://h/a/${key}`, pageUrl: `http://p/?k=${key}`, params: `?k=${key}&n=1` };
  await new PolicyChain([renames, hears]).check({ ...request, ...said, stream: key });
  const [{ stream, isKey, tcUrl, pageUrl, params } = request] = asked;
  assert.deepEqual(
    [stream, isKey, tcUrl, pageUrl, params],
    ['public', true, 'rtmp://h/a/***', 'http://p/?k=***', '?k=***&n=1'],
  );
});

for (const grant of [
  { stream: '../x' },
  { stream: '' },
  { redirect: 'nowhere' },
  { redirect: 'http://a/\r\nb' },
]) {
  test(`a grant of ${JSON.stringify(grant)} refuses`, async () => {
    const policy: AccessPolicy = { check: () => Promise.resolve(grant) };
    await assert.rejects(new PolicyChain([policy]).check(request), { name: 'ServerError' });
  });
}
