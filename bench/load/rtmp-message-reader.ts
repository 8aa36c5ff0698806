/** Takes one whole message. `body` is valid during the call only. */
export type OnMessage = (typeId: number, body: Buffer) => void;

const MAX_MESSAGE_BYTES = 4_000_000;
const HEAD_BYTES = [11, 7, 3, 0] as const;

interface ChunkStream {
  length: number;
  typeId: number;
  extended: boolean;
  body: Buffer;
  filled: number;
}

/**
 * Chunks → messages for the few players that look inside (RTMP 1.0, 5.3). Written for clearness: it runs on a handful of
 * sockets only, and independently of the server's own reader so that neither hides an error of the other.
 */
export class RtmpMessageReader {
  readonly #onMessage: OnMessage;
  readonly #streams = new Map<number, ChunkStream>();
  #chunkBytes = 128;
  #rest: Buffer = Buffer.alloc(0);

  constructor(onMessage: OnMessage) {
    this.#onMessage = onMessage;
  }

  /** Takes bytes; they may be overwritten afterwards. */
  write(bytes: Buffer): void {
    this.#rest = this.#rest.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#rest, bytes]);
    let at = 0;
    for (;;) {
      const next = this.#chunk(this.#rest, at);
      if (next === undefined) break;
      at = next;
    }
    this.#rest = this.#rest.subarray(at);
  }

  /** Reads one chunk; returns where the next begins, or undefined when bytes are short. */
  #chunk(input: Buffer, from: number): number | undefined {
    let at = from;
    const first = input[at++];
    if (first === undefined) return undefined;
    let csid = first & 0x3f;
    if (csid < 2) {
      if (input.length < at + csid + 1) return undefined;
      const low = input[at] ?? 0;
      csid = csid === 0 ? 64 + low : 64 + low + (input[at + 1] ?? 0) * 256;
      at += (first & 0x3f) + 1;
    }
    const format = (first >> 6) as 0 | 1 | 2 | 3;
    const head = HEAD_BYTES[format];
    if (input.length < at + head) return undefined;
    const known = this.#streams.get(csid);
    if (known === undefined && format !== 0)
      throw new Error(`RTMP chunk type ${format} first on stream ${csid}`);
    const stream = known ?? { length: 0, typeId: 0, extended: false, body: Buffer.alloc(0), filled: 0 };
    const length = format <= 1 ? input.readUIntBE(at + 3, 3) : stream.length;
    const extended = format <= 2 ? input.readUIntBE(at, 3) === 0xffffff : stream.extended;
    const typeId = format <= 1 ? (input[at + 6] ?? 0) : stream.typeId;
    at += head + (extended ? 4 : 0);
    if (length > MAX_MESSAGE_BYTES) throw new Error(`RTMP message of ${length} bytes`);
    const take = Math.min(this.#chunkBytes, length - stream.filled);
    if (input.length < at + take) return undefined;
    // Nothing was changed before this line, so a short chunk is simply read again.
    this.#streams.set(csid, stream);
    stream.length = length;
    stream.typeId = typeId;
    stream.extended = extended;
    if (stream.filled === 0 && stream.body.length < length) stream.body = Buffer.alloc(length);
    input.copy(stream.body, stream.filled, at, at + take);
    stream.filled += take;
    if (stream.filled === length) {
      stream.filled = 0;
      this.#message(typeId, stream.body.subarray(0, length));
    }
    return at + take;
  }

  #message(typeId: number, body: Buffer): void {
    if (typeId === 1 && body.length >= 4) this.#chunkBytes = body.readUInt32BE(0) & 0x7fffffff;
    this.#onMessage(typeId, body);
  }
}
