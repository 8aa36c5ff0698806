import { createSecretKey } from 'node:crypto';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { printable } from '../base/printable.ts';
import type { Config, VhostConfig } from '../config/index.ts';
import {
  JwksSource,
  MAX_KEY_FILE_BYTES,
  MAX_STREAM_KEY_FILE_BYTES,
  readPublicKeys,
  StreamKeyTable,
  TokenPolicy,
  type JwtKey,
  type Proof,
  type TokenOptions,
} from '../control/access/tokens/index.ts';
import { HttpClient, placeOfUrl } from '../net/index.ts';
import { FileWatch } from './process/file-watch.ts';
import { readSmallFile } from './read-small-file.ts';
import type { VhostTable } from './vhost-table.ts';

/** A JWKS server has so long for its answer, ms. */
export const JWKS_TIMEOUT_MS = 5_000;

/** Characters of a name or a path in the log. */
const MAX_SHOWN = 300;

type AccessBlock = VhostConfig['access'];

export interface AccessTokensDeps {
  readonly clock: Clock;
  /** Unix ms. */
  readonly unixTime: () => number;
  readonly logger: Logger;
  readonly vhosts: VhostTable;
}

/** What was made of one block. */
interface Entry {
  block: AccessBlock;
  options: TokenOptions;
  /** By the absolute paths of their files. */
  keys: ReadonlyMap<string, readonly JwtKey[]>;
  readonly jwks: JwksSource | undefined;
  readonly watch: FileWatch | undefined;
}

/** [access] The keys of all vhosts, read from their files and servers, and the policy that asks for tokens. */
export class AccessTokens {
  readonly policy: TokenPolicy;
  readonly #deps: AccessTokensDeps;
  readonly #http: HttpClient;
  readonly #entries = new Map<string, Entry>();
  readonly #closing = new AbortController();

  constructor(deps: AccessTokensDeps) {
    this.#deps = deps;
    this.#http = new HttpClient(deps.clock);
    this.policy = new TokenPolicy({
      options: (vhost) => this.#optionsOf(vhost),
      unixTime: deps.unixTime,
    });
  }

  /** Reads what the configuration in force names, and forgets the rest: at the start, and after a reload. */
  use(config: Config): void {
    const asking = config.vhosts.filter(({ name, access }) => {
      return asks(access) && this.#deps.vhosts.find(name)?.access === access;
    });
    const names = new Set(asking.map(({ name }) => name));
    for (const [name, entry] of this.#entries) {
      if (names.has(name)) continue;
      entry.watch?.close();
      this.#entries.delete(name);
    }
    for (const { name } of asking) void this.#optionsOf(name)?.jwt.jwks?.refresh();
  }

  /** Idempotent. */
  close(): void {
    this.#closing.abort();
    this.#http.close();
    for (const { watch } of this.#entries.values()) watch?.close();
    this.#entries.clear();
  }

  #optionsOf(vhost: string): TokenOptions | undefined {
    const block = this.#deps.vhosts.find(vhost)?.access;
    if (block === undefined || !asks(block)) return undefined;
    const known = this.#entries.get(vhost);
    if (known?.block === block) return known.options;
    // A reload makes new objects of what did not change.
    if (known !== undefined && isDeepStrictEqual(known.block, block)) {
      known.block = block;
      return known.options;
    }
    known?.watch?.close();
    const entry = this.#read(vhost, block, known);
    if (!this.#closing.signal.aborted) this.#entries.set(vhost, entry);
    return entry.options;
  }

  #read(vhost: string, block: AccessBlock, before: Entry | undefined): Entry {
    const keys = this.#keysOf(vhost, block, before);
    const same =
      before !== undefined &&
      before.block.jwks === block.jwks &&
      before.block.jwksRefreshMs === block.jwksRefreshMs &&
      before.block.jwksKeepMs === block.jwksKeepMs;
    const jwks = same ? before.jwks : this.#jwksOf(block);
    const options = optionsFrom(
      block,
      [...keys.values()].flat(),
      jwks,
      this.#streamKeys(vhost, block, before),
    );
    return { block, options, keys, jwks, watch: this.#watch(vhost, block) };
  }

  /** The files have changed. */
  #reread(vhost: string): void {
    const entry = this.#entries.get(vhost);
    if (entry === undefined) return;
    const { block, jwks } = entry;
    entry.keys = this.#keysOf(vhost, block, entry);
    const table = this.#streamKeys(vhost, block, entry);
    entry.options = optionsFrom(block, [...entry.keys.values()].flat(), jwks, table);
    this.#deps.logger.info(`vhost ${printable(vhost, MAX_SHOWN)}: the files of access were read again`);
  }

  #keysOf(
    vhost: string,
    { jwtKeyFile }: AccessBlock,
    before: Entry | undefined,
  ): ReadonlyMap<string, readonly JwtKey[]> {
    const keys = new Map<string, readonly JwtKey[]>();
    for (const file of jwtKeyFile.filter((one) => one !== '').map((one) => path.resolve(one))) {
      try {
        keys.set(file, readPublicKeys(readSmallFile(file, MAX_KEY_FILE_BYTES)));
      } catch (error) {
        const old = before?.keys.get(file);
        this.#tell(vhost, 'jwt_key_file', file, error, old !== undefined);
        if (old !== undefined) keys.set(file, old);
      }
    }
    return keys;
  }

  #streamKeys(
    vhost: string,
    { streamKeys }: AccessBlock,
    before: Entry | undefined,
  ): TokenOptions['streamKeys'] {
    if (streamKeys === '') return undefined;
    try {
      return StreamKeyTable.parse(readSmallFile(path.resolve(streamKeys), MAX_STREAM_KEY_FILE_BYTES));
    } catch (error) {
      const old = before?.block.streamKeys === streamKeys ? before.options.streamKeys : undefined;
      this.#tell(vhost, 'stream_keys', streamKeys, error, old !== undefined && old !== 'broken');
      return old ?? 'broken';
    }
  }

  #tell(vhost: string, directive: string, file: string, error: unknown, isKept: boolean): void {
    const rest = isKept ? 'what it held before stays in use' : 'who needs it is refused';
    const place = `vhost ${printable(vhost, MAX_SHOWN)}: access.${directive} ${printable(file, MAX_SHOWN)}`;
    this.#deps.logger.error(`${place} cannot be used, ${rest}: ${describeError(error)}`);
  }

  #jwksOf({ jwks, jwksRefreshMs, jwksKeepMs }: AccessBlock): JwksSource | undefined {
    if (jwks === '') return undefined;
    const { clock, logger } = this.#deps;
    const url = new URL(jwks);
    return new JwksSource({
      clock,
      logger,
      name: printable(placeOfUrl(url), MAX_SHOWN),
      refreshMs: jwksRefreshMs,
      keepMs: jwksKeepMs,
      fetch: async () => {
        const { status, body } = await this.#http.request({
          method: 'GET',
          url,
          headers: { Accept: 'application/jwk-set+json, application/json' },
          timeoutMs: JWKS_TIMEOUT_MS,
          maxAnswerBytes: MAX_KEY_FILE_BYTES,
          signal: this.#closing.signal,
        });
        if (status !== 200) throw new Error(`HTTP ${status}`);
        return body.toString('utf8');
      },
    });
  }

  #watch(vhost: string, { jwtKeyFile, streamKeys }: AccessBlock): FileWatch | undefined {
    const files = [...jwtKeyFile, streamKeys].filter((file) => file !== '').map((file) => path.resolve(file));
    if (files.length === 0 || this.#closing.signal.aborted) return undefined;
    const { clock, logger } = this.#deps;
    return new FileWatch({ files: [], asked: files, clock, logger, onChange: () => this.#reread(vhost) });
  }
}

function asks({ publish, play, streamKeys }: AccessBlock): boolean {
  return publish.length > 0 || play.length > 0 || streamKeys !== '';
}

function optionsFrom(
  block: AccessBlock,
  keys: readonly JwtKey[],
  jwks: JwksSource | undefined,
  streamKeys: TokenOptions['streamKeys'],
): TokenOptions {
  const publish = block.publish.length === 0 && streamKeys !== undefined ? ['key'] : block.publish;
  const secrets = block.jwtSecrets.map(([id, secret = '']) => {
    return { id, algorithm: 'HS256', key: createSecretKey(Buffer.from(secret, 'utf8')) } as const;
  });
  return {
    publish: publish as readonly Proof[], // Words that were checked when the configuration was read.
    play: block.play as readonly Proof[],
    signKeys: block.signKeys.map(([id = '', secret = '']) => ({ id, secret })),
    jwt: {
      keys: [...secrets, ...keys],
      jwks,
      issuers: block.jwtIssuer,
      audiences: block.jwtAudience,
      expRequired: block.jwtExpRequired,
      skewSeconds: block.clockSkewMs / 1000,
    },
    jwtParameter: block.jwtParameter,
    skewMs: block.clockSkewMs,
    expireSessions: block.expireSessions,
    oneTime: block.oneTime,
    streamKeys,
  };
}
