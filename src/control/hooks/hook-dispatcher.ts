import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { Clock } from '../../base/clock.ts';
import { ServerError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { HttpClient, TallyReport } from '../../net/index.ts';
import { CallGate } from './call-gate.ts';
import type { HookVerdict } from './hook-answer.ts';
import type { HookBody } from './hook-bodies.ts';
import { HookCaller, type HookCall } from './hook-caller.ts';
import type { DecidingEvent, HookEvent, HookOptions } from './hook-options.ts';
import { HookQueue } from './hook-queue.ts';

/** Questions to one URL at a time, and how many more may wait for their turn. */
const MAX_ASKING = 64;
export const MAX_WAITING_QUESTIONS = 2_000;
/** Events told to one URL at a time. */
const MAX_TELLING = 16;
/** From a client's wish to the decision, all URLs and waiting included, ms: clients give up after 30 s. */
const MAX_DECISION_MS = 25_000;
/** How long a question waits for earlier events of its session that their back end does not take, ms. */
const MAX_ORDER_WAIT_MS = 5_000;
/** The longest that on_hls_notify may take, ms. */
const MAX_NOTIFY_MS = 10_000;
/** At the end of the server: for what is still to be told, ms. */
const FLUSH_MS = 3_000;

export interface HookDispatcherDeps {
  readonly clock: Clock;
  /** Wall clock, Unix ms. */
  readonly unixTime: () => number;
  readonly logger: Logger;
  readonly userAgent: string;
  /** What the vhost says now; undefined = there is no such vhost any more. */
  options(vhost: string): HookOptions | undefined;
}

/** Whose event it is. */
export interface EventOwner {
  /** Events with one key are told in their order. */
  readonly key: string;
  readonly vhost: string;
  /** What its vhost said when it began: serves when the vhost is gone. */
  readonly options: HookOptions | undefined;
  /** Events of it so far. */
  sequence: number;
}

/** Asks and tells the back ends of all vhosts. URLs are looked up at each try: a reload counts at once. */
export class HookDispatcher {
  readonly #deps: HookDispatcherDeps;
  readonly #client: HttpClient;
  readonly #caller: HookCaller;
  readonly #questions = new CallGate(MAX_ASKING, MAX_WAITING_QUESTIONS);
  readonly #reports = new CallGate(MAX_TELLING);
  readonly #queue: HookQueue;
  readonly #failures: TallyReport;
  readonly #losses: TallyReport;
  readonly #stopAsking = new AbortController();

  constructor(deps: HookDispatcherDeps) {
    this.#deps = deps;
    setMaxListeners(0, this.#stopAsking.signal); // Each question listens to it.
    const { clock, logger } = deps;
    this.#client = new HttpClient(clock);
    this.#caller = new HookCaller({ ...deps, client: this.#client });
    this.#queue = new HookQueue({ clock });
    this.#failures = new TallyReport({
      clock,
      logger,
      line: (count, last) => `${count} callbacks were not taken, the last: ${last}`,
    });
    this.#losses = new TallyReport({
      clock,
      logger,
      line: (count, last) => `${count} callbacks were given up, the last: ${last}`,
    });
  }

  /** Events that wait for their back end. */
  get waiting(): number {
    return this.#queue.size;
  }

  options(vhost: string): HookOptions | undefined {
    return this.#deps.options(vhost);
  }

  /** Asks all URLs of an event in order. Rejects with HOOK_REFUSED, HOOK_ANSWER_INVALID or HOOK_FAILED. */
  async ask(event: DecidingEvent, owner: EventOwner, body: () => HookBody): Promise<void> {
    const options = this.#deps.options(owner.vhost);
    const urls = options?.urls[event] ?? [];
    if (options === undefined || urls.length === 0) return;
    const deadline = new AbortController();
    const stop = (): void => deadline.abort();
    const cancel = this.#deps.clock.after(MAX_DECISION_MS, stop);
    const { signal } = this.#stopAsking;
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    try {
      await this.#queue.emptied(owner.key, MAX_ORDER_WAIT_MS);
      const call = callOf(event, owner, body());
      for (const url of urls) {
        const verdict = await this.#questions.run(url, deadline.signal, () =>
          this.#caller.call(url, call, options, deadline.signal),
        );
        this.#decide(event, verdict ?? { kind: 'failed', why: 'too many questions wait' }, options);
      }
    } finally {
      cancel();
      signal.removeEventListener('abort', stop);
    }
  }

  /** Tells all URLs of an event in order, now or later. */
  tell(event: HookEvent, owner: EventOwner, body: () => HookBody): void {
    const first = this.#optionsOf(owner);
    if ((first?.urls[event] ?? []).length === 0) return;
    const call = callOf(event, owner, body());
    const taken = new Set<string>();
    this.#push(event, owner, call, async (signal) => {
      const options = this.#optionsOf(owner);
      for (const url of options?.urls[event] ?? []) {
        if (options === undefined || taken.has(url)) continue;
        const verdict = await this.#reports.run(url, signal, () =>
          this.#caller.call(url, call, options, signal),
        );
        if (verdict?.kind === 'accepted') {
          taken.add(url);
          continue;
        }
        if (verdict !== undefined) this.#failures.add(`${event}: ${explain(verdict)}`);
        // SRS's rule: the first failure stops the chain.
        return verdict === undefined || verdict.kind === 'failed' ? 'again' : 'done';
      }
      return 'done';
    });
  }

  /** Fetches all URLs of on_hls_notify, once and in order. */
  notify(owner: EventOwner, urlOf: (template: string) => URL | undefined): void {
    const event = 'on_hls_notify';
    if ((this.#optionsOf(owner)?.urls[event] ?? []).length === 0) return;
    const call = callOf(event, owner, undefined);
    this.#push(event, owner, call, async (signal) => {
      const options = this.#optionsOf(owner);
      for (const template of options?.urls[event] ?? []) {
        if (options === undefined) break;
        const url = urlOf(template);
        const timeoutMs = Math.min(MAX_NOTIFY_MS, options.timeoutMs);
        const problem =
          url === undefined
            ? 'its variables give no URL of the same server'
            : await this.#reports.run(template, signal, () =>
                this.#caller.notify(url, call, options, timeoutMs, signal),
              );
        if (problem !== undefined) this.#failures.add(`${event}: ${problem}`);
      }
      return 'done';
    });
  }

  /** Nobody is asked any more: what is asked now, and later, is refused. */
  stopAsking(): void {
    this.#stopAsking.abort();
  }

  /** Tells what waits, as far as that goes quickly. Idempotent. */
  async close(): Promise<void> {
    this.stopAsking();
    await this.#queue.close(FLUSH_MS);
    this.#client.close();
    this.#failures.close();
    this.#losses.close();
  }

  #optionsOf(owner: EventOwner): HookOptions | undefined {
    return this.#deps.options(owner.vhost) ?? owner.options;
  }

  #push(
    event: HookEvent,
    owner: EventOwner,
    call: HookCall,
    attempt: (signal: AbortSignal) => Promise<'done' | 'again'>,
  ): void {
    this.#queue.push(owner.key, {
      bytes: call.body.length,
      isFile: event === 'on_dvr' || event === 'on_hls' || event === 'on_hls_notify',
      attempt,
      retries: () => this.#optionsOf(owner)?.retries ?? 0,
      lost: (why) => this.#losses.add(`${event}: ${why}`),
    });
  }

  #decide(event: DecidingEvent, verdict: HookVerdict, options: HookOptions): void {
    if (verdict.kind === 'accepted') return;
    if (this.#stopAsking.signal.aborted) throw new ServerError('SERVER_STOPPING', 'the server is stopping');
    const why = explain(verdict);
    if (verdict.kind === 'failed' && options.failOpen.includes(event)) {
      this.#failures.add(`${event} (granted by fail_open): ${why}`);
      return;
    }
    // What the peer is told names no server of ours; the log gets the cause.
    const cause = new Error(why);
    if (verdict.kind === 'refused') throw new ServerError('HOOK_REFUSED', `refused by ${event}`, { cause });
    if (verdict.kind === 'invalid')
      throw new ServerError('HOOK_ANSWER_INVALID', `no valid answer to ${event}`, { cause });
    throw new ServerError('HOOK_FAILED', `no answer to ${event}`, { cause });
  }
}

function callOf(event: HookEvent, owner: EventOwner, body: HookBody | undefined): HookCall {
  owner.sequence += 1;
  return {
    event,
    id: randomUUID(),
    sequence: owner.sequence,
    body: Buffer.from(body === undefined ? '' : JSON.stringify(body)),
  };
}

function explain(verdict: HookVerdict): string {
  if (verdict.kind === 'refused') return `the answer was code ${verdict.code}`;
  return verdict.kind === 'accepted' ? 'accepted' : verdict.why;
}
