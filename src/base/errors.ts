import { printable } from './printable.ts';

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
  API_TOKENS_FAILED: { api: 1041, blames: 'operator' },
  // The RAW API.
  CONFIG_WRITE_FAILED: { api: 1059, blames: 'operator' },
  RAW_RPC_UNKNOWN: { api: 1060, blames: 'peer' },
  RAW_DISABLED: { api: 1061, blames: 'operator' },
  RAW_NOT_ALLOWED: { api: 1062, blames: 'peer' },
  RAW_PARAMETERS: { api: 1063, blames: 'peer' },
  TLS_CERTIFICATE_INVALID: { api: 4045, blames: 'operator' },
  CONNECTIONS_EXCEEDED: { api: 1074, blames: 'operator' },
  PROXY_HEADER_INVALID: { api: 1008, blames: 'operator' },
  CONNECT_FAILED: { api: 1007, blames: 'peer' },
  // Sessions.
  SESSION_TIMEOUT: { api: 1011, blames: 'peer' },
  SESSION_CLOSED: { api: 1075, blames: 'peer' },
  SESSION_KICKED: { api: 1076, blames: 'operator' },
  SERVER_STOPPING: { api: 1077, blames: 'operator' },
  VIEWER_STALLED: { api: 1078, blames: 'peer' },
  SESSION_EXPIRED: { api: 2019, blames: 'operator' },
  BITRATE_EXCEEDED: { api: 1115, blames: 'peer' },
  ACCESS_REDIRECTED: { api: 2997, blames: 'operator' },
  VHOST_UNKNOWN: { api: 2036, blames: 'peer' },
  VHOST_REMOVED: { api: 1080, blames: 'operator' },
  STREAM_BUSY: { api: 1028, blames: 'peer' },
  STREAM_FORMAT_UNFIT: { api: 2049, blames: 'peer' },
  STREAM_NOT_FOUND: { api: 2048, blames: 'peer' },
  STREAM_NAME_INVALID: { api: 2037, blames: 'peer' },
  INTERNAL: { api: 1099, blames: 'us' },
  // Who may what.
  SECURITY_DEFAULT: { api: 1052, blames: 'peer' },
  SECURITY_DENIED: { api: 1053, blames: 'peer' },
  SECURITY_NOT_ALLOWED: { api: 1054, blames: 'peer' },
  REFER_DENIED: { api: 2015, blames: 'peer' },
  LIMIT_EXCEEDED: { api: 1110, blames: 'peer' },
  BANNED: { api: 1111, blames: 'operator' },
  BAN_INVALID: { api: 1112, blames: 'peer' },
  BANS_FULL: { api: 1113, blames: 'operator' },
  TOKEN_MISSING: { api: 1120, blames: 'peer' },
  TOKEN_INVALID: { api: 1121, blames: 'peer' },
  TOKEN_EXPIRED: { api: 1122, blames: 'peer' },
  TOKEN_USED: { api: 1123, blames: 'peer' },
  TOKEN_UNCHECKED: { api: 1124, blames: 'operator' },
  // HTTP callbacks and what they are asked with.
  HOOK_REFUSED: { api: 3064, blames: 'peer' },
  HOOK_ANSWER_INVALID: { api: 3065, blames: 'operator' },
  HOOK_FAILED: { api: 3066, blames: 'operator' },
  HTTP_REQUEST_FAILED: { api: 3066, blames: 'operator' },
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
  MP4_INVALID: { api: 3070, blames: 'peer' },
  MP4_TOO_LARGE: { api: 3067, blames: 'peer' },
  MP4_CODEC_UNSUPPORTED: { api: 3075, blames: 'peer' },
  M3U8_INVALID: { api: 3000, blames: 'peer' },
  MPD_INVALID: { api: 3000, blames: 'peer' },
  PLAYLIST_TOO_LARGE: { api: 3000, blames: 'peer' },
  TS_INVALID: { api: 4013, blames: 'peer' },
  TS_PES_TOO_LARGE: { api: 4019, blames: 'peer' },
  TS_CODEC_UNSUPPORTED: { api: 4021, blames: 'peer' },
  HLS_INPUT_INVALID: { api: 3001, blames: 'peer' },
  FILE_OPEN_FAILED: { api: 1042, blames: 'operator' },
  FILE_READ_FAILED: { api: 1044, blames: 'operator' },
  FILE_WRITE_FAILED: { api: 1045, blames: 'operator' },
  RECORDING_CUT: { api: 1079, blames: 'operator' },
  FILE_TOO_SLOW: { api: 1045, blames: 'operator' },
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

/** Causes of an error that are told; also how many of the errors that an AggregateError holds are told at each level. */
const MAX_CAUSES = 8;
const MAX_AGGREGATED = 3;
/** Characters of one cause, of the whole chain, and of the stack behind it. */
const MAX_CAUSE_TEXT = 1_000;
const MAX_CHAIN_TEXT = 2_500;
const MAX_STACK_TEXT = 1_500;

/**
 * One printable line for a log or a terminal, of bounded length whatever the error is: code, message and the chain of
 * causes. Where INTERNAL is among them, which is our own fault, the stack of the root cause follows.
 */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  const seen = new Set<unknown>();
  let root: Error | undefined;
  let ours = false;
  for (let at = error; ; at = causeOf(at)) {
    if (seen.has(at) || parts.length === MAX_CAUSES) {
      parts.push('...');
      break;
    }
    seen.add(at);
    parts.push(describeOne(at, 0));
    if (at instanceof Error) root = at;
    if (at instanceof ServerError && at.code === 'INTERNAL') ours = true;
    if (causeOf(at) === undefined) break;
  }
  const chain = printable(parts.join(' <- '), MAX_CHAIN_TEXT);
  return ours && root !== undefined ? `${chain}${stackOf(root)}` : chain;
}

function causeOf(error: unknown): unknown {
  try {
    return error instanceof Error ? (error.cause ?? undefined) : undefined;
  } catch {
    return undefined;
  }
}

function describeOne(error: unknown, depth: number): string {
  let text: string;
  try {
    text = error instanceof Error ? describeInstance(error, depth) : describeValue(error);
  } catch {
    text = 'an error that cannot be read'; // A getter or a toJSON of it threw.
  }
  return printable(text, MAX_CAUSE_TEXT);
}

function describeInstance(error: Error, depth: number): string {
  if (error instanceof ServerError) return `${error.code}(${error.apiCode}): ${error.message}`;
  // Anything can be assigned to the fields of an error.
  const { message, name, code } = error as { message: unknown; name: unknown; code?: unknown };
  let text = String(message === '' ? name : message);
  // The name of the errno, e.g. ECONNREFUSED. Node's own messages often have it.
  if (typeof code === 'string' && !text.includes(code)) text += ` (${code})`;
  if (!(error instanceof AggregateError) || depth > 1) return text;
  const { errors } = error as { errors: readonly unknown[] };
  const told = errors.slice(0, MAX_AGGREGATED).map((one) => describeOne(one, depth + 1));
  if (errors.length > told.length) told.push(`${errors.length - told.length} more`);
  return `${text} [${told.join('; ')}]`;
}

/** What was thrown and is no error. */
function describeValue(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const { message } = value as { message?: unknown };
  if (typeof message === 'string') return message;
  // Not the whole of it: it may hold a server.
  const fields = Object.entries(value).filter(
    ([, field]) => typeof field !== 'object' && typeof field !== 'function',
  );
  return JSON.stringify(
    Object.fromEntries(fields.slice(0, MAX_CAUSES).map(([name, field]) => [name, String(field)])),
  );
}

/** The frames of a stack in one line. */
function stackOf(error: Error): string {
  let stack: unknown;
  try {
    stack = error.stack;
  } catch {
    // A getter of somebody else.
  }
  if (typeof stack !== 'string') return '';
  const frames = stack
    .slice(0, MAX_CHAIN_TEXT + MAX_STACK_TEXT)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('at '));
  return frames.length === 0 ? '' : ` | ${printable(frames.join(' '), MAX_STACK_TEXT)}`;
}
