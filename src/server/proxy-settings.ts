import type { Config } from '../config/index.ts';
import type { ProxySettings } from '../net/index.ts';

/** [trusted_proxies, proxy_protocol, proxy_header] */
export function proxySettings(config: Config): ProxySettings {
  return { trusted: config.trustedProxies, protocol: config.proxyProtocol, header: config.proxyHeader };
}
