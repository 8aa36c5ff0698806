import type { AccessGrant } from './ports.ts';

/** What two policies granted together: the later name, and of each limit the stricter. */
export function bothGrants(first: AccessGrant | undefined, second: AccessGrant): AccessGrant {
  if (first === undefined) return second;
  const durationMs = least(first.durationMs, second.durationMs);
  const maxKbps = least(first.maxKbps, second.maxKbps);
  return {
    ...first,
    ...second,
    ...(first.isKey === true ? { isKey: true } : {}),
    ...(durationMs === undefined ? {} : { durationMs }),
    ...(maxKbps === undefined ? {} : { maxKbps }),
  };
}

function least(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}
