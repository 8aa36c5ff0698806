import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { RecordFile, type RecordPlace } from '../../../src/storage/record-file.ts';

let dir: string;
let path: string;
const open: RecordFile[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'srs-records-'));
  path = join(dir, 'sub', 'records');
});
afterEach(async () => {
  for (const file of open.splice(0)) await file.close(false);
  rmSync(dir, { recursive: true, force: true });
});

function create(): RecordFile {
  const file = new RecordFile(path);
  open.push(file);
  return file;
}

function startOfInit(): string {
  const stat = readFileSync('/proc/1/stat', 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

async function lines(file: RecordFile): Promise<{ ours: boolean; texts: string[]; places: RecordPlace[] }> {
  const texts: string[] = [];
  const places: RecordPlace[] = [];
  const ours = await file.load((line, place) => {
    texts.push(line.toString());
    places.push(place);
  });
  return { ours, texts, places };
}

suite('a file of records', () => {
  test('where no folder can be made it says so, and does not try for ever', async () => {
    path = '/proc/none/records';
    await assert.rejects(create().append(Buffer.from('one\n')), { code: 'ENOENT' });
  });

  test('is made by its first record, keeps what was appended, and is for its owner’s eyes', async () => {
    const file = create();
    assert.deepEqual((await lines(file)).texts, []);
    assert.equal(existsSync(path), false);
    await file.append(Buffer.from('one\ntwo\n'));
    const three = await file.append(Buffer.from('three\n'));
    assert.equal((await file.read(three)).toString(), 'three\n');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    await file.close(false);
    const again = create();
    const { texts, places } = await lines(again);
    assert.deepEqual(texts, ['one', 'two', 'three']);
    for (const [index, place] of places.entries())
      assert.equal((await again.read(place)).toString(), `${texts[index]}\n`);
    await again.append(Buffer.from('four\n'));
    await again.close(false);
    assert.deepEqual((await lines(create())).texts, ['one', 'two', 'three', 'four']);
  });

  test('that was cut anywhere has the whole lines before the cut, and goes on behind them', async () => {
    const file = create();
    await file.append(Buffer.from('{"a":1}\n{"b":"ö"}\n{"c":3}\n'));
    await file.close(false);
    const whole = readFileSync(path);
    const header = whole.indexOf('\n') + 1;
    for (let length = 0; length <= whole.length; length += 1) {
      writeFileSync(path, whole.subarray(0, length));
      const cut = create();
      const { ours, texts } = await lines(cut);
      assert.equal(ours, length >= header);
      const want = ['{"a":1}', '{"b":"ö"}', '{"c":3}'].filter(
        (text) => whole.indexOf(text) + Buffer.byteLength(text) < length,
      );
      assert.deepEqual(texts, want);
      if (ours) {
        await cut.append(Buffer.from('next\n'));
        assert.equal(readFileSync(path, 'utf8').split('\n').at(-2), 'next');
      }
      await cut.close(false);
    }
  });

  test('is read in pieces without a loss', async () => {
    const file = create();
    const all = Array.from({ length: 3_000 }, (_, n) => `${n} ${'x'.repeat(n % 700)}`);
    await file.append(Buffer.from(`${all.join('\n')}\n`));
    await file.close(false);
    assert.deepEqual((await lines(create())).texts, all);
  });

  test('is written anew with what still counts', async () => {
    const file = create();
    await file.append(Buffer.from('one\ntwo\nthree\n'));
    await file.close(false);
    const again = create();
    const { places } = await lines(again);
    const moved = await again.rewrite([places[2], places[0]] as RecordPlace[]);
    assert.equal((await again.read(moved[1] as RecordPlace)).toString(), 'one\n');
    await again.append(Buffer.from('four\n'));
    await again.close(false);
    assert.deepEqual((await lines(create())).texts, ['three', 'one', 'four']);
  });

  test('of somebody else is none, and can be set aside', async () => {
    await create().append(Buffer.from('x\n'));
    for (const file of open.splice(0)) await file.close(true);
    assert.equal(existsSync(path), false);
    writeFileSync(path, 'listen 1935;\n');
    const file = create();
    assert.equal((await lines(file)).ours, false);
    assert.equal(await file.setAside(), `${path}.broken`);
    await file.append(Buffer.from('one\n'));
    assert.equal(readFileSync(`${path}.broken`, 'utf8'), 'listen 1935;\n');
    await file.close(false);
    assert.deepEqual((await lines(create())).texts, ['one']);
  });

  test('without an end of a line is none', async () => {
    const file = create();
    await file.append(Buffer.concat([Buffer.alloc(600_000, 'x'), Buffer.from('\n')]));
    await file.close(false);
    assert.equal((await lines(create())).ours, false);
  });

  test('is never reached through a link', async () => {
    await create().append(Buffer.from('one\n'));
    for (const file of open.splice(0)) await file.close(false);
    const target = path;
    path = join(dir, 'link');
    symlinkSync(target, path);
    await assert.rejects(lines(create()));
  });

  test('belongs to one process; that of a dead one is taken over', async () => {
    const file = create();
    await file.append(Buffer.from('one\n'));
    writeFileSync(`${path}.lock`, '1\n'); // A process that lives as long as the machine.
    await assert.rejects(lines(create()), /process 1 has /);
    writeFileSync(`${path}.lock`, `1 ${startOfInit()}\n`);
    await assert.rejects(lines(create()), /process 1 has /);
    writeFileSync(`${path}.lock`, '1 0\n'); // Had by another process of that id, before the machine started.
    assert.deepEqual((await lines(create())).texts, ['one']);
    for (const one of open.splice(0)) await one.close(false);
    writeFileSync(`${path}.lock`, '4194304\n'); // No process has this one: it is above the largest.
    assert.deepEqual((await lines(create())).texts, ['one']);
    for (const one of open.splice(0)) await one.close(true);
    assert.equal(existsSync(`${path}.lock`), false);
    assert.equal(existsSync(path), false);
  });
});
