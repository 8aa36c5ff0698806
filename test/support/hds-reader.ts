import assert from 'node:assert/strict';

/** One FLV tag, times in ms. */
export interface HdsTag {
  readonly type: number;
  readonly dts: number;
  readonly body: Buffer;
}

/** A run of the fragment table; `indicator` only where the duration is 0. */
export interface HdsRun {
  readonly first: number;
  readonly timeMs: number;
  readonly durationMs: number;
  readonly indicator: number | undefined;
}

export interface HdsBootstrap {
  readonly version: number;
  readonly isLive: boolean;
  readonly currentMs: number;
  /** Last fragment of segment 1. */
  readonly fragmentsInSegment: number;
  readonly runs: readonly HdsRun[];
}

export interface HdsManifest {
  readonly streamType: string;
  readonly bootstrapUrl: string;
  readonly mediaUrl: string;
  readonly metadata: Buffer | undefined;
}

/** Reads Adobe's formats field by field, as F4V 10.1 lists them; throws at what is not as it says. */
class Fields {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  u8(): number {
    return this.#bytes.readUInt8(this.at++);
  }

  u32(): number {
    this.at += 4;
    return this.#bytes.readUInt32BE(this.at - 4);
  }

  u64(): number {
    const high = this.u32();
    return high * 2 ** 32 + this.u32();
  }

  /** Ends with a zero byte. */
  text(): string {
    const end = this.#bytes.indexOf(0, this.at);
    const text = this.#bytes.toString('utf8', this.at, end);
    this.at = end + 1;
    return text;
  }

  /** The body of a box of this type. */
  box(type: string): Buffer {
    const from = this.at;
    const size = this.u32();
    this.at += 4;
    assert.equal(this.#bytes.toString('latin1', from + 4, this.at), type);
    assert.ok(size >= 8 && from + size <= this.#bytes.length, `${type} of ${size} bytes`);
    this.at = from + size;
    return this.#bytes.subarray(from + 8, this.at);
  }

  end(what: string): void {
    assert.equal(this.at, this.#bytes.length, `${what} has more than its fields`);
  }
}

export function readHdsBootstrap(bytes: Buffer): HdsBootstrap {
  const outer = new Fields(bytes);
  const abst = new Fields(outer.box('abst'));
  outer.end('the file');
  assert.equal(abst.u32(), 0, 'version and flags');
  const version = abst.u32();
  const bits = abst.u8();
  assert.equal(bits & 0xdf, 0, 'profile 0, no update, reserved bits');
  assert.equal(abst.u32(), 1_000, 'time scale');
  const currentMs = abst.u64();
  assert.equal(abst.u64(), 0, 'SMPTE offset');
  assert.equal(abst.text(), '', 'movie identifier');
  assert.equal(abst.u8(), 0, 'servers');
  assert.equal(abst.u8(), 0, 'qualities');
  assert.equal(abst.text(), '', 'DRM');
  assert.equal(abst.text(), '', 'metadata');
  assert.equal(abst.u8(), 1, 'segment tables');
  const asrt = new Fields(abst.box('asrt'));
  assert.equal(asrt.u32(), 0);
  assert.equal(asrt.u8(), 0);
  assert.equal(asrt.u32(), 1, 'runs of segments');
  assert.equal(asrt.u32(), 1, 'first segment');
  const fragmentsInSegment = asrt.u32();
  asrt.end('asrt');
  assert.equal(abst.u8(), 1, 'fragment tables');
  const afrt = new Fields(abst.box('afrt'));
  assert.equal(afrt.u32(), 0);
  assert.equal(afrt.u32(), 1_000);
  assert.equal(afrt.u8(), 0);
  const runs: HdsRun[] = [];
  for (let left = afrt.u32(); left > 0; left--) {
    const first = afrt.u32();
    const timeMs = afrt.u64();
    const durationMs = afrt.u32();
    runs.push({ first, timeMs, durationMs, indicator: durationMs === 0 ? afrt.u8() : undefined });
  }
  afrt.end('afrt');
  abst.end('abst');
  return { version, isLive: bits === 0x20, currentMs, fragmentsInSegment, runs };
}

export function readHdsManifest(text: string): HdsManifest {
  const value = (pattern: RegExp): string => {
    const match = pattern.exec(text);
    assert.ok(match?.[1] !== undefined, `${pattern} in ${text}`);
    return match[1].replaceAll('&apos;', "'").replaceAll('&amp;', '&');
  };
  assert.match(
    text,
    /^<\?xml version="1.0" encoding="utf-8"\?>\n<manifest xmlns="http:\/\/ns.adobe.com\/f4m\/1.0">/,
  );
  const id = value(/<bootstrapInfo [^>]*id="([^"]*)"/);
  assert.equal(value(/<media [^>]*bootstrapInfoId="([^"]*)"/), id);
  const metadata = /<metadata>([^<]*)<\/metadata>/.exec(text)?.[1];
  return {
    streamType: value(/<streamType>([^<]*)</),
    bootstrapUrl: value(/<bootstrapInfo [^>]*url="([^"]*)"/),
    mediaUrl: value(/<media [^>]*url="([^"]*)"/),
    metadata: metadata === undefined ? undefined : Buffer.from(metadata, 'base64'),
  };
}

/** The tags of a fragment. Spec: FLV 10.1, E.4. */
export function readHdsFragment(bytes: Buffer): readonly HdsTag[] {
  const outer = new Fields(bytes);
  const mdat = outer.box('mdat');
  outer.end('the fragment');
  const tags: HdsTag[] = [];
  for (let at = 0; at < mdat.length;) {
    const size = mdat.readUIntBE(at + 1, 3);
    const dts = mdat.readUIntBE(at + 4, 3) + mdat.readUInt8(at + 7) * 2 ** 24;
    assert.equal(mdat.readUIntBE(at + 8, 3), 0, 'stream id');
    const end = at + 11 + size;
    assert.equal(mdat.readUInt32BE(end), 11 + size, 'size of the tag before');
    tags.push({ type: mdat.readUInt8(at), dts, body: mdat.subarray(at + 11, end) });
    at = end + 4;
  }
  return tags;
}
