import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import { AdtsWriter, adtsWalk, mp3Walk, readAdtsHeader } from '../../../../src/containers/adts/index.ts';
import { readAacConfig } from '../../../../src/media/codecs/aac.ts';
import { filler, mp3Frame } from '../../../support/ts-frames.ts';

const CASES = [
  { name: 'LC 44.1 kHz stereo', config: '1210', header: 'fff150800d7ffc', payload: 100 },
  {
    name: 'HE is told as its core',
    config: '2b920800',
    header: 'fff15c800d7ffc',
    payload: 100,
    rate: 22_050,
  },
  { name: 'LC 48 kHz mono', config: '1188', header: 'fff14c4000fffc', payload: 0, rate: 48_000 },
];

for (const { name, config, header, payload, rate = 44_100 } of CASES) {
  test(`ADTS header: ${name}`, () => {
    const out = Buffer.alloc(7);
    new AdtsWriter(readAacConfig(Buffer.from(config, 'hex'))).write(out, 0, payload);
    assert.equal(out.toString('hex'), header);
    const read = readAdtsHeader(out);
    assert.deepEqual([read?.sampleRate, read?.objectType, read?.frameBytes], [rate, 2, payload + 7]);
  });
}

test('rates outside the table are refused', () => {
  const config = { ...readAacConfig(Buffer.from('1210', 'hex')), sampleRate: 44_000 };
  assert.throws(() => new AdtsWriter(config), { code: 'CODEC_INVALID' });
});

for (const kind of ['ADTS', 'MP3'] as const) {
  test(`${kind} frames come out however the bytes are cut, noise between them is counted`, () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 5 }),
        fc.nat(20),
        (sizes, cuts, noise) => {
          const writer = new AdtsWriter(readAacConfig(Buffer.from('1210', 'hex')));
          const frames = sizes.map((size) => {
            if (kind === 'MP3') return mp3Frame(size).payload;
            const frame = Buffer.concat([Buffer.alloc(7), filler(size, size)]);
            writer.write(frame, 0, size);
            return frame;
          });
          const bytes = Buffer.concat(frames.flatMap((frame) => [Buffer.alloc(noise, 1), frame]));
          const walk = kind === 'MP3' ? mp3Walk() : adtsWalk();
          const got: Buffer[] = [];
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const size = cuts[i % cuts.length] ?? 1;
            got.push(...walk.push(bytes.subarray(at, at + size)));
            at += size;
          }
          assert.deepEqual(
            got.map((frame) => frame.toString('hex')),
            frames.map((frame) => frame.toString('hex')),
          );
          assert.equal(walk.skippedBytes, noise * sizes.length);
          assert.equal(walk.pendingBytes, 0);
        },
      ),
      { numRuns: 100 },
    );
  });
}
