/** The longest answer of a back end, bytes: it is a number, or an object with one. */
export const MAX_HOOK_ANSWER_BYTES = 64 * 1024;

/**
 * What a back end answered. `refused`: it said no, with its code; `failed`: it is in trouble and may be asked again;
 * `invalid`: nobody can tell what it meant, which counts as a no.
 */
export type HookVerdict =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly code: number }
  | { readonly kind: 'failed' | 'invalid'; readonly why: string };

/** Statuses behind which nobody has looked at the event: the server is overloaded, starting or broken. */
const TROUBLE = new Set([408, 425, 429]);

/** SRS's rule: HTTP status 200 or 201, and a body that is the number 0 or an object whose `code` is the number 0. */
export function readAnswer(status: number, body: Buffer): HookVerdict {
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
  return code === 0 ? { kind: 'accepted' } : { kind: 'refused', code };
}
