import { hostname } from 'node:os';
import path from 'node:path';
import type { Clock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Config } from '../config/index.ts';
import {
  ApiAuth,
  HOW_TO_CALL,
  isLoopbackName,
  type ApiAccess,
  type ApiAuthSettings,
  type ApiToken,
} from '../control/api/index.ts';
import { sharesPort } from './shared-port.ts';
import { makeTokenFile, readTokenFile } from './api-tokens.ts';
import { FileWatch } from './process/file-watch.ts';

export { HOW_TO_CALL };

type HttpApi = Config['httpApi'];

/** To whom the API is open, by the words of the configuration: see `http_api.auth.enabled`. */
export function apiAccess(config: Pick<Config, 'httpApi' | 'httpServer'>): ApiAccess {
  const { httpApi, httpServer } = config;
  const { enabled } = httpApi.auth;
  if (enabled !== 'auto') return enabled === 'off' ? 'open' : 'closed';
  if (hasCredentials(httpApi)) return 'closed';
  const hosts = [
    httpApi.listen,
    ...(httpApi.https.enabled ? httpApi.https.listen : []),
    ...(sharesPort(config) && httpServer.https.enabled ? httpServer.https.listen : []),
  ].map(({ host }) => host);
  return hosts.every(isLoopback) ? 'loopback' : 'closed';
}

/** Whether callers need tokens that are in the file of tokens alone, which is made if it is not there. */
export function needsTokenFile(config: Pick<Config, 'httpApi' | 'httpServer'>): boolean {
  return config.httpApi.enabled && apiAccess(config) === 'closed' && !hasCredentials(config.httpApi);
}

export interface ApiAccessPartDeps {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** [http_api auth] Who may call the API of a server. */
export class ApiAccessPart {
  readonly auth: ApiAuth;
  readonly #deps: ApiAccessPartDeps;
  #watch: FileWatch | undefined;
  /** What the log was told last. */
  #told: string | undefined;

  constructor(deps: ApiAccessPartDeps) {
    this.#deps = deps;
    // Until `use` says more, nobody may call.
    const nobody: ApiAuthSettings = { access: 'closed', basic: undefined, tokens: [] };
    this.auth = new ApiAuth(nobody, { ...deps, ownNames: [hostname()] });
  }

  /**
   * Asks what `config` says from the next request on. Where credentials are needed and there are none it makes some. Throws
   * API_TOKENS_FAILED and nothing has changed.
   */
  use(config: Config): void {
    const { httpApi } = config;
    const access = apiAccess(config);
    const { tokens, problems } = access === 'closed' ? this.#tokens(httpApi) : NOTHING;
    this.auth.configure({ access, basic: basicOf(httpApi), tokens });
    for (const problem of problems) this.#deps.logger.warn(`http_api.auth.token_file: ${problem}`);
    this.#tell(access, httpApi, tokens);
    this.#watchFile(access === 'closed' ? httpApi : undefined);
  }

  /** Before a listener opens: where that needs credentials they are asked for now. Throws as `use` does. */
  prepare(config: Config): void {
    if (apiAccess(config) === 'closed') this.use(config);
  }

  /** After a reload: what is in force. */
  settle(config: Config): void {
    try {
      this.use(config);
    } catch (error) {
      this.#deps.logger.error(`the HTTP API asks for credentials as before: ${describeError(error)}`);
    }
  }

  /** There is no API any more. */
  pause(): void {
    this.#watchFile(undefined);
  }

  /** Idempotent. */
  close(): void {
    this.pause();
    this.auth.close();
  }

  #tokens(httpApi: HttpApi): { readonly tokens: readonly ApiToken[]; readonly problems: readonly string[] } {
    const written = httpApi.auth.tokens.map(([role, value]) => ({ role, value }) as ApiToken); // Checked when it was read.
    const file = httpApi.auth.tokenFile;
    const { tokens = [], problems = [] } = readTokenFile(file) ?? {};
    const all = [...written, ...tokens];
    const none = all.length === 0 && basicOf(httpApi) === undefined;
    return { tokens: none ? makeTokenFile(file) : all, problems };
  }

  #tell(access: ApiAccess, httpApi: HttpApi, tokens: readonly ApiToken[]): void {
    const { auth } = httpApi;
    const file = path.resolve(auth.tokenFile);
    // Nobody asked for it: a file of SRS, where the API is open.
    const hint = isUnasked(httpApi) ? `. ${HOW_TO_CALL}` : '';
    const text = {
      open: 'http_api.auth.enabled is off: whoever reaches the HTTP API may do everything',
      loopback: 'the HTTP API asks nobody for credentials: it listens on this machine only',
      closed: `the HTTP API asks for credentials${tokens.length > auth.tokens.length ? `; tokens are in ${file}` : ''}${hint}`,
    }[access];
    if (text === this.#told) return;
    this.#told = text;
    if (access === 'open') this.#deps.logger.warn(text);
    else this.#deps.logger.info(text);
  }

  /** Other tokens in the file count at once. */
  #watchFile(httpApi: HttpApi | undefined): void {
    const file = httpApi === undefined ? undefined : path.resolve(httpApi.auth.tokenFile);
    this.#watch?.close();
    this.#watch = undefined;
    if (file === undefined || httpApi === undefined) return;
    this.#watch = new FileWatch({
      files: [],
      asked: [file],
      ...this.#deps,
      onChange: () => this.#reread(httpApi),
    });
  }

  #reread(httpApi: HttpApi): void {
    const { logger } = this.#deps;
    try {
      const { tokens, problems } = this.#tokens(httpApi);
      this.auth.configure({ access: 'closed', basic: basicOf(httpApi), tokens });
      for (const problem of problems) logger.warn(`http_api.auth.token_file: ${problem}`);
      logger.info('http_api.auth.token_file: the tokens of the file are in use');
    } catch (error) {
      logger.error(`the old tokens of the HTTP API stay in use: ${describeError(error)}`);
    }
  }
}

const NOTHING = { tokens: [], problems: [] };

function basicOf({ auth }: HttpApi): ApiAuthSettings['basic'] {
  const { username, password } = auth;
  return username === '' || password === '' ? undefined : { username, password };
}

/** Whether the configuration says nothing about who may call. */
function isUnasked(httpApi: HttpApi): boolean {
  return httpApi.auth.enabled === 'auto' && !hasCredentials(httpApi);
}

/** Whether there are any in the configuration itself. */
function hasCredentials(httpApi: HttpApi): boolean {
  return httpApi.auth.tokens.length > 0 || basicOf(httpApi) !== undefined;
}

/** An address that nobody but this machine reaches. Without a host it is every address. */
function isLoopback(host: string | undefined): boolean {
  if (host === undefined) return false;
  return isLoopbackName(host) || host === '::1' || host.startsWith('::ffff:127.');
}
