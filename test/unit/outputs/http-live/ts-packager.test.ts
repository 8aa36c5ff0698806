import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { silentLogger } from '../../../../src/base/logger.ts';
import { TsDemuxer } from '../../../../src/containers/mpegts/index.ts';
import { createHub, type ClosableHub } from '../../../../src/hub/hub.ts';
import type { PublishLease } from '../../../../src/hub/ports.ts';
import type { Frame } from '../../../../src/media/frame.ts';
import { tsFormat } from '../../../../src/outputs/http-live/ts-packager.ts';
import {
  LIVE_DEMO,
  playRequest,
  sessionOf,
  STREAM_OPTIONS,
  type TestPlay,
} from '../../../support/hub-fixtures.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { aacConfig, aacFrame, audioTime, avcConfig, mp3Frame, picture } from '../../../support/ts-frames.ts';
import { unchunk, unwebsocket } from '../../../support/wire-decoders.ts';

const TS = tsFormat({ framing: 'identity', tracks: 'av' });
const PACKET = 188;

/** A reader stricter than ours: every PID's counter, the tables' included. */
function readStrictly(bytes: Buffer): { frames: Frame[]; pids: Set<number> } {
  assert.equal(bytes.length % PACKET, 0);
  const counters = new Map<number, number>();
  for (let at = 0; at < bytes.length; at += PACKET) {
    assert.equal(bytes[at], 0x47, `sync byte at ${at}`);
    const pid = bytes.readUInt16BE(at + 1) & 0x1fff;
    const control = bytes.readUInt8(at + 3);
    const counter = control & 15;
    const breaks =
      (control & 0x20) !== 0 && bytes.readUInt8(at + 4) > 0 && (bytes.readUInt8(at + 5) & 0x80) !== 0;
    const before = counters.get(pid);
    const expected =
      before === undefined || breaks ? counter : (before + ((control & 0x10) === 0 ? 0 : 1)) & 15;
    assert.equal(counter, expected, `continuity of PID ${pid} at packet ${at / PACKET}`);
    counters.set(pid, counter);
  }
  const demuxer = new TsDemuxer();
  const frames = [...demuxer.push(bytes), ...demuxer.end()];
  const { continuityErrors, skippedBytes, badSections, unusablePackets } = demuxer.stats;
  assert.deepEqual(
    { continuityErrors, skippedBytes, badSections, unusablePackets },
    {
      continuityErrors: 0,
      skippedBytes: 0,
      badSections: 0,
      unusablePackets: 0,
    },
  );
  return { frames, pids: new Set(counters.keys()) };
}

const idOf = (frame: Frame): string =>
  `${frame.kind} ${frame.dts}${frame.kind === 'video' ? `+${frame.cts}` : ''} ${frame.isKeyframe ? 'key' : ''}`;
const media = (frames: readonly Frame[], kind?: string): string[] =>
  frames.filter((frame) => !frame.isConfig && (kind === undefined || frame.kind === kind)).map(idOf);

/** Sound that shares a packet has the time of its samples, which the whole ms of the input round. */
function assertSameSound(heard: readonly Frame[], sent: readonly Frame[]): void {
  const sounds = (frames: readonly Frame[]): Frame[] =>
    frames.filter(({ kind, isConfig }) => kind === 'audio' && !isConfig);
  const got = sounds(heard);
  const all = sounds(sent).slice(sounds(sent).length - got.length);
  got.forEach((frame, n) => {
    assert.ok(all[n]?.payload.equals(frame.payload), `sound ${n} of ${got.length}`);
    assert.ok(Math.abs((all[n]?.dts ?? 0) - frame.dts) <= 1, `${frame.dts} for ${all[n]?.dts}`);
  });
}

interface Bench {
  readonly clock: ManualClock;
  readonly hub: ClosableHub;
  publish(name: string): PublishLease;
}

function bench(options: Partial<typeof STREAM_OPTIONS> = {}): Bench {
  const clock = new ManualClock();
  const hub = createHub({
    clock,
    logger: silentLogger,
    optionsFor: () => ({ ...STREAM_OPTIONS, ...options }),
    describeTrack: () => undefined,
  });
  return { clock, hub, publish: (name) => hub.publish(LIVE_DEMO, sessionOf(name)) };
}

function play({ hub }: Bench, id: string, format = TS): TestPlay {
  const request = playRequest(id, format);
  const stream = hub.find(LIVE_DEMO);
  assert.ok(stream !== undefined);
  stream.play(request);
  return request;
}

/** Pictures each 40 ms, a keyframe each `gop`, and AAC frames, in order of their times. */
function program(count: number, gop: number, sound: 'aac' | 'mp3' | 'none' = 'aac', from = 0): Frame[] {
  const frames: Frame[] = [avcConfig(from)];
  if (sound === 'aac') frames.push(aacConfig(from));
  let audio = 0;
  const timeOf = (index: number): number => audioTime(from, index, sound === 'mp3' ? 1152 : 1024);
  for (let n = 0; n < count; n += 1) {
    const time = from + n * 40;
    frames.push(picture(time, n % 3 === 0 ? 40 : 0, n % gop === 0, [60 + ((n * 97) % 900)]));
    for (; sound !== 'none' && timeOf(audio) < time + 40; audio += 1) {
      const dts = timeOf(audio);
      frames.push(sound === 'aac' ? aacFrame(dts, 120 + (audio % 40)) : mp3Frame(dts));
    }
  }
  return frames.sort((a, b) => a.dts - b.dts || (a.isConfig ? -1 : 0) - (b.isConfig ? -1 : 0));
}

/** Writes frames while time passes as they say. */
function write({ clock }: Bench, lease: PublishLease, frames: readonly Frame[], since: { at: number }): void {
  for (const frame of frames) {
    if (frame.dts > since.at) clock.advance(frame.dts - since.at);
    since.at = Math.max(since.at, frame.dts);
    lease.write(frame);
  }
  clock.advance(1);
  since.at += 1;
}

suite('whoever joins wherever sees one stream', () => {
  for (const sound of ['aac', 'mp3', 'none'] as const) {
    test(`with ${sound}`, () => {
      fc.assert(
        fc.property(
          fc.integer({ min: 2, max: 12 }),
          fc.array(fc.integer({ min: 0, max: 180 }), { minLength: 1, maxLength: 6 }),
          (gop, joins) => {
            const at = bench();
            const frames = program(70, gop, sound);
            const lease = at.publish('p');
            const since = { at: 0 };
            const viewers: TestPlay[] = [];
            frames.forEach((frame, n) => {
              for (const join of joins) if (join === n) viewers.push(play(at, `v${viewers.length}`));
              write(at, lease, [frame], since);
            });
            lease.release();
            at.clock.advance(1);
            const sent = media(frames);
            for (const viewer of viewers) {
              const { frames: seen } = readStrictly(viewer.sink.bytes);
              const got = media(seen, 'video');
              const all = sent.filter((id) => id.startsWith('video'));
              assert.deepEqual(got, all.slice(all.length - got.length), 'pictures to the end');
              const joined = joins.some((join) => join < frames.length - 1);
              if (joined && got.length > 0) assert.match(got[0] ?? '', /key$/);
              assertSameSound(seen, frames);
            }
            at.hub.close();
          },
        ),
        {
          numRuns: 60,
          includeErrorInReport: true,
          interruptAfterTimeLimit: 4000,
          markInterruptAsFailure: false,
        },
      );
    });
  }
});

test('the first who comes gets the cached group, the next the very same packets', () => {
  const at = bench();
  const lease = at.publish('p');
  const frames = program(20, 25);
  write(at, lease, frames, { at: 0 });
  const first = play(at, 'a');
  const second = play(at, 'b');
  assert.ok(first.sink.bytes.length > 0);
  assert.ok(first.sink.bytes.equals(second.sink.bytes));
  assert.equal(first.sink.written.at(-1)?.buffer, second.sink.written.at(-1)?.buffer, 'the same memory');
  write(at, lease, program(10, 25, 'aac', 800).slice(2), { at: 800 });
  lease.release();
  at.clock.advance(1);
  assert.ok(first.sink.bytes.equals(second.sink.bytes));
  const { frames: seen } = readStrictly(first.sink.bytes);
  assert.equal(media(seen, 'video').length, 30);
});

test('a queue that overflowed: what comes after the gap announces it', () => {
  const at = bench({ queueLengthMs: 500 });
  const lease = at.publish('p');
  const since = { at: 0 };
  const frames = program(200, 10);
  write(at, lease, frames.slice(0, 40), since);
  const viewer = play(at, 'v');
  viewer.sink.reading = false;
  write(at, lease, frames.slice(40, 300), since);
  viewer.sink.reading = true;
  viewer.sink.pendingBytes = 0;
  write(at, lease, frames.slice(300), since);
  lease.release();
  at.clock.advance(1);
  const pictures = media(readStrictly(viewer.sink.bytes).frames, 'video');
  const all = media(frames, 'video');
  const gaps = pictures.filter(
    (id, n) => n > 0 && all.indexOf(id) !== all.indexOf(pictures[n - 1] ?? '') + 1,
  );
  assert.equal(gaps.length, 1);
  assert.match(gaps[0] ?? '', /key$/);
  assert.equal(pictures.at(-1), all.at(-1));
});

for (const [before, after] of [
  ['aac', 'aac'],
  ['aac', 'none'],
  ['none', 'mp3'],
  ['mp3', 'aac'],
] as const) {
  test(`a republish goes on at a keyframe: sound was ${before}, is ${after}`, () => {
    const at = bench();
    const since = { at: 0 };
    const first = program(33, 10, before);
    const lease = at.publish('p');
    write(at, lease, first, since);
    const viewer = play(at, 'v');
    write(at, lease, program(7, 10, before, 1320).slice(before === 'aac' ? 2 : 1), since);
    lease.release();
    at.clock.advance(2_000);
    assert.equal(media(readStrictly(viewer.sink.bytes).frames, 'audio').length > 0, before !== 'none');
    const whole = viewer.sink.bytes.length;
    const again = at.publish('q');
    write(at, again, program(60, 10, after), { at: 0 });
    again.release();
    at.clock.advance(1);
    const { frames } = readStrictly(viewer.sink.bytes);
    const times = frames.filter(({ kind, isConfig }) => kind === 'video' && !isConfig).map(({ dts }) => dts);
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );
    const second = readStrictly(viewer.sink.bytes.subarray(whole));
    // Without sound it takes a second until it is known that none comes: it begins with the newest group then.
    assert.equal(media(second.frames, 'video').length, after === 'none' ? 50 : 60);
    assert.match(media(second.frames, 'video')[0] ?? '', /key$/);
    assert.equal(media(second.frames, 'audio').length > 0, after !== 'none');
  });
}

test('sound alone: a joiner gets tables that the live packets continue', () => {
  const at = bench();
  const lease = at.publish('p');
  const since = { at: 0 };
  const frames = [aacConfig(0), ...Array.from({ length: 200 }, (_, n) => aacFrame(audioTime(0, n), 150))];
  write(at, lease, frames.slice(0, 80), since);
  const first = play(at, 'a');
  write(at, lease, frames.slice(80, 120), since);
  const second = play(at, 'b');
  write(at, lease, frames.slice(120), since);
  lease.release();
  at.clock.advance(1);
  for (const [viewer, from] of [
    [first, 78],
    [second, 118],
  ] as const) {
    const { frames: heard } = readStrictly(viewer.sink.bytes);
    assertSameSound(heard, frames);
    assert.ok(media(heard).length >= 200 - from - 6, `${heard.length}`);
  }
});

test('a publisher who comes back with sound alone: the picture leaves the program', () => {
  const at = bench();
  const lease = at.publish('p');
  write(at, lease, program(30, 10), { at: 0 });
  const viewer = play(at, 'v');
  lease.release();
  at.clock.advance(500);
  const again = at.publish('q');
  const sound = [aacConfig(0), ...Array.from({ length: 150 }, (_, n) => aacFrame(audioTime(0, n), 150))];
  write(at, again, sound, { at: 0 });
  again.release();
  at.clock.advance(1);
  const { frames } = readStrictly(viewer.sink.bytes);
  assert.ok(media(frames, 'audio').length > 140);
});

test('framing: chunks and messages hold the same packets, and no piece is empty', () => {
  const bodies = (['identity', 'chunked', 'websocket'] as const).map((framing) => {
    const at = bench({ holdMs: 1 });
    const lease = at.publish('p');
    const since = { at: 0 };
    const frames = program(40, 10);
    write(at, lease, frames.slice(0, 60), since);
    const viewer = play(at, 'v', tsFormat({ framing, tracks: 'av' }));
    write(at, lease, frames.slice(60), since);
    lease.release();
    at.clock.advance(500);
    assert.deepEqual(viewer.ends, ['gone']);
    const { bytes } = viewer.sink;
    if (framing === 'identity') return bytes;
    const { body, ended } = framing === 'chunked' ? unchunk(bytes) : unwebsocket(bytes);
    assert.ok(ended);
    return body;
  });
  assert.ok(bodies[0]?.equals(bodies[1] ?? Buffer.alloc(0)));
  assert.ok(bodies[0]?.equals(bodies[2] ?? Buffer.alloc(0)));
});

test('viewers of different bases share the bytes of a window', () => {
  const at = bench();
  const lease = at.publish('p');
  const since = { at: 0 };
  const frames = program(60, 5, 'none');
  const viewers: TestPlay[] = [];
  frames.forEach((frame) => {
    write(at, lease, [frame], since);
    if (frame.isKeyframe)
      viewers.push(play(at, `v${viewers.length}`, tsFormat({ framing: 'chunked', tracks: 'av' })));
  });
  const last = viewers.slice(0, -1).map(({ sink }) => sink.written.at(-1));
  assert.ok(last.length > 5);
  assert.equal(new Set(last).size, 1);
  lease.release();
});

test('odd input: late config record, H.265, frames without a byte', () => {
  const at = bench();
  const lease = at.publish('p');
  const since = { at: 0 };
  const viewer0 = (): TestPlay => play(at, 'v');
  write(at, lease, program(12, 5).slice(2), since); // No config record.
  const viewer = viewer0();
  write(at, lease, [picture(500, 0, true, []), picture(540, 0, false, [50])], since);
  write(at, lease, program(20, 5, 'aac', 600), since);
  lease.release();
  at.clock.advance(1);
  const { frames } = readStrictly(viewer.sink.bytes);
  assert.equal(media(frames, 'video').length, 20);
  assert.match(media(frames, 'video')[0] ?? '', /600\+40 key/);
});
