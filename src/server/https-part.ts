import path from 'node:path';
import type { Clock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { expiryOf, loadCertificate, type ListenAddress, type TlsCertificate } from '../net/index.ts';
import { listenAddress } from './addresses.ts';
import { FileWatch } from './process/file-watch.ts';

// The doctor looks with the same eyes; it knows the server, not the network below it.
export { checkCertificate, expiryOf } from '../net/index.ts';

/** [https] of one server. */
export interface HttpsBlock {
  readonly enabled: boolean;
  readonly listen: readonly { readonly host: string | undefined; readonly port: number }[];
  readonly key: string;
  readonly cert: string;
}

/** A server that can speak TLS beside plain HTTP. */
export interface SecureTarget {
  listenSecure(listen: readonly ListenAddress[], certificate: TlsCertificate | undefined): Promise<void>;
  useCertificate(certificate: TlsCertificate): void;
}

export interface HttpsPartOptions {
  /** `http_server.https`. */
  readonly directive: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly nowMs: () => number;
  /** Where a directive is written, e.g. `srs.conf:12`; undefined = not known. */
  readonly placeOf: (name: 'key' | 'cert') => string | undefined;
}

/** TLS of one server: its listeners, and a certificate that is read again when its files change. */
export class HttpsPart {
  readonly #options: HttpsPartOptions;
  #target: SecureTarget | undefined;
  #block: HttpsBlock | undefined;
  #used: TlsCertificate | undefined;
  #watch: FileWatch | undefined;

  constructor(options: HttpsPartOptions) {
    this.#options = options;
  }

  /**
   * Brings about what `block` says for `target`, or throws TLS_CERTIFICATE_INVALID or LISTEN_FAILED and nothing has changed.
   * Undefined: that server is off.
   */
  async move(target: SecureTarget | undefined, block: HttpsBlock): Promise<void> {
    if (target === undefined || !block.enabled) {
      this.close();
      await target?.listenSecure([], undefined);
      return;
    }
    const certificate = await this.#load(block);
    await target.listenSecure(block.listen.map(listenAddress), certificate);
    this.#target = target;
    this.#block = block;
    this.#used = certificate;
    this.#tellExpiry(certificate);
    this.#watchFiles(block);
  }

  /** The certificate in use: its directive, and its end, Unix ms. */
  get certificate(): { readonly directive: string; readonly endsAtMs: number } | undefined {
    if (this.#block === undefined || this.#used === undefined) return undefined;
    return { directive: this.#options.directive, endsAtMs: this.#used.endsAtMs };
  }

  /** Reads the files again; whoever is connected stays so. A certificate that cannot be used is told, and the old one stays. */
  async refresh(): Promise<void> {
    const block = this.#block;
    if (block === undefined) return;
    const { directive, logger } = this.#options;
    try {
      const certificate = await this.#load(block);
      if (
        this.#block !== block ||
        (certificate.key === this.#used?.key && certificate.cert === this.#used.cert)
      )
        return;
      this.#target?.useCertificate(certificate);
      this.#used = certificate;
      const until = new Date(certificate.endsAtMs).toISOString().slice(0, 10);
      logger.info(`${directive}: a new certificate is in use, valid until ${until}`);
      this.#tellExpiry(certificate);
    } catch (error) {
      logger.error(`${directive}: the old certificate stays in use: ${describeError(error)}`);
    }
  }

  /** The end of the certificate in use, Unix ms; undefined = there is no TLS. */
  get endsAtMs(): number | undefined {
    return this.#block === undefined ? undefined : this.#used?.endsAtMs;
  }

  /** Idempotent. */
  close(): void {
    this.#watch?.close();
    this.#watch = undefined;
    this.#target = undefined;
    this.#block = undefined;
  }

  #load({ key, cert }: HttpsBlock): Promise<TlsCertificate> {
    const { directive, placeOf } = this.#options;
    return loadCertificate({ directive, key, cert, place: placeOf });
  }

  #watchFiles({ key, cert }: HttpsBlock): void {
    this.#watch?.close();
    const { clock, logger } = this.#options;
    // Files that may be missing for a moment: what happens then is told by `refresh`.
    this.#watch = new FileWatch({
      files: [],
      asked: [path.resolve(key), path.resolve(cert)],
      clock,
      logger,
      onChange: () => void this.refresh(),
    });
  }

  #tellExpiry({ endsAtMs }: TlsCertificate): void {
    const { directive, logger, nowMs } = this.#options;
    const expiry = expiryOf(endsAtMs, nowMs());
    if (expiry !== undefined)
      logger.warn(`${directive}: the certificate ${this.#block?.cert ?? ''} ${expiry}: renew it`);
  }
}
