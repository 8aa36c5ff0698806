import { encodeCommand } from './command.ts';
import type { PublishMode } from './request.ts';

/** Calls of a client, as FMLE and librtmp write them. `connect` is in connect.ts. */

export function encodeCreateStream(transactionId: number): Buffer {
  return encodeCommand('createStream', transactionId, null);
}

/** Asks the server to drop what a dead session of ours may still publish under this name. */
export function encodeReleaseStream(transactionId: number, name: string): Buffer {
  return encodeCommand('releaseStream', transactionId, null, name);
}

export function encodeFcPublish(transactionId: number, name: string): Buffer {
  return encodeCommand('FCPublish', transactionId, null, name);
}

export function encodeFcUnpublish(transactionId: number, name: string): Buffer {
  return encodeCommand('FCUnpublish', transactionId, null, name);
}

/** Spec: RTMP 1.0, 7.2.2.6. Sent on the message stream. */
export function encodePublish(transactionId: number, name: string, mode: PublishMode): Buffer {
  return encodeCommand('publish', transactionId, null, name, mode);
}

/**
 * Spec: RTMP 1.0, 7.2.2.1. Sent on the message stream. Times in ms (see `readRequest`), -2000 = live or recorded, -1000 = live
 * only. The duration is left out when undefined, as ffmpeg does.
 */
export function encodePlay(
  transactionId: number,
  name: string,
  startMs: number,
  durationMs?: number,
): Buffer {
  if (durationMs === undefined) return encodeCommand('play', transactionId, null, name, startMs);
  return encodeCommand('play', transactionId, null, name, startMs, durationMs);
}

/** Spec: RTMP 1.0, 7.2.2.8. `atMs`: where the player stands. */
export function encodePause(transactionId: number, paused: boolean, atMs: number): Buffer {
  return encodeCommand('pause', transactionId, null, paused, atMs);
}

export function encodeReceive(kind: 'receiveAudio' | 'receiveVideo', on: boolean): Buffer {
  return encodeCommand(kind, 0, null, on);
}

/** Spec: RTMP 1.0, 7.2.2.3: no answer is sent. */
export function encodeDeleteStream(transactionId: number, streamId: number): Buffer {
  return encodeCommand('deleteStream', transactionId, null, streamId);
}
