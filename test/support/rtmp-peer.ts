import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import {
  ChunkReader,
  CHUNK_STREAM,
  ClientHandshake,
  encodeCommand,
  encodeMessage,
  MESSAGE_TYPE,
  readCommand,
  readStatus,
  type MessageSink,
} from '../../src/protocols/rtmp/index.ts';
import {
  AmfObject,
  amfObject,
  encodeAmf0,
  type AmfInput,
  type AmfValue,
} from '../../src/protocols/amf0/index.ts';
import { eventually } from './eventually.ts';
import type { SeenMessage } from './wire-decoders.ts';

export interface PeerMessage {
  readonly typeId: number;
  readonly timestamp: number;
  readonly streamId: number;
  readonly csid: number;
  readonly payload: Buffer;
}

export interface DialOptions {
  readonly host?: string;
  readonly localAddress?: string;
  readonly handshake?: 'simple' | 'complex';
  /** Over TLS, whatever the certificate. */
  readonly secure?: boolean;
  /** Sent before anything else, TLS included. */
  readonly preface?: Buffer;
}

/** A scripted RTMP client that says exactly what it is told to, and keeps everything that it hears. */
export class RtmpPeer implements MessageSink {
  readonly socket: Socket;
  /** Every message of the server, control messages included. */
  readonly messages: PeerMessage[] = [];
  /** Bytes after the handshake. */
  readonly received: Buffer[] = [];
  receivedBytes = 0;
  /** The server has closed the connection. */
  ended = false;
  /** Called instead of keeping media messages (floods). */
  onMedia: ((message: PeerMessage) => void) | undefined;
  #shaking: ClientHandshake | undefined;
  #ready = false;
  #reader = new ChunkReader(this);
  #chunkSize = 128;
  #lastId = 0;
  #seen = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => this.#receive(bytes));
    socket.on('error', () => undefined);
    socket.once('close', () => (this.ended = true));
    socket.once('end', () => (this.ended = true));
  }

  /** A TCP connection without a word. */
  static async dial(port: number, options: DialOptions = {}): Promise<RtmpPeer> {
    const { host = '127.0.0.1', localAddress } = options;
    const where = { port, host, ...(localAddress === undefined ? {} : { localAddress }) };
    const plain = connect(where);
    plain.on('error', () => undefined);
    await once(plain, 'connect');
    if (options.preface !== undefined) plain.write(options.preface);
    if (options.secure !== true) return new RtmpPeer(plain);
    const socket = connectTls({ socket: plain, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    return new RtmpPeer(socket);
  }

  /** A connection after its handshake. */
  static async shake(port: number, options: DialOptions = {}): Promise<RtmpPeer> {
    const peer = await RtmpPeer.dial(port, options);
    peer.#shaking = new ClientHandshake({ offer: options.handshake ?? 'complex' });
    peer.socket.write(peer.#shaking.start());
    await eventually(() => peer.#ready, 'the end of the handshake');
    return peer;
  }

  /** A connection after `connect`, with big chunks announced. */
  static async open(
    port: number,
    app = 'live',
    options: DialOptions & ConnectExtras = {},
  ): Promise<RtmpPeer> {
    const peer = await RtmpPeer.shake(port, options);
    peer.setChunkSize(60_000);
    peer.connect(app, options);
    await peer.command('_result');
    return peer;
  }

  /** A running publisher. */
  static async publish(
    port: number,
    name: string,
    options: DialOptions & ConnectExtras & { app?: string } = {},
  ): Promise<RtmpPeer> {
    const peer = await RtmpPeer.open(port, options.app ?? 'live', options);
    await peer.createStream();
    peer.call(1, 'publish', null, name, 'live');
    await peer.status('NetStream.Publish.Start');
    return peer;
  }

  /** A running viewer. */
  static async play(
    port: number,
    name: string,
    options: DialOptions & ConnectExtras & { app?: string; args?: AmfValue[] } = {},
  ): Promise<RtmpPeer> {
    const peer = await RtmpPeer.open(port, options.app ?? 'live', options);
    await peer.createStream();
    peer.call(1, 'play', null, name, ...(options.args ?? []));
    await peer.status('NetStream.Play.Start');
    return peer;
  }

  onMessage(typeId: number, timestamp: number, streamId: number, payload: Buffer, csid: number): void {
    if (typeId === MESSAGE_TYPE.SET_CHUNK_SIZE) this.#reader.setChunkSize(payload.readUInt32BE(0));
    const message = { typeId, timestamp, streamId, csid, payload };
    const isMedia = typeId === MESSAGE_TYPE.AUDIO || typeId === MESSAGE_TYPE.VIDEO;
    if (isMedia && this.onMedia !== undefined) this.onMedia(message);
    else this.messages.push(message);
  }

  /** Raw bytes. */
  raw(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  setChunkSize(bytes: number): void {
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(bytes);
    this.send(MESSAGE_TYPE.SET_CHUNK_SIZE, payload);
    this.#chunkSize = bytes;
  }

  /** One message. Returns false when the socket holds back. */
  send(typeId: number, payload: Buffer, streamId = 0, timestamp = 0, csid?: number): boolean {
    return this.socket.write(this.bytesOf(typeId, payload, streamId, timestamp, csid));
  }

  /** The bytes of one message. */
  bytesOf(typeId: number, payload: Buffer, streamId = 0, timestamp = 0, csid?: number): Buffer {
    const channel = csid ?? CHANNELS.get(typeId) ?? CHUNK_STREAM.COMMAND;
    return encodeMessage({ csid: channel, typeId, streamId, timestamp, payload }, this.#chunkSize);
  }

  /** A call with the next transaction id, which is returned. */
  call(streamId: number, name: string, object: AmfValue, ...args: AmfValue[]): number {
    this.#lastId += 1;
    this.send(MESSAGE_TYPE.COMMAND_AMF0, encodeCommand(name, this.#lastId, object, ...args), streamId);
    return this.#lastId;
  }

  connect(app: string, extras: ConnectExtras = {}): number {
    const host = extras.tcHost ?? '127.0.0.1';
    const object = amfObject({ app, tcUrl: extras.tcUrl ?? `rtmp://${host}/${app}`, ...extras.properties });
    return this.call(0, 'connect', object);
  }

  async createStream(): Promise<number> {
    const id = this.call(0, 'createStream', null);
    const answer = await this.until(
      () => this.commands().find(({ name, transactionId }) => name === '_result' && transactionId === id),
      'the answer to createStream',
    );
    return Number(answer.args[0]);
  }

  video(timestamp: number, body: Buffer): boolean {
    return this.send(MESSAGE_TYPE.VIDEO, body, 1, timestamp);
  }

  audio(timestamp: number, body: Buffer): boolean {
    return this.send(MESSAGE_TYPE.AUDIO, body, 1, timestamp);
  }

  /** `@setDataFrame(onMetaData, …)`. */
  metadata(properties: Readonly<Record<string, AmfInput>>): void {
    const payload = encodeAmf0(['@setDataFrame', 'onMetaData', amfObject(properties)]);
    this.send(MESSAGE_TYPE.DATA_AMF0, payload, 1);
  }

  commands(): { name: string; transactionId: number; object: AmfValue; args: readonly AmfValue[] }[] {
    return this.messages
      .filter(({ typeId }) => typeId === MESSAGE_TYPE.COMMAND_AMF0 || typeId === MESSAGE_TYPE.COMMAND_AMF3)
      .map(({ typeId, payload }) => readCommand(typeId, payload));
  }

  /** Codes of the `onStatus` calls so far. */
  statuses(): string[] {
    return this.commands()
      .filter(({ name }) => name === 'onStatus')
      .map((command) => readStatus(command)?.code ?? '');
  }

  /** Audio, video and data messages so far (without the status that comes as data). */
  media(): SeenMessage[] {
    const seen: SeenMessage[] = [];
    for (const { typeId, timestamp, payload } of this.messages) {
      if (typeId === MESSAGE_TYPE.VIDEO) seen.push({ kind: 'video', time: timestamp, body: payload });
      else if (typeId === MESSAGE_TYPE.AUDIO) seen.push({ kind: 'audio', time: timestamp, body: payload });
      else if (typeId === MESSAGE_TYPE.DATA_AMF0 && payload.includes('onMetaData', 0, 'latin1')) {
        seen.push({ kind: 'data', time: timestamp, body: payload });
      }
    }
    return seen;
  }

  /** Forgets what came so far. */
  forget(): void {
    this.messages.length = 0;
    this.received.length = 0;
    this.#seen = 0;
  }

  until<T>(condition: () => T | false | undefined, what: string, withinMs?: number): Promise<T> {
    return eventually(condition, () => `${what}; got ${this.#describe()}`, withinMs);
  }

  /** The next command of this name that was not waited for before. */
  async command(name: string): Promise<{ args: readonly AmfValue[]; object: AmfValue }> {
    return this.until(() => {
      const all = this.commands();
      for (let at = this.#seen; at < all.length; at += 1) {
        const command = all[at];
        if (command?.name !== name) continue;
        this.#seen = at + 1;
        return command;
      }
      return undefined;
    }, name);
  }

  /** The next `onStatus` with this code that was not waited for before. */
  async status(code: string): Promise<AmfObject> {
    return this.until(() => {
      const all = this.commands();
      for (let at = this.#seen; at < all.length; at += 1) {
        const info = all[at]?.name === 'onStatus' ? all[at]?.args[0] : undefined;
        if (!(info instanceof AmfObject) || info.string('code') !== code) continue;
        this.#seen = at + 1;
        return info;
      }
      return undefined;
    }, code);
  }

  async mediaCount(count: number, withinMs?: number): Promise<SeenMessage[]> {
    return this.until(
      () => this.media().length >= count && this.media(),
      `${count} media messages`,
      withinMs,
    );
  }

  /** Resolves when the server has closed the connection. */
  closed(withinMs?: number): Promise<unknown> {
    return this.until(() => this.ended, 'the end of the connection', withinMs);
  }

  destroy(): void {
    this.socket.destroy();
  }

  #describe(): string {
    const commands = this.commands().map(({ name, args }) =>
      args[0] instanceof AmfObject ? `${name}(${args[0].string('code') ?? ''})` : name,
    );
    return `${commands.join(' ')}, ${this.media().length} media messages${this.ended ? ', ended' : ''}`;
  }

  #receive(bytes: Buffer): void {
    let rest: Buffer | undefined = bytes;
    if (this.#shaking !== undefined) {
      const step = this.#shaking.push(bytes);
      if (step.send !== undefined) this.socket.write(step.send);
      if (!step.done) return;
      this.#shaking = undefined;
      this.#ready = true;
      rest = step.rest;
    }
    if (rest === undefined || rest.length === 0) return;
    this.receivedBytes += rest.length;
    if (this.onMedia === undefined) this.received.push(rest);
    if (this.#ready) this.#reader.push(rest);
  }
}

export interface ConnectExtras {
  /** Host in tcUrl. @default 127.0.0.1 */
  readonly tcHost?: string;
  readonly tcUrl?: string;
  /** Further properties of the connect object. */
  readonly properties?: Readonly<Record<string, AmfInput>>;
}

const CHANNELS: ReadonlyMap<number, number> = new Map([
  [MESSAGE_TYPE.SET_CHUNK_SIZE, CHUNK_STREAM.CONTROL],
  [MESSAGE_TYPE.ABORT, CHUNK_STREAM.CONTROL],
  [MESSAGE_TYPE.ACKNOWLEDGEMENT, CHUNK_STREAM.CONTROL],
  [MESSAGE_TYPE.USER_CONTROL, CHUNK_STREAM.CONTROL],
  [MESSAGE_TYPE.WINDOW_ACK_SIZE, CHUNK_STREAM.CONTROL],
  [MESSAGE_TYPE.SET_PEER_BANDWIDTH, CHUNK_STREAM.CONTROL],
  [MESSAGE_TYPE.AUDIO, CHUNK_STREAM.AUDIO],
  [MESSAGE_TYPE.VIDEO, CHUNK_STREAM.VIDEO],
  [MESSAGE_TYPE.DATA_AMF0, CHUNK_STREAM.STREAM_COMMAND],
]);
