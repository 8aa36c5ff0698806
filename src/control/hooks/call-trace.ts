import type { SessionInfo } from '../../hub/ports.ts';
import type { HookVerdict } from './hook-answer.ts';
import type { HookEvent } from './hook-options.ts';

/** A request to a back end, as it begins. */
export interface TracedRequest {
  readonly event: HookEvent;
  /** By which the back end knows the event. */
  readonly id: string;
  readonly method: 'GET' | 'POST';
  /** Without user and query, where secrets are. */
  readonly url: string;
  /** Which try of the event it is, from 1. */
  readonly attempt: number;
}

/** What came of a request. */
export interface TracedAnswer {
  readonly outcome: HookVerdict['kind'];
  /** Of HTTP; undefined = there was no answer. */
  readonly status: number | undefined;
  /** The number of the answer, where it had one. */
  readonly code: number | undefined;
  /** Why it counts as no answer. */
  readonly problem: string | undefined;
}

/** Follows the requests about one session. */
export interface SessionTrace {
  /** Returns what is to be told how it ended. */
  begin(request: TracedRequest): (answer: TracedAnswer) => void;
}

/** Follows requests. */
export interface HookTracer {
  /** Undefined = those about this session are not followed. */
  of(session: SessionInfo): SessionTrace | undefined;
}
