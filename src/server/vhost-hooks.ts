import type { Config, VhostConfig } from '../config/index.ts';
import {
  HttpHooks,
  type HookOptions,
  type HookSpool,
  type HttpHooksDeps,
  type RecordStore,
} from '../control/hooks/index.ts';
import { onePer } from './one-per.ts';
import type { VhostTable } from './vhost-table.ts';

/** [http_hooks] Calls the back ends that vhosts name. */
export function httpHooks(vhosts: VhostTable, deps: Omit<HttpHooksDeps, 'options'>): HttpHooks {
  const options = onePer(hookOptions);
  return new HttpHooks({
    ...deps,
    options(vhost) {
      const found = vhosts.find(vhost);
      return found && options(found);
    },
  });
}

/** [http_hooks] What a vhost says of callbacks; one that has none switched on has no URLs. */
function hookOptions({ httpHooks, hls }: VhostConfig): HookOptions {
  const urls = httpHooks.enabled
    ? {
        on_connect: httpHooks.onConnect,
        on_close: httpHooks.onClose,
        on_publish: httpHooks.onPublish,
        on_unpublish: httpHooks.onUnpublish,
        on_play: httpHooks.onPlay,
        on_stop: httpHooks.onStop,
        on_dvr: httpHooks.onDvr,
        on_hls: httpHooks.onHls,
        on_hls_notify: httpHooks.onHlsNotify,
      }
    : {};
  return {
    urls,
    timeoutMs: httpHooks.timeoutMs,
    retries: httpHooks.retries,
    secret: httpHooks.secret,
    failOpen: httpHooks.failOpen,
    verifyTls: httpHooks.tlsVerify,
    notifyBytes: hls.hlsNbNotifyBytes,
  };
}

/** [http_hooks_spool] Undefined = events do not survive the process. The file is opened at the start; how much and how long is read on use. */
export function hookSpool(
  config: () => Config,
  open: ((path: string) => RecordStore) | undefined,
): HookSpool | undefined {
  const path = config().httpHooksSpool;
  if (path === '' || open === undefined) return undefined;
  return {
    store: open(path),
    maxBytes: () => config().httpHooksSpoolSizeBytes,
    maxAgeMs: () => config().httpHooksSpoolAgeMs,
  };
}
