import { systemClock, type Clock } from '../../base/clock.ts';
import { ServerError, type ErrorCode } from '../../base/errors.ts';
import type { Undo } from '../../base/undo.ts';
import { connectTcp, type Connection } from '../../net/index.ts';
import {
  CHUNK_STREAM,
  ClientHandshake,
  encodeCommand,
  encodeConnect,
  encodeCreateStream,
  MESSAGE_TYPE,
  readCommand,
  readStatus,
  RtmpLink,
  USER_CONTROL_EVENT,
  type RtmpCommand,
  type RtmpLinkHandler,
  type RtmpUrl,
  type StatusInfo,
} from '../../protocols/rtmp/index.ts';
import type { RtmpClientOptions, RtmpEnd } from './options.ts';
import { isRefusal, refusal } from './status-error.ts';

const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_CLOSE_TIMEOUT_MS = 1_000;
const DEFAULT_CHUNK_BYTES = 60_000;
/** Asked of the server: an acknowledgement each so many bytes. What librtmp and FMLE ask. */
const WINDOW_ACK_BYTES = 2_500_000;

/** Who uses a session: a publisher or a player. */
export interface SessionOwner {
  onMedia(typeId: number, timestamp: number, payload: Buffer): void;
  onStatus(status: StatusInfo): void;
  onStreamEof(): void;
  onDrain(): void;
  onEnd(end: RtmpEnd): void;
}

interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: ServerError) => void;
}

/** One connection of our client: handshake, connect, createStream, calls and their answers, the one end. */
export class ClientSession implements RtmpLinkHandler {
  readonly #connection: Connection;
  readonly #options: RtmpClientOptions;
  readonly #clock: Clock;
  readonly #link: RtmpLink;
  readonly #calls = new Map<number, Waiter<RtmpCommand>>();
  readonly #onAbort = (): void => this.#abort();
  readonly #handshake: ClientHandshake;
  #handshaken: Waiter<void> | undefined;
  #statusWaiter: (Waiter<StatusInfo> & { readonly code: string }) | undefined;
  #owner: SessionOwner | undefined;
  #nextId = 1;
  #stage = 'handshake';
  #end: RtmpEnd | undefined;
  #closing = false;
  #cancelTimer: Undo | undefined;
  #closeWaiters: (() => void)[] = [];
  #closed = false;
  #checked = false;
  /** Message stream of the publish or play, from `createStream`. */
  streamId = 0;

  constructor(connection: Connection, options: RtmpClientOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#handshake = new ClientHandshake({ offer: options.handshake ?? 'complex' });
    this.#link = new RtmpLink(this, (bytes) => this.#connection.write(bytes));
  }

  /** TCP, handshake and `connect`. */
  static async open(url: RtmpUrl, options: RtmpClientOptions, publishing: boolean): Promise<ClientSession> {
    const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    const clock = options.clock ?? systemClock;
    const target = { host: url.host, port: url.port, timeoutMs, clock };
    const session = new ClientSession(
      await (options.connect ?? connectTcp)(signal === undefined ? target : { ...target, signal }),
      options,
    );
    await session.#start(timeoutMs);
    await session.#connect(url, publishing);
    return session;
  }

  get pendingBytes(): number {
    return this.#connection.pendingBytes;
  }

  get ended(): boolean {
    return this.#end !== undefined || this.#closing;
  }

  get bytesIn(): number {
    return this.#link.bytesIn;
  }

  get bytesOut(): number {
    return this.#link.bytesOut;
  }

  get clock(): Clock {
    return this.#clock;
  }

  /** Who gets media, statuses and the end from now on. */
  attach(owner: SessionOwner): void {
    this.#owner = owner;
    if (this.#end !== undefined) owner.onEnd(this.#end);
  }

  /** A new message stream, which becomes `streamId`. */
  async createStream(): Promise<void> {
    const answer = await this.call('createStream', (id) => encodeCreateStream(id), 'RTMP_REJECTED');
    const streamId = answer.args[0];
    if (typeof streamId !== 'number' || !(streamId >= 0 && streamId <= 0xffff_ffff)) {
      throw this.fail(new ServerError('RTMP_COMMAND_INVALID', 'answer to createStream without a stream id'));
    }
    this.streamId = streamId;
  }

  /** Sends a command that is answered by `_result`; `_error` rejects with `refusedAs`. */
  call(name: string, encode: (id: number) => Buffer, refusedAs: ErrorCode): Promise<RtmpCommand> {
    this.#stage = name;
    return new Promise((resolve, reject: (error: ServerError) => void) => {
      if (this.#end !== undefined) {
        reject(errorOf(this.#end));
        return;
      }
      const id = this.#nextId;
      this.#nextId += 1;
      this.#calls.set(id, {
        resolve: (answer) => {
          if (answer.name === '_result') resolve(answer);
          else reject(this.fail(refusal(readStatus(answer), refusedAs)));
        },
        reject,
      });
      this.#link.sendMessage(CHUNK_STREAM.COMMAND, MESSAGE_TYPE.COMMAND_AMF0, 0, 0, encode(id));
    });
  }

  /** Sends a command whose answer nobody waits for; `encode` gets a transaction id of its own. */
  tell(encode: (id: number) => Buffer, streamId = 0): void {
    if (this.#end !== undefined) return;
    const csid = streamId === 0 ? CHUNK_STREAM.COMMAND : CHUNK_STREAM.STREAM_COMMAND;
    this.#link.sendMessage(csid, MESSAGE_TYPE.COMMAND_AMF0, streamId, 0, encode(this.#nextId));
    this.#nextId += 1;
  }

  userControl(event: number, a: number, b?: number): void {
    if (this.#end === undefined) this.#link.userControl(event, a, b);
  }

  /** Waits for the status `code`; a refusal rejects with `refusedAs` and ends the session. */
  expectStatus(code: string, refusedAs: ErrorCode): Promise<StatusInfo> {
    this.#stage = code;
    return new Promise((resolve, reject: (error: ServerError) => void) => {
      if (this.#end !== undefined) {
        reject(errorOf(this.#end));
        return;
      }
      this.#statusWaiter = {
        code,
        resolve: (status) => {
          if (isRefusal(status)) reject(this.fail(refusal(status, refusedAs)));
          else resolve(status);
        },
        reject,
      };
    });
  }

  /** The stream runs: nobody waits for its start, and the deadline of the setup is over. */
  started(): void {
    this.#statusWaiter = undefined;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  /** One message in one socket write. */
  sendMedia(csid: number, typeId: number, timestamp: number, payload: Buffer): void {
    if (!this.ended) this.#link.sendMessage(csid, typeId, this.streamId, timestamp, payload);
  }

  pauseReading(): void {
    this.#connection.pause();
  }

  resumeReading(): void {
    this.#connection.resume();
  }

  /** Ends the session because of an error, which it returns. The first end stays. */
  fail(error: ServerError): ServerError {
    this.#finish({ reason: 'error', error });
    this.#connection.destroy();
    return error;
  }

  /** Ends the session because the server said that the stream is over. */
  finishStream(): void {
    this.#finish({ reason: 'stream', error: undefined });
    this.#connection.end();
    this.#destroySoon();
  }

  /** Sends what is left and waits until the server closes, no longer than `closeTimeoutMs`. Idempotent. */
  close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true;
      this.#finish({ reason: 'local', error: undefined });
      this.#connection.resume(); // A paused socket would not see the server's FIN.
      this.#connection.end();
      this.#destroySoon();
    }
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => this.#closeWaiters.push(resolve));
  }

  /** From the link. */
  onMessage(typeId: number, timestamp: number, _streamId: number, payload: Buffer): void {
    if (this.#end !== undefined) return;
    if (typeId === MESSAGE_TYPE.COMMAND_AMF0 || typeId === MESSAGE_TYPE.COMMAND_AMF3) {
      this.#onCommand(readCommand(typeId, payload));
      return;
    }
    this.#owner?.onMedia(typeId, timestamp, payload);
  }

  /** From the link. */
  onUserControl(event: number): void {
    if (event === USER_CONTROL_EVENT.STREAM_EOF && this.#end === undefined) this.#owner?.onStreamEof();
  }

  async #start(timeoutMs: number): Promise<void> {
    this.#options.signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#cancelTimer = this.#clock.after(timeoutMs, () => {
      this.fail(new ServerError('SESSION_TIMEOUT', `${this.#stage}: no answer within ${timeoutMs} ms`));
    });
    const done = new Promise<void>((resolve, reject: (error: ServerError) => void) => {
      this.#handshaken = { resolve, reject };
    });
    this.#connection.attach({
      onData: (bytes) => this.#onData(bytes),
      onDrain: () => this.#owner?.onDrain(),
      onClose: (error) => this.#onClose(error),
    });
    this.#connection.write(this.#handshake.start());
    if (this.#options.signal?.aborted === true) this.#abort();
    await done;
  }

  async #connect(url: RtmpUrl, publishing: boolean): Promise<void> {
    const { flashVer, swfUrl, pageUrl, connectProperties, connectArgs } = this.#options;
    this.#link.setWindowAckSize(WINDOW_ACK_BYTES);
    this.#link.setChunkSize(this.#options.chunkSize ?? DEFAULT_CHUNK_BYTES);
    const options = {
      app: url.app,
      tcUrl: this.#options.tcUrl ?? url.tcUrl,
      publishing,
      ...(flashVer === undefined ? {} : { flashVer }),
      ...(swfUrl === undefined ? {} : { swfUrl }),
      ...(pageUrl === undefined ? {} : { pageUrl }),
      ...(connectProperties === undefined ? {} : { extra: connectProperties }),
      ...(connectArgs === undefined ? {} : { args: connectArgs }),
    };
    await this.call('connect', (id) => encodeConnect(id, options), 'RTMP_REJECTED');
  }

  #onData(bytes: Buffer): void {
    if (this.#closed) return;
    try {
      const rest = this.#handshaken === undefined ? bytes : this.#onHandshake(bytes);
      if (rest !== undefined && rest.length > 0) this.#link.receive(rest);
    } catch (error) {
      this.fail(
        error instanceof ServerError
          ? error
          : new ServerError('SESSION_CLOSED', 'a message handler threw', { cause: error }),
      );
    }
  }

  #onHandshake(bytes: Buffer): Buffer | undefined {
    const step = this.#handshake.push(bytes);
    if (step.send !== undefined) this.#connection.write(step.send);
    if (!step.done) return undefined;
    this.#handshaken?.resolve();
    this.#handshaken = undefined;
    return step.rest;
  }

  #onCommand(command: RtmpCommand): void {
    switch (command.name) {
      case '_result':
      case '_error': {
        const waiter = this.#calls.get(command.transactionId);
        this.#calls.delete(command.transactionId);
        waiter?.resolve(command);
        return;
      }
      case 'onStatus': {
        const status = readStatus(command);
        if (status !== undefined) this.#onStatus(status);
        return;
      }
      case 'onBWDone':
        // librtmp and ffmpeg answer so; FMS with a bandwidth check waits for it. Once: a server that asks for ever is not FMS.
        if (!this.#checked) this.tell((id) => encodeCommand('_checkbw', id, null));
        this.#checked = true;
        return;
      default:
    }
  }

  #onStatus(status: StatusInfo): void {
    const waiter = this.#statusWaiter;
    if (waiter !== undefined) {
      if (status.code !== waiter.code && !isRefusal(status)) return;
      this.#statusWaiter = undefined;
      waiter.resolve(status);
      return;
    }
    // SRS refuses `connect` by a status instead of `_error`, and sends redirects so.
    if (this.#owner === undefined && isRefusal(status)) this.fail(refusal(status, 'RTMP_REJECTED'));
    else this.#owner?.onStatus(status);
  }

  #abort(): void {
    const cause: unknown = this.#options.signal?.reason;
    this.fail(new ServerError('SESSION_CLOSED', 'aborted', { cause }));
  }

  #onClose(error: Error | undefined): void {
    this.#closed = true;
    if (error === undefined) {
      const closed = new ServerError('SESSION_CLOSED', `${this.#stage}: the server closed the connection`);
      this.#finish({ reason: 'remote', error: closed });
    } else {
      const cut = new ServerError('CONNECT_FAILED', `connection lost: ${error.message}`, { cause: error });
      this.#finish({ reason: 'error', error: cut });
    }
    this.started();
    for (const resolve of this.#closeWaiters) resolve();
    this.#closeWaiters = [];
  }

  /** The one place where a session ends. */
  #finish(end: RtmpEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    const waiter = this.#statusWaiter;
    this.started();
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    const error = errorOf(end);
    this.#handshaken?.reject(error);
    waiter?.reject(error);
    for (const waiter of this.#calls.values()) waiter.reject(error);
    this.#calls.clear();
    this.#owner?.onEnd(end);
  }

  #destroySoon(): void {
    const wait = this.#options.closeTimeoutMs ?? DEFAULT_CLOSE_TIMEOUT_MS;
    this.#cancelTimer?.();
    if (!this.#closed) this.#cancelTimer = this.#clock.after(wait, () => this.#connection.destroy());
  }
}

function errorOf(end: RtmpEnd): ServerError {
  return end.error ?? new ServerError('SESSION_CLOSED', 'the session is closed');
}
