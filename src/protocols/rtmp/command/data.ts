import { ServerError } from '../../../base/errors.ts';
import {
  Amf0Reader,
  AmfEcmaArray,
  amfObject,
  AmfObject,
  encodeAmf0,
  type AmfProperties,
  type AmfValue,
} from '../../amf0/index.ts';
import { amfOffset } from './command.ts';

/** A data message without its wrapping. */
export interface RtmpData {
  /** `onMetaData`, `onTextData`, `onCuePoint`, … */
  readonly name: string;
  readonly values: readonly AmfValue[];
  /** `set`: to be kept for joiners (`@setDataFrame`), `clear`: forget it, `pass`: just pass it on. */
  readonly action: 'set' | 'clear' | 'pass';
  /** Where the message without wrapping (name and values: an FLV script tag body) begins in the payload, bytes. */
  readonly offset: number;
}

/**
 * Reads a message of type 18 or 15. `@setDataFrame` and `@clearDataFrame` are Adobe's (FMS guide, "Working with metadata"):
 * encoders wrap `onMetaData` in them, servers unwrap it. Flash and some relays (nginx-rtmp's push) send a bare `onMetaData`;
 * a message that begins with an object has lost its name and is taken as `onMetaData` (arut/nginx-rtmp-module#755).
 */
export function readData(typeId: number, payload: Buffer): RtmpData {
  let offset = amfOffset(typeId, payload);
  const reader = new Amf0Reader(payload, offset);
  let name = reader.atEnd ? undefined : reader.read();
  let action: RtmpData['action'] = 'pass';
  if (name === '@setDataFrame' || name === '@clearDataFrame') {
    action = name === '@setDataFrame' ? 'set' : 'clear';
    offset = reader.offset;
    name = reader.atEnd ? undefined : reader.read();
  }
  if (name instanceof AmfObject || name instanceof AmfEcmaArray) {
    return { name: 'onMetaData', values: [name, ...reader.readAll()], action, offset };
  }
  if (typeof name !== 'string') throw new ServerError('RTMP_COMMAND_INVALID', 'data message without a name');
  return { name, values: reader.readAll(), action, offset };
}

/** The first object of a data message: the metadata of `onMetaData`. */
export function metadataOf(data: RtmpData): AmfProperties | undefined {
  for (const value of data.values) {
    if (value instanceof AmfObject || value instanceof AmfEcmaArray) return value;
  }
  return undefined;
}

/** The payload of a data message of type 18, which is also the body of an FLV script tag. */
export function encodeData(name: string, ...values: readonly AmfValue[]): Buffer {
  return encodeAmf0([name, ...values]);
}

/** `@setDataFrame(onMetaData, metadata)`: what an encoder sends. */
export function encodeSetDataFrame(metadata: AmfProperties): Buffer {
  return encodeAmf0(['@setDataFrame', 'onMetaData', new AmfEcmaArray(metadata.entries)]);
}

/** `|RtmpSampleAccess`: whether ActionScript may read samples; Flash players refuse snapshots without it (ossrs/srs#49). */
export function encodeSampleAccess(audio: boolean, video: boolean): Buffer {
  return encodeAmf0(['|RtmpSampleAccess', audio, video]);
}

/** `onStatus(NetStream.Data.Start)`, a data message: FMS sends it before the metadata. */
export function encodeDataStart(): Buffer {
  return encodeAmf0(['onStatus', amfObject({ code: 'NetStream.Data.Start' })]);
}
