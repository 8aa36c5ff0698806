export { FlvFileHead, flvFileHeadRows, MAX_FLV_INDEX_ROWS } from './file-head.ts';
export { FlvFileRecovery } from './file-recovery.ts';
export type { FlvWanted } from './file-recovery.ts';
export { FlvReader, MAX_FLV_DATA_OFFSET, MAX_FLV_TAG_BYTES } from './flv-reader.ts';
export type { FlvTag } from './flv-reader.ts';
export { flvHeader, sizeOfTag, TAG_HEADER_BYTES, writeTag } from './flv-writer.ts';
export type { FlvContents } from './flv-writer.ts';
export { frameFromFlv, TAG_TYPE } from './tag-body.ts';
export type { TagTypeId } from './tag-body.ts';
