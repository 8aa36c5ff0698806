import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { suite, test } from 'node:test';
import { TsMuxer, type TsMuxerOptions } from '../../../../src/containers/mpegts/index.ts';
import { readPcr } from '../../../../src/containers/mpegts/clock.ts';
import { GrowingBytes } from '../../../../src/hub/slab-log.ts';
import { frameFromFlv, sizeOfTag } from '../../../../src/containers/flv/index.ts';
import type { Frame } from '../../../../src/media/frame.ts';
import { aacConfig, aacFrame, audioTime, avcConfig, mp3Frame, picture } from '../../../support/ts-frames.ts';

function mux(frames: readonly Frame[], options?: TsMuxerOptions): Buffer {
  const muxer = new TsMuxer(options);
  const out = new GrowingBytes();
  let bytes = 0;
  for (const frame of frames) bytes += muxer.write(frame, out);
  bytes += muxer.flush(out);
  assert.equal(bytes, out.length);
  assert.equal(bytes % 188, 0);
  return Buffer.from(out.view());
}

interface Packet {
  readonly pid: number;
  readonly starts: boolean;
  readonly counter: number;
  readonly payload: boolean;
  readonly flags: number;
  readonly pcr: number | undefined;
  readonly bytes: Buffer;
}

function packets(bytes: Buffer): Packet[] {
  const found: Packet[] = [];
  for (let at = 0; at < bytes.length; at += 188) {
    const packet = bytes.subarray(at, at + 188);
    assert.equal(packet[0], 0x47);
    const control = packet.readUInt8(3);
    const flags = (control & 0x20) !== 0 && packet.readUInt8(4) > 0 ? packet.readUInt8(5) : 0;
    found.push({
      pid: packet.readUInt16BE(1) & 0x1fff,
      starts: (packet.readUInt8(1) & 0x40) !== 0,
      counter: control & 15,
      payload: (control & 0x10) !== 0,
      flags,
      pcr: (flags & 0x10) !== 0 ? readPcr(packet, 6) : undefined,
      bytes: packet,
    });
  }
  return found;
}

/** Sound and pictures in the order of their times. */
function presentation(seconds: number, videoKbps: number, audioKbps: number, fps = 25): Frame[] {
  const frames: Frame[] = [];
  const audioBytes = Math.round((audioKbps * 125 * 1024) / 44_100);
  // Keyframes, every two seconds, are five times as large as the pictures between them.
  const gop = fps * 2;
  const usual = (videoKbps * 125 * 2) / (gop + 4);
  for (let i = 0; i < seconds * fps; i++) {
    const key = i % gop === 0;
    // Sizes vary by a third, as those of an encoder do.
    const size = Math.round(usual * (key ? 5 : 0.67 + 0.66 * (((i * 37) % 50) / 49)));
    frames.push(picture(Math.round((i * 1000) / fps), 0, key, [size]));
  }
  for (let i = 0; audioTime(0, i) < seconds * 1000; i++) frames.push(aacFrame(audioTime(0, i), audioBytes));
  frames.sort((a, b) => a.dts - b.dts);
  return [avcConfig(0), aacConfig(0), ...frames];
}

suite('MPEG-TS muxer', () => {
  // Bit rates of the table of budgets: sound of 48 kbit/s with the small ones, 128 with the large ones.
  for (const { kbps, audio, budget } of [
    { kbps: 275, audio: 48, budget: 0.14 },
    { kbps: 565, audio: 64, budget: 0.07 },
    { kbps: 860, audio: 64, budget: 0.05 },
    { kbps: 2_700, audio: 128, budget: 0.031 },
    { kbps: 5_200, audio: 128, budget: 0.026 },
  ]) {
    test(`costs at most ${(budget * 100).toFixed(1)} % more than FLV at ${kbps} kbit/s`, () => {
      const frames = presentation(30, kbps - audio, audio);
      const flv = frames.reduce((sum, frame) => sum + sizeOfTag(frame.flvBody.length), 13);
      assert.ok(Math.abs((flv * 8) / 30_000 / kbps - 1) < 0.1, `${(flv * 8) / 30_000} kbit/s`);
      // As HLS has it: each segment begins with a keyframe, which has the tables.
      const over = mux(frames, { tablesIntervalMs: Infinity }).length / flv - 1;
      assert.ok(over > 0 && over <= budget, `${(over * 100).toFixed(2)} %`);
    });
  }

  test('tables every 500 ms cost a live body at most 5 % more than FLV at 1 Mbit/s', () => {
    const frames = presentation(30, 936, 64);
    const flv = frames.reduce((sum, frame) => sum + sizeOfTag(frame.flvBody.length), 13);
    assert.ok(mux(frames).length / flv <= 1.05, `${mux(frames).length / flv}`);
  });

  test('counters follow in every PID, over segments too', () => {
    const last = new Map<number, number>();
    const muxer = new TsMuxer();
    for (const frame of presentation(6, 300, 64)) {
      const out = new GrowingBytes();
      if (frame.isKeyframe) {
        muxer.flush(out);
        muxer.startSegment();
      }
      muxer.write(frame, out);
      for (const { pid, counter, payload } of packets(Buffer.from(out.view()))) {
        const before = last.get(pid);
        if (before !== undefined) assert.equal(counter, payload ? (before + 1) & 15 : before, `PID ${pid}`);
        last.set(pid, counter);
      }
    }
    assert.deepEqual([...last.keys()].sort(), [0, 0x100, 0x101, 0x1000]);
  });

  for (const { name, frames, pcrPid } of [
    { name: 'pictures and sound', frames: presentation(4, 300, 64), pcrPid: 0x100 },
    { name: 'slow pictures and sound', frames: presentation(4, 300, 64, 4), pcrPid: 0x100 },
    {
      name: 'slow pictures alone',
      frames: presentation(4, 300, 64, 3).filter(({ kind }) => kind === 'video'),
      pcrPid: 0x100,
    },
    {
      name: 'sound alone',
      frames: presentation(4, 300, 64).filter(({ kind }) => kind === 'audio'),
      pcrPid: 0x101,
    },
  ]) {
    test(`PCR at most 100 ms apart and in order, tables at most 500 ms: ${name}`, () => {
      const all = packets(mux(frames));
      let pcr: number | undefined;
      let tables: number | undefined;
      let latest = 0;
      for (const packet of all) {
        if (packet.pid === 0) {
          if (tables !== undefined && name !== 'slow pictures alone')
            assert.ok(latest - tables <= 500 * 90, `tables after ${latest - tables}`);
          tables = latest;
        }
        if (packet.pcr === undefined) continue;
        assert.equal(packet.pid, pcrPid);
        if (pcr !== undefined) {
          assert.ok(packet.pcr > pcr && packet.pcr - pcr <= 9000, `PCR ${pcr} then ${packet.pcr}`);
        }
        pcr = packet.pcr;
        latest = packet.pcr;
      }
      assert.ok(latest > 3_500 * 90);
    });
  }

  test('keyframes have tables, a PCR, the random access flag, a delimiter and parameter sets', () => {
    const all = packets(
      mux([
        avcConfig(0),
        picture(0, 0, true, [100]),
        picture(40, 0, false, [100]),
        picture(80, 0, true, [9]),
      ]),
    );
    assert.deepEqual(
      all.map(({ pid }) => pid),
      [0, 0x1000, 0x100, 0x100, 0, 0x1000, 0x100],
    );
    const key = all[2];
    assert.equal(key?.flags, 0x50);
    const text = key.bytes.toString('hex');
    assert.match(text, /0000000109f00000000167.*0000000168ee3c8000000165/);
    assert.equal(all[3]?.flags, 0);
    assert.doesNotMatch(all[3].bytes.toString('hex'), /0000000167/);
  });

  for (const size of [1, 2, 4] as const) {
    test(`NAL lengths of ${size} bytes`, () => {
      const bytes = mux([avcConfig(0, 31, size), picture(0, 0, true, [100, 30], size)]);
      assert.equal(bytes.toString('hex').split('00000165').length, 3);
    });
  }

  test('any size of a picture fills its packets to the end', () => {
    for (let size = 1; size < 800; size++) {
      const muxer = new TsMuxer();
      const out = new GrowingBytes();
      muxer.write(avcConfig(0), out);
      muxer.write(picture(0, 0, true, [5]), out);
      const before = out.length;
      muxer.write(picture(40, 40, false, [size]), out);
      const run = Buffer.from(out.view()).subarray(before);
      // PES header with both times, delimiter, start code.
      assert.equal(run.length / 188, Math.ceil((19 + 6 + 3 + size) / 184), `${size} bytes`);
    }
  });

  test('a sound packet carries several frames, and a keyframe never waits behind sound', () => {
    const frames = [avcConfig(0), aacConfig(0), picture(0, 0, true, [50])];
    for (let i = 0; i < 10; i++) frames.push(aacFrame(audioTime(0, i), 20));
    const starts = packets(mux([...frames, picture(240, 0, true, [50])])).filter(({ starts }) => starts);
    assert.deepEqual(
      starts.map(({ pid }) => pid),
      [0, 0x1000, 0x100, 0x101, 0, 0x1000, 0x100],
    );
  });

  test('a new track gives the program map a new version', () => {
    const muxer = new TsMuxer();
    const out = new GrowingBytes();
    muxer.declare({ video: 'h264' });
    for (const frame of [avcConfig(0), picture(0, 0, true, [9]), mp3Frame(5)]) muxer.write(frame, out);
    muxer.flush(out);
    muxer.drop('audio');
    muxer.write(picture(40, 0, false, [9]), out);
    const maps = packets(Buffer.from(out.view())).filter(({ pid }) => pid === 0x1000);
    assert.deepEqual(
      maps.map(({ bytes }) => (bytes.readUInt8(10) >> 1) & 31),
      [0, 1, 2],
    );
    assert.deepEqual(
      maps.map(({ bytes }) => bytes.readUInt8(7) - 18),
      [0, 5, 0],
    );
  });

  test('a break of the clock is told in the PCR, on demand and by itself', () => {
    const muxer = new TsMuxer();
    const out = new GrowingBytes();
    muxer.write(avcConfig(0), out);
    muxer.write(picture(60_000, 0, true, [9]), out);
    muxer.write(picture(5_000, 0, false, [9]), out);
    muxer.discontinuity();
    muxer.write(picture(90_000, 0, false, [9]), out);
    const clocks = packets(Buffer.from(out.view())).filter(({ pcr }) => pcr !== undefined);
    assert.deepEqual(
      clocks.map(({ flags }) => flags & 0x80),
      [0, 0x80, 0x80],
    );
  });

  test('the PCR runs before the pictures once times are large enough', () => {
    const first = (time: number): number | undefined =>
      packets(mux([avcConfig(time), picture(time, 0, true, [9])])).find(({ pcr }) => pcr !== undefined)?.pcr;
    assert.equal(first(0), 0);
    assert.equal(first(10_000), 9_500 * 90);
    // 33 bits, by division: bit 32 stays.
    assert.equal(first((2 ** 32 + 90_000) / 90), 2 ** 32 + 90_000 - 45_000);
  });

  test('what is not carried is refused, what cannot be made right is counted', () => {
    const muxer = new TsMuxer();
    const out = new GrowingBytes();
    const hevc = frameFromFlv(9, 0, Buffer.from('1c010000000000000126', 'hex'));
    assert.throws(() => muxer.write(hevc, out), { code: 'TS_CODEC_UNSUPPORTED' });
    assert.throws(() => muxer.write(frameFromFlv(9, 0, Buffer.from('1700000000ff', 'hex')), out), {
      code: 'CODEC_INVALID',
    });
    muxer.write(picture(0, 0, true, [10]), out); // No record yet.
    muxer.write(aacFrame(0, 10), out);
    muxer.write(avcConfig(0), out);
    muxer.write(aacConfig(0), out);
    muxer.write(picture(0, 0, true, [0]), out);
    muxer.write(aacFrame(0, 0), out);
    muxer.write(aacFrame(0, 8_185), out); // ADTS has 13 bits for the length.
    assert.equal(muxer.skippedFrames, 5);
    assert.equal(out.length, 0);
    const cut = picture(0, 0, true, [10]).flvBody;
    muxer.write(frameFromFlv(9, 0, Buffer.concat([cut, Buffer.from([0, 0, 9, 9, 1])])), out);
    assert.equal(muxer.damagedFrames, 1);
    assert.equal(out.length, 3 * 188);
  });
});
