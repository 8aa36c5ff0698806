import { isRedirect, isStreamName } from '../../base/names.ts';
import type { AccessGrant } from '../../hub/ports.ts';
import type { DecidingEvent, HookEvent } from './hook-options.ts';

/** The longest answer of a back end, bytes: it is a number, or an object with one. */
export const MAX_HOOK_ANSWER_BYTES = 64 * 1024;

/**
 * What a back end answered. `refused`: it said no, with its code; `failed`: it is in trouble and may be asked again;
 * `invalid`: nobody can tell what it meant, which counts as a no.
 */
export type HookVerdict =
  | { readonly kind: 'accepted'; readonly grant?: AccessGrant }
  | { readonly kind: 'refused'; readonly code: number }
  | { readonly kind: 'failed' | 'invalid'; readonly why: string };

/** Statuses behind which nobody has looked at the event: the server is overloaded, starting or broken. */
const TROUBLE = new Set([408, 425, 429]);

/**
 * SRS's rule: HTTP status 200 or 201, and a body that is the number 0 or an object whose `code` is the number 0. What is in `data`
 * besides counts where the event decides.
 */
export function readAnswer(status: number, body: Buffer, event: HookEvent): HookVerdict {
  if (status >= 500 || TROUBLE.has(status)) return { kind: 'failed', why: `HTTP status ${status}` };
  if (status !== 200 && status !== 201) return { kind: 'invalid', why: `HTTP status ${status}` };
  if (body.length === 0) return { kind: 'invalid', why: 'an empty body' };
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    return { kind: 'invalid', why: 'a body that is no JSON' };
  }
  const code = typeof value === 'object' && value !== null ? (value as { code?: unknown }).code : value;
  if (typeof code !== 'number' || !Number.isInteger(code))
    return { kind: 'invalid', why: 'a body that is neither a number nor an object with a number as code' };
  if (code !== 0) return { kind: 'refused', code };
  if (!decides(event) || typeof value !== 'object') return { kind: 'accepted' };
  const grant = readGrant((value as { data?: unknown }).data, event);
  if (typeof grant === 'string') return { kind: 'invalid', why: `a yes whose data.${grant}` };
  return grant === undefined ? { kind: 'accepted' } : { kind: 'accepted', grant };
}

/** Whether the answer to an event decides. */
export function decides(event: HookEvent): event is DecidingEvent {
  return event === 'on_connect' || event === 'on_publish' || event === 'on_play';
}

/**
 * What a yes comes with, or what is wrong with it. Members that are null, or that nobody knows, are not there; a `data` that is
 * no object never meant anything.
 */
function readGrant(data: unknown, event: DecidingEvent): AccessGrant | string | undefined {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return undefined;
  const { stream, redirect, duration, max_kbps: maxKbps } = data as Readonly<Record<string, unknown>>;
  const grant: { -readonly [Key in keyof AccessGrant]: AccessGrant[Key] } = {};
  if (isGiven(redirect)) {
    if (typeof redirect !== 'string' || !isRedirect(redirect)) return 'redirect is no URL of RTMP or HTTP';
    grant.redirect = redirect;
  }
  // A connection has no name yet, and what it publishes or plays is asked for on its own.
  if (event !== 'on_connect') {
    if (isGiven(stream)) {
      if (typeof stream !== 'string' || !isStreamName(stream)) return 'stream is no name of a stream';
      grant.stream = stream;
      // Who gives another name has a reason not to show the one that was asked for.
      grant.isKey = true;
    }
    if (isGiven(duration)) {
      if (!isPositive(duration)) return 'duration is no number above 0';
      grant.durationMs = Math.min(duration * 1000, Number.MAX_SAFE_INTEGER); // 1e306 s are a number too.
    }
    if (isGiven(maxKbps)) {
      if (!isPositive(maxKbps)) return 'max_kbps is no number above 0';
      grant.maxKbps = maxKbps;
    }
  }
  return Object.keys(grant).length === 0 ? undefined : grant;
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function isPositive(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}
