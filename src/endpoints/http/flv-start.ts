import { frameFromFlv, TAG_HEADER_BYTES, TAG_TYPE } from '../../containers/flv/index.ts';

/** What of a file's head is searched for config records, bytes. */
export const FLV_HEAD_BYTES = 64 * 1024;
/** How far after `?start=` the next tag is looked for, bytes. */
export const MAX_FLV_RESYNC_BYTES = 1024 * 1024;

/**
 * What has to precede tags from the middle of an FLV file: its header and its codec config records. Undefined when `head`
 * is no FLV. Adobe FLV v10.1, E.2 (header), E.4.1 (tags).
 */
export function flvStartHead(head: Buffer): Buffer | undefined {
  if (head.length < 13 || head.toString('latin1', 0, 3) !== 'FLV') return undefined;
  const dataOffset = head.readUInt32BE(5);
  if (dataOffset < 9 || dataOffset + 4 > head.length) return undefined;
  const parts = [head.subarray(0, dataOffset + 4)];
  let video = false;
  let audio = false;
  for (let at = dataOffset + 4; at + TAG_HEADER_BYTES <= head.length && !(video && audio);) {
    const end = at + TAG_HEADER_BYTES + head.readUIntBE(at + 1, 3) + 4;
    if (end > head.length) break;
    const type = head.readUInt8(at);
    if (type === TAG_TYPE.VIDEO || type === TAG_TYPE.AUDIO) {
      const seen = type === TAG_TYPE.VIDEO ? video : audio;
      if (!seen && frameFromFlv(type, 0, head.subarray(at + TAG_HEADER_BYTES, end - 4)).isConfig) {
        parts.push(head.subarray(at, end));
        if (type === TAG_TYPE.VIDEO) video = true;
        else audio = true;
      }
    }
    at = end;
  }
  return Buffer.concat(parts);
}

/**
 * Where the first whole tag begins in `bytes`, proved by the size that follows it (PreviousTagSize). 0 when `bytes` begins
 * with a tag that is longer than `bytes`; undefined when there is none.
 */
export function findFlvTag(bytes: Buffer): number | undefined {
  for (let at = 0; at + TAG_HEADER_BYTES <= bytes.length; at += 1) {
    if (!isTagType(bytes.readUInt8(at)) || bytes.readUIntBE(at + 8, 3) !== 0) continue;
    const end = at + TAG_HEADER_BYTES + bytes.readUIntBE(at + 1, 3);
    if (end + 4 > bytes.length) {
      if (at === 0) return 0;
      continue;
    }
    if (bytes.readUInt32BE(end) === end - at) return at;
    // Recorders that were interrupted write that size wrong; a position that was asked for exactly is right all the same.
    if (at === 0 && end + 4 < bytes.length && isTagType(bytes.readUInt8(end + 4))) return 0;
  }
  return undefined;
}

function isTagType(type: number): boolean {
  return type === TAG_TYPE.AUDIO || type === TAG_TYPE.VIDEO || type === TAG_TYPE.SCRIPT;
}
