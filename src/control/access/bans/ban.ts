import { ServerError } from '../../../base/errors.ts';
import { DEFAULT_VHOST } from '../../../base/names.ts';
import { IpRange } from '../../../net/index.ts';

/** What is banned: publishing, playing, or both and with an address alone also `connect` of RTMP. */
export type BanAction = 'publish' | 'play' | 'all';

/** Who must not do what, and how long. With address and stream: that stream from that address. */
export interface Ban {
  /** The same for the same address, stream and action. */
  readonly id: string;
  readonly range: IpRange | undefined;
  /** `vhost/app/stream` */
  readonly stream: string | undefined;
  readonly action: BanAction;
  /** For people; clients do not see it. */
  readonly reason: string;
  /** Unix ms. */
  readonly createdMs: number;
  /** Unix ms; undefined = until it is lifted. */
  readonly expiresMs: number | undefined;
}

/** What is asked of the list, or written in its file. */
export interface BanWish {
  /** An address, or a range such as `10.0.0.0/8`. */
  readonly ip?: string | undefined;
  /** `vhost/app/stream`, or `app/stream` of the default vhost. */
  readonly stream?: string | undefined;
  /** @default all */
  readonly action?: string | undefined;
  /** How long, s; 0 or undefined = until it is lifted. */
  readonly seconds?: number | undefined;
  readonly reason?: string | undefined;
}

/** Longest `vhost/app/stream` and reason of a ban, characters. */
export const MAX_BAN_TEXT = 1_600;
export const MAX_BAN_REASON = 256;
/** Longest time of a ban, s: some 31 years. */
export const MAX_BAN_SECONDS = 999_999_999;

/** What a ban is about, checked. Throws BAN_INVALID. */
export function readWish({
  ip = '',
  stream = '',
  action = 'all',
  seconds = 0,
  reason = '',
}: BanWish): Pick<Ban, 'range' | 'stream' | 'action' | 'reason'> & { readonly seconds: number } {
  if (ip === '' && stream === '') throw invalid('a ban needs an ip or a stream');
  const range = ip === '' ? undefined : IpRange.parse(ip);
  if (ip !== '' && range === undefined) throw invalid('ip must be an address or a range such as 10.0.0.0/8');
  if (action !== 'publish' && action !== 'play' && action !== 'all')
    throw invalid('action must be publish, play or all');
  if (!Number.isInteger(seconds) || seconds < 0 || seconds > MAX_BAN_SECONDS)
    throw invalid(`seconds must be a whole number from 0 to ${MAX_BAN_SECONDS}`);
  if (reason.length > MAX_BAN_REASON || hasControls(reason))
    throw invalid(`reason must be one line of up to ${MAX_BAN_REASON} characters`);
  return { range, stream: stream === '' ? undefined : fullName(stream), action, reason, seconds };
}

function fullName(text: string): string {
  const parts = (text.startsWith('/') ? text.slice(1) : text).split('/');
  if (parts.length < 2 || parts.includes('') || text.length > MAX_BAN_TEXT || hasControls(text))
    throw invalid('stream must be vhost/app/stream, or app/stream of the default vhost');
  return parts.length === 2 ? `${DEFAULT_VHOST}/${parts.join('/')}` : parts.join('/');
}

function hasControls(text: string): boolean {
  return /\p{Cc}/u.test(text);
}

function invalid(what: string): ServerError {
  return new ServerError('BAN_INVALID', what);
}
