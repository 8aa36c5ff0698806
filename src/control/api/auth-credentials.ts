import { createHash, timingSafeEqual } from 'node:crypto';

/** What a caller of the API may do; each role may do what those before it may. */
export const API_ROLES = ['read', 'operate', 'admin'] as const;
export type ApiRole = (typeof API_ROLES)[number];

/** One bearer token (RFC 6750). */
export interface ApiToken {
  readonly role: ApiRole;
  /** The token itself, or `sha256:` and the 64 hexadecimal digits of its SHA-256. */
  readonly value: string;
}

export interface ApiCredentials {
  /** HTTP basic authentication (RFC 7617): may do everything. */
  readonly basic: { readonly username: string; readonly password: string } | undefined;
  readonly tokens: readonly ApiToken[];
}

/** Who calls. */
export interface ApiCaller {
  readonly role: ApiRole;
  /** `basic` is what a browser adds to requests by itself, whichever page asked for them. */
  readonly scheme: 'basic' | 'bearer';
}

/** What the header `Authorization` holds. */
interface Presented {
  readonly scheme: ApiCaller['scheme'];
  readonly digest: Buffer;
}

interface Known {
  readonly caller: ApiCaller;
  readonly digest: Buffer;
}

const HASHED = /^sha256:([0-9a-f]{64})$/i;

/** The credentials of an API; in memory there are only their hashes. */
export class CredentialTable {
  readonly #known: readonly Known[];
  readonly hasBasic: boolean;

  constructor({ basic, tokens }: ApiCredentials) {
    this.hasBasic = basic !== undefined;
    this.#known = [
      ...(basic === undefined
        ? []
        : [
            {
              caller: { role: 'admin', scheme: 'basic' } as const,
              digest: sha256(`${basic.username}:${basic.password}`),
            },
          ]),
      ...tokens.map(({ role, value }) => ({
        caller: { role, scheme: 'bearer' } as const,
        digest: hashOf(value),
      })),
    ];
  }

  /** Who gave these; undefined = nobody known. It takes as long for a wrong one as for a right one. */
  find({ scheme, digest }: Presented): ApiCaller | undefined {
    let found: ApiCaller | undefined;
    for (const known of this.#known) {
      const isSame = timingSafeEqual(known.digest, digest);
      if (isSame && known.caller.scheme === scheme && !mayAtLeast(found, known.caller.role))
        found = known.caller;
    }
    return found;
  }
}

/** Whether a caller has a role or more. */
export function mayAtLeast(caller: Pick<ApiCaller, 'role'> | undefined, role: ApiRole): boolean {
  return caller !== undefined && API_ROLES.indexOf(caller.role) >= API_ROLES.indexOf(role);
}

/** What a header `Authorization` gives; undefined = nothing of a scheme that is known here. */
export function presentedBy(authorization: string | undefined): Presented | undefined {
  const match = /^(basic|bearer) +([\w.~+/=-]*)$/i.exec(authorization ?? '');
  const [, scheme = '', value = ''] = match ?? [];
  if (match === null) return undefined;
  return scheme.toLowerCase() === 'basic'
    ? { scheme: 'basic', digest: sha256(Buffer.from(value, 'base64')) }
    : { scheme: 'bearer', digest: sha256(value) };
}

function hashOf(value: string): Buffer {
  const [, hex] = HASHED.exec(value) ?? [];
  return hex === undefined ? sha256(value) : Buffer.from(hex, 'hex');
}

function sha256(bytes: string | Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
