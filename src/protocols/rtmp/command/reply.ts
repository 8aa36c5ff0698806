import { amfObject } from '../../amf0/index.ts';
import { encodeCommand } from './command.ts';
import { STATUS, type StatusCode } from './status.ts';

/**
 * `_result(null, undefined)`: the answer to releaseStream, FCPublish and FCUnpublish. FMLE ends the session when the second
 * value is null or missing.
 */
export function encodeUndefinedResult(transactionId: number): Buffer {
  return encodeCommand('_result', transactionId, null, undefined);
}

/** `_result(null, null)`: the answer to `_checkbw` and to calls that nobody knows, as SRS gives it (ossrs/srs#106). */
export function encodeNullResult(transactionId: number): Buffer {
  return encodeCommand('_result', transactionId, null, null);
}

/** The answer to `createStream`. Spec: RTMP 1.0, 7.2.1.3. */
export function encodeCreateStreamResult(transactionId: number, streamId: number): Buffer {
  return encodeCommand('_result', transactionId, null, streamId);
}

/** The answer to `getStreamLength`: 0 for a live stream. ffmpeg only asks, librtmp and Flash show it. */
export function encodeStreamLengthResult(transactionId: number, seconds: number): Buffer {
  return encodeCommand('_result', transactionId, null, seconds);
}

/** `onBWDone`: the end of a bandwidth measurement that was not made; rtmpdump answers with `_checkbw`. */
export function encodeOnBwDone(): Buffer {
  return encodeCommand('onBWDone', 0, null);
}

/** `onFCPublish` beside `onStatus(NetStream.Publish.Start)`: FMLE waits for it. It has no level, as FMS sends it. */
export function encodeOnFcPublish(): Buffer {
  return encodeFcStatus('onFCPublish', 'NetStream.Publish.Start');
}

/** `onFCUnpublish`, before the answer to FCUnpublish and `onStatus(NetStream.Unpublish.Success)`. */
export function encodeOnFcUnpublish(): Buffer {
  return encodeFcStatus('onFCUnpublish', 'NetStream.Unpublish.Success', 'Stop publishing stream.');
}

function encodeFcStatus(
  name: string,
  code: StatusCode,
  description: string = STATUS[code].description,
): Buffer {
  return encodeCommand(name, 0, null, amfObject({ code, description }));
}
