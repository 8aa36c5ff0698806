import { ServerError } from '../../base/errors.ts';
import { box, bytes, fields, fourCc, fullBox, u16, u24, u32, u8, zeros, type Part } from './box.ts';
import type { Mp4AudioTrack, Mp4Track, Mp4VideoTrack } from './track.ts';

// MPEG-4 systems: descriptor tags and object types. Spec: ISO/IEC 14496-1, 7.2.2.1 and 7.2.6.6.
const TAG_ES = 3;
const TAG_DECODER_CONFIG = 4;
const TAG_DECODER_SPECIFIC = 5;
const TAG_SL_CONFIG = 6;
const OBJECT_AAC = 0x40;
/** MPEG-1 audio, which MP3 at 32 kHz and above is; 0x69 is MPEG-2's low rates. */
const OBJECT_MPEG1_AUDIO = 0x6b;
const OBJECT_MPEG2_AUDIO = 0x69;
/** Stream type 5 (audio) in the upper 6 bits, upStream 0, reserved 1. */
const STREAM_TYPE_AUDIO = (5 << 2) | 1;

/** Dots per inch of a picture, 16.16: 72. */
const RESOLUTION_72 = 0x0048_0000;

/** What describes the samples of a track in its stsd box. Throws MP4_CODEC_UNSUPPORTED. */
export function sampleEntry(track: Mp4Track): Part {
  switch (track.codec) {
    case 'h264':
      return avc1(track);
    case 'aac':
    case 'mp3':
      return mp4a(track);
    case 'h265':
    case 'av1':
    case 'opus':
      throw new ServerError('MP4_CODEC_UNSUPPORTED', `MP4 output does not carry ${track.codec}`);
  }
}

/** H.264 with parameter sets in the record. Spec: ISO/IEC 14496-12, 12.1.3; ISO/IEC 14496-15, 5.4.2. */
function avc1(track: Mp4VideoTrack): Part {
  return box(
    'avc1',
    zeros(6), // reserved
    u16(1), // data_reference_index
    zeros(16), // pre_defined, reserved
    u16(track.width), // width, pixels
    u16(track.height), // height
    u32(RESOLUTION_72), // horizresolution
    u32(RESOLUTION_72), // vertresolution
    u32(0), // reserved
    u16(1), // frame_count
    zeros(32), // compressorname
    u16(24), // depth: colour without alpha
    u16(0xffff), // pre_defined = -1
    avcC(track),
  );
}

/** AVCDecoderConfigurationRecord. Spec: ISO/IEC 14496-15, 5.3.3.1. */
function avcC(track: Mp4VideoTrack): Part {
  return box('avcC', bytes(track.record));
}

/** MPEG-4 audio; MP3 as well, by its object type. Spec: ISO/IEC 14496-12, 12.2.3; ISO/IEC 14496-14, 5.6.1. */
function mp4a(track: Mp4AudioTrack): Part {
  // 16.16 cannot hold 88.2 and 96 kHz: 0 sends readers to the codec record.
  const rate = track.timescale > 0xffff ? 0 : track.timescale;
  return box(
    'mp4a',
    zeros(6), // reserved
    u16(1), // data_reference_index
    zeros(8), // reserved
    u16(track.channels), // channelcount
    u16(16), // samplesize, bits
    u32(0), // pre_defined, reserved
    u32(rate * 65_536), // samplerate, 16.16
    esds(track),
  );
}

/** The elementary stream descriptor. Spec: ISO/IEC 14496-14, 5.6.1; ISO/IEC 14496-1, 7.2.6.5 and 7.2.6.6. */
function esds(track: Mp4AudioTrack): Part {
  const low = track.timescale < 32_000;
  const object = track.codec === 'aac' ? OBJECT_AAC : low ? OBJECT_MPEG2_AUDIO : OBJECT_MPEG1_AUDIO;
  const specific = track.record.length === 0 ? [] : [descriptor(TAG_DECODER_SPECIFIC, bytes(track.record))];
  return fullBox(
    'esds',
    0,
    0,
    descriptor(
      TAG_ES,
      u16(0), // ES_ID: 0 inside a file
      u8(0), // no dependency, URL or clock; priority 0
      descriptor(
        TAG_DECODER_CONFIG,
        u8(object), // objectTypeIndication
        u8(STREAM_TYPE_AUDIO),
        u24(0), // bufferSizeDB: unknown
        u32(0), // maxBitrate: unknown
        u32(0), // avgBitrate: unknown
        ...specific,
      ),
      descriptor(TAG_SL_CONFIG, u8(2)), // predefined: as MP4 files have it
    ),
  );
}

/** Tag, size in four bytes of 7 bits, content. Spec: ISO/IEC 14496-1, 8.3.3. */
function descriptor(tag: number, ...parts: readonly Part[]): Part {
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  return fields(5 + size, (out, from) => {
    let at = out.writeUInt8(tag, from);
    for (const shift of [21, 14, 7]) at = out.writeUInt8(0x80 | ((size >> shift) & 0x7f), at);
    at = out.writeUInt8(size & 0x7f, at);
    for (const part of parts) {
      part.write(out, at);
      at += part.size;
    }
  });
}

/** The table of sample entries: one. Spec: ISO/IEC 14496-12, 8.5.2. */
export function stsd(track: Mp4Track): Part {
  return fullBox('stsd', 0, 0, u32(1), sampleEntry(track));
}

/** The handler: what kind of media a track has. Spec: ISO/IEC 14496-12, 8.4.3. */
export function hdlr(track: Mp4Track): Part {
  const video = track.kind === 'video';
  return fullBox(
    'hdlr',
    0,
    0,
    u32(0), // pre_defined
    fourCc(video ? 'vide' : 'soun'), // handler_type
    zeros(12), // reserved
    fourCc(video ? 'Vide' : 'Soun'), // name, for people
    u8(0), // its end
  );
}
