import { ServerError } from '../../base/errors.ts';
import type { AccessPolicy, AccessRequest } from '../../hub/ports.ts';

/** [refer] Domains of pages, as they are written. */
export interface ReferOptions {
  readonly enabled: boolean;
  readonly all: readonly string[];
  readonly publish: readonly string[];
  readonly play: readonly string[];
}

export interface ReferPolicyOptions {
  /** What is in force for a vhost; undefined = it is not served any more. The same object as long as nothing changes. */
  options(vhost: string): ReferOptions | undefined;
}

/** One list, read; undefined = it is not written and every page may. */
type Domains = readonly string[] | undefined;

interface ReadLists {
  readonly all: Domains;
  readonly publish: Domains;
  readonly play: Domains;
}

/** Longest address of a page that is looked at, characters. */
export const MAX_PAGE_URL = 4_096;

/**
 * [refer] Which pages may embed a player or an encoder, by the domain of `pageUrl` or `Referer`. `all` is asked for everything,
 * `publish` and `play` besides. Whoever names no page is refused by a list, as in SRS.
 */
export class ReferPolicy implements AccessPolicy {
  readonly #options: ReferPolicyOptions;
  readonly #read = new WeakMap<ReferOptions, ReadLists>();

  constructor(options: ReferPolicyOptions) {
    this.#options = options;
  }

  protects(vhost: string): boolean {
    return this.#options.options(vhost)?.enabled === true;
  }

  check({ action, vhost, pageUrl = '' }: AccessRequest): Promise<undefined> {
    const options = this.#options.options(vhost);
    if (options?.enabled !== true) return Promise.resolve(undefined);
    let lists = this.#read.get(options);
    if (lists === undefined) {
      lists = {
        all: domainsOf(options.all),
        publish: domainsOf(options.publish),
        play: domainsOf(options.play),
      };
      this.#read.set(options, lists);
    }
    if (mayEmbed(lists.all, pageUrl) && (action === 'connect' || mayEmbed(lists[action], pageUrl)))
      return Promise.resolve(undefined);
    const host = pageHost(pageUrl);
    const page = host === undefined ? 'without the address of a page' : `from a page of ${host}`;
    return Promise.reject(new ServerError('REFER_DENIED', `nobody may ${action} here ${page}`));
  }
}

function domainsOf(words: readonly string[]): Domains {
  return words.length === 0 ? undefined : words.map(normalDomain);
}

function mayEmbed(domains: Domains, pageUrl: string): boolean {
  if (domains === undefined) return true;
  if (pageUrl === '') return domains.includes('');
  const host = pageHost(pageUrl);
  return host !== undefined && domains.some((domain) => fits(host, domain));
}

function fits(host: string, domain: string): boolean {
  if (domain === '') return false;
  if (host === domain) return true;
  return host.endsWith(domain.startsWith('.') ? domain : `.${domain}`);
}

/** The host of an address, in small letters and without the dot of the root; undefined where there is none. */
function pageHost(pageUrl: string): string | undefined {
  if (pageUrl === '' || pageUrl.length > MAX_PAGE_URL) return undefined;
  // As in SRS an address need not have a scheme. The host of another one than http is read as that of http.
  const rest = pageUrl.replace(/^[a-z][a-z0-9+.-]*:\/\//i, '');
  const hasOtherScheme = rest === pageUrl && /^[a-z][a-z0-9+.-]*:(?!\d)/i.test(pageUrl); // about:, data:
  return hasOtherScheme || /^[/\\]/.test(rest) ? undefined : hostOf(rest);
}

/**
 * A domain as URLs have it: in small letters, in Punycode. `example.com` fits also what is below it, by whole labels, and not
 * `evil-example.com`; `.example.com` fits what is below it alone; an empty word fits who names no page.
 */
function normalDomain(word: string): string {
  const below = word.startsWith('.');
  const name = below ? word.slice(1) : word;
  return `${below ? '.' : ''}${hostOf(name) ?? name.toLowerCase()}`;
}

function hostOf(text: string): string | undefined {
  const url = `http://${text}`;
  const host = URL.canParse(url) ? new URL(url).hostname.replace(/\.$/, '') : '';
  return host === '' ? undefined : host;
}
