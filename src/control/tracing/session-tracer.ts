import type { Attributes, Span } from '@opentelemetry/api';
import { ServerError } from '../../base/errors.ts';
import type { HealthObserver, StreamWarning } from '../../hub/health-events.ts';
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
import type { HookTracer, SessionTrace } from '../hooks/index.ts';
import { CallbackSpans } from './callback-spans.ts';
import type { SpanMaker } from './open-traces.ts';

type Action = 'publish' | 'play';

interface Open {
  readonly span: Span;
  readonly stream: LiveStream | undefined;
}

/** Ends that somebody decided upon, as events of a span. */
const KICKS: Readonly<Partial<Record<string, string>>> = { SESSION_KICKED: 'kicked', BANNED: 'banned' };

/**
 * One span for each publish and play, from the question whether it may to its end; the decision and the requests of callbacks are its
 * children, warnings of a stream events of its publish. A play is linked to the publish that it watches. Nothing is done per frame.
 */
export class SessionTracer implements StreamObserver, HealthObserver, HookTracer {
  #maker: SpanMaker | undefined;
  /** Spans of who was let in and has not begun, by id and action. */
  readonly #asked = new Map<string, Span>();
  readonly #open = new Map<string, Open>();
  /** Of those that are being asked for, by session. */
  readonly #asking = new Map<string, Span>();
  /** Of who publishes, by stream. */
  readonly #publishes = new Map<string, Span>();
  /** Of who publishes or did: files are told of later. */
  readonly #publishers = new WeakMap<SessionInfo, Span>();

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
        this.#settled(session, 'publish');
        this.#settled(session, 'play');
      },
    };
  }

  publishStarted(name: StreamName, session: SessionInfo, stream: LiveStream): void {
    const span = this.#begin('publish', name, session, stream);
    if (span === undefined) return;
    this.#publishes.set(streamKey(name), span);
    this.#publishers.set(session, span);
  }

  publishEnded(name: StreamName, session: SessionInfo): void {
    const bytes = this.#open.get(keyOf('publish', name, session))?.stream?.snapshot().receivedBytes ?? 0;
    this.#publishes.delete(streamKey(name));
    this.#end('publish', name, session, { 'srs.received_bytes': bytes });
  }

  playStarted(name: StreamName, session: SessionInfo): void {
    const span = this.#begin('play', name, session, undefined);
    const publish = this.#publishes.get(streamKey(name));
    if (publish !== undefined) span?.addLink({ context: publish.spanContext() });
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

  streamWarned({ name, problem, active, message }: StreamWarning): void {
    const attributes = { 'srs.problem': problem, 'srs.message': message };
    this.#publishes.get(streamKey(name))?.addEvent(active ? 'warning_began' : 'warning_over', attributes);
  }

  of(session: SessionInfo): SessionTrace | undefined {
    if (this.#maker === undefined) return undefined;
    const parent = this.#asking.get(session.id) ?? this.#publishers.get(session);
    return new CallbackSpans(this.#maker, session.id, parent);
  }

  /** What was let in and has not begun never will: it was sent elsewhere, or there was nothing. */
  #settled({ id }: SessionInfo, action: Action): void {
    const asked = `${id} ${action}`;
    this.#asked.get(asked)?.setAttribute('srs.end_reason', 'not_begun').end();
    this.#asked.delete(asked);
  }

  async #check(policy: AccessPolicy, request: AccessRequest): ReturnType<AccessPolicy['check']> {
    const { action, session, vhost, app } = request;
    const maker = this.#maker;
    if (maker === undefined || action === 'connect') return policy.check(request);
    // The name that is asked for may be a secret key: the span gets the one that is granted.
    const span = spanOf(maker, action, attributesOf({ vhost, app }, session));
    const decision = maker.tracer.startSpan('access', {}, maker.withParent(span));
    this.#asking.set(session.id, span);
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
      if (this.#asking.get(session.id) === span) this.#asking.delete(session.id);
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
    const { code, message } = session.endReason ?? {};
    const kick = code === undefined ? undefined : KICKS[code];
    if (kick !== undefined) open.span.addEvent(kick, { 'srs.message': message });
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
