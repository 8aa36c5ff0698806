/** Codecs that the server can name. `other` passes through the RTMP family untouched. */
export type VideoCodec = 'h264' | 'h265' | 'av1' | 'vp9' | 'vp8' | 'vp6' | 'h263' | 'other';
export type AudioCodec =
  'aac' | 'mp3' | 'opus' | 'g711a' | 'g711u' | 'speex' | 'pcm' | 'ac3' | 'flac' | 'other';
export type FrameKind = 'audio' | 'video' | 'data';

/**
 * One audio or video access unit, one codec config record, or one metadata/data message. Immutable: the same object and the
 * same bytes are shared by every output.
 *
 * `flvBody` is the body of the FLV tag / RTMP message (they are identical: FLV v10.1, E.4; RTMP 1.0, 7.1.4, 7.1.5), kept as
 * it came so that RTMP and FLV forward it without a copy. The access unit inside (length-prefixed NAL units, raw AAC frame,
 * …) is `flvBody.subarray(payloadOffset)`.
 */
export class Frame {
  readonly kind: FrameKind;
  readonly codec: VideoCodec | AudioCodec | 'script';
  /** Decoding time, ms. May exceed 32 bits once the timeline has unwrapped it. */
  readonly dts: number;
  /** Composition offset (pts - dts), ms, signed. 0 for audio and data. */
  readonly cts: number;
  /** A video frame from which decoding can start. False for audio, data and config records. */
  readonly isKeyframe: boolean;
  /** A codec config record (AVCDecoderConfigurationRecord, AudioSpecificConfig, …). */
  readonly isConfig: boolean;
  readonly flvBody: Buffer;
  /** Where the access unit, config record or AMF payload begins inside `flvBody`, bytes. */
  readonly payloadOffset: number;

  constructor(
    kind: FrameKind,
    codec: VideoCodec | AudioCodec | 'script',
    dts: number,
    cts: number,
    isKeyframe: boolean,
    isConfig: boolean,
    flvBody: Buffer,
    payloadOffset: number,
  ) {
    this.kind = kind;
    this.codec = codec;
    this.dts = dts;
    this.cts = cts;
    this.isKeyframe = isKeyframe;
    this.isConfig = isConfig;
    this.flvBody = flvBody;
    this.payloadOffset = payloadOffset;
  }

  /** Presentation time, ms. */
  get pts(): number {
    return this.dts + this.cts;
  }

  /** The access unit, config record or AMF bytes: a view. */
  get payload(): Buffer {
    return this.flvBody.subarray(this.payloadOffset);
  }

  /** The same frame at another time; the bytes are shared. */
  at(dts: number): Frame {
    if (dts === this.dts) return this;
    return new Frame(
      this.kind,
      this.codec,
      dts,
      this.cts,
      this.isKeyframe,
      this.isConfig,
      this.flvBody,
      this.payloadOffset,
    );
  }
}
