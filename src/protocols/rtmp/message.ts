/** RTMP message type ids. Spec: Adobe RTMP 1.0, 5.4 (protocol control) and 7.1 (commands and media). */
export const MESSAGE_TYPE = {
  SET_CHUNK_SIZE: 1,
  ABORT: 2,
  ACKNOWLEDGEMENT: 3,
  USER_CONTROL: 4,
  WINDOW_ACK_SIZE: 5,
  SET_PEER_BANDWIDTH: 6,
  AUDIO: 8,
  VIDEO: 9,
  DATA_AMF3: 15,
  SHARED_OBJECT_AMF3: 16,
  COMMAND_AMF3: 17,
  DATA_AMF0: 18,
  SHARED_OBJECT_AMF0: 19,
  COMMAND_AMF0: 20,
  AGGREGATE: 22,
} as const;

/** User control event types. Spec: Adobe RTMP 1.0, 7.1.7; 26 and above as Flash Media Server sends them. */
export const USER_CONTROL_EVENT = {
  STREAM_BEGIN: 0,
  STREAM_EOF: 1,
  STREAM_DRY: 2,
  SET_BUFFER_LENGTH: 3,
  STREAM_IS_RECORDED: 4,
  PING_REQUEST: 6,
  PING_RESPONSE: 7,
  SWF_VERIFY_REQUEST: 26,
  SWF_VERIFY_RESPONSE: 27,
  BUFFER_EMPTY: 31,
  BUFFER_READY: 32,
} as const;

/** Limit types of Set Peer Bandwidth. Spec: Adobe RTMP 1.0, 5.4.5. */
export const PEER_BANDWIDTH_TYPE = { HARD: 0, SOFT: 1, DYNAMIC: 2 } as const;

/** Chunk stream ids by custom; only 2 is fixed by the spec (5.4: protocol control). The rest is what SRS sends on. */
export const CHUNK_STREAM = { CONTROL: 2, COMMAND: 3, STREAM_COMMAND: 5, VIDEO: 6, AUDIO: 7 } as const;

/** Chunk size in bytes that both sides start with. Spec: Adobe RTMP 1.0, 5.4.1. */
export const DEFAULT_CHUNK_BYTES = 128;
