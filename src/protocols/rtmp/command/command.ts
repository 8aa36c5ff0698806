import { ServerError } from '../../../base/errors.ts';
import { Amf0Reader, encodeAmf0, type AmfValue } from '../../amf0/index.ts';
import { MESSAGE_TYPE } from '../message.ts';

/** A call or an answer. Spec: Adobe RTMP 1.0, 7.2. */
export interface RtmpCommand {
  readonly name: string;
  /** Answers carry the id of their call; 0 wants no answer. */
  readonly transactionId: number;
  /** The command object; null for all but `connect` and its answer. */
  readonly object: AmfValue;
  readonly args: readonly AmfValue[];
}

/**
 * Where the AMF0 values of a command or data message begin. Types 15 and 17 ("AMF3") begin with a format byte of 0 and go on
 * in AMF0, switching to AMF3 value by value (what Flash does; RTMP 1.0, 7.1.1 does not say it). Encoders that leave the byte
 * out are understood: a message begins with a string, whose marker is not 0.
 */
export function amfOffset(typeId: number, payload: Buffer): number {
  const isAmf3 = typeId === MESSAGE_TYPE.COMMAND_AMF3 || typeId === MESSAGE_TYPE.DATA_AMF3;
  return isAmf3 && payload[0] === 0 ? 1 : 0;
}

/** Reads a message of type 20 or 17. A missing id reads as 0, a missing object as null. */
export function readCommand(typeId: number, payload: Buffer): RtmpCommand {
  const reader = new Amf0Reader(payload, amfOffset(typeId, payload));
  const name = reader.atEnd ? undefined : reader.read();
  if (typeof name !== 'string') throw new ServerError('RTMP_COMMAND_INVALID', 'command without a name');
  const id = reader.atEnd ? 0 : reader.read();
  const object = reader.atEnd ? null : reader.read();
  return {
    name,
    transactionId: typeof id === 'number' && Number.isFinite(id) ? id : 0,
    object,
    args: reader.readAll(),
  };
}

/** The payload of a message of type 20. */
export function encodeCommand(
  name: string,
  transactionId: number,
  object: AmfValue,
  ...args: readonly AmfValue[]
): Buffer {
  return encodeAmf0([name, transactionId, object, ...args]);
}

/** The payload of a message of type 17, for peers that take nothing else. */
export function asCommand3(payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(payload.length + 1);
  bytes[0] = 0;
  payload.copy(bytes, 1);
  return bytes;
}
