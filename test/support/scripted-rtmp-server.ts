import type { Connection } from '../../src/net/index.ts';
import {
  CHUNK_STREAM,
  encodeConnectResult,
  encodeCreateStreamResult,
  encodeOnStatus,
  encodeUndefinedResult,
  MESSAGE_TYPE,
  readCommand,
  readRequest,
  RtmpLink,
  ServerHandshake,
  type RtmpRequest,
} from '../../src/protocols/rtmp/index.ts';

export interface ReceivedMessage {
  readonly typeId: number;
  readonly timestamp: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** Answers one request itself and returns true, or leaves it to the usual answer. */
export type Script = (request: RtmpRequest, server: ScriptedRtmpServer) => boolean;

/** The server's side of one connection: says yes to everything, except what a script says otherwise. */
export class ScriptedRtmpServer {
  readonly link: RtmpLink;
  readonly connection: Connection;
  readonly requests: RtmpRequest[] = [];
  readonly media: ReceivedMessage[] = [];
  closed = false;
  readonly #handshake = new ServerHandshake();
  readonly #script: Script;
  #handshaken = false;

  constructor(connection: Connection, script: Script = () => false) {
    this.connection = connection;
    this.#script = script;
    this.link = new RtmpLink(this, (bytes) => connection.write(bytes));
    connection.attach({
      onData: (bytes) => this.#onData(bytes),
      onDrain: () => undefined,
      onClose: () => (this.closed = true),
    });
  }

  get kinds(): string[] {
    return this.requests.map((request) => request.kind);
  }

  command(payload: Buffer, streamId = 0): void {
    this.link.sendMessage(CHUNK_STREAM.COMMAND, MESSAGE_TYPE.COMMAND_AMF0, streamId, 0, payload);
  }

  onMessage(typeId: number, timestamp: number, streamId: number, payload: Buffer): void {
    if (typeId !== MESSAGE_TYPE.COMMAND_AMF0) {
      this.media.push({ typeId, timestamp, streamId, payload: Buffer.from(payload) });
      return;
    }
    const request = readRequest(readCommand(typeId, payload));
    this.requests.push(request);
    if (!this.#script(request, this)) this.#answer(request);
  }

  onUserControl(): void {
    // Set buffer length.
  }

  #onData(bytes: Buffer): void {
    if (this.#handshaken) {
      this.link.receive(bytes);
      return;
    }
    const step = this.#handshake.push(bytes);
    if (step.send !== undefined) this.connection.write(step.send);
    if (!step.done) return;
    this.#handshaken = true;
    if (step.rest !== undefined && step.rest.length > 0) this.link.receive(step.rest);
  }

  #answer(request: RtmpRequest): void {
    const kind: string = request.kind;
    switch (kind) {
      case 'connect':
        this.command(encodeConnectResult(request.id, { objectEncoding: 0 }));
        return;
      case 'createStream':
        this.command(encodeCreateStreamResult(request.id, 1));
        return;
      case 'FCPublish':
      case 'releaseStream':
        this.command(encodeUndefinedResult(request.id));
        return;
      case 'publish':
        this.command(encodeOnStatus('NetStream.Publish.Start'), 1);
        return;
      case 'play':
        this.command(encodeOnStatus('NetStream.Play.Reset'), 1);
        this.command(encodeOnStatus('NetStream.Play.Start'), 1);
        return;
      default:
    }
  }
}
