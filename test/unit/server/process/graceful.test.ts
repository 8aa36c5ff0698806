import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { drain, IDLE_DRAIN_MS } from '../../../../src/server/process/graceful.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { MemoryLogger } from '../../../support/memory-logger.ts';

/** Lets promises settle. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function fixture(drainTimeoutMs = 0) {
  const clock = new ManualClock();
  const logger = new MemoryLogger();
  const hasten = new AbortController();
  const server = {
    connections: 3,
    liveStreams: 1,
    accepting: true,
    stopAccepting(): Promise<void> {
      server.accepting = false;
      return Promise.resolve();
    },
  };
  const state: { result: boolean | undefined } = { result: undefined };
  void drain(server, {
    startWaitMs: 2_300,
    drainTimeoutMs,
    finalWaitMs: 3_200,
    clock,
    logger,
    hastened: hasten.signal,
  }).then((result) => {
    state.result = result;
  });
  /** In steps, because each wait is scheduled after the one before. */
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 100) {
      clock.advance(Math.min(100, left));
      await turn();
    }
  };
  return { server, hasten, pass, logger, state };
}

suite('drain', () => {
  test('waits, closes the listeners, waits for the last connection, and waits once more', async () => {
    const { server, pass, state } = fixture();
    await pass(2_299);
    assert.equal(server.accepting, true);
    await pass(1);
    assert.equal(server.accepting, false);
    await pass(3_600_000); // As long as something is live there is no bound.
    assert.equal(state.result, undefined);
    server.connections = 0;
    await pass(100);
    await pass(3_100);
    assert.equal(state.result, undefined);
    await pass(200);
    assert.equal(state.result, true);
  });

  test('does not wait for those to whom nothing can come any more', async () => {
    const { server, pass, state, logger } = fixture();
    await pass(2_300);
    server.liveStreams = 0;
    await pass(IDLE_DRAIN_MS / 2);
    server.liveStreams = 1; // Its publisher came back within the hold time.
    await pass(IDLE_DRAIN_MS);
    assert.equal(state.result, undefined);
    server.liveStreams = 0;
    await pass(IDLE_DRAIN_MS + 200);
    assert.match(
      logger.lines.at(-1) ?? '',
      /3 connections and 0 live streams left, the last wait is 3200 ms/,
    );
    await pass(3_300);
    assert.equal(state.result, true);
  });

  test('grace_drain_timeout cuts off who stays, without the last wait', async () => {
    const { pass, state, logger } = fixture(20_000);
    await pass(2_300 + 19_900);
    assert.equal(state.result, undefined);
    await pass(200);
    assert.equal(state.result, false);
    assert.match(logger.lines.at(-1) ?? '', /3 connections and 1 live streams left after 20000 ms/);
  });

  for (const [when, ms] of [
    ['before the listeners close', 100],
    ['while it drains', 5_000],
  ] as const) {
    test(`hastened ${when}: over at once`, async () => {
      const { hasten, pass, state } = fixture();
      await pass(ms);
      hasten.abort();
      await turn();
      assert.equal(state.result, false);
    });
  }

  test('says what it waits for every 10 s, not more often', async () => {
    const { pass, logger } = fixture();
    await pass(2_300 + 60_000);
    const said = logger.lines.filter((line) => line.includes('waiting for 3 connections'));
    assert.ok(said.length === 5 || said.length === 6, `${said.length}`);
  });
});
