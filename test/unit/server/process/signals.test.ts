import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ending } from '../../../../src/server/process/ending.ts';
import { listenToSignals } from '../../../../src/server/process/signals.ts';

test('the undo leaves no handler, and SIGPIPE never has one: without it the signal would end the process', () => {
  const count = (): number[] =>
    ['SIGUSR2', 'SIGHUP', 'SIGPIPE'].map((signal) => process.listenerCount(signal));
  const before = count();
  const undo = listenToSignals({
    ending: new Ending(() => undefined),
    forceGraceQuit: () => false,
    reload: () => undefined,
    reopenLog: () => undefined,
    say: () => undefined,
  });
  assert.deepEqual(
    count().map((listeners, i) => listeners - (before[i] ?? 0)),
    [1, 1, 0],
  );
  undo();
  assert.deepEqual(count(), before);
});
