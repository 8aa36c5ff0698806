import { aacTrack } from './codecs/aac.ts';
import { av1Track } from './codecs/av1.ts';
import { h264Track } from './codecs/h264.ts';
import { h265Track } from './codecs/h265.ts';
import { mp3Track } from './codecs/mp3.ts';
import type { AudioCodec, Frame, VideoCodec } from './frame.ts';
import type { AudioTrack, VideoTrack } from './track.ts';

/** Hz by the two rate bits of the FLV audio header. Spec: FLV 10.1, E.4.2.1. */
const FLV_RATES = [5_512, 11_025, 22_050, 44_100];

/**
 * What a video config frame tells of its track. Never throws. `parseSps` false takes profile and level from the record but
 * does not look into the parameter sets (SRS's `parse_sps off`).
 */
export function videoTrackOf(frame: Frame, parseSps = true): VideoTrack {
  const codec = frame.codec as VideoCodec;
  if (!frame.isConfig) return { codec };
  const track = videoTrackOfRecord(codec, frame);
  if (parseSps) return track;
  const { profile, level } = track;
  return { codec, ...(profile === undefined ? {} : { profile }), ...(level === undefined ? {} : { level }) };
}

function videoTrackOfRecord(codec: VideoCodec, frame: Frame): VideoTrack {
  switch (codec) {
    case 'h264':
      return h264Track(frame.payload);
    case 'h265':
      return h265Track(frame.payload);
    case 'av1':
      return av1Track(frame.payload);
    case 'vp9':
    case 'vp8':
    case 'vp6':
    case 'h263':
    case 'other':
      return { codec };
  }
}

/** What an audio frame tells of its track: a config frame for AAC and Opus, any frame for the rest. Never throws. */
export function audioTrackOf(frame: Frame): AudioTrack {
  const codec = frame.codec as AudioCodec;
  switch (codec) {
    case 'aac':
      return frame.isConfig ? aacTrack(frame.payload) : { codec };
    case 'mp3': {
      const track = mp3Track(frame.payload);
      return track.sampleRate === undefined ? flvHeaderTrack(codec, frame) : track;
    }
    case 'opus':
      return opusTrack(frame);
    case 'g711a':
    case 'g711u':
      return { codec, sampleRate: 8_000, channels: 1 };
    case 'speex':
      return { codec, sampleRate: 16_000, channels: 1 };
    case 'pcm':
    case 'other':
      return flvHeaderTrack(codec, frame);
    case 'ac3':
    case 'flac':
      return { codec };
  }
}

/** The legacy FLV header's own idea of rate and channels; the enhanced header (sound format 9) has none. */
function flvHeaderTrack(codec: AudioCodec, frame: Frame): AudioTrack {
  const header = frame.flvBody[0];
  if (header === undefined || header >> 4 === 9) return { codec };
  const sampleRate = FLV_RATES[(header >> 2) & 3];
  return { codec, channels: (header & 1) + 1, ...(sampleRate === undefined ? {} : { sampleRate }) };
}

// OpusHead, RFC 7845, 5.1: decoders always give out 48 kHz.
function opusTrack(frame: Frame): AudioTrack {
  const head = frame.payload;
  if (!frame.isConfig || head.length < 10 || head.toString('latin1', 0, 8) !== 'OpusHead')
    return { codec: 'opus' };
  return { codec: 'opus', sampleRate: 48_000, channels: head.readUInt8(9) };
}
