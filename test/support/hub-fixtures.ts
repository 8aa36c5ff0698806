import { Frame } from '../../src/media/frame.ts';
import type {
  PlayRequest,
  SessionInfo,
  StreamName,
  StreamOptions,
  StreamState,
  ViewerSink,
  WireFormat,
} from '../../src/hub/ports.ts';
import type { ServerError } from '../../src/base/errors.ts';

/** The defaults of a vhost, with a pinned window of 0. */
export const STREAM_OPTIONS: StreamOptions = {
  gopCache: true,
  gopCacheMaxFrames: 2500,
  queueLengthMs: 30_000,
  queueMaxBytes: 8 * 1024 * 1024,
  sendTimeoutMs: 30_000,
  timeJitter: 'full',
  atc: false,
  atcAuto: false,
  mixCorrect: false,
  reduceSequenceHeader: false,
  mwLatencyMs: 350,
  mwAdaptive: true,
  minLatency: true,
  sendMinIntervalMs: 0,
  holdMs: 5_000,
  parseSps: true,
};

export const LIVE_DEMO: StreamName = { vhost: '__defaultVhost__', app: 'live', stream: 'demo' };

export function videoFrame(dts: number, isKeyframe: boolean, id = 0, bytes = 40): Frame {
  const body = Buffer.alloc(bytes, 0xaa);
  body[0] = isKeyframe ? 0x17 : 0x27;
  body[1] = 1;
  body.writeUIntBE(0, 2, 3);
  body.writeUInt32BE(id, 5);
  return new Frame('video', 'h264', dts, 0, isKeyframe, false, body, 5);
}

export function audioFrame(dts: number, id = 0, bytes = 16): Frame {
  const body = Buffer.alloc(bytes, 0xbb);
  body[0] = 0xaf;
  body[1] = 1;
  body.writeUInt32BE(id, 2);
  return new Frame('audio', 'aac', dts, 0, false, false, body, 2);
}

export function videoConfig(dts = 0, version = 1): Frame {
  const body = Buffer.from([0x17, 0, 0, 0, 0, version, 2, 3, 4]);
  return new Frame('video', 'h264', dts, 0, false, true, body, 5);
}

export function audioConfig(dts = 0): Frame {
  return new Frame('audio', 'aac', dts, 0, false, true, Buffer.from([0xaf, 0, 0x12, 0x10]), 2);
}

export function metadata(dts = 0, extra = ''): Frame {
  const body = Buffer.from(`\x02\x00\x0aonMetaData\x08\x00\x00\x00\x00${extra}\x00\x00\x09`, 'latin1');
  return new Frame('data', 'script', dts, 0, false, false, body, 0);
}

export function sessionOf(id: string, type = 'test'): SessionInfo {
  return { id, ip: '127.0.0.1', type, close: () => undefined };
}

/** A socket whose peer reads only when told to. */
export class TestSink implements ViewerSink {
  readonly written: Buffer[] = [];
  /** The peer reads everything at once. */
  reading = true;
  pendingBytes = 0;
  closedBy: ServerError | undefined;

  write(bytes: Buffer): void {
    this.written.push(bytes);
    if (!this.reading) this.pendingBytes += bytes.length;
  }

  close(reason: ServerError): void {
    this.closedBy = reason;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.written);
  }
}

export interface TestPlay extends PlayRequest {
  readonly sink: TestSink;
  readonly states: StreamState[];
  readonly ends: string[];
}

export function playRequest(
  id: string,
  format: WireFormat,
  more: { durationMs?: number; afterHold?: 'end' | 'wait' } = {},
): TestPlay {
  const states: StreamState[] = [];
  const ends: string[] = [];
  return {
    session: sessionOf(id, 'test-play'),
    format,
    sink: new TestSink(),
    states,
    ends,
    onState: (state) => void states.push(state),
    onEnd: (reason) => void ends.push(reason),
    ...more,
  };
}
