import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { afterEach, test } from 'node:test';
import WebSocket from 'ws';
import { TsDemuxer } from '../../src/containers/mpegts/index.ts';
import type { Frame } from '../../src/media/frame.ts';
import { eventually } from '../support/eventually.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { TestServer, type TestServerOptions } from '../support/test-server.ts';
import { aacConfig, aacFrame, avcConfig, mp3Frame, picture } from '../support/ts-frames.ts';

/** A body of other bytes than the tags that came, as its contract suite needs it. */
export interface BodyUnderTest {
  readonly name: string;
  readonly ending: 'ts' | 'aac' | 'mp3';
  readonly webSocket?: boolean;
}

/** One frame that a viewer got. `time` in ms of the body, undefined where the format has none. */
interface Got {
  readonly id: number;
  readonly isKey: boolean;
  readonly time: number | undefined;
}

const STEP_MS = 40;
const GOP = 5;
/** Stands before the number of a frame; in no other place of the fixtures, nor do its bytes and digits make start codes. */
const MARK = Buffer.from([0xfe, 0xfd, 0xfc]);
const DIGIT = 200;

/** Numbers a frame, inside its media bytes. */
function numbered(frame: Frame, id: number): Buffer {
  const at = frame.payloadOffset + 16;
  MARK.copy(frame.flvBody, at);
  frame.flvBody[at + MARK.length] = 1 + Math.floor(id / DIGIT);
  frame.flvBody[at + MARK.length + 1] = 1 + (id % DIGIT);
  return frame.flvBody;
}

function idsIn(bytes: Buffer): number[] {
  const ids: number[] = [];
  for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, at + 1)) {
    const high = bytes[at + MARK.length];
    const low = bytes[at + MARK.length + 1];
    if (high !== undefined && low !== undefined) ids.push((high - 1) * DIGIT + low - 1);
  }
  return ids;
}

/** What came of a body: numbers of pictures for `.ts`, of sound for the others. */
class Body {
  readonly #isTs: boolean;
  readonly #demuxer = new TsDemuxer();
  #pictures: Got[] = [];
  #sound = Buffer.alloc(0);
  over = false;
  closed = false;
  pause: () => void = () => undefined;
  resume: () => void = () => undefined;
  abort: () => void = () => undefined;

  constructor(ending: BodyUnderTest['ending']) {
    this.#isTs = ending === 'ts';
  }

  push(bytes: Buffer): void {
    if (this.#isTs) this.#take(this.#demuxer.push(bytes));
    else this.#sound = Buffer.concat([this.#sound, bytes]);
  }

  end(): void {
    if (this.#isTs) this.#take(this.#demuxer.end());
  }

  get got(): readonly Got[] {
    if (this.#isTs) return this.#pictures;
    return idsIn(this.#sound).map((id) => ({ id, isKey: true, time: undefined }));
  }

  get stats(): TsDemuxer['stats'] {
    return this.#demuxer.stats;
  }

  #take(frames: readonly Frame[]): void {
    for (const { kind, isConfig, isKeyframe, dts, payload } of frames) {
      if (kind !== 'video' || isConfig) continue;
      for (const id of idsIn(payload)) this.#pictures.push({ id, isKey: isKeyframe, time: dts });
    }
  }
}

async function open(server: TestServer, { ending, webSocket }: Omit<BodyUnderTest, 'name'>): Promise<Body> {
  const body = new Body(ending);
  const path = `/live/show.${ending}`;
  if (webSocket === true) {
    const client = new WebSocket(`ws://127.0.0.1:${server.httpPort}${path}`);
    client.on('error', () => undefined);
    client.on('message', (data: Buffer) => body.push(data));
    client.once('close', (code: number) => {
      body.over = code === 1000;
      body.closed = true;
      body.end();
    });
    body.pause = () => client.pause();
    body.resume = () => client.resume();
    body.abort = () => client.terminate();
    await once(client, 'open');
    return body;
  }
  const request = get({ port: server.httpPort, host: '127.0.0.1', path, agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  assert.equal(response.statusCode, 200);
  response.on('error', () => undefined);
  response.on('data', (bytes: Buffer) => body.push(bytes));
  response.once('close', () => {
    body.over = response.complete;
    body.closed = true;
    body.end();
  });
  body.pause = () => void response.socket.pause();
  body.resume = () => void response.socket.resume();
  body.abort = () => void response.socket.resetAndDestroy();
  return body;
}

/** A publisher of real H.264, with AAC or MP3, that numbers its frames; a keyframe each five pictures. */
class Source {
  readonly peer: RtmpPeer;
  readonly #sound: 'aac' | 'mp3';
  readonly #bytes: number;
  next: number;

  private constructor(peer: RtmpPeer, sound: 'aac' | 'mp3', first: number, bytes: number) {
    this.peer = peer;
    this.#sound = sound;
    this.next = first;
    this.#bytes = bytes;
  }

  static async start(
    server: TestServer,
    sound: 'aac' | 'mp3',
    { first = 0, bytes = 100 }: { first?: number; bytes?: number } = {},
  ): Promise<Source> {
    const peer = await RtmpPeer.publish(server.rtmpPort, 'show');
    const time = first * STEP_MS;
    peer.video(time, avcConfig(time).flvBody);
    if (sound === 'aac') peer.audio(time, aacConfig(time).flvBody);
    return new Source(peer, sound, first, bytes);
  }

  get last(): number {
    return this.next - 1;
  }

  send(count: number): void {
    for (let left = count; left > 0; left -= 1) {
      const id = this.next;
      this.next += 1;
      const time = id * STEP_MS;
      this.peer.video(time, numbered(picture(time, 0, id % GOP === 0, [this.#bytes]), id));
      const sound = this.#sound === 'aac' ? aacFrame(time, 100) : mp3Frame(time);
      this.peer.audio(time, numbered(sound, id));
    }
  }
}

/** The contract that every body keeps whose bytes are not the tags that came. */
export function testBody(tested: BodyUnderTest): void {
  const { name, ending } = tested;
  const sound = ending === 'mp3' ? 'mp3' : 'aac';
  const running: TestServer[] = [];
  const start = async (options: TestServerOptions = {}): Promise<TestServer> => {
    const server = await TestServer.start(options);
    running.push(server);
    return server;
  };
  afterEach(async () => {
    for (const server of running.splice(0)) {
      await server.stop();
      assert.deepEqual(server.linesWith('INTERNAL'), []);
      assert.deepEqual(server.hub.list(), []);
    }
  });
  const seen = (server: TestServer, frames: number): Promise<unknown> =>
    eventually(() => server.stream('show')?.audioFrames === frames, `${frames} frames in the hub`);
  // The last picture of MPEG-TS is whole when the next one begins, or with the end.
  const shows = (body: Body, id: number): Promise<unknown> =>
    eventually(
      () => (body.got.at(-1)?.id ?? -1) >= id,
      () => `frame ${id}; got ${JSON.stringify(body.got.slice(-3))}`,
    );
  const last = (source: Source): number => (ending === 'ts' ? source.last - 1 : source.last);
  const assertOnward = (got: readonly Got[]): void => {
    got.forEach(({ id, isKey, time = 0 }, index) => {
      const before = got[index - 1];
      if (before === undefined) return;
      assert.ok(id > before.id && time >= (before.time ?? 0), 'never back');
      if (id !== before.id + 1) assert.ok(isKey, `goes on at a keyframe, not at ${id}`);
    });
  };

  test(`${name}: a late joiner begins with what can be decoded and misses nothing from there on`, async () => {
    const server = await start();
    const source = await Source.start(server, sound);
    source.send(8);
    await seen(server, 8);
    const body = await open(server, tested);
    await eventually(() => server.stream('show')?.viewers === 1, 'the viewer');
    source.send(5);
    await shows(body, last(source));
    const ids = body.got.map(({ id }) => id);
    assert.equal(ids[0], ending === 'ts' ? 5 : 7, 'the newest keyframe, the newest sound');
    assert.deepEqual(
      ids,
      ids.map((_, index) => (ids[0] ?? 0) + index),
    );
    assertOnward(body.got);
    if (ending === 'ts') assert.equal(body.got[0]?.isKey, true);
  });

  test(`${name}: a republish within the hold time goes on, in rising time`, async () => {
    const server = await start();
    const first = await Source.start(server, sound);
    first.send(7);
    await seen(server, 7);
    const body = await open(server, tested);
    await eventually(() => server.stream('show')?.viewers === 1, 'the viewer');
    first.send(2);
    await shows(body, last(first));
    first.peer.destroy();
    await eventually(() => server.stream('show')?.state === 'waiting', 'the stream waits');
    const second = await Source.start(server, sound, { first: 100 });
    second.send(8);
    await shows(body, last(second));
    assert.equal(body.closed, false);
    assertOnward(body.got);
    assert.deepEqual(
      body.got.map(({ id }) => id).filter((id) => id >= 100 && id < 107),
      [100, 101, 102, 103, 104, 105, 106],
    );
  });

  test(`${name}: the end of the stream, with the last frame`, async () => {
    const server = await start({ vhost: 'publish { hold_time 1ms; }' });
    const source = await Source.start(server, sound);
    source.send(3);
    await seen(server, 3);
    const body = await open(server, tested);
    await eventually(() => server.stream('show')?.viewers === 1, 'the viewer');
    source.send(2);
    await shows(body, last(source));
    source.peer.destroy();
    await eventually(() => body.closed, 'the end');
    assert.equal(body.over, true);
    assert.equal(body.got.at(-1)?.id, source.last);
    await eventually(() => server.hub.list().length === 0, 'the stream is gone');
  });

  test(`${name}: cut connections leave no viewer behind`, async () => {
    const ends: string[] = [];
    const server = await start({
      observers: [
        {
          playStarted: (_name, { id }) => void ends.push(`+${id}`),
          playEnded: (_name, { id }) => void ends.push(`-${id}`),
        },
      ],
    });
    const source = await Source.start(server, sound);
    source.send(5);
    await seen(server, 5);
    const bodies = [await open(server, tested), await open(server, tested), await open(server, tested)];
    await eventually(() => server.stream('show')?.viewers === 3, 'three viewers');
    bodies[1]?.pause();
    source.send(100);
    for (const body of bodies) body.abort();
    await eventually(() => server.stream('show')?.viewers === 0, 'no viewer');
    const ids = (sign: string): string[] =>
      ends
        .filter((end) => end.startsWith(sign))
        .map((end) => end.slice(1))
        .toSorted();
    assert.equal(ids('+').length, 3);
    assert.deepEqual(ids('-'), ids('+'), 'one end for each start');
    source.peer.destroy();
    await eventually(() => server.hub.list().length === 0, 'nothing is left');
  });

  if (ending !== 'ts') return;

  test(`${name}: a slow peer drops to a keyframe and goes on; others lose nothing`, async () => {
    const server = await start({ vhost: 'play { queue_length 1; send_timeout 20s; }' });
    const source = await Source.start(server, sound, { bytes: 20_000 });
    source.send(2);
    await seen(server, 2);
    const slow = await open(server, tested);
    const good = await open(server, tested);
    await eventually(() => server.stream('show')?.viewers === 2, 'two viewers');
    slow.pause();
    // More than the kernel takes for a peer that does not read, and than the queue holds.
    while (source.last < 1_500) {
      source.send(50);
      await shows(good, last(source));
    }
    slow.resume();
    const gap = (): boolean =>
      slow.got.some(({ id }, index) => index > 0 && id !== (slow.got[index - 1]?.id ?? 0) + 1);
    await eventually(() => {
      if (!gap()) source.send(1);
      return gap();
    }, 'the slow viewer has been dropped to a keyframe');
    source.send(10);
    await shows(slow, last(source));
    await shows(good, last(source));
    assertOnward(slow.got);
    assert.deepEqual(
      good.got.map(({ id }) => id),
      good.got.map((_, index) => index),
    );
    assert.equal(good.stats.continuityErrors, 0);
    assert.equal(slow.stats.continuityErrors, 0, 'the break is announced');
  });
}
