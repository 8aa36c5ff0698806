import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CallGate } from '../../../../src/control/hooks/call-gate.ts';

/** Works that end when they are told to. */
class Works {
  readonly begun: string[] = [];
  readonly #ends = new Map<string, () => void>();

  work(name: string): () => Promise<string> {
    return () => {
      this.begun.push(name);
      return new Promise((resolve) => this.#ends.set(name, () => resolve(name)));
    };
  }

  async end(name: string): Promise<void> {
    this.#ends.get(name)?.();
    await new Promise(setImmediate);
  }
}

const NEVER = new AbortController().signal;

test('so many run at a time, the others in their order; URLs do not know each other', async () => {
  const gate = new CallGate(2);
  const works = new Works();
  const all = ['a', 'b', 'c', 'd'].map((name) => gate.run('u', NEVER, works.work(name)));
  void gate.run('other', NEVER, works.work('x'));
  assert.deepEqual(works.begun, ['a', 'b', 'x']);
  await works.end('b');
  assert.deepEqual(works.begun, ['a', 'b', 'x', 'c']);
  void gate.run('u', NEVER, works.work('e'));
  await works.end('a');
  assert.deepEqual(works.begun.slice(4), ['d']);
  await works.end('c');
  assert.deepEqual(works.begun.slice(4), ['d', 'e']);
  await works.end('d');
  assert.deepEqual(await Promise.all(all), ['a', 'b', 'c', 'd']);
});

test('who is aborted while it waits is not run, and keeps no place', async () => {
  const gate = new CallGate(1);
  const works = new Works();
  const abort = new AbortController();
  void gate.run('u', NEVER, works.work('a'));
  const aborted = gate.run('u', abort.signal, works.work('b'));
  void gate.run('u', NEVER, works.work('c'));
  abort.abort();
  assert.equal(await aborted, undefined);
  assert.equal(await gate.run('u', abort.signal, works.work('d')), undefined);
  await works.end('a');
  assert.deepEqual(works.begun, ['a', 'c']);
});

test('who fails hands its place on; too many do not wait', async () => {
  const gate = new CallGate(1, 1);
  const works = new Works();
  let fail = (): void => undefined;
  const failed = gate.run(
    'u',
    NEVER,
    () => new Promise((_, reject) => (fail = () => reject(new Error('x')))),
  );
  void gate.run('u', NEVER, works.work('b'));
  assert.equal(await gate.run('u', NEVER, works.work('c')), undefined);
  fail();
  await assert.rejects(failed, /x/);
  assert.deepEqual(works.begun, ['b']);
  await works.end('b');
  void gate.run('u', NEVER, works.work('d'));
  assert.deepEqual(works.begun, ['b', 'd']);
});
