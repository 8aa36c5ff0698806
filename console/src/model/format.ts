import type { LiveStream } from '../api/live.ts';

const CODEC_NAMES: Readonly<Record<string, string>> = {
  h264: 'H.264',
  avc: 'H.264',
  h265: 'H.265',
  hevc: 'H.265',
  av1: 'AV1',
  vp9: 'VP9',
  vp8: 'VP8',
  aac: 'AAC',
  mp3: 'MP3',
  opus: 'Opus',
  g711a: 'G.711 A-law',
  g711u: 'G.711 µ-law',
  speex: 'Speex',
};

/** `h264` → `H.264`. Unknown names pass. */
export function codecName(codec: string): string {
  return CODEC_NAMES[codec.toLowerCase()] ?? codec;
}

/** `1280 × 720`. */
export function formatSize(width: number, height: number): string {
  return `${width} × ${height}`;
}

/** kbit/s → `860 kb/s`, `2.7 Mb/s`. */
export function formatRate(kbps: number): string {
  return kbps >= 1000 ? `${(kbps / 1000).toFixed(1)} Mb/s` : `${Math.round(kbps)} kb/s`;
}

/** Seconds → `0.8 s`. */
export function formatSeconds(seconds: number): string {
  return `${seconds.toFixed(1)} s`;
}

/** How long ago, ms → `12 s`, `3 min`, `2 h 5 min`, `4 d 2 h`. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** `H.264 1280 × 720 25 fps · AAC 44.1 kHz`, as much of it as is known. */
export function describeTracks(stream: LiveStream): string {
  const video: string[] = [];
  if (stream.videoCodec !== undefined) video.push(codecName(stream.videoCodec));
  if (stream.width && stream.height) video.push(formatSize(stream.width, stream.height));
  if (stream.fps) video.push(`${Math.round(stream.fps * 100) / 100} fps`);
  const audio: string[] = [];
  if (stream.audioCodec !== undefined) audio.push(codecName(stream.audioCodec));
  if (stream.sampleRate) audio.push(`${stream.sampleRate / 1000} kHz`);
  return [video.join(' '), audio.join(' ')].filter((part) => part !== '').join(' · ');
}
