import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ServerError } from '../../../../src/base/errors.ts';
import { readMpd, writeMpd } from '../../../../src/containers/mpd/index.ts';

const LIMITS = { interruptAfterTimeLimit: 2000, markInterruptAsFailure: false, numRuns: 100_000 };
const PIECE = fc.oneof(
  fc.constantFrom(
    '<MPD>',
    '</MPD>',
    '<MPD type="dynamic" minBufferTime="PT2S">',
    '<Period start="PT1.5S">',
    '</Period>',
  ),
  fc.constantFrom(
    '<AdaptationSet contentType="audio">',
    '</AdaptationSet>',
    '<Representation id="&lt;&#65;"/>',
  ),
  fc.constantFrom(
    '<SegmentTemplate media="m">',
    '</SegmentTemplate>',
    '<SegmentTimeline>',
    '</SegmentTimeline>',
  ),
  fc.constantFrom('<S d="1" r="2"/>', '<S t="5" d="7"/>', '<!-- -->', '<?a?>', '<![CDATA[<]]>', '&amp;', ' '),
  fc.string(),
);

test('what can be read can be written and read again; all else is refused with a code', () => {
  fc.assert(
    fc.property(fc.array(PIECE, { maxLength: 14 }), fc.boolean(), (pieces, wrapped) => {
      const text = pieces.join('');
      let mpd;
      try {
        mpd = readMpd(wrapped ? `<MPD>${text}</MPD>` : text);
      } catch (error) {
        assert.ok(error instanceof ServerError, String(error));
        return;
      }
      assert.deepEqual(writeMpd(readMpd(writeMpd(mpd))), writeMpd(mpd));
    }),
    LIMITS,
  );
});
