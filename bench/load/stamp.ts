/** Bytes of a stamp: SEI head, UUID, send time, sequence number, end. */
export const STAMP_BYTES = 3 + 16 + 8 + 4 + 1;

// "Bench stamp" as a user_data_unregistered SEI (H.264 annex D, payload type 5): decoders skip it.
const UUID = Buffer.from('73727354735f62656e63685f7374616d', 'hex');
const TIME_AT = 3 + 16;
const SEQUENCE_AT = TIME_AT + 8;
const SEVEN_BITS = 128;

/** When a frame left the publisher and which frame it was. */
export interface Stamp {
  readonly sentMicros: number;
  readonly sequence: number;
}

/** Writes an SEI NAL unit with room for a stamp. */
export function writeStampNal(target: Buffer, at: number): void {
  target[at] = 0x06;
  target[at + 1] = 5;
  target[at + 2] = STAMP_BYTES - 4;
  UUID.copy(target, at + 3);
  writeStamp(target, at, 0, 0);
  target[at + STAMP_BYTES - 1] = 0x80;
}

/**
 * Puts time and number into a stamp NAL. Seven bits a byte with the top bit set: such bytes can never look like a start
 * code or need an emulation prevention byte.
 */
export function writeStamp(target: Buffer, at: number, sentMicros: number, sequence: number): void {
  let rest = sentMicros;
  for (let i = 7; i >= 0; i--) {
    target[at + TIME_AT + i] = 0x80 | (rest % SEVEN_BITS);
    rest = Math.floor(rest / SEVEN_BITS);
  }
  rest = sequence;
  for (let i = 3; i >= 0; i--) {
    target[at + SEQUENCE_AT + i] = 0x80 | (rest % SEVEN_BITS);
    rest = Math.floor(rest / SEVEN_BITS);
  }
}

/** Reads the stamp of an FLV/RTMP video body, or undefined when the body carries none. */
export function readStamp(body: Buffer): Stamp | undefined {
  // Tag header (5), NAL length (4), then the SEI.
  const at = 9;
  if (body.length < at + STAMP_BYTES || body[at] !== 0x06) return undefined;
  if (UUID.compare(body, at + 3, at + TIME_AT) !== 0) return undefined;
  let sentMicros = 0;
  for (let i = 0; i < 8; i++) sentMicros = sentMicros * SEVEN_BITS + ((body[at + TIME_AT + i] ?? 0) & 0x7f);
  let sequence = 0;
  for (let i = 0; i < 4; i++) sequence = sequence * SEVEN_BITS + ((body[at + SEQUENCE_AT + i] ?? 0) & 0x7f);
  return { sentMicros, sequence };
}

/** True for a video body that holds a key frame's picture (not a config record). */
export function isKeyPicture(body: Buffer): boolean {
  return body.length > 5 && body[0] === 0x17 && body[1] === 1;
}
