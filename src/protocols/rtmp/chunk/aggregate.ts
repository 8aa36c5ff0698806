import type { Buffer } from 'node:buffer';
import { ServerError } from '../../../base/errors.ts';
import { MESSAGE_TYPE } from '../message.ts';
import type { MessageSink } from './chunk-reader.ts';

/** Messages that one aggregate may hold: some minutes of audio and video, where servers pack a second or two. */
export const MAX_AGGREGATE_MESSAGES = 4096;

const HEADER_BYTES = 11;
const BACK_POINTER_BYTES = 4;

/**
 * Delivers the messages inside an aggregate message (type 22). Spec: Adobe RTMP 1.0, 7.1.6: each has an 11-byte
 * header in the form of an FLV tag's (type, 24-bit length, time as 24 low bits and 8 high bits, message stream id),
 * its bytes, and a 4-byte back pointer. The time of the aggregate is that of its first message; the others keep their
 * distance to it. The stream id of the aggregate overrides theirs. Payloads are views of `payload`.
 */
export function splitAggregate(
  sink: MessageSink,
  timestamp: number,
  streamId: number,
  payload: Buffer,
  csid: number,
): void {
  const end = payload.length;
  let pos = 0;
  let shift = 0;
  for (let count = 0; pos < end; count++) {
    if (count >= MAX_AGGREGATE_MESSAGES) {
      throw new ServerError(
        'RTMP_AGGREGATE_INVALID',
        `aggregate of more than ${MAX_AGGREGATE_MESSAGES} messages`,
      );
    }
    if (end - pos < HEADER_BYTES) {
      throw new ServerError('RTMP_AGGREGATE_INVALID', `aggregate ends in a header, ${end - pos} bytes left`);
    }
    const typeId = payload.readUInt8(pos);
    const length = payload.readUIntBE(pos + 1, 3);
    const time = (payload.readUIntBE(pos + 4, 3) | (payload.readUInt8(pos + 7) << 24)) >>> 0;
    pos += HEADER_BYTES;
    if (end - pos < length + BACK_POINTER_BYTES) {
      throw new ServerError(
        'RTMP_AGGREGATE_INVALID',
        `message of ${length} bytes in an aggregate with ${end - pos} bytes left`,
      );
    }
    // Control messages could change the chunk stream in the middle of a message; aggregates would nest without end.
    if (typeId <= MESSAGE_TYPE.SET_PEER_BANDWIDTH || typeId === MESSAGE_TYPE.AGGREGATE) {
      throw new ServerError('RTMP_AGGREGATE_INVALID', `message of type ${typeId} inside an aggregate`);
    }
    if (count === 0) shift = timestamp - time;
    sink.onMessage(typeId, (time + shift) >>> 0, streamId, payload.subarray(pos, pos + length), csid);
    pos += length + BACK_POINTER_BYTES;
  }
}
