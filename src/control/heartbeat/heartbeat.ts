import type { Clock } from '../../base/clock.ts';
import { describeError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { Undo } from '../../base/undo.ts';
import { placeOfUrl, type HttpClient } from '../../net/index.ts';

/** The longest that one report may take, ms. */
export const HEARTBEAT_TIMEOUT_MS = 10_000;
/** Of an answer, which is read and ignored; the rest is not waited for. */
const MAX_HEARTBEAT_ANSWER_BYTES = 64 * 1024;
/** A service that stays away is told of once in so long, ms. */
const REPEAT_MS = 60_000;

/** [heartbeat] */
export interface HeartbeatSettings {
  readonly enabled: boolean;
  readonly intervalMs: number;
  readonly url: string;
  readonly deviceId: string;
  readonly ports: boolean;
  readonly summaries: boolean;
}

/** Where this server listens, as its configuration writes it: `1935`, `127.0.0.1:1935`. What it does not serve is not there. */
export type HeartbeatPorts = Readonly<
  Partial<Record<'rtmp' | 'http' | 'api' | 'srt' | 'rtc', readonly string[]>>
>;

export interface HeartbeatDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly client: Pick<HttpClient, 'request'>;
  readonly userAgent: string;
  readonly serverId: string;
  readonly serviceId: string;
  readonly pid: number;
  /** [stats network] The address to report. */
  readonly ip: () => string;
  readonly ports: () => HeartbeatPorts;
  /** `data` of `/api/v1/summaries`; undefined = nothing is measured. */
  readonly summaries: () => object | undefined;
}

/**
 * [heartbeat] POSTs a report when it begins and then in every interval. One at a time: while a service takes its time, the reports
 * that are due are left out.
 */
export class Heartbeat {
  readonly #deps: HeartbeatDeps;
  #settings: HeartbeatSettings | undefined;
  #stop: Undo | undefined;
  #running: AbortController | undefined;
  #failures = 0;
  #toldAt = -Infinity;

  constructor(deps: HeartbeatDeps) {
    this.#deps = deps;
  }

  /** Reports with these settings from now on. The same again change nothing. */
  use(settings: HeartbeatSettings): void {
    const before = this.#settings;
    this.#settings = settings;
    const same =
      before !== undefined &&
      before.enabled === settings.enabled &&
      before.intervalMs === settings.intervalMs &&
      before.url === settings.url;
    if (same) return; // What else there is goes into the next report.
    this.close();
    this.#settings = settings;
    if (!settings.enabled) return;
    this.#failures = 0;
    this.#stop = this.#deps.clock.every(settings.intervalMs, () => void this.#report());
    void this.#report();
  }

  /** No report any more; one that is under way is cut. Idempotent. */
  close(): void {
    this.#stop?.();
    this.#stop = undefined;
    this.#running?.abort();
    this.#running = undefined;
    this.#settings = undefined;
  }

  async #report(): Promise<void> {
    const settings = this.#settings;
    if (settings === undefined || this.#running !== undefined) return;
    const running = new AbortController();
    this.#running = running;
    const { client, userAgent } = this.#deps;
    try {
      const url = new URL(settings.url);
      const { status } = await client.request({
        method: 'POST',
        url,
        headers: { 'User-Agent': userAgent, 'Content-Type': 'application/json', Accept: '*/*' },
        body: Buffer.from(JSON.stringify(this.#body(settings))),
        timeoutMs: HEARTBEAT_TIMEOUT_MS,
        maxAnswerBytes: MAX_HEARTBEAT_ANSWER_BYTES,
        cutAnswer: true,
        signal: running.signal,
      });
      if (status < 400) this.#taken(settings);
      else this.#failed(`${placeOfUrl(url)} answered HTTP status ${status}`);
    } catch (error) {
      if (!running.signal.aborted) this.#failed(describeError(error));
    } finally {
      if (this.#running === running) this.#running = undefined;
    }
  }

  #body({ deviceId, ports, summaries }: HeartbeatSettings): object {
    const { serverId, serviceId, pid, ip } = this.#deps;
    const data = summaries ? this.#deps.summaries() : undefined;
    return {
      device_id: deviceId,
      ip: ip(),
      server: serverId,
      service: serviceId,
      pid: String(pid),
      ...(data === undefined ? {} : { summaries: { data } }),
      ...(ports ? this.#deps.ports() : {}),
    };
  }

  #taken({ url }: HeartbeatSettings): void {
    if (this.#failures === 0) return;
    this.#deps.logger.info(`heartbeats are taken again by ${placeOfUrl(new URL(url))}`);
    this.#failures = 0;
    this.#toldAt = -Infinity;
  }

  #failed(why: string): void {
    this.#failures += 1;
    const now = this.#deps.clock.now();
    if (now - this.#toldAt < REPEAT_MS) return;
    this.#toldAt = now;
    const count = this.#failures === 1 ? 'a heartbeat was' : `${this.#failures} heartbeats were`;
    this.#deps.logger.warn(`${count} not taken: ${why}`);
  }
}
