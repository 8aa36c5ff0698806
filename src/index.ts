/** Public API of the package. The RTMP client is described in docs/rtmp-client.md. */
export { ERRORS, ServerError } from './base/errors.ts';
export type { ErrorCode } from './base/errors.ts';
export { play, publish, RtmpPlayer, RtmpPublisher, RtmpStatusError } from './clients/rtmp/index.ts';
export type {
  RtmpClientOptions,
  RtmpEnd,
  RtmpMediaMessage,
  RtmpPlayOptions,
  RtmpPublishOptions,
} from './clients/rtmp/index.ts';
export { flvHeader, sizeOfTag, writeTag } from './containers/flv/index.ts';
export type { FlvContents, TagTypeId } from './containers/flv/index.ts';
export {
  AmfEcmaArray,
  amfEcmaArray,
  AmfObject,
  amfObject,
  encodeAmf0,
  readAmf0,
} from './protocols/amf0/index.ts';
export type { AmfInput, AmfValue } from './protocols/amf0/index.ts';
export { formatRtmpUrl, MESSAGE_TYPE, metadataOf, parseRtmpUrl, readData } from './protocols/rtmp/index.ts';
export type { RtmpData, RtmpUrl, StatusInfo } from './protocols/rtmp/index.ts';
