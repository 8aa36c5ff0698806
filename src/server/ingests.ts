import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { publish } from '../clients/rtmp/index.ts';
import type { Config, IngestConfig } from '../config/index.ts';
import { startFileIngest, type IngestTarget } from '../inputs/ingest/index.ts';

/** A running ingest. */
export interface Ingest {
  /** Within 1 s. Idempotent. */
  close(): Promise<void>;
}

export interface IngestDeps {
  /** Of this server, for `[port]`. */
  readonly rtmpPort: number;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** [ingest] Starts the ingests of all vhosts that are on. What cannot be started is told in the log; the rest runs. */
export function startIngests(config: Config, deps: IngestDeps): readonly Ingest[] {
  const started: Ingest[] = [];
  for (const vhost of config.vhosts) {
    if (!vhost.enabled) continue;
    for (const ingest of vhost.ingests) {
      if (!ingest.enabled) continue;
      const logger = deps.logger.child({ component: `ingest ${ingest.id}` });
      const output = ingest.engines.find((engine) => engine.output !== '')?.output;
      const problem = whyNot(ingest, output);
      if (problem !== undefined) {
        logger.warn(`ingest ${ingest.id} of vhost ${vhost.name} is not started: ${problem}`);
        continue;
      }
      const url = (output ?? '')
        .replaceAll('[vhost]', vhost.name)
        .replaceAll('[port]', String(deps.rtmpPort));
      const { clock } = deps;
      started.push(startFileIngest({ path: ingest.input.url, target: rtmpTarget(url), clock, log: logger }));
    }
  }
  return started;
}

function whyNot(ingest: IngestConfig, output: string | undefined): string | undefined {
  if (ingest.ffmpeg !== '')
    return 'an ingest with ffmpeg is not supported yet; without it FLV files are read directly';
  if (ingest.input.type !== 'file') return 'only input type file is supported yet';
  if (ingest.input.url === '') return 'input.url is empty';
  if (output === undefined) return 'no engine has an output';
  return undefined;
}

function rtmpTarget(url: string): IngestTarget {
  return {
    async open() {
      const publisher = await publish(url);
      return {
        write: (typeId, timestamp, body) => publisher.write(typeId, timestamp, body),
        drain: () => publisher.drain(),
        close: () => publisher.close(),
        closed: publisher.ended.then((end) => end.error),
      };
    },
  };
}
