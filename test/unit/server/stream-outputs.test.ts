import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VhostConfig } from '../../../src/config/index.ts';
import { createHub, type ClosableHub } from '../../../src/hub/hub.ts';
import type { StreamOutput } from '../../../src/hub/output-events.ts';
import { OutputWatch } from '../../../src/server/output-watch.ts';
import { StreamOutputs, type OutputKind } from '../../../src/server/stream-outputs.ts';
import { LIVE_DEMO, sessionOf, STREAM_OPTIONS, videoFrame } from '../../support/hub-fixtures.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { MemoryLogger } from '../../support/memory-logger.ts';

class TestOutput implements StreamOutput {
  readonly name = 'test';
  readonly log: string[];
  readonly after: Promise<void>;
  closes = 0;
  fails = false;
  finish: () => void = () => undefined;

  constructor(log: string[], after: Promise<void>) {
    this.log = log;
    this.after = after;
  }

  published(session: { readonly id: string }): void {
    this.log.push(`published ${session.id}`);
  }

  onFrame(frame: { readonly dts: number }): void {
    if (this.fails) throw new Error('broken');
    this.log.push(`frame ${frame.dts}`);
  }

  onState(state: string, publication: number): void {
    this.log.push(`${state} ${publication}`);
  }

  onEnd(reason: string): void {
    this.log.push(`end ${reason}`);
  }

  close(): Promise<void> {
    this.closes += 1;
    this.log.push('close');
    return new Promise((resolve) => (this.finish = resolve));
  }
}

interface World {
  readonly clock: ManualClock;
  readonly hub: ClosableHub;
  readonly outputs: StreamOutputs;
  readonly watch: OutputWatch;
  readonly logger: MemoryLogger;
  readonly made: TestOutput[];
  readonly log: string[];
  readonly failed: string[];
  /** What the vhost says; undefined = off. */
  readonly use: (options: { readonly length: number } | undefined) => void;
  cannotBegin: boolean;
}

function world(): World {
  const clock = new ManualClock();
  const logger = new MemoryLogger();
  const made: TestOutput[] = [];
  const log: string[] = [];
  const failed: string[] = [];
  const failing = {
    outputFailed: (): void => {
      throw new Error('an observer that breaks');
    },
  };
  const watch = new OutputWatch(clock, logger, [
    failing,
    { outputFailed: ({ output, error, then }) => failed.push(`${output} ${error.code} ${then}`) },
  ]);
  let options: { readonly length: number } | undefined = { length: 10 };
  const kind: OutputKind = {
    name: 'test',
    close: () => void log.push('kind closed'),
    options: () => options,
    create: ({ after }) => {
      if (self.cannotBegin) throw new Error('no');
      const output = new TestOutput(log, after);
      made.push(output);
      return output;
    },
  };
  const outputs = new StreamOutputs({
    kinds: [kind],
    logger,
    observer: watch,
    vhostOf: () => ({}) as VhostConfig,
  });
  const hub = createHub({ clock, logger, optionsFor: () => STREAM_OPTIONS, observers: [outputs] });
  const self: World = {
    clock,
    hub,
    outputs,
    watch,
    logger,
    made,
    log,
    failed,
    use: (next) => (options = next),
    cannotBegin: false,
  };
  return self;
}

test('an output lives with its stream: a publisher who comes back keeps it, the end of the hold time ends it', () => {
  const { hub, clock, log, made } = world();
  const first = hub.publish(LIVE_DEMO, sessionOf('a'));
  first.write(videoFrame(0, true));
  first.release();
  const second = hub.publish(LIVE_DEMO, sessionOf('b'));
  second.release();
  clock.advance(STREAM_OPTIONS.holdMs + 1_000);
  assert.deepEqual(log, [
    'published a',
    'live 1',
    'frame 0',
    'waiting 1',
    'live 2',
    'published b',
    'waiting 2',
    'end gone',
    'close',
  ]);
  assert.equal(made.length, 1);
});

test('a stream that is published anew waits for the files of the one before', async () => {
  const { hub, clock, made } = world();
  hub.publish(LIVE_DEMO, sessionOf('a')).release();
  clock.advance(STREAM_OPTIONS.holdMs + 1_000);
  hub.publish(LIVE_DEMO, sessionOf('b'));
  let free = false;
  void made[1]?.after.then(() => (free = true));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(free, false);
  made[0]?.finish();
  await made[1]?.after;
});

test('a reload restarts what has other options, ends what is off, begins what is on, and leaves the rest alone', () => {
  const { hub, outputs, use, made, log } = world();
  hub.publish(LIVE_DEMO, sessionOf('a'));
  use({ length: 10 });
  outputs.reconfigure();
  assert.equal(made.length, 1);
  use({ length: 20 });
  outputs.reconfigure();
  assert.equal(made.length, 2);
  assert.equal(made[0]?.closes, 1);
  use(undefined);
  outputs.reconfigure();
  assert.equal(made[1]?.closes, 1);
  use({ length: 10 });
  outputs.reconfigure();
  assert.equal(made.length, 3);
  assert.deepEqual(log.slice(-2), ['published a', 'live 1']);
});

test('an output that throws ends alone, is told once, and begins again with the next publish', () => {
  const { hub, made, failed, watch, logger, log } = world();
  const lease = hub.publish(LIVE_DEMO, sessionOf('a'));
  (made[0] as TestOutput).fails = true;
  lease.write(videoFrame(0, true));
  lease.write(videoFrame(40, false));
  assert.deepEqual(log.slice(-2), ['end failed', 'close']);
  assert.deepEqual(failed, ['test INTERNAL stops']);
  assert.equal(watch.failures.total, 1);
  assert.equal(watch.observerErrors.total, 1);
  assert.ok(logger.lines.some((line) => /^error \[a\] test of .*live\/demo failed/.test(line)));
  lease.release();
  hub.publish(LIVE_DEMO, sessionOf('b'));
  assert.equal(made.length, 2);
});

test('an output that cannot begin disturbs no publish', () => {
  const self = world();
  self.cannotBegin = true;
  const lease = self.hub.publish(LIVE_DEMO, sessionOf('a'));
  lease.write(videoFrame(0, true));
  assert.deepEqual(self.failed, ['test INTERNAL stops']);
});

test('closing ends all, waits for their files, and nothing begins any more', async () => {
  const { hub, outputs, made, log } = world();
  hub.publish(LIVE_DEMO, sessionOf('a'));
  let closed = false;
  const closing = outputs.close().then(() => (closed = true));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(closed, false);
  made[0]?.finish();
  assert.equal(log.includes('kind closed'), false);
  await closing;
  assert.equal(log.at(-1), 'kind closed');
  hub.publish({ ...LIVE_DEMO, stream: 'other' }, sessionOf('b'));
  assert.equal(made.length, 1);
});
