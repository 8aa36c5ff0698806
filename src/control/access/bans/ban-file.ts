import { describeError } from '../../../base/errors.ts';
import type { Ban } from './ban.ts';
import type { BanList } from './ban-list.ts';

/** Where bans outlast a restart. */
export interface BanStore {
  /** For the log. */
  readonly place: string;
  /** What was written; undefined = nothing yet. Rejects when it cannot be read. */
  read(): Promise<string | undefined>;
  /** Puts the text in place of what is there, as a whole. Never rejects: what failed is logged. */
  write(text: string): Promise<void>;
  /** Takes what is there out of the way and returns where it is now. */
  setAside(): Promise<string>;
}

/** Largest file of bans that is read, bytes: MAX_BANS of some size. */
export const MAX_BAN_FILE_BYTES = 8 * 1024 * 1024;
const VERSION = 1;

/** The bans as a file has them. */
export function printBans(bans: readonly Ban[]): string {
  const list = bans.map(({ range, stream, action, reason, createdMs, expiresMs }) => ({
    ...(range === undefined ? {} : { ip: range.toString() }),
    ...(stream === undefined ? {} : { stream }),
    action,
    ...(reason === '' ? {} : { reason }),
    created_ms: createdMs,
    ...(expiresMs === undefined ? {} : { expires_ms: expiresMs }),
  }));
  return `${JSON.stringify({ version: VERSION, bans: list }, undefined, 1)}\n`;
}

/** Adds what a file has to the list, except what is over by now. Returns what of it could not be read. */
export function readBans(text: string, list: BanList, now: number): readonly string[] {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch (error) {
    return [describeError(error)];
  }
  const bans = isObject(file) && file['version'] === VERSION ? file['bans'] : undefined;
  if (!Array.isArray(bans)) return ['it has no list of bans of version 1'];
  const problems: string[] = [];
  for (const [index, ban] of bans.entries()) {
    try {
      readBan(ban, list, now);
    } catch (error) {
      problems.push(`ban ${index + 1}: ${describeError(error)}`);
    }
  }
  return problems;
}

function readBan(ban: unknown, list: BanList, now: number): void {
  if (!isObject(ban)) throw new Error('it is no object');
  const createdMs = time(ban, 'created_ms') ?? now;
  const expiresMs = time(ban, 'expires_ms');
  if (expiresMs !== undefined && expiresMs <= now) return;
  // Parts of a second are rounded up: 0 would be for ever.
  const seconds = expiresMs === undefined ? 0 : Math.max(1, Math.ceil((expiresMs - createdMs) / 1_000));
  const [ip, stream, action, reason] = ['ip', 'stream', 'action', 'reason'].map((key) => word(ban, key));
  list.add({ ip, stream, action, seconds, reason }, createdMs);
}

function word(ban: Readonly<Record<string, unknown>>, key: string): string | undefined {
  const value = ban[key];
  if (value === undefined || typeof value === 'string') return value;
  throw new Error(`${key} is no text`);
}

function time(ban: Readonly<Record<string, unknown>>, key: string): number | undefined {
  const value = ban[key];
  if (value === undefined || (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0))
    return value;
  throw new Error(`${key} is no time`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
