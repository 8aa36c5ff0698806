/**
 * The one table of error codes. `api` is the number that SRS's HTTP API and logs use (a contract with users);
 * `blames` says who can mend it. `docs/errors.md` is checked against this table by a test.
 */
export const ERRORS = {
  // Listening and the process.
  LISTEN_FAILED: { api: 1003, blames: 'operator' },
  CONFIG_INVALID: { api: 1023, blames: 'operator' },
  LOG_OPEN_FAILED: { api: 1042, blames: 'operator' },
  OPEN_FILES_LIMIT: { api: 1023, blames: 'operator' },
  PID_FILE_FAILED: { api: 1034, blames: 'operator' },
  PID_FILE_HELD: { api: 1035, blames: 'operator' },
  WORK_DIR_FAILED: { api: 1023, blames: 'operator' },
  CONNECTIONS_EXCEEDED: { api: 1074, blames: 'operator' },
  CONNECT_FAILED: { api: 1007, blames: 'peer' },
  // Sessions.
  SESSION_TIMEOUT: { api: 1011, blames: 'peer' },
  SESSION_CLOSED: { api: 1075, blames: 'peer' },
  SESSION_KICKED: { api: 1076, blames: 'operator' },
  SERVER_STOPPING: { api: 1077, blames: 'operator' },
  VIEWER_STALLED: { api: 1078, blames: 'peer' },
  VHOST_UNKNOWN: { api: 2036, blames: 'peer' },
  STREAM_BUSY: { api: 1028, blames: 'peer' },
  STREAM_NOT_FOUND: { api: 2048, blames: 'peer' },
  STREAM_NAME_INVALID: { api: 2037, blames: 'peer' },
  INTERNAL: { api: 1099, blames: 'us' },
  // RTMP sessions.
  RTMP_FLOOD: { api: 2065, blames: 'peer' },
  RTMP_REPLIES_UNREAD: { api: 2066, blames: 'peer' },
  RTMP_STREAMS_EXCEEDED: { api: 2067, blames: 'peer' },
  // AMF, RTMP commands and URLs.
  AMF_INVALID: { api: 2003, blames: 'peer' },
  AMF_TOO_LARGE: { api: 2004, blames: 'peer' },
  RTMP_COMMAND_INVALID: { api: 2007, blames: 'peer' },
  URL_INVALID: { api: 2006, blames: 'operator' },
  // What a remote RTMP server answers to our client.
  RTMP_REJECTED: { api: 2060, blames: 'peer' },
  RTMP_REDIRECTED: { api: 2061, blames: 'peer' },
  RTMP_PUBLISH_REFUSED: { api: 2062, blames: 'peer' },
  RTMP_PLAY_FAILED: { api: 2063, blames: 'peer' },
  // RTMP handshake and chunk stream.
  RTMP_HANDSHAKE_VERSION: { api: 2000, blames: 'peer' },
  RTMP_HANDSHAKE_NOT_RTMP: { api: 2016, blames: 'peer' },
  RTMP_CHUNK_START: { api: 2001, blames: 'peer' },
  RTMP_CHUNK_SIZE_INVALID: { api: 2010, blames: 'peer' },
  RTMP_CHUNK_STREAMS_EXCEEDED: { api: 2002, blames: 'peer' },
  RTMP_MESSAGE_TOO_LARGE: { api: 2013, blames: 'peer' },
  RTMP_MESSAGE_LENGTH_CHANGED: { api: 2013, blames: 'peer' },
  RTMP_PARTIAL_TOO_LARGE: { api: 2013, blames: 'peer' },
  RTMP_CONTROL_INVALID: { api: 2007, blames: 'peer' },
  RTMP_AGGREGATE_INVALID: { api: 2007, blames: 'peer' },
  // Codec records, containers, files and ingest.
  CODEC_INVALID: { api: 3001, blames: 'peer' },
  FLV_INVALID: { api: 3036, blames: 'peer' },
  FLV_TAG_TOO_LARGE: { api: 3036, blames: 'peer' },
  FILE_OPEN_FAILED: { api: 1042, blames: 'operator' },
  FILE_READ_FAILED: { api: 1044, blames: 'operator' },
  INGEST_INPUT_INVALID: { api: 3035, blames: 'operator' },
} as const satisfies Record<string, { api: number; blames: 'peer' | 'operator' | 'us' }>;

export type ErrorCode = keyof typeof ERRORS;

/** An error with a stable code. Match on `code`, never on the message. */
export class ServerError extends Error {
  override readonly name = 'ServerError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  /** SRS's number for this error. */
  get apiCode(): number {
    return ERRORS[this.code].api;
  }
}

/** One line for a log: code, message and the chain of causes. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  for (let at: unknown = error; at !== undefined && parts.length < 8;) {
    if (at instanceof ServerError) parts.push(`${at.code}(${at.apiCode}): ${at.message}`);
    else if (at instanceof Error) parts.push(at.message === '' ? at.name : at.message);
    else parts.push(typeof at === 'string' ? at : JSON.stringify(at));
    at = at instanceof Error ? at.cause : undefined;
  }
  return parts.join(' <- ');
}
