import { Buffer } from 'node:buffer';
import { ServerError } from '../../base/errors.ts';
import { readAacConfig } from '../../media/codecs/aac.ts';
import { h264Track, readAvcConfig, writeAvcConfig } from '../../media/codecs/h264.ts';
import { readMp3Header } from '../../media/codecs/mp3.ts';
import type { AudioCodec, Frame, VideoCodec } from '../../media/frame.ts';

/**
 * Ticks of a video track per second. Frames count in ms, and 90 ticks are one ms exactly: nothing is ever rounded. A
 * timescale of 1000 would be exact as well; this one is what HLS and DASH packagers use and what MPEG-TS has.
 */
export const VIDEO_TIMESCALE = 90_000;

/** A video track as its sample entry describes it. */
export interface Mp4VideoTrack {
  readonly kind: 'video';
  /** Only `h264` has a sample entry so far; see `sampleEntry`. */
  readonly codec: Extract<VideoCodec, 'h264' | 'h265' | 'av1'>;
  /** Ticks per second. */
  readonly timescale: number;
  /** Pixels; 0 when the codec record does not tell. */
  readonly width: number;
  readonly height: number;
  /** The codec record as it stands in the sample entry (avcC), with NAL lengths of 4 bytes. */
  readonly record: Buffer;
  /** Bytes of the NAL lengths of incoming frames: 1, 2 or 4. */
  readonly nalLengthSize: number;
}

/** An audio track as its sample entry describes it. */
export interface Mp4AudioTrack {
  readonly kind: 'audio';
  /** `opus` has no sample entry yet; see `sampleEntry`. */
  readonly codec: Extract<AudioCodec, 'aac' | 'mp3' | 'opus'>;
  /** Ticks per second: the sample rate of the coded frames (for HE-AAC that of the core), so that a frame is a whole number. */
  readonly timescale: number;
  readonly channels: number;
  /** AudioSpecificConfig; empty for MP3. */
  readonly record: Buffer;
  /** Ticks of one frame. */
  readonly frameSamples: number;
}

export type Mp4Track = Mp4VideoTrack | Mp4AudioTrack;

/**
 * The track that a config record begins, or for MP3, which has none, any frame. Undefined for frames that describe nothing:
 * data, coded pictures, raw AAC. Throws CODEC_INVALID for a bad record and MP4_CODEC_UNSUPPORTED for codecs not carried.
 */
export function mp4Track(frame: Frame): Mp4Track | undefined {
  if (frame.kind === 'data') return undefined;
  if (frame.codec === 'h264') return frame.isConfig ? avcTrack(frame.payload) : undefined;
  if (frame.codec === 'aac') return frame.isConfig ? aacTrackOf(frame.payload) : undefined;
  if (frame.codec === 'mp3') return frame.payload.length === 0 ? undefined : mp3TrackOf(frame.payload);
  throw new ServerError('MP4_CODEC_UNSUPPORTED', `MP4 output does not carry ${frame.codec}`);
}

/** True when both need the same sample entry, so that a change from one to the other needs no new init segment. */
export function sameTrack(a: Mp4Track | undefined, b: Mp4Track): boolean {
  if (a === undefined || a.codec !== b.codec || a.timescale !== b.timescale) return false;
  if (!a.record.equals(b.record)) return false;
  if (a.kind === 'video') return b.kind === 'video' && a.nalLengthSize === b.nalLengthSize;
  return b.kind === 'audio' && a.channels === b.channels && a.frameSamples === b.frameSamples;
}

function avcTrack(payload: Buffer): Mp4VideoTrack {
  const config = readAvcConfig(payload);
  if (config.sps.length === 0) throw new ServerError('CODEC_INVALID', 'avcC record without SPS');
  const { width = 0, height = 0 } = h264Track(payload);
  return {
    kind: 'video',
    codec: 'h264',
    timescale: VIDEO_TIMESCALE,
    width,
    height,
    // Its own memory: the record lives as long as the track, and a view would keep a whole read buffer.
    record: writeAvcConfig({ ...config, nalLengthSize: 4 }),
    nalLengthSize: config.nalLengthSize,
  };
}

function aacTrackOf(payload: Buffer): Mp4AudioTrack {
  const config = readAacConfig(payload);
  return {
    kind: 'audio',
    codec: 'aac',
    timescale: config.sampleRate,
    channels: config.ps ? 2 : config.channels,
    record: Buffer.from(payload),
    frameSamples: config.frameSamples,
  };
}

function mp3TrackOf(payload: Buffer): Mp4AudioTrack {
  const { sampleRate, channels, samples } = readMp3Header(payload);
  return {
    kind: 'audio',
    codec: 'mp3',
    timescale: sampleRate,
    channels,
    record: Buffer.alloc(0),
    frameSamples: samples,
  };
}
