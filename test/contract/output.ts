import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { audioConfig, audioFrame, videoConfig, videoFrame } from '../support/hub-fixtures.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { TestServer, type TestServerOptions } from '../support/test-server.ts';
import type { OpenViewer, TestViewer } from '../support/viewers.ts';
import type { SeenMessage } from '../support/wire-decoders.ts';

/** An output as its contract suite needs it. */
export interface OutputUnderTest {
  readonly name: string;
  readonly open: OpenViewer;
  /**
   * What the output does when the publisher has not come back within the hold time: `end` closes the connection, `wait` keeps
   * it for the next publisher.
   */
  readonly afterHold: 'end' | 'wait';
}

/** Pictures by their ids, in order of arrival. */
function pictures(viewer: TestViewer): { id: number; isKey: boolean; time: number }[] {
  return viewer
    .media()
    .filter(({ kind, body }) => kind === 'video' && body[1] === 1)
    .map(({ body, time }) => ({ id: body.readUInt32BE(5), isKey: body[0] === 0x17, time }));
}

const isConfig = ({ kind, body }: SeenMessage): boolean => kind === 'video' && body[1] === 0;

/** A publisher that numbers its pictures; 40 ms apart, a keyframe each `gop` pictures. */
class Source {
  readonly peer: RtmpPeer;
  readonly #gop: number;
  readonly #bytes: number;
  readonly #step: number;
  #next: number;

  private constructor(peer: RtmpPeer, first: number, gop: number, bytes: number, step: number) {
    this.peer = peer;
    this.#next = first;
    this.#gop = gop;
    this.#bytes = bytes;
    this.#step = step;
  }

  static async start(
    server: TestServer,
    options: { first?: number; gop?: number; bytes?: number; stepMs?: number } = {},
  ): Promise<Source> {
    const { first = 0, gop = 5, bytes = 100, stepMs = 40 } = options;
    const peer = await RtmpPeer.publish(server.rtmpPort, 'show');
    const source = new Source(peer, first, gop, bytes, stepMs);
    peer.metadata({ width: 320 });
    peer.video(first * stepMs, videoConfig().flvBody);
    peer.audio(first * stepMs, audioConfig().flvBody);
    return source;
  }

  get last(): number {
    return this.#next - 1;
  }

  send(count: number): void {
    for (let left = count; left > 0; left -= 1) {
      const id = this.#next;
      this.#next += 1;
      this.peer.video(id * this.#step, videoFrame(0, id % this.#gop === 0, id, this.#bytes).flvBody);
      this.peer.audio(id * this.#step, audioFrame(0, id).flvBody);
    }
  }
}

/** The contract that every output keeps. */
export function testOutput({ name, open, afterHold }: OutputUnderTest): void {
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
  const seen = (server: TestServer, frames: number): Promise<boolean | undefined> =>
    eventually(() => server.stream('show')?.videoFrames === frames, `${frames} pictures in the hub`);
  const shows = (viewer: TestViewer, id: number): Promise<boolean | undefined> =>
    eventually(
      () => pictures(viewer).at(-1)?.id === id,
      () => `picture ${id}; got ${JSON.stringify(pictures(viewer).at(-1))}`,
    );

  test(`${name}: a late joiner gets metadata, config records and the last keyframe at time 0`, async () => {
    const server = await start();
    const source = await Source.start(server, { first: 1_000 });
    source.send(8);
    await seen(server, 8);
    const viewer = await open(server, 'show');
    await shows(viewer, 1_007);
    source.send(2);
    await shows(viewer, 1_009);
    const media = viewer.media();
    assert.deepEqual(
      media.slice(0, 3).map(({ kind, body }) => [kind, kind !== 'data' && body[1] === 0]),
      [
        ['data', false],
        ['video', true],
        ['audio', true],
      ],
    );
    assert.deepEqual(
      media.slice(0, 4).map(({ time }) => time),
      [0, 0, 0, 0],
    );
    assert.deepEqual(pictures(viewer), [
      { id: 1_005, isKey: true, time: 0 },
      { id: 1_006, isKey: false, time: 40 },
      { id: 1_007, isKey: false, time: 80 },
      { id: 1_008, isKey: false, time: 120 },
      { id: 1_009, isKey: false, time: 160 },
    ]);
  });

  test(`${name}: a viewer of a stream with sound only`, async () => {
    const server = await start();
    const peer = await RtmpPeer.publish(server.rtmpPort, 'show');
    peer.audio(0, audioConfig().flvBody);
    for (let index = 0; index < 30; index += 1) peer.audio(index * 23, audioFrame(0, index).flvBody);
    await eventually(() => server.stream('show')?.audioFrames === 30, 'the sound');
    const viewer = await open(server, 'show');
    for (let index = 30; index < 40; index += 1) peer.audio(index * 23, audioFrame(0, index).flvBody);
    await eventually(() => viewer.media().at(-1)?.body.readUInt32BE(2) === 39, 'sound');
    assert.deepEqual([...(viewer.media()[0]?.body ?? [])], [...audioConfig().flvBody]);
    assert.equal(viewer.media()[1]?.time, 0);
  });

  test(`${name}: a slow peer drops to a keyframe and goes on; others lose nothing`, async () => {
    const server = await start({ vhost: 'play { queue_length 1; send_timeout 20s; }' });
    const source = await Source.start(server, { gop: 25, bytes: 20_000 });
    source.send(2);
    await seen(server, 2);
    const slow = await open(server, 'show');
    const good = await open(server, 'show');
    await shows(slow, 1);
    slow.pause();
    // 40 MB: more than the kernel takes for a peer that does not read, and than the queue holds.
    while (source.last < 2_000) {
      source.send(50);
      await shows(good, source.last);
    }
    slow.resume();
    const gap = (): boolean => {
      const ids = pictures(slow).map(({ id }) => id);
      return ids.some((id, index) => index > 0 && id !== (ids[index - 1] ?? 0) + 1);
    };
    await eventually(() => {
      if (!gap()) source.send(1);
      return gap();
    }, 'the slow viewer has been dropped to a keyframe');
    source.send(30);
    await shows(slow, source.last);
    await shows(good, source.last);
    const ids = pictures(good).map(({ id }) => id);
    assert.deepEqual(
      ids,
      Array.from({ length: ids.length }, (_, index) => index),
    );
    let before: { id: number; isKey: boolean; time: number } | undefined;
    for (const picture of pictures(slow)) {
      if (before !== undefined) {
        assert.ok(picture.id > before.id && picture.time >= before.time, 'never back');
        if (picture.id !== before.id + 1) assert.ok(picture.isKey, 'goes on at a keyframe');
        assert.equal(picture.time, picture.id * 40, 'in the time of the stream');
      }
      before = picture;
    }
    assert.ok(slow.media().filter(isConfig).length >= 1);
    assert.equal(server.stream('show')?.viewers, 2);
  });

  test(`${name}: what a slow peer was queued comes as soon as it reads, also when the publisher pauses`, async () => {
    const server = await start({ vhost: 'play { queue_length 30; } publish { normal_timeout 30s; }' });
    // Windows below the high-water mark of a socket (16 KiB).
    const source = await Source.start(server, { gop: 100_000, bytes: 12_000, stepMs: 1 });
    source.send(2);
    await seen(server, 2);
    const slow = await open(server, 'show');
    const good = await open(server, 'show');
    await shows(slow, 1);
    slow.pause();
    // More than the kernel takes for a peer that does not read.
    while (source.last < 900) {
      const before = good.media().length;
      source.send(1);
      while (good.media().length < before + 2) await new Promise(setImmediate);
    }
    slow.resume();
    await shows(slow, source.last);
    assert.deepEqual(
      pictures(slow).map(({ id }) => id),
      Array.from({ length: source.last + 1 }, (_, index) => index),
    );
  });

  test(`${name}: a republish within the hold time goes on with config records, a keyframe and rising time`, async () => {
    const server = await start();
    const first = await Source.start(server);
    first.send(7);
    await seen(server, 7);
    const viewer = await open(server, 'show');
    await shows(viewer, 6);
    first.peer.destroy();
    await eventually(() => server.stream('show')?.state === 'waiting', 'the stream waits');
    const second = await Source.start(server, { first: 100 });
    second.send(3);
    await shows(viewer, 102);
    assert.equal(viewer.over() || viewer.closed(), false);
    const seenPictures = pictures(viewer);
    assert.deepEqual(
      seenPictures.map(({ id }) => id),
      [5, 6, 100, 101, 102],
    );
    assert.equal(seenPictures[2]?.isKey, true);
    const times = viewer.media().map(({ time }) => time);
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );
    const [, , , again, after] = seenPictures;
    assert.equal((after?.time ?? 0) - (again?.time ?? 0), 40);
    assert.equal(viewer.media().filter(isConfig).length, 2);
  });

  test(`${name}: the end of the stream`, async () => {
    const server = await start({ vhost: 'publish { hold_time 1ms; }' });
    const source = await Source.start(server);
    source.send(3);
    await seen(server, 3);
    const viewer = await open(server, 'show');
    await shows(viewer, 2);
    source.peer.destroy();
    await eventually(() => viewer.over(), 'the viewer is told');
    if (afterHold === 'end') {
      await eventually(() => viewer.closed(), 'the connection is closed');
      await eventually(() => server.hub.list().length === 0, 'the stream is gone');
      return;
    }
    assert.equal(viewer.closed(), false);
    const next = await Source.start(server, { first: 50 });
    next.send(3);
    await shows(viewer, 52);
  });

  test(`${name}: cut connections leave no viewer behind, whatever they were doing`, async () => {
    const ends: string[] = [];
    const server = await start({
      observers: [
        {
          playStarted: (_name, { id }) => void ends.push(`+${id}`),
          playEnded: (_name, { id }) => void ends.push(`-${id}`),
        },
      ],
    });
    const source = await Source.start(server, { bytes: 50_000 });
    source.send(5);
    await seen(server, 5);
    const idle = await open(server, 'show');
    const busy = await open(server, 'show');
    const stuck = await open(server, 'show');
    await eventually(() => server.stream('show')?.viewers === 3, 'three viewers');
    idle.abort();
    await eventually(() => server.stream('show')?.viewers === 2, 'two viewers');
    stuck.pause();
    for (let round = 0; round < 20; round += 1) source.send(10);
    await shows(busy, source.last);
    busy.abort();
    stuck.abort();
    await eventually(() => server.stream('show')?.viewers === 0, 'no viewer');
    source.peer.destroy();
    await eventually(() => server.hub.list().length === 0, 'nothing is left');
    const started = ends.filter((end) => end.startsWith('+')).map((end) => end.slice(1));
    const ended = ends.filter((end) => end.startsWith('-')).map((end) => end.slice(1));
    assert.equal(started.length, 3);
    assert.deepEqual(ended.toSorted(), started.toSorted(), 'one end for each start');
  });

  test(`${name}: an observer that throws harms nobody`, async () => {
    const fail = (): never => {
      throw new Error('observer');
    };
    const server = await start({
      observers: [{ publishStarted: fail, publishEnded: fail, playStarted: fail, playEnded: fail }],
    });
    const source = await Source.start(server);
    source.send(3);
    await seen(server, 3);
    const viewer = await open(server, 'show');
    await shows(viewer, 2);
    viewer.abort();
    await eventually(() => server.stream('show')?.viewers === 0, 'no viewer');
    source.peer.destroy();
    await eventually(() => server.hub.list().length === 0, 'nothing is left');
    assert.equal(server.hub.observerErrors.total, 4);
  });
}
