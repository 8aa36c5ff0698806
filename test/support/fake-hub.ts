import type {
  Hub,
  LiveStream,
  Playback,
  PlayRequest,
  StreamName,
  StreamSnapshot,
  StreamState,
  WireFormat,
} from '../../src/hub/ports.ts';
import { streamKey } from '../../src/hub/ports.ts';

/** One viewer that a test plays the hub for. */
export class FakePlayback implements Playback {
  readonly request: PlayRequest;
  sentBytes = 0;
  drains = 0;
  closes = 0;

  constructor(request: PlayRequest) {
    this.request = request;
  }

  get stats(): Playback['stats'] {
    return { queuedMs: 0, queuedBytes: 0, sentBytes: this.sentBytes, drops: 0, droppedBytes: 0 };
  }

  /** Writes body bytes in the framing of the viewer's format. */
  send(body: Buffer): void {
    const framed = frame(this.request.format.key, body);
    this.sentBytes += framed.length;
    this.request.sink.write(framed);
  }

  /** What the hub does when the stream is over. */
  end(): void {
    const { key } = this.request.format;
    if (key.startsWith('flv:chunked')) this.request.sink.write(Buffer.from('0\r\n\r\n'));
    // RFC 6455, 5.5.1: a close frame with status 1000.
    if (key.startsWith('flv:websocket')) this.request.sink.write(Buffer.from([0x88, 0x02, 0x03, 0xe8]));
    this.request.onEnd('gone');
  }

  drained(): void {
    this.drains += 1;
  }

  pause(): void {
    throw new Error('not expected');
  }

  resume(): void {
    throw new Error('not expected');
  }

  switchFormat(): void {
    throw new Error('not expected');
  }

  finish(): void {
    throw new Error('not expected');
  }

  close(): void {
    this.closes += 1;
  }
}

export class FakeStream implements LiveStream {
  readonly name: StreamName;
  state: StreamState = 'live';
  readonly playbacks: FakePlayback[] = [];
  #waiters: (() => void)[] = [];

  constructor(name: StreamName) {
    this.name = name;
  }

  play(request: PlayRequest): Playback {
    const playback = new FakePlayback(request);
    this.playbacks.push(playback);
    for (const wake of this.#waiters.splice(0)) wake();
    return playback;
  }

  attend(): never {
    throw new Error('not expected');
  }

  tap(): never {
    throw new Error('not expected');
  }

  /** The viewer number `index`, once it has come. */
  async viewer(index = 0): Promise<FakePlayback> {
    for (;;) {
      const playback = this.playbacks[index];
      if (playback !== undefined) return playback;
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  snapshot(): StreamSnapshot {
    return {
      name: this.name,
      state: this.state,
      publisher: { id: 'pub1', ip: '10.0.0.1', type: 'rtmp-publish' },
      viewers: this.playbacks.length,
      video: { codec: 'h264', profile: 'High', level: '3.1', width: 1280, height: 720, frameRate: 25 },
      audio: { codec: 'aac', profile: 'LC', sampleRate: 44_100, channels: 2 },
      videoFrames: 100,
      audioFrames: 200,
      receivedBytes: 5_000,
      receivedKbps: 237.4,
      publishedAtMs: 1_700_000_000_000,
      timelineRepairs: 0,
      pulse: {
        videoFps: 25,
        gopMs: 2_000,
        avOffsetMs: -7,
        interleaveMs: 40,
        keyframeAt: undefined,
        videoAt: undefined,
        audioAt: undefined,
        audioBytes: 0,
        keyframeBytes: undefined,
        deltaBytes: 0,
        deltaFrames: 0,
      },
    };
  }
}

/** A hub without media: streams are added by the test. */
export class FakeHub implements Hub {
  readonly streams = new Map<string, FakeStream>();
  /** Called by `resolve` for what is not here. */
  onMissing: (name: StreamName) => Promise<LiveStream | undefined> = () => Promise.resolve(undefined);

  add(app: string, stream: string, vhost = '__defaultVhost__'): FakeStream {
    const added = new FakeStream({ vhost, app, stream });
    this.streams.set(streamKey(added.name), added);
    return added;
  }

  publish(): never {
    throw new Error('not expected');
  }

  find(name: StreamName): LiveStream | undefined {
    return this.streams.get(streamKey(name));
  }

  async resolve(name: StreamName): Promise<LiveStream | undefined> {
    return this.find(name) ?? (await this.onMissing(name));
  }

  list(): StreamSnapshot[] {
    return [...this.streams.values()].map((stream) => stream.snapshot());
  }

  session(): undefined {
    return undefined;
  }
}

/** A format whose key says what was asked for; it packages nothing. */
export function fakeLiveFormat(
  ending: string,
  settings: { framing: string; tracks: 'av' | 'a' | 'v' },
): WireFormat {
  return {
    key: `${ending}:${settings.framing}:${settings.tracks}`,
    tracks: settings.tracks,
    declaresTracks: true,
    createPackager: () => {
      throw new Error('not expected');
    },
  };
}

function frame(key: string, body: Buffer): Buffer {
  if (key.startsWith('flv:chunked')) {
    return Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n')]);
  }
  if (key.startsWith('flv:websocket')) {
    // RFC 6455, 5.2: FIN and binary, unmasked, 16-bit length.
    const head = Buffer.from([0x82, 126, 0, 0]);
    head.writeUInt16BE(body.length, 2);
    return Buffer.concat([head, body]);
  }
  return body;
}
