import type { Span } from '@opentelemetry/api';
import type { SessionTrace, TracedAnswer, TracedRequest } from '../hooks/index.ts';
import type { SpanMaker } from './open-traces.ts';

/** The longest text of an error in a span, characters. */
const MAX_PROBLEM_CHARS = 256;

/** The requests of callbacks about one session, each a child of its span, which may be over by then. */
export class CallbackSpans implements SessionTrace {
  readonly #maker: SpanMaker;
  readonly #session: string;
  readonly #parent: Span | undefined;

  /** `parent`: undefined = the session has none yet, as while it connects. */
  constructor(maker: SpanMaker, session: string, parent: Span | undefined) {
    this.#maker = maker;
    this.#session = session;
    this.#parent = parent;
  }

  begin({ event, id, method, url, attempt }: TracedRequest): (answer: TracedAnswer) => void {
    const { tracer, callKind, withParent, failed } = this.#maker;
    const attributes = {
      'srs.session': this.#session,
      'srs.event_id': id,
      'srs.attempt': attempt,
      'http.request.method': method,
      'url.full': url,
    };
    const parent = this.#parent;
    const span = tracer.startSpan(event, { kind: callKind, attributes }, parent && withParent(parent));
    return ({ outcome, status, code, problem }) => {
      span.setAttribute('srs.outcome', outcome);
      if (status !== undefined) span.setAttribute('http.response.status_code', status);
      if (code !== undefined) span.setAttribute('srs.answer_code', code);
      if (problem !== undefined) {
        span.setAttribute('error.type', outcome);
        span.setStatus({ code: failed, message: problem.slice(0, MAX_PROBLEM_CHARS) });
      }
      span.end();
    };
  }
}
