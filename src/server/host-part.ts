import { systemClock } from '../base/clock.ts';
import type { Config } from '../config/index.ts';
import { HostSampler, type HostFigures } from '../observe/host/index.ts';

/** [stats] Measures machine and process while there is something that shows it. */
export class HostPart {
  readonly #sampler: HostSampler;
  #isOn = false;

  /** `config` is the one in force. */
  constructor(config: () => Config) {
    this.#sampler = new HostSampler({
      clock: systemClock,
      unixTime: () => Date.now(),
      disks: () => config().stats.disk,
    });
  }

  /** The last sample; undefined = nothing is measured. */
  get figures(): HostFigures | undefined {
    return this.#isOn ? this.#sampler.figures : undefined;
  }

  /** Begins to measure where `config` wants it; resolves with a sample. Call it before what shows the figures. Never rejects. */
  async prepare(config: Config): Promise<void> {
    if (!isWanted(config) || this.#isOn) return;
    await this.#sampler.start();
    this.#isOn = true;
  }

  /** Measures as `config` wants it from now on. */
  use(config: Config): void {
    if (isWanted(config)) void this.prepare(config);
    else this.close();
  }

  /** Idempotent. */
  close(): void {
    this.#isOn = false;
    this.#sampler.close();
  }
}

function isWanted({ stats, httpApi, heartbeat }: Config): boolean {
  return stats.enabled && (httpApi.enabled || (heartbeat.enabled && heartbeat.summaries));
}
