import { isIP } from 'node:net';
import { placeInUrl, signUrl, USUAL_VHOST } from '../server/sign-url.ts';
import { EXIT } from './io.ts';
import type { CliIo } from './io.ts';
import { loadSource, selectSource } from './source.ts';
import type { SourceFlags } from './source.ts';

/** Options of `srs sign`, as they were written. */
export interface SignFlags extends SourceFlags {
  readonly url: string;
  readonly action: string;
  readonly expires: string;
  readonly ip?: string;
  readonly nonce?: string;
  readonly kbps?: string;
  readonly duration?: string;
  readonly vhost?: string;
  readonly key?: string;
  readonly keyName?: string;
}

const ACTIONS = ['publish', 'play', 'both'] as const;
const SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;
const MAX_EXPIRES = 99_999_999_999;

/** `srs sign`: prints a signed URL. The secret comes from `--key`, from the variable SRS_SIGN_KEY, or from a configuration. */
export function sign(flags: SignFlags, io: CliIo, nowMs: number = Date.now()): number {
  const fail = (text: string): number => {
    io.stderr(`error: ${text}\n`);
    return EXIT.usage;
  };
  const action = ACTIONS.find((one) => one === flags.action);
  if (action === undefined) return fail('--action must be publish, play or both');
  const expires = expiryOf(flags.expires, nowMs);
  if (expires === undefined) return fail('--expires must be a time such as 1h, 30m, 7d, or Unix seconds');
  if (flags.ip !== undefined && !isRange(flags.ip)) return fail('--ip must be an address or a network');
  const kbps = amountOf(flags.kbps);
  const durationSeconds = flags.duration === undefined ? undefined : spanOf(flags.duration);
  if (Number.isNaN(kbps)) return fail('--kbps must be a whole number above 0');
  if (flags.duration !== undefined && durationSeconds === undefined)
    return fail('--duration must be a time such as 90s, 30m or 2h');
  let found: Found | string;
  try {
    found = secretOf(flags, io);
  } catch (error) {
    if (error instanceof RangeError) return fail(error.message);
    throw error;
  }
  if (typeof found === 'string') return fail(found);
  try {
    const url = signUrl(
      {
        url: flags.url,
        action,
        vhost: found.vhost,
        expires,
        ...(flags.ip === undefined ? {} : { ip: flags.ip }),
        ...(flags.nonce === undefined ? {} : { nonce: flags.nonce }),
        ...(kbps === undefined ? {} : { kbps }),
        ...(durationSeconds === undefined ? {} : { durationSeconds }),
        ...(found.name === undefined ? {} : { keyName: found.name }),
      },
      found.secret,
    );
    io.stdout(`${url}\n`);
    return EXIT.ok;
  } catch (error) {
    if (error instanceof RangeError) return fail(error.message);
    throw error;
  }
}

interface Found {
  readonly secret: string;
  readonly name: string | undefined;
  readonly vhost: string;
}

/** The secret with its vhost, or what is wrong. */
function secretOf(flags: SignFlags, io: CliIo): Found | string {
  const { key = io.env['SRS_SIGN_KEY'], keyName: name } = flags;
  if (key !== undefined && key !== '') {
    return { secret: key, name, vhost: flags.vhost ?? USUAL_VHOST };
  }
  const source = selectSource(flags, io);
  const loaded = source === undefined ? undefined : loadSource(source, io);
  if (loaded === undefined)
    return 'there is no secret: give --key, the variable SRS_SIGN_KEY, or a configuration by -c';
  const asked = flags.vhost ?? placeInUrl(flags.url).vhost;
  const { vhosts } = loaded.config;
  const vhost =
    vhosts.find((one) => one.name === asked) ??
    (flags.vhost === undefined ? vhosts.find((one) => one.name === USUAL_VHOST) : undefined);
  if (vhost === undefined) return 'the configuration has no vhost for this URL';
  const [id, secret] = vhost.access.signKeys.find(([one]) => name === undefined || one === name) ?? [];
  if (secret === undefined)
    return `vhost ${vhost.name} has no ${name === undefined ? 'sign_key' : 'sign_key of this name'}`;
  return { secret, name: id, vhost: vhost.name };
}

/** Unix seconds of `1h` from now, or of a number that is no span. */
function expiryOf(text: string, nowMs: number): number | undefined {
  if (/^[1-9]\d{9,10}$/.test(text)) return Number(text);
  const span = spanOf(text);
  const at = span === undefined ? undefined : Math.floor(nowMs / 1000) + span;
  return at === undefined || at > MAX_EXPIRES ? undefined : at;
}

/** Seconds of `90s`, `30m`, `2h`, `7d`. */
function spanOf(text: string): number | undefined {
  const [, digits, unit] = /^([1-9]\d{0,8})([smhd])$/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits) * SECONDS[unit as keyof typeof SECONDS];
}

function amountOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : NaN;
}

function isRange(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^(0|[1-9]\d{0,2})$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}
