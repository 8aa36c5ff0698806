import type { JWTPayload } from 'jose';
import { ipBytes, IpRange } from '../../../net/index.ts';
import { refused } from './refusal.ts';

/** Values of one claim. */
export const MAX_CLAIM_VALUES = 64;
/** Longest value of a claim, characters. */
export const MAX_CLAIM_CHARS = 512;
/** Longest time that a token may give a session, seconds. */
export const MAX_TOKEN_DURATION_S = 31_622_400;
export const MAX_TOKEN_KBPS = 100_000_000;

/** What somebody wants to do with a token. */
export interface TokenUse {
  readonly action: 'publish' | 'play';
  readonly vhost: string;
  readonly app: string;
  readonly stream: string;
  readonly ip: string;
}

/** What a token gives besides the right. */
export interface TokenLimits {
  readonly durationMs?: number;
  readonly maxKbps?: number;
}

/**
 * Whether the claims of a JWT are for this use: `action`, and `stream` (with `app` where it is there) or `path`, have to be there and
 * fit; `vhost` and `ip` where they are there. Throws TOKEN_INVALID.
 */
export function checkClaims(claims: JWTPayload, use: TokenUse): TokenLimits {
  const { action, vhost, app, stream, ip } = use;
  const actions = texts(claims, 'action');
  if (actions?.some((one) => one === action || one === 'both') !== true) throw wrong('action');
  const paths = texts(claims, 'path');
  const streams = texts(claims, 'stream');
  if (paths === undefined && streams === undefined) throw wrong('stream or path');
  const whole = `${app}/${stream}`;
  if (paths?.some((pattern) => matches(pattern, whole)) === false) throw wrong('path');
  if (streams?.some((pattern) => matchesName(pattern, stream)) === false) throw wrong('stream');
  if (texts(claims, 'app')?.some((pattern) => matches(pattern, app)) === false) throw wrong('app');
  if (texts(claims, 'vhost')?.some((pattern) => matches(pattern, vhost)) === false) throw wrong('vhost');
  if (texts(claims, 'ip')?.some((range) => isWithin(ip, range)) === false) throw wrong('ip');
  return limitsOf(claims['duration'], claims['max_kbps']);
}

/** Limits from the values that say them. Throws TOKEN_INVALID for what is no limit. */
export function limitsOf(seconds: unknown, kbps: unknown): TokenLimits {
  return {
    ...(seconds === undefined
      ? {}
      : { durationMs: amount(seconds, MAX_TOKEN_DURATION_S, 'duration') * 1000 }),
    ...(kbps === undefined ? {} : { maxKbps: amount(kbps, MAX_TOKEN_KBPS, 'max_kbps') }),
  };
}

/** Whether an address is the one, or in the network, that a token names. */
export function isWithin(ip: string, range: string): boolean {
  const bytes = ipBytes(ip);
  return bytes !== undefined && IpRange.parse(range)?.contains(bytes) === true;
}

/** Whether a text fits a pattern, in which each `*` stands for any characters. Takes linear time per `*`. */
export function matches(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return pattern === text;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last))
    return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

/**
 * Whether the name of a stream fits. Clients of RTMP choose where an app ends and its stream begins: `a/b/c` is c of a/b as well as
 * b/c of a. So that a claim for any stream of one app does not open the apps below it, names with a slash need a pattern with one.
 */
function matchesName(pattern: string, stream: string): boolean {
  return (pattern.includes('/') || !stream.includes('/')) && matches(pattern, stream);
}

/** A claim that is a text or several; undefined = it is not there. */
function texts(claims: JWTPayload, name: string): readonly string[] | undefined {
  const value = claims[name];
  if (value === undefined) return undefined;
  const all: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (all.length > MAX_CLAIM_VALUES) throw wrong(name);
  return all.map((one) => {
    if (typeof one !== 'string' || one === '' || one.length > MAX_CLAIM_CHARS) throw wrong(name);
    return one;
  });
}

function amount(value: unknown, max: number, name: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw wrong(name);
}

function wrong(claim: string): Error {
  return refused('TOKEN_INVALID', `${claim} does not fit or is missing`);
}
