import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { ServerError } from '../../src/base/errors.ts';
import type { SessionInfo, StreamName, StreamObserver } from '../../src/hub/ports.ts';
import { eventually } from '../support/eventually.ts';
import { TestServer, type TestServerOptions } from '../support/test-server.ts';
import { rtmpViewer } from '../support/viewers.ts';

/** One publisher over any input, as tests see it. */
export interface TestPublisher {
  /** Sends config records and `count` pictures, the first of them a keyframe, numbered from `firstId`. */
  send(count: number, firstId: number): void;
  /** Ends the publish in the input's own way. */
  leave(): void;
  /** Cuts the connection without a word. */
  abort(): void;
  /** The connection is closed. */
  closed(): boolean;
}

/** An input as its contract suite needs it. */
export interface InputUnderTest {
  readonly name: string;
  /** Publishes app `live`, stream `name`. Rejects with the peer's word for it when refused. */
  readonly open: (server: TestServer, name: string) => Promise<TestPublisher>;
  /** What `open` rejects with when the name is taken. */
  readonly busy: RegExp;
}

/** Counts starts and ends by session. */
class Ledger implements StreamObserver {
  readonly started: string[] = [];
  readonly ended: string[] = [];

  publishStarted(name: StreamName, session: SessionInfo): void {
    this.started.push(`${session.id} ${name.stream}`);
  }

  publishEnded(name: StreamName, session: SessionInfo): void {
    this.ended.push(`${session.id} ${name.stream}`);
  }

  /** Each start has had its one end. */
  get isEven(): boolean {
    return this.started.toSorted().join() === this.ended.toSorted().join();
  }
}

/** The contract that every input keeps. */
export function testInput({ name, open, busy }: InputUnderTest): void {
  const running: { server: TestServer; ledger: Ledger }[] = [];
  const start = async (options: TestServerOptions = {}): Promise<{ server: TestServer; ledger: Ledger }> => {
    const ledger = new Ledger();
    const server = await TestServer.start({
      ...options,
      observers: [...(options.observers ?? []), ledger],
    });
    running.push({ server, ledger });
    return { server, ledger };
  };
  afterEach(async () => {
    for (const { server, ledger } of running.splice(0)) {
      await server.stop();
      assert.deepEqual(server.hub.list(), []);
      assert.ok(ledger.isEven, `${ledger.started.join()} / ${ledger.ended.join()}`);
    }
  });
  const live = (server: TestServer, frames: number): Promise<boolean | undefined> =>
    eventually(
      () => server.stream('show')?.videoFrames === frames,
      () => `${frames} pictures in the hub; ${JSON.stringify(server.hub.list())}`,
    );
  const free = (server: TestServer): Promise<boolean | undefined> =>
    eventually(() => server.stream('show')?.publisher === undefined, 'the name is free');

  test(`${name}: frames come into the hub with their kinds, config records and keyframes`, async () => {
    const { server } = await start();
    const publisher = await open(server, 'show');
    publisher.send(6, 0);
    await live(server, 6);
    const viewer = await rtmpViewer(server, 'show');
    await eventually(
      () => viewer.media().filter(({ kind }) => kind === 'video').length === 7,
      'all pictures',
    );
    const video = viewer.media().filter(({ kind }) => kind === 'video');
    assert.deepEqual(
      video.map(({ body }) => [body[0], body[1]]),
      [[0x17, 0], [0x17, 1], ...Array.from({ length: 5 }, () => [0x27, 1])],
    );
    assert.equal(video[1]?.time, 0);
  });

  test(`${name}: a second publisher is refused and harms nothing; the first one goes on`, async () => {
    const { server, ledger } = await start();
    const first = await open(server, 'show');
    first.send(2, 0);
    await live(server, 2);
    await assert.rejects(open(server, 'show'), busy);
    first.send(2, 2);
    await live(server, 4);
    assert.equal(first.closed(), false);
    assert.equal(ledger.started.length, 1, 'the refused one never started');
  });

  for (const how of ['leave', 'abort'] as const) {
    test(`${name}: ${how} frees the name; a republish goes on`, async () => {
      const { server, ledger } = await start();
      const viewer = await rtmpViewer(server, 'show');
      for (let round = 0; round < 3; round += 1) {
        const publisher = await open(server, 'show');
        publisher.send(3, round * 10);
        await eventually(
          () => viewer.media().at(-1)?.body.readUInt32BE(5) === round * 10 + 2,
          () => `picture ${round * 10 + 2}`,
        );
        publisher[how]();
        await free(server);
        assert.equal(ledger.started.length, round + 1);
        await eventually(() => ledger.isEven, 'the end is told');
      }
      const times = viewer.media().map(({ time }) => time);
      assert.deepEqual(
        times,
        times.toSorted((a, b) => a - b),
      );
    });
  }

  test(`${name}: many come and go under many names; nothing is left`, async () => {
    const { server, ledger } = await start();
    for (let round = 0; round < 10; round += 1) {
      const names = Array.from({ length: 10 }, (_, index) => `s${round}-${index}`);
      const publishers = await Promise.all(names.map((stream) => open(server, stream)));
      for (const publisher of publishers) publisher.send(2, 0);
      for (const [index, publisher] of publishers.entries()) {
        if (index % 2 === 0) publisher.abort();
        else publisher.leave();
      }
      await eventually(() => server.hub.list().length === 0, 'all are gone');
    }
    await eventually(() => ledger.isEven, 'each start has its end');
    assert.equal(ledger.started.length, 100);
  });

  test(`${name}: whatever step fails, the name is free and each start has one end`, async () => {
    // Faults at each call of the policy and of an observer in turn; `open` may fail then, nothing else may.
    for (let fault = 0; fault < 8; fault += 1) {
      let step = 0;
      const mayFail = (): void => {
        step += 1;
        if (step - 1 === fault) throw new Error('injected fault');
      };
      const { server, ledger } = await start({
        policy: {
          check: () => {
            mayFail();
            return Promise.resolve(undefined);
          },
        },
        observers: [{ publishStarted: mayFail, publishEnded: mayFail }],
      });
      for (let attempt = 0; attempt < 3; attempt += 1) {
        const publisher = await open(server, 'show').catch(() => undefined);
        publisher?.send(2, 0);
        if (publisher !== undefined) await live(server, 2);
        publisher?.abort();
        await eventually(() => server.hub.list().length === 0, 'the name is free');
      }
      assert.ok(ledger.started.length >= 2, 'a fault ends one session at most');
      await eventually(() => ledger.isEven, 'each start has its end');
    }
  });

  test(`${name}: a session that is kicked ends once`, async () => {
    const { server, ledger } = await start();
    const publisher = await open(server, 'show');
    const id = server.stream('show')?.publisher?.id ?? '';
    assert.ok(ledger.started.some((line) => line.startsWith(`${id} `)));
    const session = server.hub.session(id);

    session?.close(new ServerError('SESSION_KICKED', 'by the test'));
    session?.close(new ServerError('SESSION_KICKED', 'once more'));
    await eventually(() => publisher.closed(), 'the connection is closed');
    await free(server);
    assert.equal(ledger.ended.length, 1);
    assert.equal(server.hub.session(id), undefined);
  });

  test(`${name}: the server stops while it publishes`, async () => {
    const { server, ledger } = await start();
    const publisher = await open(server, 'show');
    publisher.send(2, 0);
    await live(server, 2);
    await server.stop();
    await eventually(() => publisher.closed(), 'the connection is closed');
    assert.equal(ledger.ended.length, 1);
  });
}
