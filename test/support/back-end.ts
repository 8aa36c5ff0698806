import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { eventually } from './eventually.ts';

/** One call that came. */
export interface HookCall {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** What was POSTed; empty for a GET. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** Answers a call: `yes`, or in any other way. */
export type Answer = (call: HookCall, response: ServerResponse, socket: Socket) => void;

export const yes: Answer = (_call, response) => void response.end('0');

/** Answers with a status and a body. */
export function answer(status: number, body: string): Answer {
  return (_call, response) => {
    response.statusCode = status;
    response.end(body);
  };
}

/** A back end on loopback that keeps every call, and answers as it is told to. */
export class BackEnd {
  readonly calls: HookCall[] = [];
  /** How the next calls are answered. */
  answer: Answer = yes;
  /** Connections that are open. */
  readonly sockets = new Set<Socket>();
  #server: Server;
  readonly #scheme: string;
  #port = 0;

  private constructor(server: Server, scheme: string) {
    this.#server = server;
    this.#scheme = scheme;
    this.#attend(server);
  }

  static async start(tls?: { readonly key: string; readonly cert: string }): Promise<BackEnd> {
    const server = tls === undefined ? createServer() : createSecureServer(tls);
    const made = new BackEnd(server, tls === undefined ? 'http' : 'https');
    await made.#listen(0);
    return made;
  }

  url(path: string): string {
    return `${this.#scheme}://127.0.0.1:${this.#port}${path}`;
  }

  /** The actions of the calls so far. */
  get actions(): unknown[] {
    return this.calls.map(({ body }) => body['action']);
  }

  of(action: string): HookCall[] {
    return this.calls.filter(({ body }) => body['action'] === action);
  }

  /** The first call of an action, once it has come. */
  call(action: string, withinMs?: number): Promise<HookCall> {
    return eventually(
      () => this.of(action)[0],
      () => `${action} in ${this.actions.join(' ')}`,
      withinMs,
    );
  }

  /** No connection any more, and nobody listens. */
  async die(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  /** Listens again on the same port. Only of HTTP. */
  async revive(): Promise<void> {
    this.#server = createServer();
    this.#attend(this.#server);
    await this.#listen(this.#port);
  }

  async stop(): Promise<void> {
    if (this.#server.listening) await this.die();
  }

  async #listen(port: number): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  #attend(server: Server): void {
    server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
      socket.on('error', () => undefined);
    });
    server.on('request', (request, response) => void this.#receive(request, response));
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    try {
      for await (const part of request) parts.push(part as Buffer);
    } catch {
      return; // Cut by who asks.
    }
    const text = Buffer.concat(parts).toString();
    const { method = '', url = '', headers, socket } = request;
    const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
    const call = { method, url, headers, text, body };
    this.calls.push(call);
    this.answer(call, response, socket);
  }
}
