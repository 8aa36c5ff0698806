import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { publish } from '../clients/rtmp/index.ts';
import type { Config, IngestConfig } from '../config/index.ts';
import { startFileIngest, type IngestTarget } from '../inputs/ingest/index.ts';
import { firstVhosts } from './vhost-options.ts';

/** A running ingest. */
export interface Ingest {
  /** Within 1 s. Idempotent. */
  close(): Promise<void>;
}

export interface IngestsDeps {
  readonly logger: Logger;
  readonly clock: Clock;
}

/** An ingest that should run. */
interface Wanted {
  readonly id: string;
  readonly vhost: string;
  /** File that is read. */
  readonly path: string;
  /** RTMP URL that is published to. */
  readonly url: string;
}

interface Running {
  readonly wanted: Wanted;
  readonly ingest: Ingest;
}

/** [ingest] The ingests of all vhosts that are on. */
export class Ingests {
  readonly #deps: IngestsDeps;
  readonly #running = new Map<string, Running>();
  #closed = false;

  constructor(deps: IngestsDeps) {
    this.#deps = deps;
  }

  /** Ends those that `config` does not have, or has otherwise. The rest goes on without notice. */
  async stopChanged(config: Config, rtmpPort: number): Promise<void> {
    const wanted = this.#wanted(config, rtmpPort, () => undefined);
    const ends: Promise<void>[] = [];
    for (const [key, running] of this.#running) {
      if (isSame(running.wanted, wanted.get(key))) continue;
      this.#running.delete(key);
      this.#deps.logger.info(`ingest ${running.wanted.id} of vhost ${running.wanted.vhost} is stopped`);
      ends.push(running.ingest.close());
    }
    await Promise.all(ends);
  }

  /** Starts those of `config` that do not run. What cannot be started is told in the log; the rest runs. */
  start(config: Config, rtmpPort: number): void {
    if (this.#closed) return;
    const { logger, clock } = this.#deps;
    const wanted = this.#wanted(config, rtmpPort, (line) => logger.warn(line));
    for (const [key, one] of wanted) {
      if (this.#running.has(key)) continue;
      const log = logger.child({ component: `ingest ${one.id}` });
      const ingest = startFileIngest({ path: one.path, target: rtmpTarget(one.url), clock, log });
      this.#running.set(key, { wanted: one, ingest });
    }
  }

  /** Within 1 s. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    const ends = Array.from(this.#running.values(), ({ ingest }) => ingest.close());
    this.#running.clear();
    await Promise.all(ends);
  }

  #wanted(config: Config, rtmpPort: number, tell: (line: string) => void): ReadonlyMap<string, Wanted> {
    const wanted = new Map<string, Wanted>();
    for (const { name, enabled, ingests } of firstVhosts(config)) {
      if (!enabled) continue;
      for (const ingest of ingests) {
        if (!ingest.enabled) continue;
        const output = ingest.engines.find((engine) => engine.output !== '')?.output;
        const problem = whyNot(ingest, output);
        if (problem !== undefined) {
          tell(`ingest ${ingest.id} of vhost ${name} is not started: ${problem}`);
          continue;
        }
        const url = (output ?? '').replaceAll('[vhost]', name).replaceAll('[port]', String(rtmpPort));
        const key = JSON.stringify([name, ingest.id]);
        wanted.set(key, { id: ingest.id, vhost: name, path: ingest.input.url, url });
      }
    }
    return wanted;
  }
}

function isSame(a: Wanted, b: Wanted | undefined): boolean {
  return a.path === b?.path && a.url === b.url;
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
