import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MediaPlaylist } from '../../../../../src/containers/m3u8/index.ts';
import { judgeReload, reloadTimeoutMs } from '../../../../../src/outputs/hls/serving/reload.ts';

const PLAIN: MediaPlaylist = {
  targetDurationSec: 4,
  mediaSequence: 0,
  discontinuitySequence: 0,
  segments: [],
};
const PARTS_1S = { ...PLAIN, partTargetMs: 1_000 };
const PARTS_200MS = { ...PLAIN, partTargetMs: 200 };
const whole = (sequence: number, parts = 0) => ({ sequence, parts, whole: true });
const begun = (sequence: number, parts: number) => ({ sequence, parts, whole: false });

const CASES = [
  { name: 'no directive', playlist: PLAIN, newest: whole(7), ask: [], want: 'now' },
  { name: 'a segment that is there', playlist: PLAIN, newest: whole(7), ask: [7], want: 'now' },
  { name: 'one of long ago', playlist: PLAIN, newest: whole(7), ask: [0], want: 'now' },
  { name: 'the next one', playlist: PLAIN, newest: whole(7), ask: [8], want: 'wait' },
  { name: 'the one after that', playlist: PLAIN, newest: whole(7), ask: [9], want: 'wait' },
  { name: 'three ahead', playlist: PLAIN, newest: whole(7), ask: [10], want: 'far' },
  { name: 'a part where there are none', playlist: PLAIN, newest: whole(7), ask: [7, 0], want: 'now' },
  { name: 'a part of the next, none', playlist: PLAIN, newest: whole(7), ask: [8, 3], want: 'wait' },
  { name: 'a segment in progress', playlist: PARTS_1S, newest: begun(8, 2), ask: [8], want: 'wait' },
  { name: 'the one behind it', playlist: PARTS_1S, newest: begun(8, 2), ask: [9], want: 'wait' },
  { name: 'two behind it', playlist: PARTS_1S, newest: begun(8, 2), ask: [10], want: 'far' },
  { name: 'a part that is there', playlist: PARTS_1S, newest: begun(8, 2), ask: [8, 1], want: 'now' },
  { name: 'the next part', playlist: PARTS_1S, newest: begun(8, 2), ask: [8, 2], want: 'wait' },
  { name: 'within the limit of 3', playlist: PARTS_1S, newest: begun(8, 2), ask: [8, 4], want: 'wait' },
  { name: 'over the limit of 3', playlist: PARTS_1S, newest: begun(8, 2), ask: [8, 5], want: 'far' },
  { name: 'short parts, limit 15', playlist: PARTS_200MS, newest: begun(8, 2), ask: [8, 16], want: 'wait' },
  { name: 'short parts, over it', playlist: PARTS_200MS, newest: begun(8, 2), ask: [8, 17], want: 'far' },
  { name: 'part of a segment before', playlist: PARTS_1S, newest: begun(8, 1), ask: [7, 99], want: 'now' },
  { name: 'last part, whole', playlist: PARTS_1S, newest: whole(8, 4), ask: [8, 3], want: 'now' },
  // The first part of the following segment is meant.
  { name: 'behind the last part', playlist: PARTS_1S, newest: whole(8, 4), ask: [8, 4], want: 'wait' },
  { name: 'far behind the last', playlist: PARTS_1S, newest: whole(8, 4), ask: [8, 400], want: 'wait' },
  { name: 'first part of the next', playlist: PARTS_1S, newest: whole(8, 4), ask: [9, 0], want: 'wait' },
  { name: 'too far in the next', playlist: PARTS_1S, newest: whole(8, 4), ask: [9, 3], want: 'far' },
  { name: 'the end', playlist: { ...PARTS_1S, endlist: true }, newest: whole(8), ask: [99, 9], want: 'now' },
  { name: 'nothing there yet', playlist: undefined, newest: whole(-1), ask: [], want: 'wait' },
  { name: 'nothing there, far', playlist: undefined, newest: whole(-1), ask: [50, 0], want: 'wait' },
] as const;

for (const { name, playlist, newest, ask, want } of CASES) {
  test(`bis 6.2.5.2: ${name}`, () => {
    const [sequence, part] = ask as readonly (number | undefined)[];
    assert.equal(judgeReload({ sequence, part }, { playlist, newest }), want);
  });
}

test('a request waits three target durations at most', () => {
  assert.equal(reloadTimeoutMs({ playlist: PLAIN }, 1), 12_000);
  assert.equal(reloadTimeoutMs({ playlist: undefined }, 5_000), 5_000);
});
