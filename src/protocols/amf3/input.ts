import { ServerError } from '../../base/errors.ts';

/** A cursor over one whole message. Running out of bytes is an error here, never "need more": messages are complete. */
export class AmfInputBytes {
  readonly bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  /** Moves past `count` bytes and returns where they began. */
  skip(count: number): number {
    const at = this.at;
    if (count > this.bytes.length - at) {
      throw new ServerError(
        'AMF_INVALID',
        `${count} bytes announced at offset ${at}, ${this.bytes.length - at} left`,
      );
    }
    this.at = at + count;
    return at;
  }

  u8(): number {
    return this.bytes.readUInt8(this.skip(1));
  }

  u16(): number {
    return this.bytes.readUInt16BE(this.skip(2));
  }

  i16(): number {
    return this.bytes.readInt16BE(this.skip(2));
  }

  u32(): number {
    return this.bytes.readUInt32BE(this.skip(4));
  }

  i32(): number {
    return this.bytes.readInt32BE(this.skip(4));
  }

  double(): number {
    return this.bytes.readDoubleBE(this.skip(8));
  }

  text(count: number): string {
    const at = this.skip(count);
    return this.bytes.toString('utf8', at, at + count);
  }
}
