import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A bare TCP client: what it sent and got, byte by byte. */
export class RawClient {
  readonly socket: Socket;
  #got = Buffer.alloc(0);
  #waiters: (() => void)[] = [];
  #ended = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.#got = Buffer.concat([this.#got, chunk]);
      this.#wake();
    });
    const ended = (): void => {
      this.#ended = true;
      this.#wake();
    };
    socket.on('end', ended);
    socket.on('close', ended);
    socket.on('error', ended);
  }

  static async open(port: number, host = '127.0.0.1'): Promise<RawClient> {
    const socket = connect(port, host);
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  send(text: string | Buffer): this {
    this.socket.write(text);
    return this;
  }

  get text(): string {
    return this.#got.toString('latin1');
  }

  /** All bytes, once they contain `what`. Fails when the connection ends before. */
  async until(what: string): Promise<string> {
    while (!this.text.includes(what)) {
      if (this.#ended) throw new Error(`ended without ${JSON.stringify(what)}: ${JSON.stringify(this.text)}`);
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
    return this.text;
  }

  /** All bytes, once the server has ended the connection. */
  async end(): Promise<string> {
    while (!this.#ended) await new Promise<void>((resolve) => this.#waiters.push(resolve));
    return this.text;
  }

  /** One request on a connection of its own that the server is asked to close. */
  static async ask(port: number, head: string): Promise<string> {
    const client = await RawClient.open(port);
    client.send(head);
    const answer = await client.end();
    client.socket.destroy();
    return answer;
  }

  #wake(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }
}
