import { Buffer } from 'node:buffer';

/** One fragment as the bootstrap information lists it. */
export interface HdsFragment {
  readonly number: number;
  /** Stream time of its first frame, ms. */
  readonly startMs: number;
  /** At least 1: 0 marks a discontinuity. */
  readonly durationMs: number;
  /** Its times do not follow those of the one before. */
  readonly isNewStart: boolean;
}

/** Fragments of one bootstrap that a start reads back; more are not ours. */
export const MAX_HDS_FRAGMENTS = 10_000;

const LIVE = 0x20;
/** Spec: F4V 10.1, 2.11.2.2.1: what a fragment run of no duration tells. */
const END_OF_PRESENTATION = 0;
const NEW_TIMESTAMPS = 2;

/**
 * The bootstrap information box: which fragments there are. All belong to segment 1. Times in ms. Spec: F4V 10.1, 2.11.2
 * (abst), 2.11.2.1 (asrt), 2.11.2.2 (afrt).
 */
export function writeBootstrap(fragments: readonly HdsFragment[], version: number, isOver: boolean): Buffer {
  const last = fragments.at(-1);
  const runs: Buffer[] = [];
  for (const { number, startMs, durationMs, isNewStart } of fragments) {
    if (isNewStart && runs.length > 0) runs.push(run(number, startMs, 0, NEW_TIMESTAMPS));
    runs.push(run(number, startMs, durationMs));
  }
  const endMs = last === undefined ? 0 : last.startMs + last.durationMs;
  if (isOver) runs.push(run((last?.number ?? 0) + 1, endMs, 0, END_OF_PRESENTATION));
  // Quality entries: none. One run of segments: segment 1 has all fragments from number 1 on.
  const segments = box('asrt', Buffer.from([0, 0, 0, 0, 0]), u32(1), u32(1), u32(last?.number ?? 0));
  const table = box('afrt', u32(0), u32(1_000), Buffer.from([0]), u32(runs.length), ...runs);
  return box(
    'abst',
    u32(0),
    u32(version),
    Buffer.from([isOver ? 0 : LIVE]),
    u32(1_000),
    u64(isOver ? endMs : (last?.startMs ?? 0)),
    u64(0),
    // No movie identifier, servers, qualities, DRM or metadata; one table of each kind.
    Buffer.from([0, 0, 0, 0, 0, 1]),
    segments,
    Buffer.from([1]),
    table,
  );
}

/** Numbers of the fragments in a box that `writeBootstrap` wrote; undefined when it is another one. */
export function readBootstrap(bytes: Buffer): readonly number[] | undefined {
  const at = bytes.indexOf('afrt', 0, 'latin1');
  if (bytes.toString('latin1', 4, 8) !== 'abst' || at < 0 || at + 17 > bytes.length) return undefined;
  const count = bytes.readUInt32BE(at + 13);
  if (count > 2 * MAX_HDS_FRAGMENTS) return undefined;
  const numbers: number[] = [];
  let from = at + 17;
  for (let i = 0; i < count; i++) {
    if (from + 16 > bytes.length) return undefined;
    const duration = bytes.readUInt32BE(from + 12);
    if (duration > 0) numbers.push(bytes.readUInt32BE(from));
    from += duration > 0 ? 16 : 17;
  }
  return numbers;
}

function run(first: number, timeMs: number, durationMs: number, indicator?: number): Buffer {
  const tail = indicator === undefined ? [] : [Buffer.from([indicator])];
  return Buffer.concat([u32(first), u64(timeMs), u32(durationMs), ...tail]);
}

/** A box of the MP4 form. */
function box(type: string, ...parts: readonly Buffer[]): Buffer {
  const size = parts.reduce((sum, part) => sum + part.length, 8);
  return Buffer.concat([u32(size), Buffer.from(type, 'latin1'), ...parts]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(Math.max(0, Math.round(value))));
  return bytes;
}
