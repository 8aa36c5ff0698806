import net from 'node:net';
import { nowMicros } from './clock.ts';
import { FlvTagReader } from './flv-tag-reader.ts';
import { RtmpMessageReader } from './rtmp-message-reader.ts';
import { SERVER_HANDSHAKE_BYTES, clientHello, flvRequest, playerTalk } from './rtmp-bytes.ts';
import { isKeyPicture, readStamp } from './stamp.ts';

/** How a player asks for the stream. */
export type PlayProtocol = 'rtmp' | 'flv';

/** Where and what to play. */
export interface PlayTarget {
  readonly protocol: PlayProtocol;
  readonly host: string;
  readonly port: number;
  readonly app: string;
  readonly stream: string;
}

/** `count`: bytes only. `first`: reads until the first picture, then bytes only. `probe`: reads everything. */
export type PlayDepth = 'count' | 'first' | 'probe';

/** What all players of a process share: the read buffer, the bytes to say, the counters. */
export class PlayerGroup {
  readonly target: PlayTarget;
  readonly hello: Buffer;
  readonly talk: Buffer;
  readonly readBuffer = Buffer.allocUnsafe(256 * 1024);
  /** Bytes received since the last `mark()`. */
  bytes = 0;
  /** Reads since the last `mark()`. */
  reads = 0;
  /** Publish socket → play socket, µs, of every picture that probes got since the last `mark()`. */
  latencies: number[] = [];
  /** Pictures that probes missed since the last `mark()`. */
  lostPictures = 0;
  readonly players: Player[] = [];

  constructor(target: PlayTarget) {
    this.target = target;
    const host = `${target.host}:${target.port}`;
    this.hello = target.protocol === 'rtmp' ? clientHello() : flvRequest(host, target.app, target.stream);
    this.talk = playerTalk(host, target.app, target.stream);
  }

  /** Begins a new window. */
  mark(): void {
    this.bytes = 0;
    this.reads = 0;
    this.latencies = [];
    this.lostPictures = 0;
    for (const player of this.players) player.bytes = 0;
  }
}

/** One viewer over a raw socket. The mass of them only counts bytes, read into one buffer of the process. */
export class Player {
  readonly #group: PlayerGroup;
  readonly #socket: net.Socket;
  readonly #depth: PlayDepth;
  #reader: RtmpMessageReader | FlvTagReader | undefined;
  #handshakeLeft: number;
  #lastSequence = -1;
  readonly #dialMicros = nowMicros();
  #startMicros = 0;
  /** Bytes since the last `mark()`. */
  bytes = 0;
  /** First picture after the handshake (RTMP) or the accepted connection (FLV), µs; -1 = not yet. */
  firstAfterStart = -1;
  /** First picture after the call to connect, µs; -1 = not yet. */
  firstAfterDial = -1;
  /** True once the stream was asked for. */
  asked = false;
  closed = false;
  /** Why the socket or the reader failed, if it did. */
  failure: string | undefined;

  constructor(group: PlayerGroup, localAddress: string, depth: PlayDepth, onSettled: () => void) {
    this.#group = group;
    this.#depth = depth;
    const { protocol, host, port } = group.target;
    this.#handshakeLeft = protocol === 'rtmp' ? SERVER_HANDSHAKE_BYTES : 0;
    if (depth !== 'count') {
      const onMessage = (typeId: number, body: Buffer): void => this.#onMessage(typeId, body);
      this.#reader = protocol === 'rtmp' ? new RtmpMessageReader(onMessage) : new FlvTagReader(onMessage);
    }
    this.#socket = net.connect({
      host,
      port,
      localAddress,
      noDelay: true,
      onread: {
        buffer: group.readBuffer,
        callback: (length: number): boolean => {
          this.#onRead(length, onSettled);
          return true;
        },
      },
    });
    this.#socket.on('connect', () => {
      this.#socket.write(group.hello);
      if (protocol === 'rtmp') return;
      this.#startMicros = nowMicros();
      this.asked = true;
      onSettled();
    });
    this.#socket.on('error', (error) => {
      this.failure ??= error.message;
    });
    this.#socket.on('close', () => {
      this.closed = true;
      onSettled();
    });
  }

  /** Stops reading, as a stalled viewer does. */
  stall(): void {
    this.#socket.pause();
  }

  close(): void {
    this.#socket.destroy();
  }

  #onRead(length: number, onSettled: () => void): void {
    this.bytes += length;
    this.#group.bytes += length;
    this.#group.reads++;
    let from = 0;
    if (this.#handshakeLeft > 0) {
      from = Math.min(length, this.#handshakeLeft);
      this.#handshakeLeft -= from;
      if (this.#handshakeLeft > 0) return;
      this.#startMicros = nowMicros();
      this.#socket.write(this.#group.talk);
      this.asked = true;
      onSettled();
    }
    if (this.#reader === undefined || from === length) return;
    try {
      this.#reader.write(this.#group.readBuffer.subarray(from, length));
    } catch (error) {
      this.failure = String(error);
      this.#socket.destroy();
    }
    if (this.#depth === 'first' && this.firstAfterDial >= 0) this.#reader = undefined;
  }

  #onMessage(typeId: number, body: Buffer): void {
    if (typeId !== 9) return;
    if (this.firstAfterDial < 0 && isKeyPicture(body)) {
      const now = nowMicros();
      this.firstAfterDial = now - this.#dialMicros;
      this.firstAfterStart = now - this.#startMicros;
    }
    if (this.#depth !== 'probe') return;
    const stamp = readStamp(body);
    if (stamp === undefined) return;
    if (this.#lastSequence >= 0 && stamp.sequence > this.#lastSequence + 1) {
      this.#group.lostPictures += stamp.sequence - this.#lastSequence - 1;
    }
    this.#lastSequence = stamp.sequence;
    this.#group.latencies.push(nowMicros() - stamp.sentMicros);
  }
}
