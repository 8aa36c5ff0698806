import { createHmac } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { describeError, ServerError } from '../../base/errors.ts';
import { placeOfUrl, type HttpClient } from '../../net/index.ts';
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

/** Makes single calls. */
export class HookCaller {
  readonly #deps: HookCallerDeps;

  constructor(deps: HookCallerDeps) {
    this.#deps = deps;
  }

  /** POSTs an event. Never rejects: what goes wrong is a verdict. */
  async call(url: string, call: HookCall, options: HookOptions, signal: AbortSignal): Promise<HookVerdict> {
    const { clock, called } = this.#deps;
    const began = clock.now();
    const verdict = await this.#post(url, call, options, signal);
    called?.(call.event, verdict.kind, clock.now() - began);
    return verdict;
  }

  async #post(url: string, call: HookCall, options: HookOptions, signal: AbortSignal): Promise<HookVerdict> {
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
      const verdict = readAnswer(answer.status, answer.body, call.event);
      if (verdict.kind === 'accepted' || verdict.kind === 'refused') return verdict;
      return { kind: verdict.kind, why: `${placeOfUrl(target)} answered ${verdict.why}` };
    } catch (error) {
      return { kind: 'failed', why: error instanceof ServerError ? error.message : describeError(error) };
    }
  }

  /** GETs the URL of on_hls_notify; whatever it answers is fine. Never rejects; returns what went wrong. */
  async notify(
    url: URL,
    call: HookCall,
    options: HookOptions,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { clock, called } = this.#deps;
    const began = clock.now();
    const problem = await this.#get(url, call, options, timeoutMs, signal);
    called?.(call.event, problem === undefined ? 'accepted' : 'failed', clock.now() - began);
    return problem;
  }

  async #get(
    url: URL,
    call: HookCall,
    options: HookOptions,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<string | undefined> {
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
      return status < 400 ? undefined : `${placeOfUrl(url)} answered HTTP status ${status}`;
    } catch (error) {
      return error instanceof ServerError ? error.message : describeError(error);
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
