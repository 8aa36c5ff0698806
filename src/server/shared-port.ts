import type { Config } from '../config/index.ts';
import type { HttpsBlock } from './https-part.ts';

type Address = Pick<Config['httpApi']['listen'], 'host' | 'port'>;
type HttpBlocks = Pick<Config, 'httpApi' | 'httpServer'>;

/**
 * [http_api listen, http_server listen] The same address for both: the HTTP server gives what is the API's to the API, also what
 * comes over its TLS listeners. Ports that the system chooses are never the same.
 */
export function sharesPort({ httpApi, httpServer }: HttpBlocks): boolean {
  return httpApi.enabled && httpServer.enabled && isSameAddress(httpApi.listen, httpServer.listen);
}

/** [http_api https] Where the API listens for TLS itself. */
export function ownHttps(config: HttpBlocks): HttpsBlock {
  const { https } = config.httpApi;
  const server = config.httpServer.https;
  if (!sharesPort(config) || !server.enabled) return https;
  const listen = https.listen.filter(
    (address) => !server.listen.some((other) => isSameAddress(address, other)),
  );
  return { ...https, listen, enabled: https.enabled && listen.length > 0 };
}

/** Whether a request is the API's, where the HTTP server has its port. */
export function isOfApi(url: string | undefined): boolean {
  return /^\/(?:(?:api|console)(?:[/?]|$)|metrics(?:\?|$))/.test(url ?? '');
}

export function isSameAddress(one: Address, other: Address): boolean {
  return one.port === other.port && one.port !== 0 && hostOf(one) === hostOf(other);
}

/** Every address of the machine has several names. */
function hostOf({ host = '' }: Address): string {
  return host === '0.0.0.0' || host === '::' ? '' : host;
}
