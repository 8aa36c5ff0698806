import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { ServerError } from '../../../../src/base/errors.ts';
import { silentLogger, type Logger } from '../../../../src/base/logger.ts';
import {
  startFileIngest,
  type FileIngest,
  type IngestPublisher,
} from '../../../../src/inputs/ingest/index.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { clip, flvFile, KEY, INTER, MemoryFile, type TagSpec } from './flv-file.ts';

interface Written {
  readonly at: number;
  readonly typeId: number;
  readonly timestamp: number;
  readonly body: Buffer;
}

/** A target in memory whose publishers can be killed, stalled or refused. */
class FakeTarget {
  readonly written: Written[] = [];
  opens = 0;
  closes = 0;
  refuse: Error | undefined;
  hang = false;
  hangOnClose = false;
  full = false;
  #end: (why: unknown) => void = () => undefined;
  #drain: () => void = () => undefined;
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  kill(why: unknown): void {
    this.#end(why);
  }

  drained(): void {
    this.full = false;
    this.#drain();
  }

  open(): Promise<IngestPublisher> {
    this.opens += 1;
    if (this.refuse !== undefined) return Promise.reject(this.refuse);
    if (this.hang) return new Promise(() => undefined);
    const closed = new Promise<unknown>((resolve) => (this.#end = resolve));
    return Promise.resolve({
      write: (typeId, timestamp, body) => {
        this.written.push({ at: this.#clock.now(), typeId, timestamp, body });
        return !this.full;
      },
      drain: () => new Promise((resolve) => (this.#drain = resolve)),
      close: () => {
        this.closes += 1;
        this.#end(undefined);
        return this.hangOnClose ? new Promise<void>(() => undefined) : Promise.resolve();
      },
      closed,
    });
  }
}

interface Rig {
  readonly clock: ManualClock;
  readonly target: FakeTarget;
  readonly file: MemoryFile;
  readonly lines: string[];
  readonly ingest: FileIngest;
  readonly start: number;
  readonly run: (ms: number, stepMs?: number) => Promise<void>;
}

function rig(
  tags: readonly TagSpec[] | Buffer,
  prepare: (target: FakeTarget) => void = () => undefined,
): Rig {
  const clock = new ManualClock();
  const target = new FakeTarget(clock);
  prepare(target);
  const file = new MemoryFile(Buffer.isBuffer(tags) ? tags : flvFile(tags));
  const lines: string[] = [];
  const log: Logger = {
    ...silentLogger,
    info: (line) => lines.push(`info ${line}`),
    warn: (line) => lines.push(`warn ${line}`),
  };
  const ingest = startFileIngest({ path: 'clip.flv', target, clock, log, openFile: file.open });
  return {
    clock,
    target,
    file,
    lines,
    ingest,
    start: clock.now(),
    async run(ms, stepMs = 5) {
      // The ingest acts in promise callbacks: each step lets them run.
      await turn();
      for (let done = 0; done < ms; done += stepMs) {
        clock.advance(stepMs);
        await turn();
      }
    },
  };
}

const media = (written: readonly Written[], typeId: number): Written[] =>
  written.filter((one) => one.typeId === typeId && one.body[1] === 1);

test('tags go out at the pace of their timestamps, over three rounds, both tracks without gap', async () => {
  const { target, start, run, ingest, clock } = rig(clip(1280, 25));
  await run(3 * 1280);
  await ingest.close();
  const video = media(target.written, 9).slice(0, 96);
  const audio = media(target.written, 8).slice(0, 180);
  assert.deepEqual([video.length, audio.length], [96, 180]);
  video.forEach(({ timestamp }, i) => assert.equal(timestamp, i * 40));
  audio.forEach(({ timestamp }, i) => assert.ok(Math.abs(timestamp - (i * 1024) / 48) <= 1, `audio ${i}`));
  for (const { at, timestamp } of [...video, ...audio]) {
    const late = at - start - timestamp;
    assert.ok(late >= -0.5 && late <= 5, `timestamp ${timestamp} was sent ${late} ms late`);
  }
  assert.equal(clock.pending, 0);
});

test('a simulated day drifts by nothing', async () => {
  const seconds = 86_400;
  // Ten pictures a round, and an odd rate, so that rounding errors would add up.
  const tags: TagSpec[] = Array.from({ length: 10 }, (_, i) => [
    9,
    Math.round(i * 1001),
    i === 0 ? KEY : INTER,
  ]);
  const { target, start, run, ingest } = rig(tags);
  await run(seconds * 1000, 400);
  await ingest.close();
  const last = target.written.at(-1);
  assert.ok(last !== undefined);
  assert.equal(target.written.length, Math.floor((seconds * 1000) / 1001) + 1);
  assert.equal(last.timestamp, (target.written.length - 1) * 1001);
  assert.ok(Math.abs(last.at - start - last.timestamp) <= 400);
});

test('after a stall of the process at most half a second is sent at once, then the pace goes on', async () => {
  const { target, run, ingest, clock } = rig(clip(1280, 25));
  await run(200);
  const before = media(target.written, 9).length;
  clock.advance(10_000);
  await turn();
  await turn();
  const burst = media(target.written, 9).length - before;
  assert.ok(burst >= 10 && burst <= 14, `${burst} pictures at once`);
  await run(400);
  const after = media(target.written, 9).length - before - burst;
  assert.ok(after >= 9 && after <= 11, `${after} pictures in 400 ms`);
  await ingest.close();
});

test('a full backlog stops the reading until it drains', async () => {
  const { target, run, ingest } = rig(clip(1280, 25), (t) => (t.full = true));
  await run(1000);
  const { length } = target.written;
  assert.equal(length, 1);
  target.drained();
  await run(200);
  assert.ok(target.written.length > 10);
  await ingest.close();
});

test('a target that dies is opened again, from the beginning of the file with its config records', async () => {
  const { target, run, ingest, lines, file } = rig(clip(1280, 25));
  await run(600);
  const before = target.written.length;
  target.kill(new ServerError('SESSION_KICKED', 'kicked'));
  await run(450);
  assert.equal(target.written.length, before);
  assert.equal(target.opens, 1);
  await run(200);
  assert.equal(target.opens, 2);
  const again = target.written.slice(before, before + 4);
  assert.deepEqual(
    again.map(({ typeId, timestamp, body }) => [typeId, timestamp, body[1]]),
    [
      [18, 0, 0],
      [9, 0, 0],
      [8, 0, 0],
      [9, 0, 1],
    ],
  );
  assert.deepEqual(lines, [
    'info ingest of clip.flv is published',
    'warn ingest of clip.flv failed, trying again: SESSION_CLOSED(1075): the publish ended <- SESSION_KICKED(1076): kicked',
    'info ingest of clip.flv is published',
  ]);
  await ingest.close();
  assert.equal(file.opened, file.closed);
  assert.equal(target.closes, 2);
});

test('a target that refuses is tried with growing pauses and told once', async () => {
  const { target, run, ingest, lines } = rig(clip(1280, 25), (t) => {
    t.refuse = new ServerError('CONNECT_FAILED', 'refused');
  });
  await run(31_000, 100);
  // At 0, 0.5, 1.5, 3.5, 7.5, 15.5 and 23.5 s.
  assert.equal(target.opens, 7);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /^warn .*CONNECT_FAILED/);
  target.refuse = undefined;
  await run(8_000, 100);
  assert.equal(lines.length, 2);
  assert.ok(target.written.length > 0);
  await ingest.close();
});

test('after a publish that lasted, pauses begin small again', async () => {
  const { target, run, ingest } = rig(clip(1280, 25), (t) => (t.refuse = new Error('no')));
  await run(8_000, 100);
  target.refuse = undefined;
  await run(20_000, 100);
  const opens = target.opens;
  assert.ok(target.written.length > 0);
  target.kill(undefined);
  await run(700, 100);
  assert.equal(target.opens, opens + 1);
  await ingest.close();
});

test('a file that is no FLV is told as INGEST_INPUT_INVALID and taken up once it is mended', async () => {
  const { target, file, run, ingest, lines } = rig(Buffer.from('\0\0\0\x20ftypisom', 'latin1'));
  await run(2_000, 100);
  assert.equal(target.opens, 0);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /INGEST_INPUT_INVALID.*FLV_INVALID/);
  file.bytes = flvFile(clip(1280, 25));
  await run(2_500, 100);
  assert.equal(target.opens, 1);
  await ingest.close();
});

const CLOSES: readonly { name: string; prepare?: (target: FakeTarget) => void; afterMs: number }[] = [
  { name: 'at once', afterMs: 0 },
  { name: 'between two frames', afterMs: 310 },
  { name: 'while the target opens', prepare: (t) => (t.hang = true), afterMs: 300 },
  { name: 'while the target refuses', prepare: (t) => (t.refuse = new Error('no')), afterMs: 700 },
  { name: 'while the backlog is full', prepare: (t) => (t.full = true), afterMs: 300 },
  { name: 'with a publisher that does not end', prepare: (t) => (t.hangOnClose = true), afterMs: 300 },
];

for (const { name, prepare, afterMs } of CLOSES) {
  test(`close() ends within a second: ${name}`, async () => {
    const { run, ingest, clock, file, target } = rig(clip(1280, 25), prepare);
    await run(afterMs);
    const done = { yes: false };
    const closing = ingest.close().then(() => (done.yes = true));
    await run(1000, 100);
    assert.equal(done.yes, true, 'closed');
    await closing;
    await ingest.close();
    assert.deepEqual([clock.pending, file.opened - file.closed], [0, 0]);
    const written = target.written.length;
    await run(2000, 100);
    assert.equal(target.written.length, written);
  });
}

test('a publisher that opens after the ingest was closed is closed', async () => {
  const clock = new ManualClock();
  const target = new FakeTarget(clock);
  let release: (publisher: IngestPublisher) => void = () => undefined;
  const slow = { open: () => new Promise<IngestPublisher>((resolve) => (release = resolve)) };
  const file = new MemoryFile(flvFile(clip(1280, 25)));
  const ingest = startFileIngest({ path: 'x', target: slow, clock, log: silentLogger, openFile: file.open });
  await turn();
  await ingest.close();
  release(await target.open());
  await turn();
  assert.equal(target.closes, 1);
});
