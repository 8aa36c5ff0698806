import { createHmac } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { describeError, ServerError } from '../../base/errors.ts';
import { placeOfUrl, type HttpClient } from '../../net/index.ts';
import type { SessionTrace } from './call-trace.ts';
import { MAX_HOOK_ANSWER_BYTES, readAnswer, type HookVerdict } from './hook-answer.ts';
import type { HookEvent, HookOptions } from './hook-options.ts';

/** One event as it is sent; each repetition is the same. */
export interface HookCall {
  readonly event: HookEvent;
  /** By which a back end knows an event that it has seen before. */
  readonly id: string;
  /** Counts the events of one session, from 1. */
  readonly sequence: number;
  /** JSON; empty for a GET. */
  readonly body: Buffer;
  /** Not kept on the disk. */
  readonly trace?: SessionTrace | undefined;
}

export interface HookCallerDeps {
  readonly client: Pick<HttpClient, 'request'>;
  readonly userAgent: string;
  /** Wall clock, Unix ms. */
  readonly unixTime: () => number;
  readonly clock: Clock;
  /** Told of each call that was made, what came of it, and how long it took, ms. */
  readonly called?: (event: HookEvent, outcome: HookVerdict['kind'], ms: number) => void;
}

/** What came back. */
interface Reply {
  readonly verdict: HookVerdict;
  /** Of HTTP; undefined = no answer. */
  readonly status: number | undefined;
}

/** Makes single calls. */
export class HookCaller {
  readonly #deps: HookCallerDeps;

  constructor(deps: HookCallerDeps) {
    this.#deps = deps;
  }

  /** POSTs an event. `attempt`: which try of the event, from 1. Never rejects: what goes wrong is a verdict. */
  async call(
    url: string,
    call: HookCall,
    options: HookOptions,
    signal: AbortSignal,
    attempt: number,
  ): Promise<HookVerdict> {
    const { clock, called } = this.#deps;
    const { event, id, trace } = call;
    const began = clock.now();
    const traced = trace?.begin({ event, id, method: 'POST', url: placeOf(url), attempt });
    const { verdict, status } = await this.#post(url, call, options, signal);
    called?.(event, verdict.kind, clock.now() - began);
    traced?.({
      outcome: verdict.kind,
      status,
      code: codeOf(verdict),
      problem: 'why' in verdict ? verdict.why : undefined,
    });
    return verdict;
  }

  async #post(url: string, call: HookCall, options: HookOptions, signal: AbortSignal): Promise<Reply> {
    try {
      const target = new URL(url);
      const answer = await this.#deps.client.request({
        method: 'POST',
        url: target,
        headers: {
          ...this.#headers(call, options, call.body),
          'Content-Type': 'application/json',
        },
        body: call.body,
        timeoutMs: options.timeoutMs,
        maxAnswerBytes: MAX_HOOK_ANSWER_BYTES,
        verifyTls: options.verifyTls,
        signal,
      });
      const { status, body } = answer;
      const verdict = readAnswer(status, body, call.event);
      if (verdict.kind === 'accepted' || verdict.kind === 'refused') return { verdict, status };
      const why = `${placeOfUrl(target)} answered ${verdict.why}`;
      return { verdict: { kind: verdict.kind, why }, status };
    } catch (error) {
      const why = error instanceof ServerError ? error.message : describeError(error);
      return { verdict: { kind: 'failed', why }, status: undefined };
    }
  }

  /**
   * GETs the URL of on_hls_notify, made of its template; whatever it answers is fine. Never rejects; returns what went wrong.
   */
  async notify(
    { url, template }: { readonly url: URL; readonly template: string },
    call: HookCall,
    options: HookOptions,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { clock, called } = this.#deps;
    const { event, id, trace } = call;
    const began = clock.now();
    const traced = trace?.begin({ event, id, method: 'GET', url: placeOf(template), attempt: 1 });
    const { problem, status } = await this.#get(url, call, options, timeoutMs, signal);
    const outcome = problem === undefined ? 'accepted' : 'failed';
    called?.(event, outcome, clock.now() - began);
    traced?.({ outcome, status, code: undefined, problem });
    return problem;
  }

  async #get(
    url: URL,
    call: HookCall,
    options: HookOptions,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<{ readonly problem: string | undefined; readonly status: number | undefined }> {
    try {
      const { status } = await this.#deps.client.request({
        method: 'GET',
        url,
        headers: this.#headers(call, options, `${url.pathname}${url.search}`),
        timeoutMs,
        maxAnswerBytes: options.notifyBytes,
        cutAnswer: true,
        verifyTls: options.verifyTls,
        signal,
      });
      const problem = status < 400 ? undefined : `${placeOfUrl(url)} answered HTTP status ${status}`;
      return { problem, status };
    } catch (error) {
      const problem = error instanceof ServerError ? error.message : describeError(error);
      return { problem, status: undefined };
    }
  }

  #headers(call: HookCall, { secret }: HookOptions, signed: Buffer | string): Record<string, string> {
    const seconds = String(Math.floor(this.#deps.unixTime() / 1000));
    const headers: Record<string, string> = {
      'User-Agent': this.#deps.userAgent,
      Accept: '*/*',
      'X-Srs-Event': call.event,
      'X-Srs-Event-Id': call.id,
      'X-Srs-Sequence': String(call.sequence),
      'X-Srs-Timestamp': seconds,
    };
    if (secret !== '') {
      const hmac = createHmac('sha256', secret)
        .update(`${seconds}.${call.id}.${call.sequence}.`)
        .update(signed);
      headers['X-Srs-Signature'] = `sha256=${hmac.digest('hex')}`;
    }
    return headers;
  }
}

/** Where a URL of the configuration leads, without what may be secret. */
function placeOf(url: string): string {
  return URL.canParse(url) ? placeOfUrl(new URL(url)) : '';
}

function codeOf(verdict: HookVerdict): number | undefined {
  if (verdict.kind === 'accepted') return 0;
  return verdict.kind === 'refused' ? verdict.code : undefined;
}
