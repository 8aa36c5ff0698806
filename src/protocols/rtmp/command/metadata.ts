import { AmfEcmaArray } from '../../amf0/index.ts';
import { encodeData, metadataOf, readData } from './data.ts';

/** What a server says of itself in the metadata that it hands on. */
export interface ServerSignature {
  readonly name: string;
  readonly version: string;
}

/**
 * A data message of a publisher (type 18 or 15) as players and FLV get it: AMF0, without `@setDataFrame`. `onMetaData`
 * becomes an ECMA array (enhanced RTMP v2 asks for one; some encoders send an object), loses `duration` (a live stream has
 * none; players that see one show a seek bar) and gains `server` (name and version) and `server_version`, the keys of SRS, and
 * `version`, the plain one. Undefined when nothing is to be
 * handed on: `@clearDataFrame`, or `onMetaData` without a value.
 */
export function readDataMessage(
  typeId: number,
  payload: Buffer,
  server: ServerSignature,
): Buffer | undefined {
  const data = readData(typeId, payload);
  if (data.action === 'clear') return undefined;
  if (data.name !== 'onMetaData') return encodeData(data.name, ...data.values);
  const from = metadataOf(data);
  if (from === undefined) return undefined;
  const metadata = new AmfEcmaArray(from.entries);
  metadata.entries.delete('duration');
  const { name, version } = server;
  metadata.set('server', `${name}/${version}`).set('version', version).set('server_version', version);
  return encodeData('onMetaData', metadata);
}
