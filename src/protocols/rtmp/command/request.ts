import { ServerError } from '../../../base/errors.ts';
import { AmfEcmaArray, AmfObject, type AmfValue } from '../../amf0/index.ts';
import type { RtmpCommand } from './command.ts';
import { readConnect, type ConnectRequest } from './connect.ts';

/** What a client asks of a server. `id` is the transaction id that the answer must carry; 0 wants none. */
export type RtmpRequest =
  | { readonly kind: 'connect'; readonly id: number; readonly connect: ConnectRequest }
  | { readonly kind: 'createStream'; readonly id: number }
  | {
      readonly kind: 'releaseStream' | 'FCPublish' | 'FCUnpublish';
      readonly id: number;
      readonly name: string;
    }
  | { readonly kind: 'publish'; readonly id: number; readonly name: string; readonly mode: PublishMode }
  | ({ readonly kind: 'play'; readonly id: number } & PlayArguments)
  | { readonly kind: 'play2'; readonly id: number; readonly name: string; readonly transition: string }
  | { readonly kind: 'pause'; readonly id: number; readonly paused: boolean; readonly atMs: number }
  | { readonly kind: 'seek'; readonly id: number; readonly toMs: number }
  | { readonly kind: 'closeStream'; readonly id: number }
  | { readonly kind: 'deleteStream'; readonly id: number; readonly streamId: number }
  | { readonly kind: 'receiveAudio' | 'receiveVideo'; readonly id: number; readonly on: boolean }
  | { readonly kind: 'checkBandwidth'; readonly id: number }
  | { readonly kind: 'getStreamLength'; readonly id: number; readonly name: string }
  | { readonly kind: 'answer'; readonly id: number; readonly command: RtmpCommand }
  | { readonly kind: 'unknown'; readonly id: number; readonly command: RtmpCommand };

export type PublishMode = 'live' | 'record' | 'append';

export interface PlayArguments {
  readonly name: string;
  /** From where, ms. `any`: live if there is a publisher, else recorded; `live`: live only. @default 'any' */
  readonly startMs: number | 'any' | 'live';
  /** How much, ms. Undefined: to the end. */
  readonly durationMs: number | undefined;
  /** Flush what was asked for before. */
  readonly reset: boolean;
}

/**
 * Sorts a command of a client. Which programs send what:
 *
 * - FMLE, ffmpeg, OBS (librtmp): `releaseStream`, `FCPublish`, `createStream`, `publish`; librtmp and OBS wait for the
 *   answers of `createStream` and `publish` only, FMLE for all of them; at the end `FCUnpublish`, `deleteStream`.
 * - Flash: `createStream`, `publish`; `publish(false)` or `closeStream` at the end.
 * - Haivision: `_checkbw` first and an answer to it before anything else (ossrs/srs#844); then `createStream`, `FCPublish`,
 *   `publish`.
 * - Players: `createStream`, `play`; ffmpeg asks `getStreamLength` before, rtmpdump
 *   `FCSubscribe` before it when told to play live (it goes on without an answer), and `_checkbw` after `onBWDone`.
 */
export function readRequest(command: RtmpCommand): RtmpRequest {
  const { transactionId: id, args } = command;
  switch (command.name) {
    case 'connect':
      return { kind: 'connect', id, connect: readConnect(command) };
    case 'createStream':
      return { kind: 'createStream', id };
    case 'releaseStream':
    case 'FCPublish':
    case 'FCUnpublish':
      // Only hints: a name of another type is nothing to break a session for.
      return { kind: command.name, id, name: typeof args[0] === 'string' ? args[0] : '' };
    case 'publish':
      // Flash's NetStream.publish(false) ends what is published.
      if (args[0] === false) return { kind: 'closeStream', id };
      return { kind: 'publish', id, name: nameOf(command), mode: publishMode(args[1]) };
    case 'play':
      // NetStream.play(false) stops.
      if (args[0] === false) return { kind: 'closeStream', id };
      return { kind: 'play', id, ...playArguments(command) };
    case 'play2':
      return readPlay2(command);
    case 'pause':
    case 'pauseRaw':
      return { kind: 'pause', id, paused: args[0] === true, atMs: numberOf(args[1]) };
    case 'seek':
      return { kind: 'seek', id, toMs: numberOf(args[0]) };
    case 'closeStream':
      return { kind: 'closeStream', id };
    case 'deleteStream':
      return { kind: 'deleteStream', id, streamId: numberOf(args[0]) };
    case 'receiveAudio':
    case 'receiveVideo':
      return { kind: command.name, id, on: args[0] !== false };
    case '_checkbw':
    case 'checkBandwidth':
      return { kind: 'checkBandwidth', id };
    case 'getStreamLength':
      return { kind: 'getStreamLength', id, name: typeof args[0] === 'string' ? args[0] : '' };
    case '_result':
    case '_error':
      return { kind: 'answer', id, command };
    default:
      return { kind: 'unknown', id, command };
  }
}

/**
 * `play(name, start, duration, reset)`. RTMP 1.0, 7.2.2.1 counts seconds, with -2 and -1 as special; Flash, librtmp and
 * ffmpeg all send milliseconds, with -2000 and -1000, and SRS takes `duration` as milliseconds. So do we; -1 and -2 keep
 * their meaning, since no client starts before 0.
 */
function playArguments(command: RtmpCommand): PlayArguments {
  const [, start, duration, reset] = command.args;
  const startMs = typeof start === 'number' && Number.isFinite(start) ? start : -2000;
  const durationMs = numberOf(duration);
  return {
    name: nameOf(command),
    startMs: startMs >= 0 ? startMs : startMs === -1 || startMs === -1000 ? 'live' : 'any',
    // 0 is a single frame by the spec, but librtmp and SRS mean "to the end" by it.
    durationMs: durationMs > 0 ? durationMs : undefined,
    // A boolean by the spec; FMS 3.5 also takes 0 to 3 (bit 0 = reset).
    reset: typeof reset === 'number' ? (reset & 1) === 1 : reset !== false,
  };
}

/** Spec: RTMP 1.0, 7.2.2.2: one object of NetStreamPlayOptions. */
function readPlay2(command: RtmpCommand): RtmpRequest {
  const options = command.args[0];
  const id = command.transactionId;
  if (!(options instanceof AmfObject) && !(options instanceof AmfEcmaArray)) {
    throw new ServerError('RTMP_COMMAND_INVALID', 'play2 without its options');
  }
  const name = options.string('streamName');
  if (name === undefined) throw new ServerError('RTMP_COMMAND_INVALID', 'play2 without a stream name');
  return { kind: 'play2', id, name, transition: options.string('transition') ?? '' };
}

function nameOf(command: RtmpCommand): string {
  const name = command.args[0];
  // OBS with an empty stream key sends null or nothing: the name may be in the app (see resolveName).
  if (name === undefined || name === null) return '';
  if (typeof name !== 'string')
    throw new ServerError('RTMP_COMMAND_INVALID', `${command.name} without a name`);
  return name;
}

function publishMode(value: AmfValue): PublishMode {
  return value === 'record' || value === 'append' ? value : 'live';
}

function numberOf(value: AmfValue): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}
