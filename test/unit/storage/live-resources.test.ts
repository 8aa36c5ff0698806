import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { LiveResources, type ResourceRequest } from '../../../src/storage/live-resources.ts';
import { MemoryFile } from '../../../src/storage/memory-file.ts';

const REQUEST = {} as ResourceRequest;
const file = (size: number): MemoryFile => new MemoryFile(Buffer.alloc(size), 1);

test('a resource is found by its absolute path, until its undo, which takes away no successor', () => {
  const resources = new LiveResources(100);
  const first = file(10);
  const undo = resources.add('html/live/a.ts', first, first);
  assert.equal(resources.find(resolve('html/live/a.ts')), first);
  assert.equal(resources.bytes, 10);

  const second = file(20);
  const undoSecond = resources.add('html/live/../live/a.ts', second, second);
  assert.equal(resources.bytes, 20);
  undo();
  assert.equal(resources.find(resolve('html/live/a.ts')), second);
  undoSecond();
  undoSecond();
  assert.equal(resources.find(resolve('html/live/a.ts')), undefined);
  assert.equal(resources.size, 0);
  assert.equal(resources.bytes, 0);
});

test('the oldest bytes go when there are too many; what keeps none stays', () => {
  const resources = new LiveResources(100);
  const playlist = file(1_000);
  resources.add('p.m3u8', playlist);
  const segments = [1, 2, 3].map((n) => {
    const segment = file(40);
    resources.add(`${n}.ts`, segment, segment);
    return segment;
  });
  assert.equal(resources.bytes, 80);
  assert.deepEqual(
    segments.map((segment) => segment.respond() !== undefined),
    [false, true, true],
  );
  resources.budgetBytes = 40;
  assert.deepEqual(
    segments.map((segment) => segment.respond() !== undefined),
    [false, false, true],
  );
  assert.notEqual(resources.find(resolve('p.m3u8'))?.respond(REQUEST), undefined);
  resources.budgetBytes = 0;
  assert.equal(resources.bytes, 0);
});

test('bytes that are over the budget alone are not kept', () => {
  const resources = new LiveResources(100);
  const large = file(101);
  const undo = resources.add('large.ts', large, large);
  assert.equal(large.respond(), undefined);
  assert.equal(resources.bytes, 0);
  undo();
  assert.equal(resources.size, 0);
});
