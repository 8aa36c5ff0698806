import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { TimerWheel } from '../../../src/base/timer-wheel.ts';
import { DelayedRemovals } from '../../../src/storage/delayed-removals.ts';
import { LiveResources } from '../../../src/storage/live-resources.ts';
import { StreamFiles } from '../../../src/storage/stream-files.ts';
import { WholeFiles } from '../../../src/storage/whole-files.ts';
import { ManualClock } from '../../support/manual-clock.ts';

interface World {
  readonly root: string;
  readonly clock: ManualClock;
  readonly resources: LiveResources;
  readonly removals: DelayedRemovals;
  readonly whole: WholeFiles;
  readonly failed: string[];
  readonly files: (after?: Promise<void>) => StreamFiles;
}

function world(context: TestContext): World {
  const root = mkdtempSync(join(tmpdir(), 'srs-stream-files-'));
  context.after(() => rmSync(root, { recursive: true, force: true }));
  const clock = new ManualClock();
  const wheel = new TimerWheel(clock);
  const failed: string[] = [];
  const resources = new LiveResources(1_000_000);
  const removals = new DelayedRemovals(wheel, (path) => failed.push(path));
  const whole = new WholeFiles((error) => failed.push(error.code));
  const files = (after = Promise.resolve()): StreamFiles =>
    new StreamFiles({ root, resources, removals, whole, unixTime: () => 5, after });
  return { root, clock, resources, removals, whole, failed, files };
}

test('what is put is served at once and written', async (context) => {
  const { root, resources, files } = world(context);
  const stream = files();
  const written = stream.put('live/a-1.ts', Buffer.from('one'));
  const path = join(root, 'live/a-1.ts');
  const served = resources.find(path)?.respond({} as never);
  assert.deepEqual(served, { bytes: Buffer.from('one'), modifiedMs: 5 });
  assert.equal(await written, 'done');
  assert.equal(readFileSync(path, 'utf8'), 'one');
  await stream.settled();
  stream.unserveAll();
  assert.equal(resources.size, 0);
});

test('nothing is written before the output before is done, nor before what it refers to', async (context) => {
  const { root, files } = world(context);
  let free: () => void = () => undefined;
  const stream = files(new Promise((resolve) => (free = resolve)));
  const segment = stream.put('a-1.ts', Buffer.from('one'));
  const playlist = stream.put('a.m3u8', Buffer.from('list'), { after: segment });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(existsSync(join(root, 'a-1.ts')), false);
  let segmentWas: boolean | undefined;
  void segment.then(() => (segmentWas = existsSync(join(root, 'a.m3u8'))));
  free();
  assert.equal(await playlist, 'done');
  assert.equal(segmentWas, false);
});

test('a removal waits its time, serves until then, and takes the folders that are empty', async (context) => {
  const { root, clock, resources, removals, files } = world(context);
  const stream = files();
  await stream.put('live/deep/a-1.ts', Buffer.from('one'));
  await stream.put('live/other.ts', Buffer.from('two'));
  stream.remove('live/deep/a-1.ts', 10_000);
  assert.equal(removals.size, 1);
  clock.advance(9_000);
  await removals.settled();
  assert.ok(existsSync(join(root, 'live/deep/a-1.ts')));
  assert.notEqual(resources.find(join(root, 'live/deep/a-1.ts')), undefined);
  clock.advance(2_000);
  await removals.settled();
  assert.equal(existsSync(join(root, 'live/deep')), false);
  assert.ok(existsSync(join(root, 'live/other.ts')));
  assert.equal(resources.find(join(root, 'live/deep/a-1.ts')), undefined);
  stream.remove('live/other.ts', 0);
  await removals.settled();
  assert.equal(existsSync(join(root, 'live')), false);
  assert.ok(existsSync(root), 'never the root');
});

test('a name that is written again is not removed', async (context) => {
  const { root, clock, removals, resources, files } = world(context);
  const stream = files();
  await stream.put('a.ts', Buffer.from('one'));
  stream.remove('a.ts', 1_000);
  await stream.put('a.ts', Buffer.from('two'));
  clock.advance(5_000);
  await removals.settled();
  assert.equal(readFileSync(join(root, 'a.ts'), 'utf8'), 'two');
  assert.notEqual(resources.find(join(root, 'a.ts')), undefined);
});

test('of two removals the last one counts', async (context) => {
  const { root, clock, removals } = world(context);
  const path = join(root, 'a-1.ts');
  writeFileSync(path, 'one');
  removals.remove(path, root, 1_000);
  removals.remove(path, root, 5_000);
  assert.equal(removals.size, 1);
  clock.advance(3_000);
  await removals.settled();
  assert.ok(existsSync(path));
  clock.advance(3_000);
  await removals.settled();
  assert.equal(existsSync(path), false);
});

test('closing forgets what waits, leaves it on the disk and serves it no more', async (context) => {
  const { root, clock, removals, resources, files } = world(context);
  const stream = files();
  await stream.put('a.ts', Buffer.from('one'));
  stream.remove('a.ts', 1_000);
  await removals.close();
  clock.advance(5_000);
  await removals.settled();
  assert.ok(existsSync(join(root, 'a.ts')));
  assert.equal(resources.size, 0);
});

test('a file that is gone is fine, one that cannot be removed is told', async (context) => {
  const { root, removals, failed, files } = world(context);
  const stream = files();
  stream.remove('never.ts', 0);
  await removals.settled();
  assert.deepEqual(failed, []);
  mkdirSync(join(root, 'folder'));
  writeFileSync(join(root, 'folder/inside'), '');
  stream.remove('folder', 0);
  await removals.settled();
  assert.deepEqual(failed, [join(root, 'folder')]);
});

test('what is being written is removed after it', async (context) => {
  const { root, removals, files } = world(context);
  const stream = files();
  const written = stream.put('a.ts', Buffer.from('one'));
  stream.remove('a.ts', 0);
  await Promise.all([written, removals.settled()]);
  assert.equal(existsSync(join(root, 'a.ts')), false);
});

test('nothing leaves the root', (context) => {
  const stream = world(context).files();
  for (const name of ['../a.ts', '/etc/a.ts', 'a/../../b.ts', 'a\0.ts', ''])
    assert.throws(() => stream.put(name, Buffer.alloc(1)), { code: 'STREAM_NAME_INVALID' });
});
