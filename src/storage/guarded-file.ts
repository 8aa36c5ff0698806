import type {
  LiveResource,
  ResourceAnswer,
  ResourceBody,
  ResourceGate,
  ResourceRefusal,
  ResourceRequest,
  Recipient,
} from './live-resources.ts';

/** A file of a stream that is given out to whom its gate lets in, and counted. */
export class GuardedFile implements LiveResource {
  readonly #inner: LiveResource;
  readonly #gate: ResourceGate;

  constructor(inner: LiveResource, gate: ResourceGate) {
    this.#inner = inner;
    this.#gate = gate;
  }

  respond(request: ResourceRequest): ReturnType<LiveResource['respond']> {
    const recipient = this.#gate.admit(request);
    if (recipient === 'ask') return undefined;
    if (isRefusal(recipient)) return recipient;
    const answer = this.#inner.respond(request);
    if (answer instanceof Promise) return answer.then((late) => this.#late(late, request));
    return this.#for(recipient, answer);
  }

  /** It waited: who was sent away meanwhile gets nothing of it. */
  #late(answer: ResourceAnswer | undefined, request: ResourceRequest): ResourceAnswer | undefined {
    const recipient = this.#gate.admit(request);
    if (recipient === 'ask') return undefined;
    return isRefusal(recipient) ? recipient : this.#for(recipient, answer);
  }

  #for(recipient: Recipient | undefined, answer: ResourceAnswer | undefined): ResourceAnswer | undefined {
    if (recipient === undefined || answer === undefined || isRefusal(answer)) return answer;
    return counted(this.#gate.isPrivate === true ? { ...answer, isPrivate: true } : answer, recipient);
  }
}

/** Tells a recipient what it got of an answer. */
export function counted<Answer extends ResourceAnswer | undefined>(
  answer: Answer,
  recipient: Recipient,
): Answer {
  if (answer === undefined || isRefusal(answer)) return answer;
  return {
    ...answer,
    onSent: (bytes: number) => {
      recipient.sent(bytes);
      answer.onSent?.(bytes);
    },
  };
}

function isRefusal(
  answer: ResourceBody | ResourceRefusal | Recipient | undefined,
): answer is ResourceRefusal {
  return answer !== undefined && 'status' in answer;
}
