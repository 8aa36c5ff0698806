import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import WebSocket from 'ws';
import { FlvReader } from '../../src/containers/flv/index.ts';
import { RtmpPeer } from './rtmp-peer.ts';
import type { TestServer } from './test-server.ts';
import type { SeenMessage } from './wire-decoders.ts';

/** One viewer over any output, as tests see it. */
export interface TestViewer {
  /** What has come so far. */
  media(): readonly SeenMessage[];
  /** Stops and goes on reading the socket. */
  pause(): void;
  resume(): void;
  /** Cuts the connection without a word. */
  abort(): void;
  /** The server has told that the stream, or what was granted of it, is over, in the output's own way. */
  over(): boolean;
  /** The connection is closed. */
  closed(): boolean;
}

export type OpenViewer = (
  server: Pick<TestServer, 'rtmpPort' | 'httpPort'>,
  name: string,
) => Promise<TestViewer>;

export const rtmpViewer: OpenViewer = async (server, name) => {
  const peer = await RtmpPeer.play(server.rtmpPort, name);
  return {
    media: () => peer.media(),
    pause: () => void peer.socket.pause(),
    resume: () => void peer.socket.resume(),
    abort: () => void peer.socket.resetAndDestroy(),
    over: () => peer.statuses().some((code) => /Play\.(UnpublishNotify|Stop)$/.test(code)),
    closed: () => peer.ended,
  };
};

const KINDS = new Map<number, SeenMessage['kind']>([
  [8, 'audio'],
  [9, 'video'],
  [18, 'data'],
]);

/** Collects the tags of an FLV body. */
class FlvCollector {
  readonly messages: SeenMessage[] = [];
  readonly #reader = new FlvReader();

  push(bytes: Buffer): void {
    for (const { typeId, timestamp, body } of this.#reader.push(bytes)) {
      const kind = KINDS.get(typeId);
      if (kind === undefined) throw new Error(`tag of type ${typeId}`);
      this.messages.push({ kind, time: timestamp, body });
    }
  }
}

export const httpFlvViewer: OpenViewer = async (server, name) => {
  const request = get({ port: server.httpPort, host: '127.0.0.1', path: `/live/${name}.flv`, agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
  const collector = new FlvCollector();
  let closed = false;
  response.on('error', () => undefined);
  response.once('close', () => (closed = true));
  response.on('data', (bytes: Buffer) => collector.push(bytes));
  return {
    media: () => collector.messages,
    pause: () => void response.socket.pause(),
    resume: () => void response.socket.resume(),
    abort: () => void response.socket.resetAndDestroy(),
    over: () => response.complete,
    closed: () => closed,
  };
};

export const webSocketFlvViewer: OpenViewer = async (server, name) => {
  const client = new WebSocket(`ws://127.0.0.1:${server.httpPort}/live/${name}.flv`);
  const collector = new FlvCollector();
  let code: number | undefined;
  client.on('error', () => undefined);
  client.on('message', (data: Buffer) => collector.push(data));
  client.once('close', (status: number) => (code = status));
  await once(client, 'open');
  return {
    media: () => collector.messages,
    pause: () => client.pause(),
    resume: () => client.resume(),
    abort: () => client.terminate(),
    over: () => code === 1000,
    closed: () => code !== undefined,
  };
};
