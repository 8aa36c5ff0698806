import type { Attributes, Span, SpanContext } from '@opentelemetry/api';
import { ServerError } from '../../base/errors.ts';
import {
  streamKey,
  type AccessPolicy,
  type AccessRequest,
  type LiveStream,
  type PlaybackStats,
  type SessionInfo,
  type StreamName,
  type StreamObserver,
} from '../../hub/ports.ts';
import type { SpanMaker } from './open-traces.ts';

type Action = 'publish' | 'play';

interface Open {
  readonly span: Span;
  readonly stream: LiveStream | undefined;
}

/**
 * One span for each publish and play, from the question whether it may to its end, with the decision as a child. A play is linked to
 * the publish that it watches. Nothing is done per frame.
 */
export class SessionTracer implements StreamObserver {
  #maker: SpanMaker | undefined;
  /** Spans of who was let in and has not begun, by id and action. */
  readonly #asked = new Map<string, Span>();
  readonly #open = new Map<string, Open>();
  /** Of who publishes, by stream. */
  readonly #publishes = new Map<string, SpanContext>();

  /** From now on there are spans. */
  begin(maker: SpanMaker): void {
    this.#maker = maker;
  }

  /** The same policy; its decisions are in the traces. */
  over(policy: AccessPolicy): AccessPolicy {
    return {
      check: (request) => this.#check(policy, request),
      protects: (vhost) => policy.protects?.(vhost) === true,
      settled: (session) => {
        policy.settled?.(session);
        // Who was let in and has not begun makes no span: it was no session.
        for (const action of ['publish', 'play'] as const) this.#asked.delete(`${session.id} ${action}`);
      },
    };
  }

  publishStarted(name: StreamName, session: SessionInfo, stream: LiveStream): void {
    const span = this.#begin('publish', name, session, stream);
    if (span !== undefined) this.#publishes.set(streamKey(name), span.spanContext());
  }

  publishEnded(name: StreamName, session: SessionInfo): void {
    const bytes = this.#open.get(keyOf('publish', name, session))?.stream?.snapshot().receivedBytes ?? 0;
    this.#publishes.delete(streamKey(name));
    this.#end('publish', name, session, { 'srs.received_bytes': bytes });
  }

  playStarted(name: StreamName, session: SessionInfo): void {
    const span = this.#begin('play', name, session, undefined);
    const context = this.#publishes.get(streamKey(name));
    if (context !== undefined) span?.addLink({ context });
  }

  playBegan(name: StreamName, session: SessionInfo): void {
    this.#open.get(keyOf('play', name, session))?.span.addEvent('first_media');
  }

  playEnded(name: StreamName, session: SessionInfo, stats: PlaybackStats): void {
    this.#end('play', name, session, {
      'srs.sent_bytes': stats.sentBytes,
      'srs.drops': stats.drops,
      'srs.dropped_bytes': stats.droppedBytes,
    });
  }

  async #check(policy: AccessPolicy, request: AccessRequest): ReturnType<AccessPolicy['check']> {
    const { action, session, vhost, app } = request;
    const maker = this.#maker;
    if (maker === undefined || action === 'connect') return policy.check(request);
    // The name that is asked for may be a secret key: the span gets the one that is granted.
    const span = spanOf(maker, action, attributesOf({ vhost, app }, session));
    const decision = maker.tracer.startSpan('access', {}, maker.withParent(span));
    try {
      const grant = await policy.check(request);
      this.#asked.set(`${session.id} ${action}`, span);
      return grant;
    } catch (error) {
      const code = error instanceof ServerError ? error.code : 'INTERNAL';
      for (const one of [decision, span])
        one.setStatus({ code: maker.failed, message: code }).setAttribute('error.type', code);
      decision.end();
      span.end();
      throw error;
    } finally {
      if (decision.isRecording()) decision.end();
    }
  }

  #begin(
    action: Action,
    name: StreamName,
    session: SessionInfo,
    stream: LiveStream | undefined,
  ): Span | undefined {
    const asked = `${session.id} ${action}`;
    const span =
      this.#asked.get(asked) ?? (this.#maker && spanOf(this.#maker, action, attributesOf(name, session)));
    if (span === undefined) return undefined;
    this.#asked.delete(asked);
    span.setAttribute('srs.stream', name.stream).addEvent('begin');
    this.#open.set(keyOf(action, name, session), { span, stream });
    return span;
  }

  #end(action: Action, name: StreamName, session: SessionInfo, attributes: Attributes): void {
    const key = keyOf(action, name, session);
    const open = this.#open.get(key);
    if (open === undefined) return;
    this.#open.delete(key);
    const code = session.endReason?.code;
    open.span.setAttributes({ ...attributes, 'srs.end_reason': code ?? 'left' }).end();
  }
}

function spanOf({ tracer, kind }: SpanMaker, action: Action, attributes: Attributes): Span {
  return tracer.startSpan(action, { kind, attributes });
}

function attributesOf(
  { vhost, app }: Pick<StreamName, 'vhost' | 'app'>,
  { id, ip, type }: SessionInfo,
): Attributes {
  return {
    'srs.vhost': vhost,
    'srs.app': app,
    'srs.session': id,
    'srs.type': type,
    'client.address': ip,
  };
}

function keyOf(action: Action, name: StreamName, { id }: SessionInfo): string {
  return `${id} ${action} ${streamKey(name)}`;
}
