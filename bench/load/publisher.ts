import net from 'node:net';
import { nowMicros } from './clock.ts';
import { HANDSHAKE_BYTES, SERVER_HANDSHAKE_BYTES, clientHello, publisherTalk } from './rtmp-bytes.ts';
import { LOOP_MS, type Source } from './source.ts';
import { writeStamp } from './stamp.ts';

const START_TIMEOUT_MS = 10_000;
const ACCEPTED = 'NetStream.Publish.Start';

/** Where and as what to publish. */
export interface PublishTarget {
  readonly host: string;
  readonly port: number;
  readonly localAddress: string;
  readonly app: string;
  readonly stream: string;
}

/** Connects, shakes hands and asks to publish; resolves when the server said Start. */
export function openPublisher(target: PublishTarget): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const { host, port, localAddress, app, stream } = target;
    const socket = net.connect({ host, port, localAddress, noDelay: true });
    const timer = setTimeout(() => socket.destroy(new Error('no answer to publish')), START_TIMEOUT_MS);
    let head: Buffer = Buffer.alloc(0);
    let shaken = false;
    const onData = (bytes: Buffer): void => {
      head = Buffer.concat([head, bytes]);
      if (!shaken && head.length >= SERVER_HANDSHAKE_BYTES) {
        shaken = true;
        socket.write(publisherTalk(`${host}:${port}`, app, stream));
      }
      if (!shaken || !head.includes(ACCEPTED, HANDSHAKE_BYTES)) return;
      clearTimeout(timer);
      socket.off('data', onData);
      socket.resume();
      resolve(socket);
    };
    socket.on('connect', () => socket.write(clientHello()));
    socket.on('data', onData);
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(timer);
      reject(new Error(`publish of ${app}/${stream} was refused`));
    });
  });
}

/** Publishers that send in step, so that one stamp and one timer serve all of them. */
class Group {
  readonly sockets: net.Socket[] = [];
  dueMs = 0;
  turnStartMs = 0;
  index = 0;
  sequence = 0;
}

/**
 * Sends the source in real time over any number of sockets. The sockets are dealt out to groups whose phases are spread
 * over a picture's time, as real publishers do not send in the same instant.
 */
export class PublisherPool {
  readonly #source: Source;
  readonly #groups: Group[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** Bytes handed to the sockets. */
  sentBytes = 0;
  /** Messages handed to the sockets. */
  sentMessages = 0;
  /** Writes that met a socket whose earlier bytes the server had not taken yet. */
  blockedWrites = 0;
  /** The worst delay of a send behind its plan, ms. */
  worstLateMs = 0;
  closed = 0;

  constructor(source: Source) {
    this.#source = source;
  }

  /** Starts sending on `sockets`, dealt to at most `groups` groups. */
  start(sockets: readonly net.Socket[], groups: number): void {
    const startMs = performance.now() + 5;
    const count = Math.max(1, Math.min(groups, sockets.length));
    for (let i = 0; i < count; i++) {
      const group = new Group();
      group.turnStartMs = startMs + (i * 40) / count;
      group.dueMs = group.turnStartMs;
      this.#groups.push(group);
    }
    const first = this.#groups.length - count;
    sockets.forEach((socket, i) => {
      this.#groups[first + (i % count)]?.sockets.push(socket);
      socket.removeAllListeners('error');
      socket.removeAllListeners('close');
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.closed++;
      });
      socket.write(this.#source.preamble);
    });
    if (this.#timer === undefined) this.#run();
  }

  /** Stops the sending and closes the connections. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const group of this.#groups) for (const socket of group.sockets) socket.destroy();
    this.#groups.length = 0;
  }

  #run(): void {
    let next = Infinity;
    for (const group of this.#groups) {
      let now = performance.now();
      while (group.dueMs <= now) {
        if (now - group.dueMs > this.worstLateMs) this.worstLateMs = now - group.dueMs;
        this.#send(group);
        now = performance.now();
      }
      if (group.dueMs < next) next = group.dueMs;
    }
    this.#timer = setTimeout(() => this.#run(), Math.max(0, next - performance.now()));
  }

  #send(group: Group): void {
    const loop = this.#source.loop;
    const message = loop[group.index];
    if (message === undefined) return;
    let bytes = message.bytes;
    if (message.stampAt >= 0) {
      // Its own copy: a server may take the bytes later than the next turn of the loop.
      bytes = Buffer.from(bytes);
      writeStamp(bytes, message.stampAt, nowMicros(), group.sequence++);
    }
    for (const socket of group.sockets) {
      if (socket.writableLength > 0) this.blockedWrites++;
      if (!socket.destroyed) socket.write(bytes);
    }
    this.sentMessages += group.sockets.length;
    this.sentBytes += bytes.length * group.sockets.length;
    group.index++;
    if (group.index === loop.length) {
      group.index = 0;
      group.turnStartMs += LOOP_MS;
    }
    group.dueMs = group.turnStartMs + (loop[group.index]?.atMs ?? 0);
  }
}
