import { hideSecret } from '../base/hide-secret.ts';
import type { AccessGrant, SessionDetails } from './ports.ts';

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

/** What a peer said of itself without the key that it asked for: some have one field for all, and write it into their URL. */
export function withoutKey(details: SessionDetails, key: string): SessionDetails {
  const { tcUrl, pageUrl, swfUrl, params } = details;
  const hide = (text: string): string => hideSecret(text, key);
  return {
    ...details,
    params: hide(params),
    ...(tcUrl === undefined ? {} : { tcUrl: hide(tcUrl) }),
    ...(pageUrl === undefined ? {} : { pageUrl: hide(pageUrl) }),
    ...(swfUrl === undefined ? {} : { swfUrl: hide(swfUrl) }),
  };
}
