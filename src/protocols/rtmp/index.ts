export {
  encodeMessage,
  MAX_CHUNK_STREAM_ID,
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
