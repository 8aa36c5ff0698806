import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import { ServerError } from '../../../../src/base/errors.ts';
import { TsDemuxer, TsMuxer } from '../../../../src/containers/mpegts/index.ts';
import { GrowingBytes } from '../../../../src/hub/slab-log.ts';
import { aacConfig, aacFrame, audioTime, avcConfig, picture } from '../../../support/ts-frames.ts';

function sample(): Buffer {
  const muxer = new TsMuxer();
  const out = new GrowingBytes();
  muxer.write(avcConfig(0), out);
  muxer.write(aacConfig(0), out);
  for (let i = 0; i < 12; i++) {
    muxer.write(picture(i * 40, 0, i % 4 === 0, [150, 90]), out);
    muxer.write(aacFrame(audioTime(0, i), 60), out);
  }
  muxer.flush(out);
  return Buffer.from(out.view());
}

test('any damage to a transport stream: frames or a ServerError', () => {
  const good = sample();
  const damage = fc.record({ at: fc.nat(good.length - 1), byte: fc.nat(255), cut: fc.nat(300) });
  fc.assert(
    fc.property(fc.array(damage, { maxLength: 30 }), fc.boolean(), (damages, cutsToo) => {
      let bytes = Buffer.from(good);
      for (const { at, byte, cut } of damages) {
        if (at < bytes.length) bytes[at] = byte;
        if (cutsToo && cut > 250) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + cut)]);
      }
      const demuxer = new TsDemuxer();
      try {
        const frames = [...demuxer.push(bytes), ...demuxer.end()];
        for (const frame of frames) {
          assert.ok(Number.isSafeInteger(frame.dts), 'time');
          assert.ok(frame.flvBody.length <= bytes.length + 64, 'size');
        }
      } catch (error) {
        assert.ok(error instanceof ServerError && error.code !== 'INTERNAL', String(error));
      }
    }),
    { numRuns: 20_000, interruptAfterTimeLimit: 2000, markInterruptAsFailure: false },
  );
});

test('any bytes: frames or a ServerError', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 150, maxLength: 187 }), { maxLength: 12 }), (parts) => {
      const demuxer = new TsDemuxer();
      const bytes = Buffer.concat(parts.map((part) => Buffer.concat([Buffer.from([0x47]), part], 188)));
      demuxer.push(bytes);
      demuxer.end();
    }),
    { numRuns: 20_000, interruptAfterTimeLimit: 2000, markInterruptAsFailure: false },
  );
});
