import {
  readMediaPlaylist,
  type MediaPlaylist,
  type PlaylistSegment,
} from '../../src/containers/m3u8/index.ts';

/** How far parts may miss PART-TARGET from below. Spec: bis, 4.4.4.9: 85 %. */
const SHORTEST_PART = 0.85;

interface Known {
  readonly uri: string;
  readonly durationMs: number;
  readonly discontinuitySequence: number;
  readonly discontinuity: boolean;
}

/**
 * Judges the successive texts of one live playlist by the rules of RFC 8216 and its successor, as a player that reloads would.
 * `take` throws at the first broken rule and names its clause. Knows nothing of the writer but the reader's model.
 */
export class HlsValidator {
  /** Raises of the target duration that a longer segment made necessary (against 6.2.1, see `SegmentWindow`). */
  targetRaises = 0;
  /** Parts that are too short because the frames are uneven: one picture is longer than what was missing. */
  readonly shortParts = new Set<string>();
  #last: MediaPlaylist | undefined;
  readonly #known = new Map<number, Known>();
  readonly #sequenceOf = new Map<string, number>();
  readonly #mayRaiseTarget: boolean;
  readonly #uniqueUris: boolean;
  readonly #mayBeUneven: boolean;

  constructor(
    options: {
      readonly mayRaiseTarget?: boolean;
      readonly uniqueUris?: boolean;
      readonly mayBeUneven?: boolean;
    } = {},
  ) {
    this.#mayBeUneven = options.mayBeUneven ?? false;
    this.#mayRaiseTarget = options.mayRaiseTarget ?? false;
    this.#uniqueUris = options.uniqueUris ?? true;
  }

  take(text: string): MediaPlaylist {
    const playlist = readMediaPlaylist(text);
    checkAlone(text, playlist, this.#mayBeUneven ? this.shortParts : undefined);
    this.#checkSuccession(playlist);
    this.#remember(playlist);
    this.#last = playlist;
    return playlist;
  }

  #checkSuccession(playlist: MediaPlaylist): void {
    const last = this.#last;
    if (last === undefined) return;
    if (playlist.targetDurationSec !== last.targetDurationSec) {
      const needed = playlist.segments.some(
        ({ durationMs }) => Math.round(durationMs / 1000) > last.targetDurationSec,
      );
      rule(this.#mayRaiseTarget && needed, '6.2.1: the target duration changed');
      rule(playlist.targetDurationSec > last.targetDurationSec, 'the target duration sank');
      this.targetRaises += 1;
    }
    rule(playlist.mediaSequence >= last.mediaSequence, '6.2.2: the media sequence went back');
    rule(
      playlist.discontinuitySequence >= last.discontinuitySequence,
      '6.2.2: the discontinuity sequence went back',
    );
    const end = playlist.mediaSequence + playlist.segments.length;
    const lastEnd = last.mediaSequence + last.segments.length;
    rule(end >= lastEnd, '6.2.2: segments at the end were taken away');
    rule(playlist.mediaSequence <= lastEnd, '6.2.2: segments came and went between two playlists');
    rule(playlist.version === last.version || (playlist.version ?? 0) >= 3, 'the version makes no sense');
    // Parts that were listed stay what they were.
    const before = last.partial?.parts ?? [];
    const now = end > lastEnd ? playlist.segments[lastEnd - playlist.mediaSequence] : playlist.partial;
    if (before.length > 0 && now?.parts !== undefined) {
      before.forEach((part, i) => rule(now.parts?.[i]?.uri === part.uri, '6.2.1: a part changed'));
    }
    if (playlist.mediaSequence > last.mediaSequence && playlist.endlist !== true) {
      const keptMs = total(playlist.segments);
      rule(keptMs >= 3000 * playlist.targetDurationSec, '6.2.2: less than three target durations are left');
    }
  }

  #remember(playlist: MediaPlaylist): void {
    let discontinuities = playlist.discontinuitySequence;
    playlist.segments.forEach((segment, i) => {
      const sequence = playlist.mediaSequence + i;
      if (segment.discontinuity === true) discontinuities += 1;
      const now = {
        uri: segment.uri,
        durationMs: segment.durationMs,
        discontinuitySequence: discontinuities,
        discontinuity: segment.discontinuity === true,
      };
      const known = this.#known.get(sequence);
      if (known === undefined) {
        this.#known.set(sequence, now);
      } else {
        rule(known.uri === now.uri, `6.2.1: segment ${sequence} has another URI`);
        rule(known.durationMs === now.durationMs, `6.2.1: segment ${sequence} has another duration`);
        rule(
          known.discontinuity === now.discontinuity,
          `6.2.1: segment ${sequence}: its discontinuity changed`,
        );
        rule(
          known.discontinuitySequence === now.discontinuitySequence,
          `6.2.2: segment ${sequence} has another discontinuity sequence number`,
        );
      }
      const other = this.#sequenceOf.get(segment.uri);
      if (this.#uniqueUris) {
        rule(other === undefined || other === sequence, `${segment.uri} is segment ${other} and ${sequence}`);
      }
      this.#sequenceOf.set(segment.uri, sequence);
    });
    for (const sequence of this.#known.keys()) {
      if (sequence >= playlist.mediaSequence) break;
      const uri = this.#known.get(sequence)?.uri;
      this.#known.delete(sequence);
      if (uri !== undefined && this.#sequenceOf.get(uri) === sequence) this.#sequenceOf.delete(uri);
    }
  }
}

/** What one playlist must hold by itself. */
function checkAlone(text: string, playlist: MediaPlaylist, shortParts: Set<string> | undefined): void {
  rule(text.startsWith('#EXTM3U\n'), '4.3.1.1: no #EXTM3U');
  rule(text.endsWith('\n'), '4.1: the last line is not ended');
  rule(
    !/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\ufeff]/.test(text),
    '4.1: control characters or a byte order mark',
  );
  for (const tag of [
    'VERSION',
    'TARGETDURATION',
    'MEDIA-SEQUENCE',
    'DISCONTINUITY-SEQUENCE',
    'ENDLIST',
    'SKIP',
  ]) {
    rule(text.split(`#EXT-X-${tag}`).length <= 2, `${tag} twice`);
  }
  const version = playlist.version ?? 1;
  const segments: readonly PlaylistSegment[] = playlist.segments;
  if (/#EXTINF:\d+\.\d/.test(text)) rule(version >= 3, 'section 7: decimals need version 3');
  if (text.includes('#EXT-X-BYTERANGE')) rule(version >= 4, 'section 7: byte ranges need version 4');
  if (text.includes('#EXT-X-MAP')) rule(version >= 6, 'section 7: EXT-X-MAP needs version 6');
  if (text.includes('#EXT-X-SKIP')) rule(version >= 9, 'bis, section 8: EXT-X-SKIP needs version 9');
  if (/^#EXT-X-KEY:.*IV=/m.test(text)) rule(version >= 2, 'section 7: IV needs version 2');
  for (const { durationMs, uri } of segments) {
    const rounded = Math.round(durationMs / 1000);
    rule(rounded <= playlist.targetDurationSec, `4.3.3.1: ${uri} of ${durationMs} ms is over the target`);
  }
  checkLowLatency(text, playlist, shortParts);
}

function checkLowLatency(text: string, playlist: MediaPlaylist, shortParts: Set<string> | undefined): void {
  const target = playlist.partTargetMs;
  const withParts = [...playlist.segments, ...(playlist.partial === undefined ? [] : [playlist.partial])];
  if (text.includes('#EXT-X-PART:')) rule(target !== undefined, 'bis, 4.4.3.7: parts without EXT-X-PART-INF');
  const control = playlist.serverControl;
  if (control?.canSkipUntilMs !== undefined) {
    rule(
      control.canSkipUntilMs >= 6000 * playlist.targetDurationSec,
      'bis, 4.4.3.8: CAN-SKIP-UNTIL is under six targets',
    );
  }
  if (target === undefined) return;
  rule(control?.partHoldBackMs !== undefined, 'bis, 4.4.3.8: PART-HOLD-BACK is missing');
  rule(
    (control?.partHoldBackMs ?? 0) >= 2 * target,
    'bis, 4.4.3.8: PART-HOLD-BACK is under two part targets',
  );
  rule(target <= 1000 * playlist.targetDurationSec, 'PART-TARGET is over the target duration');
  for (const { parts = [] } of withParts) {
    parts.forEach((part, i) => {
      rule(part.durationMs <= target, `bis, 4.4.4.9: part ${part.uri} is over PART-TARGET`);
      const last = i === parts.length - 1;
      const beforeKey = parts[i + 1]?.independent === true;
      const short = part.durationMs < SHORTEST_PART * target;
      if (!short || last || beforeKey) return;
      rule(shortParts !== undefined, `bis, 4.4.4.9: part ${part.uri} is under 85 % of PART-TARGET`);
      shortParts?.add(part.uri);
    });
  }
  let behindMs = 0;
  for (const segment of playlist.segments.toReversed()) {
    const { parts = [], durationMs, uri } = segment;
    rule(
      parts.length === 0 || behindMs <= 3000 * playlist.targetDurationSec,
      `bis, 6.2.2: ${uri} still has parts`,
    );
    if (parts.length > 0) {
      const partsMs = parts.reduce((sum, part) => sum + part.durationMs, 0);
      rule(Math.abs(partsMs - durationMs) <= parts.length, `the parts of ${uri} are not as long as it is`);
    }
    behindMs += durationMs;
  }
}

function total(segments: readonly PlaylistSegment[]): number {
  return segments.reduce((sum, { durationMs }) => sum + durationMs, 0);
}

function rule(holds: boolean, broken: string): void {
  if (!holds) throw new Error(`playlist breaks the rules: ${broken}`);
}
