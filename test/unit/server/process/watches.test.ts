import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, suite, test } from 'node:test';
import { FileWatch, watchedFolders } from '../../../../src/server/process/file-watch.ts';
import { watchParent } from '../../../../src/server/process/parent-watch.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { MemoryLogger } from '../../../support/memory-logger.ts';

const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'srs-watch-')));
after(() => rmSync(folder, { recursive: true, force: true }));
const at = (...parts: string[]): string => path.join(folder, ...parts);

suite('watchedFolders', () => {
  test('of a plain file: its own', () => {
    writeFileSync(at('plain.conf'), '');
    assert.deepEqual([...watchedFolders(at('plain.conf'))], [folder]);
  });

  test('of a ConfigMap: where the link is switched, and where the file is', () => {
    mkdirSync(at('map/..v1'), { recursive: true });
    writeFileSync(at('map/..v1/srs.conf'), '');
    symlinkSync('..v1', at('map/..data'));
    symlinkSync('..data/srs.conf', at('map/srs.conf'));
    assert.deepEqual([...watchedFolders(at('map/srs.conf'))].sort(), [at('map'), at('map/..v1')]);
  });

  test('of a link to elsewhere, of what is not there, and of links in a circle', () => {
    mkdirSync(at('elsewhere'));
    writeFileSync(at('elsewhere/real.conf'), '');
    symlinkSync(at('elsewhere/real.conf'), at('linked.conf'));
    assert.deepEqual([...watchedFolders(at('linked.conf'))].sort(), [folder, at('elsewhere')]);
    assert.deepEqual([...watchedFolders(at('none/none.conf'))], [at('none')]);
    symlinkSync('round.conf', at('round.conf'));
    assert.deepEqual([...watchedFolders(at('round.conf'))], [folder]);
  });
});

suite('FileWatch without the kernel', () => {
  /** Only the clock moves: what is seen is seen by looking. */
  function fixture(name: string, asked: readonly string[] = [], readAt = Infinity) {
    const file = at(name);
    writeFileSync(file, 'one');
    const clock = new ManualClock();
    const logger = new MemoryLogger();
    let changes = 0;
    const watch = new FileWatch({
      files: [file],
      asked,
      readAt,
      clock,
      logger,
      onChange: () => (changes += 1),
    });
    after(() => watch.close());
    return { file, clock, logger, watch, changes: () => changes };
  }

  test('what was written after it was read for the start is noticed once', () => {
    const late = fixture('late.conf', [], Date.now() - 60_000);
    late.clock.advance(20_000);
    assert.equal(late.changes(), 1);
    const early = fixture('early.conf', [], Date.now() + 60_000);
    early.clock.advance(20_000);
    assert.equal(early.changes(), 0);
  });

  test('a change is noticed once, within 5 s', () => {
    const { file, clock, changes } = fixture('looked.conf');
    clock.advance(10_000);
    assert.equal(changes(), 0);
    writeFileSync(file, 'other');
    clock.advance(5_000);
    assert.equal(changes(), 1);
    clock.advance(20_000);
    assert.equal(changes(), 1);
  });

  test('of the same size too, by its time', () => {
    const { file, clock, changes } = fixture('touched.conf');
    utimesSync(file, 1, 1);
    clock.advance(5_000);
    assert.equal(changes(), 1);
  });

  test('what is about to be read is nothing new', () => {
    const { file, clock, changes, watch } = fixture('noticed.conf');
    writeFileSync(file, 'other');
    watch.noticed();
    clock.advance(10_000);
    assert.equal(changes(), 0);
  });

  test('a file that is gone is told of once and reloads nothing; its return does', () => {
    const { file, clock, changes, logger } = fixture('gone.conf');
    rmSync(file);
    clock.advance(8_100);
    assert.equal(changes(), 0);
    assert.match(logger.lines[0] ?? '', /is gone/);
    writeFileSync(file, 'back again');
    clock.advance(5_000);
    assert.equal(changes(), 1);
  });

  test('what is asked for may be missing; that it comes or goes is a change, and so is a name that fits', () => {
    mkdirSync(at('conf.d'));
    const { clock, changes, logger } = fixture('asking.conf', [at('later.conf'), at('conf.d/*.conf')]);
    clock.advance(10_000);
    assert.equal(changes(), 0);
    const steps: readonly (readonly [step: () => void, changes: number])[] = [
      [() => writeFileSync(at('later.conf'), ''), 1],
      [() => writeFileSync(at('conf.d/a.conf'), ''), 2],
      [() => writeFileSync(at('conf.d/a.txt'), ''), 2],
      [() => writeFileSync(at('conf.d/.b.conf'), ''), 2],
      [() => rmSync(at('later.conf')), 3],
      [() => rmSync(at('conf.d'), { recursive: true }), 4],
    ];
    for (const [step, want] of steps) {
      step();
      clock.advance(5_000);
      assert.equal(changes(), want);
    }
    assert.deepEqual(logger.lines, []);
  });

  test('a closed one is silent', () => {
    const { file, clock, changes, watch } = fixture('closed.conf');
    watch.close();
    writeFileSync(file, 'other');
    clock.advance(60_000);
    assert.equal(changes(), 0);
  });
});

test('watchParent tells once, of the parent that was and the one that is', () => {
  const clock = new ManualClock();
  let parent = 10;
  const told: number[][] = [];
  watchParent(
    clock,
    10,
    (...pids) => told.push(pids),
    () => parent,
  );
  clock.advance(5_000);
  assert.deepEqual(told, []);
  parent = 1;
  clock.advance(5_000);
  assert.deepEqual(told, [[10, 1]]);
});
