import type { MasterPlaylist, Rendition, Variant } from './model.ts';
import { quoted, uriText } from './text.ts';

/** The text of a master playlist. Spec: RFC 8216, 4.3.4. */
export function writeMasterPlaylist(playlist: MasterPlaylist): string {
  const version = playlist.independentSegments === true || (playlist.renditions ?? []).length > 0 ? 4 : 3;
  const lines = ['#EXTM3U', `#EXT-X-VERSION:${version}`];
  if (playlist.independentSegments === true) lines.push('#EXT-X-INDEPENDENT-SEGMENTS');
  for (const rendition of playlist.renditions ?? []) lines.push(renditionText(rendition));
  for (const variant of playlist.variants) lines.push(variantText(variant), uriText(variant.uri));
  lines.push('');
  return lines.join('\n');
}

function variantText(variant: Variant): string {
  const out = [`BANDWIDTH=${bits(variant.bandwidth)}`];
  if (variant.averageBandwidth !== undefined) out.push(`AVERAGE-BANDWIDTH=${bits(variant.averageBandwidth)}`);
  if (variant.codecs !== undefined) out.push(`CODECS=${quoted(variant.codecs)}`);
  if (variant.resolution !== undefined) {
    out.push(`RESOLUTION=${variant.resolution.width}x${variant.resolution.height}`);
  }
  if (variant.frameRate !== undefined) out.push(`FRAME-RATE=${variant.frameRate.toFixed(3)}`);
  if (variant.audio !== undefined) out.push(`AUDIO=${quoted(variant.audio)}`);
  if (variant.video !== undefined) out.push(`VIDEO=${quoted(variant.video)}`);
  if (variant.subtitles !== undefined) out.push(`SUBTITLES=${quoted(variant.subtitles)}`);
  return `#EXT-X-STREAM-INF:${out.join(',')}`;
}

function renditionText(rendition: Rendition): string {
  const out = [
    `TYPE=${rendition.type}`,
    `GROUP-ID=${quoted(rendition.groupId)}`,
    `NAME=${quoted(rendition.name)}`,
  ];
  if (rendition.language !== undefined) out.push(`LANGUAGE=${quoted(rendition.language)}`);
  if (rendition.isDefault === true) out.push('DEFAULT=YES');
  // 4.3.4.1: a default rendition that is not chosen by itself would be a contradiction.
  if (rendition.autoselect === true || rendition.isDefault === true) out.push('AUTOSELECT=YES');
  if (rendition.channels !== undefined) out.push(`CHANNELS=${quoted(rendition.channels)}`);
  if (rendition.uri !== undefined) out.push(`URI=${quoted(uriText(rendition.uri))}`);
  return `#EXT-X-MEDIA:${out.join(',')}`;
}

// A stream without data so far has no rate, but the attribute is a positive integer.
function bits(rate: number): number {
  return Math.max(1, Math.ceil(rate) || 1);
}
