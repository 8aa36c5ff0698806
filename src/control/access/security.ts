import { ServerError } from '../../base/errors.ts';
import type { AccessPolicy, AccessRequest } from '../../hub/ports.ts';
import { ipBytes, IpRange, type IpBytes } from '../../net/index.ts';

/** [security] What a vhost says of addresses, as it is written: `['publish', 'all']`, `['play', '10.0.0.0/8']`. */
export interface SecurityOptions {
  readonly enabled: boolean;
  readonly allows: readonly (readonly string[])[];
  readonly denys: readonly (readonly string[])[];
}

export interface SecurityPolicyOptions {
  /** What is in force for a vhost; undefined = it is not served any more. The same object as long as nothing changes. */
  options(vhost: string): SecurityOptions | undefined;
}

/** Whose rule it is; undefined = everybody's. */
interface Rule {
  readonly action: string;
  readonly range: IpRange | undefined;
}

/**
 * [security] Who may publish and play, by address. As in SRS a `deny` that fits refuses, whatever `allow` says; where there is any
 * `allow`, for publishing or for playing, one has to fit; where there are no rules at all nobody may. An RTMP connection is
 * asked about when it publishes or plays.
 */
export class SecurityPolicy implements AccessPolicy {
  readonly #options: SecurityPolicyOptions;
  /** Rules that were read, by what they were read from. */
  readonly #read = new WeakMap<SecurityOptions, SecurityRules>();

  constructor(options: SecurityPolicyOptions) {
    this.#options = options;
  }

  protects(vhost: string): boolean {
    return this.#options.options(vhost)?.enabled === true;
  }

  check({ action, vhost, session }: AccessRequest): Promise<undefined> {
    if (action === 'connect') return Promise.resolve(undefined);
    const options = this.#options.options(vhost);
    if (options?.enabled !== true) return Promise.resolve(undefined);
    let rules = this.#read.get(options);
    if (rules === undefined) {
      rules = new SecurityRules(options);
      this.#read.set(options, rules);
    }
    const refusal = rules.refusal(action, session.ip);
    return refusal === undefined ? Promise.resolve(undefined) : Promise.reject(refusal);
  }
}

/** The rules of one vhost. */
export class SecurityRules {
  readonly #allows: readonly Rule[];
  readonly #denys: readonly Rule[];

  /** Rules that cannot be read fit nobody; a configuration has none. */
  constructor({ allows, denys }: Pick<SecurityOptions, 'allows' | 'denys'>) {
    this.#allows = allows.map(ruleOf);
    this.#denys = denys.map(ruleOf);
  }

  /** Why the address may not; undefined = it may. */
  refusal(action: 'publish' | 'play', ip: string): ServerError | undefined {
    if (this.#allows.length + this.#denys.length === 0)
      return new ServerError('SECURITY_DEFAULT', `nobody may ${action}: security has no rules`);
    const bytes = ipBytes(ip);
    const fits = (rule: Rule): boolean => rule.action === action && covers(rule, bytes);
    // An address that cannot be read might be one that is denied.
    const isDenied = this.#denys.some(
      (rule) => fits(rule) || (bytes === undefined && rule.action === action),
    );
    if (isDenied) return new ServerError('SECURITY_DENIED', `${who(ip)} may not ${action}: a rule denies it`);
    if (this.#allows.length === 0 || this.#allows.some(fits)) return undefined;
    return new ServerError('SECURITY_NOT_ALLOWED', `${who(ip)} may not ${action}: no rule allows it`);
  }
}

function ruleOf([action = '', whom = '']: readonly string[]): Rule {
  if (whom === 'all') return { action, range: undefined };
  const range = IpRange.parse(whom);
  return range === undefined ? { action: '', range } : { action, range };
}

function covers({ range }: Rule, bytes: IpBytes | undefined): boolean {
  return range === undefined || (bytes !== undefined && range.contains(bytes));
}

function who(ip: string): string {
  return ip === '' ? 'an unknown address' : ip;
}
