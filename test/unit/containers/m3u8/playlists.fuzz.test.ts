import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ServerError } from '../../../../src/base/errors.ts';
import {
  readPlaylist,
  writeMasterPlaylist,
  writeMediaPlaylist,
} from '../../../../src/containers/m3u8/index.ts';

const LIMITS = { interruptAfterTimeLimit: 2000, markInterruptAsFailure: false, numRuns: 100_000 };
const TAGS =
  'EXTINF,EXT-X-KEY,EXT-X-MAP,EXT-X-PART,EXT-X-SKIP,EXT-X-BYTERANGE,EXT-X-MEDIA-SEQUENCE,EXT-X-STREAM-INF,EXT-X-MEDIA,EXT-X-PROGRAM-DATE-TIME,EXT-X-DISCONTINUITY,EXT-X-PRELOAD-HINT,EXT-X-RENDITION-REPORT,EXT-X-SERVER-CONTROL';
const VALUE = fc.oneof(
  fc.constantFrom('1', '1.5,', 'URI="a",DURATION=1', 'METHOD=AES-128,URI="k"', 'METHOD=NONE', '5@1'),
  fc.constantFrom('BANDWIDTH=1', 'TYPE=PART,URI="p"', 'URI="r",LAST-MSN=1', 'SKIPPED-SEGMENTS=2'),
  fc.constantFrom('2024-01-01T00:00:00Z', '+275760-09-13T00:00:00Z', 'TYPE=AUDIO,GROUP-ID="g",NAME="n"'),
  fc.string(),
);
const LINE = fc.oneof(
  fc.tuple(fc.constantFrom(...TAGS.split(',')), VALUE).map(([tag, value]) => `#${tag}:${value}`),
  fc.constantFrom('#EXT-X-TARGETDURATION:9', 'a.ts', '#EXTINF:1.5,t', '#EXTINF:2'),
  fc.string(),
);

test('what can be read can be written and read again; all else is refused with a code', () => {
  let read = 0;
  fc.assert(
    fc.property(fc.array(LINE, { maxLength: 12 }), (lines) => {
      let playlist;
      try {
        playlist = readPlaylist(['#EXTM3U', ...lines].join('\n'));
      } catch (error) {
        assert.ok(error instanceof ServerError, String(error));
        return;
      }
      read += 1;
      const write = (of: typeof playlist): string =>
        of.kind === 'media' ? writeMediaPlaylist(of.playlist) : writeMasterPlaylist(of.playlist);
      const text = write(playlist);
      assert.equal(write(readPlaylist(text)), text);
    }),
    LIMITS,
  );
  assert.ok(read > 0);
});
