import { Buffer } from 'node:buffer';
import { readAacConfig } from '../../media/codecs/aac.ts';
import { readAvcConfig } from '../../media/codecs/h264.ts';
import { childBoxes, childOf, invalid } from './box-scanner.ts';
import type { Mp4Track } from './track.ts';

/** Bytes of a codec record (avcC, AudioSpecificConfig) in a file; real ones have 2 to 200. */
export const MAX_CODEC_RECORD_BYTES = 64 * 1024;

/** Fixed fields of a VisualSampleEntry and an AudioSampleEntry. Spec: ISO/IEC 14496-12, 12.1.3 and 12.2.3. */
const VISUAL_ENTRY_BYTES = 78;
const AUDIO_ENTRY_BYTES = 28;

/**
 * The track that a sample entry describes; undefined for codecs that are not read. `timescale` in ticks per second. Throws
 * MP4_INVALID and CODEC_INVALID.
 */
export function readSampleEntry(type: string, body: Buffer, timescale: number): Mp4Track | undefined {
  if (type === 'avc1' || type === 'avc3') return readAvc1(body, timescale);
  if (type === 'mp4a') return readMp4a(body, timescale);
  if (type === '.mp3') return mp3(body, timescale);
  return undefined;
}

function readAvc1(body: Buffer, timescale: number): Mp4Track {
  if (body.length < VISUAL_ENTRY_BYTES) throw invalid('short avc1');
  const record = childOf(childBoxes(body.subarray(VISUAL_ENTRY_BYTES)), 'avcC');
  if (record === undefined) throw invalid('avc1 without avcC');
  const { nalLengthSize } = readAvcConfig(checked(record));
  return {
    kind: 'video',
    codec: 'h264',
    timescale,
    width: body.readUInt16BE(24),
    height: body.readUInt16BE(26),
    record: Buffer.from(record),
    nalLengthSize,
  };
}

function readMp4a(body: Buffer, timescale: number): Mp4Track | undefined {
  if (body.length < AUDIO_ENTRY_BYTES) throw invalid('short mp4a');
  const esds = childOf(childBoxes(body.subarray(AUDIO_ENTRY_BYTES)), 'esds');
  if (esds === undefined) throw invalid('mp4a without esds');
  const { objectType, specific } = readEsds(esds);
  if (objectType === 0x6b || objectType === 0x69) return mp3(body, timescale);
  if (objectType !== 0x40) return undefined;
  if (specific === undefined) throw invalid('AAC without its record');
  const { frameSamples } = readAacConfig(specific);
  return {
    kind: 'audio',
    codec: 'aac',
    timescale,
    channels: body.readUInt16BE(16),
    record: Buffer.from(specific),
    frameSamples,
  };
}

function mp3(body: Buffer, timescale: number): Mp4Track {
  if (body.length < AUDIO_ENTRY_BYTES) throw invalid('short audio sample entry');
  return {
    kind: 'audio',
    codec: 'mp3',
    timescale,
    channels: body.readUInt16BE(16),
    record: Buffer.alloc(0),
    // ISO/IEC 13818-3, 2.4.2.1: the low rates have one granule.
    frameSamples: timescale < 32_000 ? 576 : 1152,
  };
}

/** Spec: ISO/IEC 14496-1, 7.2.6.5: descriptors inside each other, found in this order. */
function readEsds(body: Buffer): { objectType: number; specific: Buffer | undefined } {
  const es = descriptor(body, 4, 3);
  if (es.length < 3) throw invalid('short ES descriptor');
  const flags = es.readUInt8(2);
  let at = 3;
  if ((flags & 0x80) !== 0) at += 2; // dependsOn_ES_ID
  if ((flags & 0x40) !== 0) at += 1 + (es[at] ?? 0); // URL
  if ((flags & 0x20) !== 0) at += 2; // OCR_ES_Id
  const config = descriptor(es, at, 4);
  if (config.length < 13) throw invalid('short decoder config descriptor');
  const specific = config.length > 13 ? checked(descriptor(config, 13, 5)) : undefined;
  return { objectType: config.readUInt8(0), specific };
}

/** The contents of the descriptor at `at`, which must have that tag. Spec: ISO/IEC 14496-1, 8.3.3. */
function descriptor(bytes: Buffer, at: number, tag: number): Buffer {
  if (bytes[at] !== tag) throw invalid(`no descriptor ${tag}`);
  let size = 0;
  for (let i = 1; i <= 4; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) break;
    size = size * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    const start = at + i + 1;
    if (size > bytes.length - start) break;
    return bytes.subarray(start, start + size);
  }
  throw invalid(`descriptor ${tag} reaches beyond its box`);
}

function checked(record: Buffer): Buffer {
  if (record.length > MAX_CODEC_RECORD_BYTES) throw invalid(`codec record of ${record.length} bytes`);
  return record;
}
