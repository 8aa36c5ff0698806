import type { PlaylistSegment, SegmentHead } from './model.ts';

/** What nobody can ask for any more. */
export interface ExpiredUris {
  /** Segments and their parts. */
  readonly segments: readonly string[];
  readonly maps: readonly string[];
  readonly keys: readonly string[];
}

/** A segment that left the playlist and may still be asked for. */
export interface RetiredSegment {
  readonly uris: readonly string[];
  readonly map?: string;
  readonly key?: string;
  /** How long it stays from now on, ms. */
  readonly keepMs: number;
}

interface Entry extends RetiredSegment {
  readonly untilMs: number;
}

/** Segments that left the playlist, until their files may go. */
export class RetiredUris {
  #entries: Entry[] = [];

  get size(): number {
    return this.#entries.length;
  }

  uses(uri: string): boolean {
    return this.#entries.some((entry) => entry.uris.includes(uri) || entry.map === uri || entry.key === uri);
  }

  add(segment: PlaylistSegment, untilMs: number): void {
    const uris = [segment.uri];
    for (const { uri } of segment.parts ?? []) if (!uris.includes(uri)) uris.push(uri);
    this.#entries.push({
      uris,
      ...(segment.map === undefined ? {} : { map: segment.map.uri }),
      ...(segment.key?.uri === undefined ? {} : { key: segment.key.uri }),
      keepMs: 0,
      untilMs,
    });
  }

  /** Takes out what is over; a URI that a listed segment uses again (a name without `[seq]`) is nobody's to delete. */
  take(nowMs: number, listed: readonly PlaylistSegment[]): ExpiredUris {
    if (!this.#entries.some(({ untilMs }) => untilMs <= nowMs)) return { segments: [], maps: [], keys: [] };
    const gone = this.#entries.filter(({ untilMs }) => untilMs <= nowMs);
    this.#entries = this.#entries.filter(({ untilMs }) => untilMs > nowMs);
    const used = new Set<string | undefined>();
    for (const segment of listed) use(used, segment, segment.uri);
    for (const entry of this.#entries) {
      for (const uri of entry.uris) used.add(uri);
      used.add(entry.map).add(entry.key);
    }
    const free = (uris: readonly (string | undefined)[]): string[] => [
      ...new Set(uris.filter((uri): uri is string => uri !== undefined && !used.has(uri))),
    ];
    return {
      segments: free(gone.flatMap(({ uris }) => uris)),
      maps: free(gone.map(({ map }) => map)),
      keys: free(gone.map(({ key }) => key)),
    };
  }

  state(nowMs: number): RetiredSegment[] {
    return this.#entries.map(({ untilMs, ...entry }) => ({ ...entry, keepMs: Math.max(0, untilMs - nowMs) }));
  }

  restore(entries: readonly RetiredSegment[], nowMs: number): void {
    this.#entries = entries.map((entry) => ({ ...entry, untilMs: nowMs + entry.keepMs }));
  }
}

function use(used: Set<string | undefined>, head: SegmentHead, uri: string): void {
  used.add(uri).add(head.map?.uri).add(head.key?.uri);
  for (const part of head.parts ?? []) used.add(part.uri);
}

/** True when a segment whose own name is `own` names `uri` anywhere. */
export function usesUri(head: SegmentHead, own: string, uri: string): boolean {
  return (
    own === uri ||
    head.map?.uri === uri ||
    head.key?.uri === uri ||
    (head.parts ?? []).some((part) => part.uri === uri)
  );
}
