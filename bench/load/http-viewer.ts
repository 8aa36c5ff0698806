import net from 'node:net';
import { nowMicros } from './clock.ts';

/** `live`: as a player does, a playlist each target duration and each new segment once. `flood`: one request after another. */
export type FetchPace = 'live' | 'flood';

/** Which HLS stream to fetch, and where. */
export interface FetchTarget {
  readonly host: string;
  readonly port: number;
  /** Path of the playlist. */
  readonly playlist: string;
  readonly pace: FetchPace;
}

/** Segments before the live edge at which a viewer begins. Spec: RFC 8216, 6.3.3. */
const SEGMENTS_BEHIND_EDGE = 3;
/** Requests of a flood before it looks for new segments. */
const FLOOD_ROUND = 10;
const MAX_HEAD_BYTES = 16 * 1024;
const MAX_REDIRECTS = 5;

/** What all viewers of a process share: the read buffer and the counters. */
export class HttpGroup {
  readonly target: FetchTarget;
  readonly readBuffer = Buffer.allocUnsafe(256 * 1024);
  readonly viewers: HttpViewer[] = [];
  /** Bytes received, heads included, since the last `mark()`. */
  bytes = 0;
  reads = 0;
  /** Responses that were none of 200, since the last `mark()`. */
  refused = 0;
  /** From request to last byte, µs, since the last `mark()`. */
  playlistMicros: number[] = [];
  segmentMicros: number[] = [];

  constructor(target: FetchTarget) {
    this.target = target;
  }

  mark(): void {
    this.bytes = 0;
    this.reads = 0;
    this.refused = 0;
    this.playlistMicros = [];
    this.segmentMicros = [];
    for (const viewer of this.viewers) viewer.bytes = 0;
  }
}

/** One HLS viewer over a raw keep-alive socket: knows just as much of HTTP and playlists as the load needs. */
export class HttpViewer {
  readonly #group: HttpGroup;
  readonly #socket: net.Socket;
  readonly #onSettled: () => void;
  #path: string;
  #isPlaylist = true;
  #headText = '';
  #text: Buffer[] = [];
  /** Bytes of the body that are still to come; -1 = the head is not there yet. */
  #left = -1;
  #askedMicros = 0;
  #playlistMs = 0;
  /** URI of the newest segment that was fetched. */
  #newest = '';
  #queue: string[] = [];
  #redirects = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Bytes since the last `mark()`. */
  bytes = 0;
  /** True once the first segment was asked for. */
  asked = false;
  closed = false;
  failure: string | undefined;

  constructor(group: HttpGroup, localAddress: string, onSettled: () => void) {
    this.#group = group;
    this.#onSettled = onSettled;
    this.#path = group.target.playlist;
    const { host, port } = group.target;
    this.#socket = net.connect({
      host,
      port,
      localAddress,
      noDelay: true,
      onread: {
        buffer: group.readBuffer,
        callback: (length: number): boolean => {
          this.#onRead(length);
          return true;
        },
      },
    });
    this.#socket.on('connect', () => this.#ask(this.#path, true));
    this.#socket.on('error', (error) => {
      this.failure ??= error.message;
    });
    this.#socket.on('close', () => {
      this.closed = true;
      clearTimeout(this.#timer);
      onSettled();
    });
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#socket.destroy();
  }

  #ask(path: string, isPlaylist: boolean): void {
    this.#isPlaylist = isPlaylist;
    this.#askedMicros = nowMicros();
    const { host, port } = this.#group.target;
    this.#socket.write(
      `GET ${path} HTTP/1.1\r\nHost: ${host}:${port}\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n`,
    );
  }

  #onRead(length: number): void {
    this.bytes += length;
    this.#group.bytes += length;
    this.#group.reads++;
    const { readBuffer } = this.#group;
    let from = 0;
    if (this.#left < 0) {
      const before = this.#headText.length;
      this.#headText += readBuffer.toString('latin1', 0, Math.min(length, MAX_HEAD_BYTES));
      const end = this.#headText.indexOf('\r\n\r\n');
      if (end < 0) {
        if (this.#headText.length > MAX_HEAD_BYTES) this.#fail('a head without end');
        return;
      }
      from = end + 4 - before;
      const head = this.#headText.slice(0, end);
      this.#headText = '';
      if (!this.#readHead(head)) return;
    }
    if (this.#isPlaylist && from < length) this.#text.push(Buffer.from(readBuffer.subarray(from, length)));
    this.#left -= length - from;
    if (this.#left < 0) this.#fail('more bytes than were told');
    else if (this.#left === 0) this.#onResponse();
  }

  /** False when the viewer cannot go on. */
  #readHead(head: string): boolean {
    const bodyBytes = /^content-length: *(\d+)/im.exec(head)?.[1];
    if (bodyBytes === undefined) {
      this.#fail('no Content-Length');
      return false;
    }
    if (!head.startsWith('HTTP/1.1 200')) this.#group.refused++;
    this.#left = Number(bodyBytes);
    return true;
  }

  #onResponse(): void {
    this.#left = -1;
    const micros = nowMicros() - this.#askedMicros;
    if (!this.#isPlaylist) {
      this.#group.segmentMicros.push(micros);
    } else {
      this.#group.playlistMicros.push(micros);
      const text = Buffer.concat(this.#text).toString();
      this.#text = [];
      if (this.#follow(text)) return;
      this.#readPlaylist(text);
    }
    this.#goOn();
  }

  /** Asks for the media playlist of a master playlist. */
  #follow(text: string): boolean {
    if (!text.includes('#EXT-X-STREAM-INF')) return false;
    const uri = urisOf(text)[0];
    this.#redirects += 1;
    if (uri === undefined || this.#redirects > MAX_REDIRECTS) {
      this.#fail('master playlists without end');
      return true;
    }
    this.#path = resolve(this.#path, uri);
    this.#ask(this.#path, true);
    return true;
  }

  #readPlaylist(text: string): void {
    const uris = urisOf(text);
    if (this.#group.target.pace === 'flood') {
      const newest = uris.slice(-SEGMENTS_BEHIND_EDGE);
      this.#queue = Array.from({ length: FLOOD_ROUND }, (_, i) => newest[i % newest.length] ?? '');
      return;
    }
    const known = uris.lastIndexOf(this.#newest);
    this.#queue = known < 0 ? uris.slice(-SEGMENTS_BEHIND_EDGE) : uris.slice(known + 1);
    const targetMs = Number(/#EXT-X-TARGETDURATION:(\d+)/.exec(text)?.[1] ?? 1) * 1000;
    // Spec: RFC 8216, 6.3.4: half of it when nothing is new.
    this.#playlistMs = this.#askedMicros / 1000 + (this.#queue.length > 0 ? targetMs : targetMs / 2);
  }

  #goOn(): void {
    const next = this.#queue.shift();
    if (next !== undefined && next !== '') {
      if (!this.asked) {
        this.asked = true;
        this.#onSettled();
      }
      this.#newest = next;
      this.#ask(resolve(this.#path, next), false);
    } else if (this.#group.target.pace === 'flood') {
      this.#ask(this.#path, true);
    } else {
      const waitMs = Math.max(1, this.#playlistMs - nowMicros() / 1000);
      this.#timer = setTimeout(() => this.#ask(this.#path, true), waitMs);
    }
  }

  #fail(why: string): void {
    this.failure ??= why;
    this.#socket.destroy();
  }
}

function urisOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

/** Path and query of `uri` as a playlist at `base` has it. */
function resolve(base: string, uri: string): string {
  const url = new URL(uri, `http://x${base}`);
  return url.pathname + url.search;
}
