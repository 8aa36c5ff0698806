import { resolve } from 'node:path';
import type { Config } from '../config/index.ts';
import { recoverLeftovers, type Recovery, type RecoveryDeps } from '../outputs/dvr/index.ts';

/** Looks after the files that an earlier process left unfinished in the folders of the configured outputs. */
export function recoverOutputs(config: Config, deps: RecoveryDeps): Recovery {
  const vhosts = config.vhosts.filter(({ enabled }) => enabled);
  return recoverLeftovers(deps, {
    places: vhosts
      .filter(({ dvr }) => dvr.enabled)
      .map(({ name, dvr }) => ({ vhost: name, path: dvr.dvrPath })),
    otherRoots: vhosts.flatMap(({ hls, dash, hds }) => [
      ...(hls.enabled ? [resolve(hls.hlsPath)] : []),
      ...(hls.enabled && hls.hlsKeyFilePath !== '' ? [resolve(hls.hlsKeyFilePath)] : []),
      ...(dash.enabled ? [resolve(dash.dashPath)] : []),
      ...(hds.enabled ? [resolve(hds.hdsPath)] : []),
    ]),
  });
}
