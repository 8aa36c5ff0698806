import type {
  ByteRange,
  EncryptionKey,
  MediaMap,
  MediaPlaylist,
  PlaylistPart,
  PlaylistSegment,
  SegmentHead,
} from './model.ts';
import { lineText, quoted, secondsText, uriText } from './text.ts';

/**
 * The text of a media playlist. Meant to be made once per segment or part and shared by all who ask: one array of lines, one
 * join. Spec: RFC 8216, 4.3.2 and 4.3.3; bis, 4.4.3 to 4.4.5.
 */
export function writeMediaPlaylist(playlist: MediaPlaylist): string {
  const lines: string[] = ['#EXTM3U', `#EXT-X-VERSION:${mediaPlaylistVersion(playlist)}`];
  writeHead(lines, playlist);
  if (playlist.skippedSegments !== undefined && playlist.skippedSegments > 0) {
    lines.push(`#EXT-X-SKIP:SKIPPED-SEGMENTS=${playlist.skippedSegments}`);
  }
  let before: SegmentHead | undefined;
  for (const segment of playlist.segments) {
    writeSegment(lines, segment, before);
    before = segment;
  }
  if (playlist.partial !== undefined) writeSegmentHead(lines, playlist.partial, before);
  for (const hint of playlist.preloadHints ?? []) {
    let line = `#EXT-X-PRELOAD-HINT:TYPE=${hint.type},URI=${quoted(uriText(hint.uri))}`;
    if (hint.byteRangeStart !== undefined) line += `,BYTERANGE-START=${hint.byteRangeStart}`;
    if (hint.byteRangeLength !== undefined) line += `,BYTERANGE-LENGTH=${hint.byteRangeLength}`;
    lines.push(line);
  }
  for (const report of playlist.renditionReports ?? []) {
    const last = report.lastPart === undefined ? '' : `,LAST-PART=${report.lastPart}`;
    lines.push(
      `#EXT-X-RENDITION-REPORT:URI=${quoted(uriText(report.uri))},LAST-MSN=${report.lastMsn}${last}`,
    );
  }
  if (playlist.endlist === true) lines.push('#EXT-X-ENDLIST');
  lines.push('');
  return lines.join('\n');
}

/**
 * The least protocol version that knows everything in the playlist. Spec: RFC 8216, section 7; bis, section 8. Where delta
 * updates are offered the full playlist says 9 as well, so that the version does not change from one answer to the next.
 */
export function mediaPlaylistVersion(playlist: MediaPlaylist): number {
  if (playlist.skippedSegments !== undefined || playlist.serverControl?.canSkipUntilMs !== undefined)
    return 9;
  let version = 3; // Durations have decimals.
  for (const segment of playlist.segments)
    version = Math.max(version, headVersion(segment, segment.byteRange));
  if (playlist.partial !== undefined) version = Math.max(version, headVersion(playlist.partial, undefined));
  return version;
}

function headVersion(head: SegmentHead, range: ByteRange | undefined): number {
  if (head.map !== undefined) return 6;
  if (head.key?.keyFormat !== undefined || head.key?.keyFormatVersions !== undefined) return 5;
  return range === undefined ? 3 : 4;
}

function writeHead(lines: string[], playlist: MediaPlaylist): void {
  lines.push(`#EXT-X-TARGETDURATION:${playlist.targetDurationSec}`);
  const control = playlist.serverControl;
  if (control !== undefined) {
    const attributes: string[] = [];
    if (control.canBlockReload === true) attributes.push('CAN-BLOCK-RELOAD=YES');
    if (control.partHoldBackMs !== undefined) {
      attributes.push(`PART-HOLD-BACK=${secondsText(control.partHoldBackMs)}`);
    }
    if (control.holdBackMs !== undefined) attributes.push(`HOLD-BACK=${secondsText(control.holdBackMs)}`);
    if (control.canSkipUntilMs !== undefined) {
      attributes.push(`CAN-SKIP-UNTIL=${secondsText(control.canSkipUntilMs)}`);
    }
    if (attributes.length > 0) lines.push(`#EXT-X-SERVER-CONTROL:${attributes.join(',')}`);
  }
  if (playlist.partTargetMs !== undefined) {
    lines.push(`#EXT-X-PART-INF:PART-TARGET=${secondsText(playlist.partTargetMs)}`);
  }
  lines.push(`#EXT-X-MEDIA-SEQUENCE:${playlist.mediaSequence}`);
  if (playlist.discontinuitySequence > 0) {
    lines.push(`#EXT-X-DISCONTINUITY-SEQUENCE:${playlist.discontinuitySequence}`);
  }
  if (playlist.playlistType !== undefined) lines.push(`#EXT-X-PLAYLIST-TYPE:${playlist.playlistType}`);
  if (playlist.independentSegments === true) lines.push('#EXT-X-INDEPENDENT-SEGMENTS');
}

function writeSegment(lines: string[], segment: PlaylistSegment, before: SegmentHead | undefined): void {
  writeSegmentHead(lines, segment, before);
  if (segment.gap === true) lines.push('#EXT-X-GAP');
  const title = segment.title === undefined ? '' : lineText(segment.title);
  lines.push(`#EXTINF:${secondsText(segment.durationMs)},${title}`);
  if (segment.byteRange !== undefined) lines.push(`#EXT-X-BYTERANGE:${rangeText(segment.byteRange)}`);
  lines.push(uriText(segment.uri));
}

function writeSegmentHead(lines: string[], head: SegmentHead, before: SegmentHead | undefined): void {
  if (head.discontinuity === true) lines.push('#EXT-X-DISCONTINUITY');
  writeKeyAndMap(lines, head, before);
  if (head.programDateTimeMs !== undefined) {
    lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(head.programDateTimeMs).toISOString()}`);
  }
  for (const part of head.parts ?? []) lines.push(partText(part));
}

// A map is read with the key in force where it stands (RFC 8216, 4.3.2.4), so a plain one needs a place without a key.
function writeKeyAndMap(lines: string[], head: SegmentHead, before: SegmentHead | undefined): void {
  const { map } = head;
  const newMap = map !== undefined && !sameMap(map, before?.map);
  let inForce = before?.key;
  if (newMap && map.encrypted !== true) {
    if (inForce !== undefined && inForce.method !== 'NONE') {
      lines.push('#EXT-X-KEY:METHOD=NONE');
      inForce = undefined;
    }
    lines.push(mapText(map));
  }
  if (!sameKey(head.key, inForce)) lines.push(keyText(head.key));
  if (newMap && map.encrypted === true) lines.push(mapText(map));
}

function keyText(key: EncryptionKey | undefined): string {
  if (key === undefined || key.method === 'NONE') return '#EXT-X-KEY:METHOD=NONE';
  let line = `#EXT-X-KEY:METHOD=${key.method}`;
  if (key.uri !== undefined) line += `,URI=${quoted(uriText(key.uri))}`;
  if (key.iv !== undefined) line += `,IV=0x${key.iv}`;
  if (key.keyFormat !== undefined) line += `,KEYFORMAT=${quoted(key.keyFormat)}`;
  if (key.keyFormatVersions !== undefined) line += `,KEYFORMATVERSIONS=${quoted(key.keyFormatVersions)}`;
  return line;
}

function mapText(map: MediaMap): string {
  const range = map.byteRange === undefined ? '' : `,BYTERANGE="${rangeText(map.byteRange)}"`;
  return `#EXT-X-MAP:URI=${quoted(uriText(map.uri))}${range}`;
}

function partText(part: PlaylistPart): string {
  let line = `#EXT-X-PART:DURATION=${secondsText(part.durationMs)},URI=${quoted(uriText(part.uri))}`;
  if (part.byteRange !== undefined) line += `,BYTERANGE="${rangeText(part.byteRange)}"`;
  if (part.independent === true) line += ',INDEPENDENT=YES';
  if (part.gap === true) line += ',GAP=YES';
  return line;
}

function rangeText(range: ByteRange): string {
  return range.offset === undefined ? `${range.length}` : `${range.length}@${range.offset}`;
}

function sameKey(a: EncryptionKey | undefined, b: EncryptionKey | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return (a ?? b)?.method === 'NONE';
  return (
    a.method === b.method &&
    a.uri === b.uri &&
    a.iv === b.iv &&
    a.keyFormat === b.keyFormat &&
    a.keyFormatVersions === b.keyFormatVersions
  );
}

function sameMap(a: MediaMap, b: MediaMap | undefined): boolean {
  if (a === b) return true;
  return (
    a.uri === b?.uri &&
    a.encrypted === b.encrypted &&
    a.byteRange?.length === b.byteRange?.length &&
    a.byteRange?.offset === b.byteRange?.offset
  );
}
