import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MixCorrect } from '../../../src/hub/mix-correct.ts';
import type { Frame } from '../../../src/media/frame.ts';
import { audioFrame, videoFrame } from '../../support/hub-fixtures.ts';

function run(frames: readonly Frame[]): { readonly live: number[]; readonly all: number[] } {
  const mix = new MixCorrect();
  const live: number[] = [];
  for (const frame of frames) {
    mix.push(frame);
    for (let next = mix.shift(); next !== undefined; next = mix.shift()) live.push(next.dts);
  }
  const all = [...live];
  for (let next = mix.drain(); next !== undefined; next = mix.drain()) all.push(next.dts);
  return { live, all };
}

test('audio that comes late is put before the video after it', () => {
  const { live } = run([
    videoFrame(0, true),
    videoFrame(40, false),
    audioFrame(10),
    audioFrame(33),
    audioFrame(56),
  ]);
  assert.deepEqual(live, [0, 10, 33, 40]);
});

test('a stream of one kind is held for ten frames only', () => {
  const { live, all } = run(Array.from({ length: 30 }, (_, n) => videoFrame(n * 40, n === 0)));
  assert.equal(live.length, 20);
  assert.equal(all.length, 30);
});

test('nothing is lost whatever comes', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ video: fc.boolean(), dts: fc.nat(1_000) }), { maxLength: 100 }),
      (rows) => {
        const { all } = run(rows.map(({ video, dts }) => (video ? videoFrame(dts, false) : audioFrame(dts))));
        assert.deepEqual(
          all.sort((a, b) => a - b),
          rows.map(({ dts }) => dts).sort((a, b) => a - b),
        );
      },
    ),
  );
});

test('a track that is five frames late becomes part of one increasing line', () => {
  const frames: Frame[] = [];
  for (let n = 0; n < 50; n += 1) {
    frames.push(videoFrame(n * 40, false));
    if (n >= 5) frames.push(audioFrame((n - 5) * 40 + 7));
  }
  const { all } = run(frames);
  assert.equal(all.length, 95);
  assert.deepEqual(
    all,
    [...all].sort((a, b) => a - b),
  );
});
