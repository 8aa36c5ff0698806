import { Buffer } from 'node:buffer';

/** The AMF0 string `onMetaData`, with which a metadata message or tag begins. Spec: FLV v10.1, E.5. */
const ON_METADATA = Buffer.from('\x02\x00\x0aonMetaData', 'latin1');

/** Whether the body of a data message or script tag is metadata. */
export function isMetadata(body: Buffer): boolean {
  return (
    body.length >= ON_METADATA.length &&
    body.compare(ON_METADATA, 0, ON_METADATA.length, 0, ON_METADATA.length) === 0
  );
}
