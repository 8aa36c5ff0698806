import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerError } from '../../../src/base/errors.ts';
import type { AccessPolicy, AccessRequest, SessionInfo } from '../../../src/hub/ports.ts';
import { PolicyChain } from '../../../src/server/policy-chain.ts';

const session: SessionInfo = { id: '1', ip: '10.0.0.1', type: 'rtmp', close: () => undefined };
const request: AccessRequest = { action: 'play', session, vhost: 'v', app: 'a', params: '' };

test('all are asked in order until one refuses, and all hear when a wish is settled', async () => {
  const log: string[] = [];
  const policy = (name: string, refuses = false): AccessPolicy => ({
    check: () => {
      log.push(name);
      if (refuses) return Promise.reject(new ServerError('HOOK_REFUSED', name));
      return Promise.resolve();
    },
    settled: ({ id }) => log.push(`${name} ${id}`),
  });
  const asks: AccessPolicy = { check: () => Promise.resolve(void log.push('asks')) };
  await new PolicyChain([policy('a'), asks, policy('b')]).check(request);
  assert.deepEqual(log.splice(0), ['a', 'asks', 'b']);
  const chain = new PolicyChain([policy('a'), asks, policy('no', true), policy('b')]);
  await assert.rejects(chain.check(request), { code: 'HOOK_REFUSED' });
  assert.deepEqual(log.splice(0), ['a', 'asks', 'no']);
  chain.settled(session);
  assert.deepEqual(log, ['a 1', 'no 1', 'b 1']);
});
