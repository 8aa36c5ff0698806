import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ServerError } from '../../../../../src/base/errors.ts';
import { MAX_REVOKED_CONTEXTS } from '../../../../../src/hub/file-sessions.ts';
import { contextIn, setUpServing, viewersOf } from '../../../../support/hls-serving.ts';
import { textOf } from '../../../../support/fake-live-playlist.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

test('100,000 viewers who came and went leave no memory', async () => {
  const { get, clock, hub, document, logger, seen, asked, wheel } = setUpServing();
  const round = async (): Promise<void> => {
    for (let i = 0; i < 1_000; i += 1) {
      const context = contextIn(textOf(await get()));
      await get(`hls_ctx=${context}`);
    }
    assert.equal(viewersOf(hub), 1_000);
    clock.advance(12_000);
    assert.equal(viewersOf(hub), 0);
    for (const list of [logger.lines, seen, asked]) list.length = 0;
  };
  for (let i = 0; i < 5; i += 1) await round();
  const before = heapBytes();
  for (let i = 0; i < 95; i += 1) await round();
  const grown = heapBytes() - before;
  assert.ok(grown < 1_000_000, `${grown} bytes more`);
  assert.deepEqual([document.viewers, wheel.size], [0, 0]);
});

test('ids of the kicked are forgotten: the oldest when there are too many, all after a while', async () => {
  const { get, clock, hub, document, wheel } = setUpServing();
  const contexts: string[] = [];
  for (let i = 0; i < MAX_REVOKED_CONTEXTS + 1; i += 1) {
    const context = contextIn(textOf(await get()));
    contexts.push(context);
    hub.session(context)?.close(new ServerError('SESSION_KICKED', 'kicked'));
  }
  const last = await get(`hls_ctx=${contexts.at(-1)}`);
  assert.ok(last !== undefined && 'status' in last && last.status === 403);
  assert.match(textOf(await get(`hls_ctx=${contexts[0]}`)), /EXTINF/);
  clock.advance(75_000);
  assert.match(textOf(await get(`hls_ctx=${contexts.at(-1)}`)), /EXTINF/);
  clock.advance(20_000);
  assert.deepEqual([document.viewers, wheel.size], [0, 0]);
});
