import { describeError, ServerError, type ErrorCode } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { Deadline } from '../../base/timer-wheel.ts';
import { clientIp, type Inlet, type Socket } from '../../net/index.ts';
import { CHUNK_STREAM, MESSAGE_TYPE, RtmpLink, ServerHandshake } from '../../protocols/rtmp/index.ts';
import { RtmpDialogue } from './rtmp-dialogue.ts';
import type { RtmpPeer, RtmpServices } from './ports.ts';
import { RttProbe } from './rtt-probe.ts';

/** Replies that may wait for a peer that does not read them, bytes. Media is bounded by the hub's queues. */
export const MAX_REPLY_BACKLOG_BYTES = 256 * 1024;

/** How long the last replies (a refusal, the end of a stream) may take to leave, ms. */
const FLUSH_TIMEOUT_MS = 1_000;

/** Nobody has to look at a session that ended so. */
const NORMAL_ENDS: ReadonlySet<ErrorCode> = new Set([
  'SESSION_CLOSED',
  'SERVER_STOPPING',
  'SESSION_EXPIRED',
  'ACCESS_REDIRECTED',
]);

/**
 * One RTMP connection from accept to close: socket, handshake, protocol control, deadlines, and exactly one closing log line.
 * What is said over it is the dialogue's business.
 */
export class RtmpSession implements RtmpPeer {
  readonly id: string;
  readonly ip: string;
  readonly logger: Logger;
  readonly services: RtmpServices;
  readonly link: RtmpLink;
  readonly socket: Socket;
  readonly inlet: Inlet;
  readonly rtt: RttProbe;
  readonly #dialogue: RtmpDialogue;
  readonly #onClosed: (session: RtmpSession) => void;
  readonly #startedAt: number;
  #handshake: ServerHandshake | undefined = new ServerHandshake();
  #deadline: Deadline | undefined;
  #unreadReplies = 0;
  #state: 'open' | 'flushing' | 'closed' = 'open';
  #reason: ServerError | undefined;

  constructor(
    socket: Socket,
    inlet: Inlet,
    services: RtmpServices,
    onClosed: (session: RtmpSession) => void,
  ) {
    this.socket = socket;
    this.inlet = inlet;
    this.services = services;
    this.#onClosed = onClosed;
    this.#startedAt = services.clock.now();
    this.id = services.newSessionId();
    this.ip = clientIp(socket);
    this.logger = services.logger.child({ session: this.id });
    this.#dialogue = new RtmpDialogue(this);
    this.link = new RtmpLink(this.#dialogue, (bytes) => this.#send(bytes), { inputIsReused: true });
    this.rtt = new RttProbe(services.clock, services.wheel, this.link);
    this.expectWithin(services.handshakeTimeoutMs, 'handshake');
    inlet.handler = (buffer, length) => this.#receive(buffer, length);
    socket.on('drain', () => {
      this.#unreadReplies = 0;
      this.#dialogue.drained();
    });
    socket.on('close', () => this.#finish()); // `once` would make three objects more, and it comes once anyway.
  }

  reply(streamId: number, payload: Buffer, typeId: number = MESSAGE_TYPE.COMMAND_AMF0): void {
    // All replies go on chunk stream 3: those of the hub's media (deltas) must see nothing in between.
    this.link.sendMessage(CHUNK_STREAM.COMMAND, typeId, streamId, 0, payload);
  }

  expectWithin(ms: number, what: string): void {
    this.expectNothing();
    this.#deadline = this.services.wheel.deadline(ms, () => {
      this.close(new ServerError('SESSION_TIMEOUT', `no ${what} within ${ms} ms`));
    });
  }

  postpone(ms: number): void {
    if (this.#deadline !== undefined) this.#deadline.at = this.services.wheel.coarseNow + ms;
  }

  expectNothing(): void {
    this.#deadline?.cancel();
    this.#deadline = undefined;
  }

  close(reason: ServerError, flush = false): void {
    if (this.#state === 'closed' || (this.#state === 'flushing' && flush)) return;
    this.#reason ??= reason;
    this.expectNothing();
    this.#dialogue.close();
    if (flush) {
      this.#state = 'flushing';
      this.inlet.resume(); // Or the peer's FIN would never be read.
      this.socket.end();
      this.#deadline = this.services.wheel.deadline(FLUSH_TIMEOUT_MS, () => void this.socket.destroy());
      return;
    }
    this.#state = 'closed';
    this.socket.destroy();
  }

  /** See `SessionInfo`. */
  get endReason(): ServerError | undefined {
    return this.#reason;
  }

  /** The configured name of the vhost that the session is on; undefined before connect. */
  get vhost(): string | undefined {
    return this.#dialogue.vhost;
  }

  /** It neither publishes nor plays. */
  get isIdle(): boolean {
    return this.isOpen() && !this.#dialogue.hasRole;
  }

  /** The options of vhosts have changed: applies those of its own. */
  vhostsChanged(): void {
    if (this.#state === 'open') this.guard(() => this.#dialogue.vhostsChanged());
  }

  isOpen(): boolean {
    return this.#state === 'open';
  }

  guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.fail(error);
    }
  }

  fail(error: unknown): void {
    this.close(this.explain(error));
  }

  explain(error: unknown): ServerError {
    if (error instanceof ServerError) return error;
    // Not the peer's fault but ours: the stack belongs into the log.
    this.logger.error(
      `unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
    return new ServerError('INTERNAL', 'unexpected error in this session', { cause: error });
  }

  #receive(buffer: Buffer, length: number): void {
    if (this.#state !== 'open') return;
    try {
      if (this.#handshake === undefined) this.link.receive(buffer, length);
      else this.#shakeHands(this.#handshake, buffer.subarray(0, length));
    } catch (error) {
      this.fail(error);
    }
  }

  #shakeHands(handshake: ServerHandshake, bytes: Buffer): void {
    const { send, done, rest } = handshake.push(bytes);
    if (send !== undefined) this.#send(send);
    if (!done) return;
    this.#handshake = undefined;
    this.#dialogue.begin();
    if (rest !== undefined && rest.length > 0) this.link.receive(rest);
  }

  #send(bytes: Buffer): void {
    if (this.#state !== 'open') return;
    // Below its high-water mark a socket does not tell that it has drained.
    if (this.socket.writableLength === 0) this.#unreadReplies = 0;
    else {
      this.#unreadReplies += bytes.length;
      if (this.#unreadReplies > MAX_REPLY_BACKLOG_BYTES) {
        this.close(
          new ServerError(
            'RTMP_REPLIES_UNREAD',
            `the peer did not read ${this.#unreadReplies} bytes of replies`,
          ),
        );
        return;
      }
    }
    this.socket.write(bytes);
  }

  #finish(): void {
    const byPeer = this.#reason === undefined;
    this.#state = 'closed';
    this.expectNothing();
    this.#dialogue.close();
    const reason = this.#reason ?? new ServerError('SESSION_CLOSED', 'the peer closed the connection');
    const seconds = ((this.services.clock.now() - this.#startedAt) / 1000).toFixed(1);
    const line = `RTMP closed ip=${this.ip} ${this.#dialogue.describe()} after ${seconds} s: ${describeError(reason)}`;
    const normal = byPeer || NORMAL_ENDS.has(reason.code);
    if (normal) this.logger.info(line);
    else this.logger.warn(line);
    const { bytesRead: received, bytesWritten: sent } = this.socket;
    this.services.observer?.connectionEnded(this.id, { sent, received });
    this.#onClosed(this);
  }
}
