import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ServerError } from '../../../../src/base/errors.ts';
import { BoxScanner, FragmentReader, Mp4Recording, readMovie } from '../../../../src/containers/mp4/index.ts';
import { aacConfig, applied, avcConfig, picture, recover, sound } from '../../../support/mp4-fixtures.ts';

const LIMIT = { interruptAfterTimeLimit: 2000, markInterruptAsFailure: false, numRuns: 1_000_000 };

function sample(): { open: Buffer; closed: Buffer } {
  const recording = new Mp4Recording();
  recording.configure(avcConfig());
  recording.configure(aacConfig());
  const parts = [recording.begin()];
  for (let i = 0; i < 9; i++) {
    recording.push(picture(i * 40, (i % 3) * 40, i % 3 === 0));
    recording.push(sound(i * 24));
    if (i % 3 === 2) parts.push(recording.cut() ?? assert.fail());
  }
  const open = Buffer.concat(parts);
  return { open, closed: applied(open, recording.close() ?? assert.fail()) };
}

const { open, closed } = sample();
const damage = fc.array(fc.tuple(fc.nat(4000), fc.nat(255)), { minLength: 1, maxLength: 12 });
const READERS: readonly (readonly [string, Buffer, (bytes: Buffer) => unknown])[] = [
  ['fragments', open, (bytes) => new FragmentReader().push(bytes)],
  ['recovery', open, recover],
  [
    'a plain file',
    closed,
    (bytes) => {
      for (const { body, type } of new BoxScanner(new Set(['moov'])).push(bytes)) {
        if (type !== 'moov' || body === undefined) continue;
        for (const { table } of readMovie(body).tracks)
          for (const one of table.samples()) assert.ok(one.size >= 0);
      }
    },
  ],
];

for (const [name, file, read] of READERS) {
  test(`damaged bytes of ${name} are read or refused, never anything else`, () => {
    fc.assert(
      fc.property(damage, fc.nat(5000), (changes, end) => {
        const bytes = Buffer.from(file.subarray(0, Math.max(1, file.length - (end > 4000 ? end - 4000 : 0))));
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        try {
          read(bytes);
        } catch (error) {
          if (!(error instanceof ServerError) || error.code === 'INTERNAL') throw error;
        }
      }),
      LIMIT,
    );
  });
}

test('a box that announces more than its limit is refused before memory is spent', () => {
  const reader = new FragmentReader();
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32BE(0x4000_0000);
  bytes.write('moof', 4);
  assert.throws(
    () => reader.push(bytes),
    (e: ServerError) => e.code === 'MP4_TOO_LARGE',
  );
});
