const DURATION_UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** The longest time of any directive, ms: 24 days. A timer of Node waits at most 2^31-1 ms and fires at once beyond it. */
export const MAX_DURATION_MS = 24 * DURATION_UNITS.d;

const BYTE_UNITS = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 } as const;

/** ms of `500ms`, `10s`, `1.5m`, `2h`, `1d`, or of a bare number in `unit`; undefined when it is none of them. */
export function parseDuration(text: string, unit: 'ms' | 's'): number | undefined {
  const parts = /^(\d{1,15}(?:\.\d{1,6})?)(ms|s|m|h|d)?$/.exec(text);
  if (parts === null) return undefined;
  const given = (parts[2] ?? unit) as keyof typeof DURATION_UNITS;
  return Math.round(Number(parts[1]) * DURATION_UNITS[given] * 1000) / 1000; // Microseconds: no 0.30000000000000004.
}

/** Bytes of `4096`, `64K`, `50M`, `1G` (powers of 1024; a `B` behind is allowed); undefined when it is none of them. */
export function parseBytes(text: string): number | undefined {
  const parts = /^(\d{1,15}(?:\.\d{1,6})?)([kmg]?)b?$/i.exec(text);
  if (parts === null) return undefined;
  const bytes = Number(parts[1]) * BYTE_UNITS[(parts[2] ?? '').toLowerCase() as keyof typeof BYTE_UNITS];
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** ms as a person writes it: `350ms`, `10s`, `2.3s`, `24d`. */
export function formatDuration(ms: number): string {
  if (ms !== 0 && ms % DURATION_UNITS.d === 0) return `${ms / DURATION_UNITS.d}d`;
  return ms !== 0 && ms % 100 === 0 && ms >= 1000 ? `${ms / 1000}s` : `${ms}ms`;
}

/** Bytes as a person writes them: `32M`, `64K`, `60000`. */
export function formatBytes(bytes: number): string {
  if (bytes !== 0 && bytes % BYTE_UNITS.m === 0) return `${bytes / BYTE_UNITS.m}M`;
  return bytes !== 0 && bytes % BYTE_UNITS.k === 0 ? `${bytes / BYTE_UNITS.k}K` : String(bytes);
}
