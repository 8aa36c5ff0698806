import type { OnMessage } from './rtmp-message-reader.ts';

const EMPTY: Buffer = Buffer.alloc(0);

/** HTTP response with an FLV body (plain or chunked) → tags, for the few players that look inside. */
export class FlvTagReader {
  readonly #onTag: OnMessage;
  #state: 'head' | 'plain' | 'size' | 'chunk' | 'crlf' = 'head';
  #raw: Buffer = EMPTY;
  #chunkLeft = 0;
  #flv: Buffer = EMPTY;
  #headerSeen = false;
  /** Status of the response, 0 before it came. */
  status = 0;

  constructor(onTag: OnMessage) {
    this.#onTag = onTag;
  }

  /** Takes bytes; they may be overwritten afterwards. */
  write(bytes: Buffer): void {
    this.#raw = this.#raw.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#raw, bytes]);
    while (this.#step());
  }

  #step(): boolean {
    switch (this.#state) {
      case 'head': {
        const end = this.#raw.indexOf('\r\n\r\n');
        if (end < 0) return false;
        const head = this.#raw.toString('latin1', 0, end);
        this.status = Number(head.split(' ')[1]);
        if (this.status !== 200) throw new Error(`HTTP ${this.status}`);
        this.#state = /^transfer-encoding:\s*chunked/im.test(head) ? 'size' : 'plain';
        this.#raw = this.#raw.subarray(end + 4);
        return true;
      }
      case 'plain':
        if (this.#raw.length === 0) return false;
        this.#body(this.#raw);
        this.#raw = EMPTY;
        return false;
      case 'size': {
        const end = this.#raw.indexOf('\r\n');
        if (end < 0) return false;
        this.#chunkLeft = Number.parseInt(this.#raw.toString('latin1', 0, end), 16);
        if (!Number.isFinite(this.#chunkLeft)) throw new Error('bad HTTP chunk size');
        this.#raw = this.#raw.subarray(end + 2);
        this.#state = 'chunk';
        return true;
      }
      case 'chunk': {
        if (this.#raw.length === 0 && this.#chunkLeft > 0) return false;
        const part = this.#raw.subarray(0, this.#chunkLeft);
        this.#chunkLeft -= part.length;
        this.#raw = this.#raw.subarray(part.length);
        this.#body(part);
        if (this.#chunkLeft > 0) return false;
        this.#state = 'crlf';
        return true;
      }
      case 'crlf':
        if (this.#raw.length < 2) return false;
        this.#raw = this.#raw.subarray(2);
        this.#state = 'size';
        return true;
    }
  }

  #body(part: Buffer): void {
    this.#flv = this.#flv.length === 0 ? Buffer.from(part) : Buffer.concat([this.#flv, part]);
    let at = 0;
    if (!this.#headerSeen) {
      // FLV header and the first previous-tag size (FLV 10.1, annex E.2).
      if (this.#flv.length < 13) return;
      this.#headerSeen = true;
      at = 13;
    }
    while (this.#flv.length >= at + 11) {
      const size = this.#flv.readUIntBE(at + 1, 3);
      if (this.#flv.length < at + 11 + size + 4) break;
      this.#onTag(this.#flv[at] ?? 0, this.#flv.subarray(at + 11, at + 11 + size));
      at += 11 + size + 4;
    }
    this.#flv = this.#flv.subarray(at);
  }
}
