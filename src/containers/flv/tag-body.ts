import type { Buffer } from 'node:buffer';
import { Frame, type AudioCodec, type VideoCodec } from '../../media/frame.ts';

/** FLV tag types; RTMP message types have the same numbers. Spec: FLV 10.1, E.4.1. */
export const TAG_TYPE = { AUDIO: 8, VIDEO: 9, SCRIPT: 18 } as const;

/** Any of `TAG_TYPE`. */
export type TagTypeId = (typeof TAG_TYPE)[keyof typeof TAG_TYPE];

// Frame types (FLV 10.1, E.4.3.1; Enhanced RTMP v2, ExVideoTagHeader).
const FRAME_KEY = 1;
const FRAME_COMMAND = 5;

// Codec ids of the legacy video header. 12 is in no Adobe text: CDNs in China and ffmpeg forks send HEVC so, laid out as AVC.
const VIDEO_H263 = 2;
const VIDEO_VP6 = 4;
const VIDEO_VP6_ALPHA = 5;
const VIDEO_AVC = 7;
const VIDEO_HEVC = 12;

// Packet types of the legacy AVC and AAC headers.
const LEGACY_SEQUENCE_HEADER = 0;
const AVC_NALU = 1;

// Packet types of Enhanced RTMP; 0 to 2 mean the same for audio and video.
const EX_SEQUENCE_START = 0;
const EX_CODED_FRAMES = 1;
const EX_CODED_FRAMES_X = 3;
const EX_VIDEO_METADATA = 4;
const EX_VIDEO_MPEG2TS_SEQUENCE_START = 5;
const EX_VIDEO_MULTITRACK = 6;
const EX_AUDIO_MULTITRACK = 5;
const EX_MOD_EX = 7;

/** `ManyTracksManyCodecs`: each track names its own codec, so no FourCC follows the header. */
const MULTITRACK_MANY_CODECS = 2;

const FOURCC_AVC1 = 0x61766331;
const FOURCC_HVC1 = 0x68766331;
const FOURCC_VVC1 = 0x76766331;
const FOURCC_AV01 = 0x61763031;
const FOURCC_VP08 = 0x76703038;
const FOURCC_VP09 = 0x76703039;
const FOURCC_AAC = 0x6d703461; // 'mp4a'
const FOURCC_OPUS = 0x4f707573; // 'Opus'
const FOURCC_AC3 = 0x61632d33; // 'ac-3'
const FOURCC_FLAC = 0x664c6143; // 'fLaC'
const FOURCC_MP3 = 0x2e6d7033; // '.mp3'

/** Sound format that announces the ExAudioTagHeader. Spec: Enhanced RTMP v2, Enhanced Audio. */
const SOUND_EX_HEADER = 9;
const SOUND_AAC = 10;

/**
 * The frame in the body of an FLV tag or of an RTMP media message. Never throws: a body that is too short or of an unknown
 * form becomes a frame that is neither keyframe nor config, so that it passes through untouched.
 * `timestamp` is in ms. Spec: FLV 10.1, E.4.2 and E.4.3; Enhanced RTMP v1 and v2.
 */
export function frameFromFlv(typeId: TagTypeId, timestamp: number, body: Buffer): Frame {
  if (typeId === TAG_TYPE.VIDEO) return videoFrame(timestamp, body);
  if (typeId === TAG_TYPE.AUDIO) return audioFrame(timestamp, body);
  return new Frame('data', 'script', timestamp, 0, false, false, body, 0);
}

function videoFrame(timestamp: number, body: Buffer): Frame {
  if (body.length === 0) return new Frame('video', 'other', timestamp, 0, false, false, body, 0);
  const first = byteAt(body, 0);
  if ((first & 0x80) !== 0) return exVideoFrame(timestamp, body, first);
  const frameType = first >> 4;
  const codecId = first & 0x0f;
  if (codecId !== VIDEO_AVC && codecId !== VIDEO_HEVC) {
    const isKey = frameType === FRAME_KEY && body.length > 1;
    return new Frame('video', legacyVideoCodec(codecId), timestamp, 0, isKey, false, body, 1);
  }
  const codec = codecId === VIDEO_AVC ? 'h264' : 'h265';
  // A command frame (E.4.3: seek markers) has one more byte and nothing to decode; a header alone has nothing either.
  if (frameType === FRAME_COMMAND || body.length < 5) {
    return new Frame('video', codec, timestamp, 0, false, false, body, Math.min(5, body.length));
  }
  const packetType = byteAt(body, 1);
  const hasPayload = body.length > 5;
  if (packetType === AVC_NALU) {
    const isKey = frameType === FRAME_KEY && hasPayload;
    return new Frame('video', codec, timestamp, int24(body, 2), isKey, false, body, 5);
  }
  // Packet type 2 ends the sequence: an empty frame, neither config nor keyframe.
  const isConfig = packetType === LEGACY_SEQUENCE_HEADER && hasPayload;
  return new Frame('video', codec, timestamp, 0, false, isConfig, body, 5);
}

function legacyVideoCodec(codecId: number): VideoCodec {
  if (codecId === VIDEO_VP6 || codecId === VIDEO_VP6_ALPHA) return 'vp6';
  return codecId === VIDEO_H263 ? 'h263' : 'other';
}

// Spec: Enhanced RTMP v2, ExVideoTagHeader: 1 bit, frame type (3), packet type (4), [ModEx …], FourCC, [composition time].
function exVideoFrame(timestamp: number, body: Buffer, first: number): Frame {
  const frameType = (first >> 4) & 0x07;
  let packetType = first & 0x0f;
  let at = 1;
  if (packetType === EX_MOD_EX) {
    at = skipModEx(body);
    if (at === 0) return new Frame('video', 'other', timestamp, 0, false, false, body, body.length);
    packetType = byteAt(body, at - 1) & 0x0f;
  }
  if (frameType === FRAME_COMMAND && packetType !== EX_VIDEO_METADATA) {
    return new Frame('video', 'other', timestamp, 0, false, false, body, at);
  }
  if (packetType === EX_VIDEO_MULTITRACK) {
    // Passes as it is and never counts as config or keyframe: its config records belong to one of several tracks, and
    // would replace the record of the main track in a cache that holds one.
    const many = at < body.length && byteAt(body, at) >> 4 === MULTITRACK_MANY_CODECS;
    const codec = many || at + 5 > body.length ? 'other' : videoCodecOf(body.readUInt32BE(at + 1));
    return new Frame('video', codec, timestamp, 0, false, false, body, Math.min(at, body.length));
  }
  if (at + 4 > body.length) return new Frame('video', 'other', timestamp, 0, false, false, body, body.length);
  const fourCc = body.readUInt32BE(at);
  const codec = videoCodecOf(fourCc);
  at += 4;
  let cts = 0;
  if (packetType === EX_CODED_FRAMES && hasCompositionTime(fourCc)) {
    if (at + 3 > body.length) return new Frame('video', codec, timestamp, 0, false, false, body, body.length);
    cts = int24(body, at);
    at += 3;
  }
  const hasPayload = at < body.length;
  const isConfig =
    hasPayload && (packetType === EX_SEQUENCE_START || packetType === EX_VIDEO_MPEG2TS_SEQUENCE_START);
  const isCoded = packetType === EX_CODED_FRAMES || packetType === EX_CODED_FRAMES_X;
  const isKey = hasPayload && isCoded && frameType === FRAME_KEY;
  return new Frame('video', codec, timestamp, cts, isKey, isConfig, body, at);
}

function hasCompositionTime(fourCc: number): boolean {
  return fourCc === FOURCC_HVC1 || fourCc === FOURCC_AVC1 || fourCc === FOURCC_VVC1;
}

function videoCodecOf(fourCc: number): VideoCodec {
  switch (fourCc) {
    case FOURCC_AVC1:
      return 'h264';
    case FOURCC_HVC1:
      return 'h265';
    case FOURCC_AV01:
      return 'av1';
    case FOURCC_VP09:
      return 'vp9';
    case FOURCC_VP08:
      return 'vp8';
    default:
      return 'other';
  }
}

function audioFrame(timestamp: number, body: Buffer): Frame {
  if (body.length === 0) return new Frame('audio', 'other', timestamp, 0, false, false, body, 0);
  const format = byteAt(body, 0) >> 4;
  if (format === SOUND_AAC) {
    const isConfig = body.length > 2 && body[1] === LEGACY_SEQUENCE_HEADER;
    return new Frame('audio', 'aac', timestamp, 0, false, isConfig, body, Math.min(2, body.length));
  }
  if (format === SOUND_EX_HEADER) return exAudioFrame(timestamp, body);
  return new Frame('audio', legacyAudioCodec(format), timestamp, 0, false, false, body, 1);
}

// Sound formats of FLV 10.1, E.4.2.1.
function legacyAudioCodec(format: number): AudioCodec {
  switch (format) {
    case 0:
    case 3:
      return 'pcm';
    case 2:
    case 14: // MP3 at 8 kHz, which the two rate bits cannot say.
      return 'mp3';
    case 7:
      return 'g711a';
    case 8:
      return 'g711u';
    case 11:
      return 'speex';
    default:
      return 'other';
  }
}

// Spec: Enhanced RTMP v2, ExAudioTagHeader: sound format 9 (4), packet type (4), [ModEx …], FourCC.
function exAudioFrame(timestamp: number, body: Buffer): Frame {
  let packetType = byteAt(body, 0) & 0x0f;
  let at = 1;
  if (packetType === EX_MOD_EX) {
    at = skipModEx(body);
    if (at === 0) return new Frame('audio', 'other', timestamp, 0, false, false, body, body.length);
    packetType = byteAt(body, at - 1) & 0x0f;
  }
  if (packetType === EX_AUDIO_MULTITRACK) {
    const many = at < body.length && byteAt(body, at) >> 4 === MULTITRACK_MANY_CODECS;
    const codec = many || at + 5 > body.length ? 'other' : audioCodecOf(body.readUInt32BE(at + 1));
    return new Frame('audio', codec, timestamp, 0, false, false, body, Math.min(at, body.length));
  }
  if (at + 4 > body.length) return new Frame('audio', 'other', timestamp, 0, false, false, body, body.length);
  const codec = audioCodecOf(body.readUInt32BE(at));
  at += 4;
  const isConfig = packetType === EX_SEQUENCE_START && at < body.length;
  return new Frame('audio', codec, timestamp, 0, false, isConfig, body, at);
}

function audioCodecOf(fourCc: number): AudioCodec {
  switch (fourCc) {
    case FOURCC_AAC:
      return 'aac';
    case FOURCC_OPUS:
      return 'opus';
    case FOURCC_MP3:
      return 'mp3';
    case FOURCC_AC3:
      return 'ac3';
    case FOURCC_FLAC:
      return 'flac';
    default:
      return 'other';
  }
}

/**
 * Skips the modifiers that begin after the first byte: size - 1 in one byte (255: in the two bytes that follow), the data,
 * then one byte with the modifier's type and the next packet type. Returns where the header continues, or 0 when the body
 * ends before. Spec: Enhanced RTMP v2, ModEx.
 */
function skipModEx(body: Buffer): number {
  let at = 1;
  for (;;) {
    if (at >= body.length) return 0;
    let size = byteAt(body, at) + 1;
    at += 1;
    if (size === 256) {
      if (at + 2 > body.length) return 0;
      size = body.readUInt16BE(at) + 1;
      at += 2;
    }
    at += size;
    if (at >= body.length) return 0;
    at += 1;
    if ((byteAt(body, at - 1) & 0x0f) !== EX_MOD_EX) return at;
  }
}

/** The caller has checked the length; `?? 0` only satisfies the type. */
function byteAt(body: Buffer, at: number): number {
  return body[at] ?? 0;
}

/** Composition time is signed (FLV 10.1, E.4.3.1: SI24). */
function int24(body: Buffer, at: number): number {
  return (((byteAt(body, at) << 16) | (byteAt(body, at + 1) << 8) | byteAt(body, at + 2)) << 8) >> 8;
}
