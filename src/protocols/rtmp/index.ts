export { MAX_AGGREGATE_MESSAGES, splitAggregate } from './chunk/aggregate.ts';
export {
  ChunkReader,
  MAX_CHUNK_BYTES,
  MAX_CHUNK_STREAMS,
  MAX_MESSAGE_BYTES,
  MAX_PARTIAL_BYTES,
} from './chunk/chunk-reader.ts';
export type { ChunkReaderOptions, MessageSink } from './chunk/chunk-reader.ts';
export {
  encodeMessage,
  sizeOfChunks0,
  sizeOfChunks1,
  writeChunks0,
  writeChunks1,
} from './chunk/message-writer.ts';
export type { OutgoingMessage } from './chunk/message-writer.ts';
export {
  CHUNK_STREAM,
  DEFAULT_CHUNK_BYTES,
  MESSAGE_TYPE,
  PEER_BANDWIDTH_TYPE,
  USER_CONTROL_EVENT,
} from './message.ts';
export { ClientHandshake } from './handshake/client-handshake.ts';
export type { ClientHandshakeOptions } from './handshake/client-handshake.ts';
export { ServerHandshake } from './handshake/server-handshake.ts';
export type { HandshakeKind, HandshakeStep } from './handshake/version.ts';
export { RtmpLink } from './link.ts';
export type { RtmpLinkHandler } from './link.ts';
export {
  encodeCreateStream,
  encodeDeleteStream,
  encodeFcPublish,
  encodeFcUnpublish,
  encodePause,
  encodePlay,
  encodePublish,
  encodeReceive,
  encodeReleaseStream,
  amfOffset,
  asCommand3,
  encodeCommand,
  readCommand,
  encodeConnect,
  encodeConnectError,
  encodeConnectResult,
  encodeRejectedStatus,
  readConnect,
  readRedirect,
  rejectedInfo,
  encodeData,
  encodeDataStart,
  encodeSampleAccess,
  encodeSetDataFrame,
  metadataOf,
  readDataMessage,
  readData,
  encodeCreateStreamResult,
  encodeNullResult,
  encodeOnBwDone,
  encodeOnFcPublish,
  encodeOnFcUnpublish,
  encodeStreamLengthResult,
  encodeUndefinedResult,
  readRequest,
  encodeOnStatus,
  readStatus,
  STATUS,
  statusObject,
} from './command/index.ts';
export type {
  RtmpCommand,
  ConnectOptions,
  ConnectReply,
  ConnectRequest,
  Redirect,
  RtmpData,
  ServerSignature,
  PlayArguments,
  PublishMode,
  RtmpRequest,
  StatusCode,
  StatusInfo,
  StatusOptions,
} from './command/index.ts';
export {
  DEFAULT_APP,
  DEFAULT_RTMP_PORT,
  formatRtmpUrl,
  MAX_NAME_BYTES,
  MAX_PARAMS_BYTES,
  MAX_URL_BYTES,
  parseRtmpUrl,
  readParams,
  resolveName,
} from './url.ts';
export type { ResolvedName, RtmpUrl } from './url.ts';
