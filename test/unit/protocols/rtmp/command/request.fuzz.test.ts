import { test } from 'node:test';
import fc from 'fast-check';
import { ServerError } from '../../../../../src/base/errors.ts';
import { amfObject, encodeAmf0 } from '../../../../../src/protocols/amf0/index.ts';
import { MESSAGE_TYPE, readCommand, readRequest } from '../../../../../src/protocols/rtmp/index.ts';

const NAMES = [
  ...['connect', 'createStream', 'releaseStream', 'FCPublish', 'FCUnpublish', 'publish', 'play', 'play2'],
  ...['pause', 'pauseRaw', 'seek', 'closeStream', 'deleteStream', 'receiveAudio', 'receiveVideo', '_checkbw'],
  ...['getStreamLength', '_result', '_error', 'nobodyKnows'],
];
const value = fc.oneof(
  fc.constantFrom(null, undefined, true, false, NaN, Infinity, -1, 2 ** 53),
  fc.double(),
  fc.string({ maxLength: 40 }),
  fc.dictionary(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 }), { maxKeys: 4 }).map(amfObject),
);
const command = fc
  .tuple(fc.constantFrom(...NAMES), fc.array(value, { maxLength: 7 }))
  .map(([name, rest]) => encodeAmf0([name, ...rest]));
const payload = fc.oneof(
  command,
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  // A command with some bytes changed.
  fc.tuple(command, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 })).map(([bytes, changes]) => {
    const changed = Buffer.from(bytes);
    for (const [at, byte] of changes) changed[at % changed.length] = byte;
    return changed;
  }),
);

test('any bytes are a request or a ServerError', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(MESSAGE_TYPE.COMMAND_AMF0, MESSAGE_TYPE.COMMAND_AMF3),
      payload,
      (type, bytes) => {
        try {
          readRequest(readCommand(type, bytes));
        } catch (error) {
          if (!(error instanceof ServerError)) throw error;
        }
      },
    ),
    { numRuns: 20_000, interruptAfterTimeLimit: 2_000, markInterruptAsFailure: false },
  );
});
