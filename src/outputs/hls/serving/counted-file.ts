import type {
  KeptBytes,
  LiveResource,
  ResourceAnswer,
  ResourceRequest,
} from '../../../storage/live-resources.ts';
import type { HlsSession } from './hls-session.ts';
import { REVOKED, type HlsSessions } from './hls-sessions.ts';
import { contextOf } from './playlist-query.ts';

/** [hls_ts_ctx] A segment or part: what a viewer gets of it is counted, and who was sent away gets nothing of it. */
export class CountedFile implements LiveResource, KeptBytes {
  readonly #inner: LiveResource & KeptBytes;
  readonly #sessions: HlsSessions;

  constructor(inner: LiveResource & KeptBytes, sessions: HlsSessions) {
    this.#inner = inner;
    this.#sessions = sessions;
  }

  get bytes(): number {
    return this.#inner.bytes;
  }

  release(): void {
    this.#inner.release();
  }

  respond(request: ResourceRequest): ReturnType<LiveResource['respond']> {
    const session = this.#sessions.find(contextOf(request.query));
    if (session === 'revoked') return REVOKED;
    const answer = this.#inner.respond(request);
    if (session === undefined) return answer;
    return answer instanceof Promise
      ? answer.then((late) => counted(late, session))
      : counted(answer, session);
  }
}

/** Counts the bytes of an answer for a viewer. */
export function counted<Answer extends ResourceAnswer | undefined>(
  answer: Answer,
  session: HlsSession,
): Answer {
  if (answer === undefined || 'status' in answer) return answer;
  return {
    ...answer,
    onSent: (bytes: number) => {
      session.sent(bytes);
      answer.onSent?.(bytes);
    },
  };
}
