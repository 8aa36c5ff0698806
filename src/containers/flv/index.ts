export { flvHeader, sizeOfTag, TAG_HEADER_BYTES, writeTag } from './flv-writer.ts';
export type { FlvContents } from './flv-writer.ts';
export { frameFromFlv, TAG_TYPE } from './tag-body.ts';
export type { TagTypeId } from './tag-body.ts';
