import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { Clock } from '../../base/clock.ts';
import { ServerError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { bothGrants } from '../../hub/grants.ts';
import type { AccessGrant } from '../../hub/ports.ts';
import { HttpClient, TallyReport } from '../../net/index.ts';
import { CallGate } from './call-gate.ts';
import type { SessionTrace } from './call-trace.ts';
import type { HookVerdict } from './hook-answer.ts';
import type { HookBody } from './hook-bodies.ts';
import { HookCaller, type HookCall, type HookCallerDeps } from './hook-caller.ts';
import { HookJournal, type RecordStore } from './hook-journal.ts';
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
/** Events that come back from the disk at a time. */
const REFILL_EVENTS = 1_000;
const LOST = {
  full: 'too many events wait',
  stopping: 'the server is stopping',
  'no answer': 'no answer',
} as const;

export interface HookDispatcherDeps {
  readonly clock: Clock;
  /** Wall clock, Unix ms. */
  readonly unixTime: () => number;
  readonly logger: Logger;
  readonly userAgent: string;
  /** [http_hooks_spool] Where events survive the process; undefined = nowhere. */
  readonly spool?: HookSpool | undefined;
  /** What the vhost says now; undefined = there is no such vhost any more. */
  options(vhost: string): HookOptions | undefined;
  /** Told of each call that was made, what came of it, and how long it took, ms. */
  readonly called?: HookCallerDeps['called'] & {};
}

/** [http_hooks_spool, http_hooks_spool_size, http_hooks_spool_age] */
export interface HookSpool {
  readonly store: RecordStore;
  readonly maxBytes: () => number;
  readonly maxAgeMs: () => number;
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
  /** What follows the calls about it; undefined = nobody does. */
  readonly trace: SessionTrace | undefined;
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
  readonly #journal: HookJournal | undefined;
  #refilling = false;
  #isOver = false;

  constructor(deps: HookDispatcherDeps) {
    this.#deps = deps;
    setMaxListeners(0, this.#stopAsking.signal); // Each question listens to it.
    const { clock, logger } = deps;
    this.#client = new HttpClient(clock);
    this.#caller = new HookCaller({ ...deps, client: this.#client });
    this.#queue = new HookQueue({ clock });
    this.#journal = deps.spool && new HookJournal({ ...deps, ...deps.spool });
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

  /**
   * Asks all URLs of an event in order, each about what the ones before it granted; who sends the client elsewhere is the last.
   * Rejects with HOOK_REFUSED, HOOK_ANSWER_INVALID or HOOK_FAILED.
   */
  async ask(
    event: DecidingEvent,
    owner: EventOwner,
    body: (granted: AccessGrant | undefined) => HookBody,
  ): Promise<AccessGrant | undefined> {
    const options = this.#deps.options(owner.vhost);
    const urls = options?.urls[event] ?? [];
    if (options === undefined || urls.length === 0) return undefined;
    let granted: AccessGrant | undefined;
    const deadline = new AbortController();
    const stop = (): void => deadline.abort();
    const cancel = this.#deps.clock.after(MAX_DECISION_MS, stop);
    const { signal } = this.#stopAsking;
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    try {
      await this.#queue.emptied(owner.key, MAX_ORDER_WAIT_MS);
      let call = callOf(event, owner, body(granted));
      for (const url of urls) {
        const verdict = await this.#questions.run(url, deadline.signal, () =>
          this.#caller.call(url, call, options, deadline.signal, 1),
        );
        const grant = this.#decide(
          event,
          verdict ?? { kind: 'failed', why: 'too many questions wait' },
          options,
        );
        if (grant === undefined) continue;
        granted = bothGrants(granted, grant);
        if (granted.redirect !== undefined) break;
        call = { ...call, body: bytesOf(body(granted)) };
      }
      return granted;
    } finally {
      cancel();
      signal.removeEventListener('abort', stop);
    }
  }

  /** Reads what the server before left to be told, and begins to tell it. */
  async start(): Promise<void> {
    await this.#journal?.load();
    this.#refill();
  }

  /**
   * A session was let in: its end is told after the next start if the server dies. Returns the id that the end will have. `before`:
   * of what was owed for it until now.
   */
  owe(event: HookEvent, owner: EventOwner, body: () => HookBody, before?: string): string | undefined {
    if (this.#journal === undefined || (this.#optionsOf(owner)?.urls[event] ?? []).length === 0)
      return undefined;
    const id = before ?? randomUUID();
    const call = { event, id, sequence: owner.sequence, body: bytesOf(body()) };
    this.#journal.owe({ key: owner.key, vhost: owner.vhost, call });
    return id;
  }

  /** Tells all URLs of an event in order, now or later. `id`: of what was owed. */
  tell(event: HookEvent, owner: EventOwner, body: () => HookBody, id?: string): void {
    const first = this.#optionsOf(owner);
    if ((first?.urls[event] ?? []).length === 0) {
      if (id !== undefined) this.#journal?.done(id);
      return;
    }
    this.#send(owner, callOf(event, owner, body(), id));
  }

  #send(owner: EventOwner, call: HookCall, isBack = false): void {
    const { event } = call;
    const taken = new Set<string>();
    let attempts = 0;
    this.#push(owner, call, isBack, async (signal) => {
      attempts += 1;
      const options = this.#optionsOf(owner);
      for (const url of options?.urls[event] ?? []) {
        if (options === undefined || taken.has(url)) continue;
        const verdict = await this.#reports.run(url, signal, () =>
          this.#caller.call(url, call, options, signal, attempts),
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
    this.#push(owner, call, false, async (signal) => {
      const options = this.#optionsOf(owner);
      for (const template of options?.urls[event] ?? []) {
        if (options === undefined) break;
        const url = urlOf(template);
        const timeoutMs = Math.min(MAX_NOTIFY_MS, options.timeoutMs);
        const problem =
          url === undefined
            ? 'its variables give no URL of the same server'
            : await this.#reports.run(template, signal, () =>
                this.#caller.notify({ url, template }, call, options, timeoutMs, signal),
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
    this.#isOver = true; // What is on the disk stays there.
    await this.#queue.close(FLUSH_MS);
    await this.#journal?.close();
    this.#client.close();
    this.#failures.close();
    this.#losses.close();
  }

  #optionsOf(owner: EventOwner): HookOptions | undefined {
    return this.#deps.options(owner.vhost) ?? owner.options;
  }

  #push(
    owner: EventOwner,
    call: HookCall,
    isBack: boolean,
    attempt: (signal: AbortSignal) => Promise<'done' | 'again'>,
  ): void {
    const { event, id, body } = call;
    const isFile = event === 'on_dvr' || event === 'on_hls' || event === 'on_hls_notify';
    // A GET of a segment is worth nothing later.
    const journal = event === 'on_hls_notify' ? undefined : this.#journal;
    const kept = { key: owner.key, vhost: owner.vhost, call };
    if (!isBack && journal?.isAway(owner.key) === true && journal.putAway(kept)) return;
    this.#queue.push(owner.key, {
      bytes: body.length,
      isFile,
      attempt: async (signal) => {
        const outcome = await attempt(signal);
        if (outcome === 'done') journal?.done(id);
        return outcome;
      },
      retries: () => this.#optionsOf(owner)?.retries ?? 0,
      failed: () => journal?.keep(kept),
      lost: (why) => {
        if (why !== 'no answer' && journal?.putAway(kept) === true) return;
        journal?.done(id);
        this.#losses.add(`${event}: ${LOST[why]}`);
      },
      gone: () => this.#refill(),
    });
  }

  /** Events that are on the disk alone come back as soon as half the room in memory is free. */
  #refill(): void {
    const journal = this.#journal;
    if (journal === undefined || journal.away === 0 || this.#refilling || this.#isOver) return;
    if (!this.#queue.isHalfEmpty) return;
    this.#refilling = true;
    void journal.next(REFILL_EVENTS).then((events) => {
      this.#refilling = false;
      for (const { key, vhost, call } of events) {
        const owner = { key, vhost, options: undefined, sequence: call.sequence, trace: undefined };
        if ((this.#optionsOf(owner)?.urls[call.event] ?? []).length > 0) this.#send(owner, call, true);
        else {
          journal.done(call.id);
          this.#losses.add(`${call.event}: nobody is to be told of vhost ${vhost} any more`);
        }
      }
      this.#refill();
    });
  }

  #decide(event: DecidingEvent, verdict: HookVerdict, options: HookOptions): AccessGrant | undefined {
    if (verdict.kind === 'accepted') return verdict.grant;
    if (this.#stopAsking.signal.aborted) throw new ServerError('SERVER_STOPPING', 'the server is stopping');
    const why = explain(verdict);
    if (verdict.kind === 'failed' && options.failOpen.includes(event)) {
      this.#failures.add(`${event} (granted by fail_open): ${why}`);
      return undefined;
    }
    // What the peer is told names no server of ours; the log gets the cause.
    const cause = new Error(why);
    if (verdict.kind === 'refused') throw new ServerError('HOOK_REFUSED', `refused by ${event}`, { cause });
    if (verdict.kind === 'invalid')
      throw new ServerError('HOOK_ANSWER_INVALID', `no valid answer to ${event}`, { cause });
    throw new ServerError('HOOK_FAILED', `no answer to ${event}`, { cause });
  }
}

function callOf(event: HookEvent, owner: EventOwner, body: HookBody | undefined, id?: string): HookCall {
  owner.sequence += 1;
  const { sequence, trace } = owner;
  return { event, id: id ?? randomUUID(), sequence, body: bytesOf(body), trace };
}

function bytesOf(body: HookBody | undefined): Buffer {
  return Buffer.from(body === undefined ? '' : JSON.stringify(body));
}

function explain(verdict: HookVerdict): string {
  if (verdict.kind === 'refused') return `the answer was code ${verdict.code}`;
  return verdict.kind === 'accepted' ? 'accepted' : verdict.why;
}
