import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import fc from 'fast-check';
import { systemClock } from '../../../../src/base/clock.ts';
import { MAX_WAITING_FILE_EVENTS } from '../../../../src/control/hooks/hook-queue.ts';
import { HttpHooks, type HookOptions, type RecordStore } from '../../../../src/control/hooks/index.ts';
import type { RecordingDone } from '../../../../src/hub/output-events.ts';
import type { AccessAction, SessionInfo } from '../../../../src/hub/ports.ts';
import { RecordFile } from '../../../../src/storage/record-file.ts';
import { BackEnd, answer, yes, type HookCall } from '../../../support/back-end.ts';
import { eventually } from '../../../support/eventually.ts';
import { MemoryLogger } from '../../../support/memory-logger.ts';

const EVENTS = [
  'on_connect',
  'on_close',
  'on_publish',
  'on_unpublish',
  'on_play',
  'on_stop',
  'on_dvr',
] as const;
const NAME = { vhost: 'v', app: 'a', stream: 's' };
const dead = answer(500, 'dead');

let dir: string;
let back: BackEnd;
let now: number;
const undo: (() => unknown)[] = [];
const stores: WatchedFile[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'srs-spool-'));
  back = await BackEnd.start();
  now = 1_000_000;
});
afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
  stores.length = 0;
  await back.stop();
  rmSync(dir, { recursive: true, force: true });
});

interface Started {
  readonly hooks: HttpHooks;
  readonly lines: string[];
}

function watched(file: string): WatchedFile {
  const store = new WatchedFile(join(dir, file));
  stores.push(store);
  return store;
}

/** A server's callbacks from its start on. */
async function start(
  options: Partial<HookOptions> & { maxBytes?: number; store?: RecordStore; file?: string } = {},
): Promise<Started> {
  const { maxBytes = 64 << 20, file = 'spool', store = watched(file), ...more } = options;
  const used: HookOptions = {
    urls: Object.fromEntries(EVENTS.map((event) => [event, [back.url(`/${event}`)]])),
    timeoutMs: 5_000,
    retries: 3,
    secret: '',
    failOpen: [],
    verifyTls: true,
    notifyBytes: 64,
    ...more,
  };
  const logger = new MemoryLogger();
  const hooks = new HttpHooks({
    clock: systemClock,
    unixTime: () => now,
    logger,
    userAgent: 'test',
    server: { serverId: 's', serviceId: 't', cwd: '/' },
    spool: { store, maxBytes: () => maxBytes, maxAgeMs: () => 60_000 },
    options: () => used,
    find: () => undefined,
  });
  undo.push(() => hooks.close());
  await hooks.start();
  return { hooks, lines: logger.lines };
}

const session = (id: string): SessionInfo => ({ id, ip: '10.0.0.1', type: 'test', close: () => undefined });
const check = (hooks: HttpHooks, id: string, action: AccessAction): Promise<unknown> =>
  hooks.check({ action, session: session(id), ...NAME, params: '?token=x' });

async function publish(hooks: HttpHooks, id: string): Promise<void> {
  await check(hooks, id, 'connect');
  await check(hooks, id, 'publish');
  hooks.publishStarted(NAME, session(id));
}

function leave(hooks: HttpHooks, id: string): void {
  hooks.publishEnded(NAME, session(id));
  hooks.connectionEnded(id, { sent: 1, received: 2 });
}

const told = ({ url, body, headers }: HookCall): string =>
  `${url.slice(1)} ${String(body['client_id'])} ${String(headers['x-srs-sequence'])}${
    body['reason'] === undefined ? '' : ` ${JSON.stringify(body['reason'])}`
  }`;
const ends = (calls: readonly HookCall[]): string[] =>
  calls.filter(({ url }) => !/connect|on_publish|on_play/.test(url)).map(told);

/** The storage, and whether it is writing. */
class WatchedFile extends RecordFile {
  writing = 0;

  override async append(lines: Buffer): ReturnType<RecordFile['append']> {
    this.writing += 1;
    try {
      return await super.append(lines);
    } finally {
      this.writing -= 1;
    }
  }
}

/** Until what was said has been written. */
async function written(): Promise<void> {
  for (let turns = 0; turns < 3; turns += 1) {
    await new Promise(setImmediate);
    await eventually(() => stores.every(({ writing }) => writing === 0), 'the writes');
  }
}

/** Makes a copy of the file as a killed process leaves it. */
async function killed(from: string, to: string): Promise<void> {
  await written();
  if (existsSync(join(dir, from))) writeFileSync(join(dir, to), readFileSync(join(dir, from)));
}

suite('callbacks on the disk', () => {
  test('an end that nobody took is told after the restart, once, in order, with its own id', async () => {
    const one = await start();
    await publish(one.hooks, 'p1');
    back.answer = dead;
    leave(one.hooks, 'p1');
    await eventually(() => back.calls.some(({ url }) => url === '/on_unpublish'), 'a try');
    const id = back.calls.find(({ url }) => url === '/on_unpublish')?.headers['x-srs-event-id'];
    await one.hooks.close();
    back.calls.length = 0;
    back.answer = yes;
    const two = await start();
    await eventually(() => back.calls.length === 2, 'two ends');
    assert.deepEqual(ends(back.calls), ['on_unpublish p1 3', 'on_close p1 4']);
    assert.equal(back.calls[0]?.headers['x-srs-event-id'], id);
    assert.equal(back.calls[1]?.body['recv_bytes'], 2);
    await two.hooks.close();
    assert.deepEqual(readdirSync(dir), [], 'nothing is left');
    assert.deepEqual(
      [...one.lines, ...two.lines].filter((line) => line.includes('given up')),
      [],
    );
  });

  test('sessions that were open when the server was killed have their ends after the next start', async () => {
    const one = await start();
    await publish(one.hooks, 'p1');
    await check(one.hooks, 'c1', 'connect');
    await check(one.hooks, 'w1', 'play');
    one.hooks.playStarted(NAME, session('w1'));
    await publish(one.hooks, 'gone');
    leave(one.hooks, 'gone');
    await eventually(
      () => back.calls.some(({ url, body }) => url === '/on_close' && body['client_id'] === 'gone'),
      'the end',
    );
    await killed('spool', 'after');
    back.calls.length = 0;
    const two = await start({ file: 'after' });
    await eventually(() => back.calls.length === 4, 'four ends');
    assert.deepEqual(ends(back.calls).sort(), [
      'on_close c1 2 "server_crash"',
      'on_close p1 4 "server_crash"',
      'on_stop w1 2 "server_crash"',
      'on_unpublish p1 3 "server_crash"',
    ]);
    const ofP1 = back.calls.filter(({ body }) => body['client_id'] === 'p1').map(({ url }) => url);
    assert.deepEqual(ofP1, ['/on_unpublish', '/on_close']);
    assert.equal(back.calls[0]?.body['param'], '?token=x');
    await two.hooks.close();
    assert.equal(existsSync(join(dir, 'after')), false);
  });

  test('a key that was replaced by a name is in no end after a crash', async () => {
    const one = await start();
    back.answer = (call, response) =>
      void response.end(call.url === '/on_publish' ? '{"code":0,"data":{"stream":"public"}}' : '0');
    const tcUrl = 'rtmp://h/a?key=s3cret';
    const ask = { session: session('p1'), vhost: 'v', app: 'a', params: '', tcUrl };
    await one.hooks.check({ ...ask, action: 'connect' });
    await one.hooks.check({ ...ask, action: 'publish', stream: 's3cret' });
    await killed('spool', 'after');
    back.calls.length = 0;
    await start({ file: 'after' });
    await eventually(() => back.calls.length === 2, 'both ends');
    assert.equal(back.calls[0]?.body['stream'], 'public');
    assert.deepEqual(
      back.calls.filter(({ text }) => text.includes('s3cret')),
      [],
    );
  });

  test('who was refused owes nothing, and a second crash changes nothing', async () => {
    const one = await start();
    back.answer = answer(200, '1');
    await assert.rejects(check(one.hooks, 'no', 'publish'));
    back.answer = yes;
    await publish(one.hooks, 'p1');
    await killed('spool', 'second');
    back.answer = dead;
    back.calls.length = 0;
    const two = await start({ file: 'second' });
    await eventually(() => back.calls.length > 0, 'a try');
    writeFileSync(join(dir, 'third'), readFileSync(join(dir, 'second')));
    await two.hooks.close();
    back.answer = yes;
    back.calls.length = 0;
    await start({ file: 'third' });
    await eventually(() => back.calls.length === 2, 'both ends');
    assert.deepEqual(ends(back.calls), ['on_unpublish p1 3 "server_crash"', 'on_close p1 4 "server_crash"']);
  });

  test('what is too old, or of a vhost without callbacks, is not told', async () => {
    const one = await start();
    await publish(one.hooks, 'p1');
    await killed('spool', 'old');
    await killed('spool', 'other');
    back.calls.length = 0;
    const other = await start({ file: 'other', urls: {} });
    await eventually(() => other.lines.some((line) => line.includes('left to be told')), 'a line');
    now += 60_001;
    const old = await start({ file: 'old' });
    assert.match(old.lines.join(), /2 callbacks are too old to be told/);
    assert.deepEqual(back.calls, []);
  });

  test('a file that is none, or has broken lines, is set aside, and the good lines are told', async () => {
    const one = await start();
    await publish(one.hooks, 'p1');
    await killed('spool', 'after');
    const text = readFileSync(join(dir, 'after'), 'utf8');
    writeFileSync(join(dir, 'after'), `${text}{"i":"x","b":7}\nrubbish\n{"i":"half","k":"`);
    writeFileSync(join(dir, 'none'), 'rubbish');
    back.calls.length = 0;
    const two = await start({ file: 'after' });
    await eventually(() => back.calls.length === 2, 'both ends');
    assert.match(two.lines.join(), /2 of its lines cannot be read; it is kept as .*after\.broken/);
    const three = await start({ file: 'none' });
    assert.match(three.lines.join(), /it is no file of callbacks; it is kept as .*none\.broken/);
    await publish(three.hooks, 'p2');
  });

  test('a full disk is told of, and costs nobody a callback while the server runs', async () => {
    const store: RecordStore = {
      load: () => Promise.resolve(true),
      append: () => Promise.reject(new Error('ENOSPC')),
      read: () => Promise.reject(new Error('EIO')),
      rewrite: () => Promise.reject(new Error('ENOSPC')),
      setAside: () => Promise.resolve(''),
      close: () => Promise.resolve(),
    };
    const { hooks, lines } = await start({ store });
    await publish(hooks, 'p1');
    leave(hooks, 'p1');
    await eventually(() => back.calls.length === 4, 'all calls');
    await hooks.close();
    assert.match(lines.join(), /events are not kept on the disk, the last: ENOSPC/);
  });

  test('more than memory takes is told too, also after a restart, in the order of each stream', async () => {
    const streams = 40;
    const each = Math.ceil((MAX_WAITING_FILE_EVENTS * 1.1) / streams);
    const owners = Array.from({ length: streams }, (_, n) => ({
      name: { ...NAME, stream: `s${n}` },
      session: session(`p${n}`),
    }));
    const record = (hooks: HttpHooks, from: number, to: number): void => {
      for (let n = from; n < to; n += 1)
        for (const { name, session: publisher } of owners)
          hooks.recordingDone({ name, session: publisher, file: `${n}.flv` } as RecordingDone);
    };
    const one = await start();
    back.answer = dead;
    record(one.hooks, 0, each);
    assert.ok(one.hooks.waiting <= MAX_WAITING_FILE_EVENTS);
    await one.hooks.close();
    assert.deepEqual(
      one.lines.filter((line) => line.includes('given up')),
      [],
    );
    back.answer = yes;
    back.calls.length = 0;
    const two = await start();
    record(two.hooks, each, each + 2);
    const wanted = streams * (each + 2);
    await eventually(
      () => back.calls.length >= wanted,
      () => `${back.calls.length} of ${wanted}`,
      30_000,
    );
    for (const { name } of owners) {
      const files = back.calls
        .filter(({ body }) => body['stream'] === name.stream)
        .map(({ body }) => body['file']);
      assert.deepEqual(
        files,
        Array.from({ length: each + 2 }, (_, n) => `${n}.flv`),
      );
    }
    await two.hooks.close();
    assert.deepEqual(readdirSync(dir), []);
  });

  test('no more than its size counts at a time', async () => {
    const { hooks, lines } = await start({ maxBytes: 1_000 });
    for (const id of ['p1', 'p2', 'p3', 'p4']) await publish(hooks, id);
    for (const id of ['p1', 'p2', 'p3', 'p4']) leave(hooks, id);
    await eventually(() => back.calls.length === 16, 'all calls');
    await hooks.close();
    assert.match(lines.join(), /http_hooks_spool_size is reached/);
    assert.deepEqual(readdirSync(dir), []);
  });

  test('whatever happens, each session that was let in has each end once', async () => {
    let runs = 0;
    const step = fc.constantFrom('come', 'come', 'go', 'dead', 'alive', 'restart', 'kill');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
        runs += 1; // Servers that were killed in the runs before still have their files, and go on telling.
        back.calls.length = 0;
        back.answer = yes;
        let file = 0;
        let path = `run${runs}`;
        let running = await start({ file: path });
        let next = 0;
        let inside: string[] = [];
        const letIn: string[] = [];
        for (const what of [...steps, 'alive', 'restart'] as const) {
          if (what === 'come' && back.answer === yes) {
            const id = `run${runs}-${(next += 1)}`;
            await publish(running.hooks, id);
            inside.push(id);
            letIn.push(id);
          } else if (what === 'go') {
            const id = inside.shift();
            if (id !== undefined) leave(running.hooks, id);
          } else if (what === 'dead') back.answer = dead;
          else if (what === 'alive') back.answer = yes;
          else if (what === 'restart') {
            for (const id of inside) leave(running.hooks, id);
            inside = [];
            await running.hooks.close();
            running = await start({ file: path });
          } else if (what === 'kill') {
            const copy = `run${runs}-${(file += 1)}`;
            await killed(path, copy);
            path = copy;
            inside = [];
            const before = running;
            running = await start({ file: path });
            before.hooks.stopAsking();
          }
        }
        const wanted = letIn.length * 2;
        const distinct = (): Map<string, string> =>
          new Map(
            back.calls
              .filter(({ url }) => url === '/on_unpublish' || url === '/on_close')
              .filter(({ body }) => letIn.some((id) => id === body['client_id']))
              .map((call) => [String(call.headers['x-srs-event-id']), told(call)]),
          );
        await eventually(
          () => distinct().size >= wanted && running.hooks.waiting === 0,
          () => `${wanted} ends`,
        );
        const seen = [...distinct().values()].map((text) => text.replace(' "server_crash"', '')).sort();
        assert.deepEqual(seen, letIn.flatMap((id) => [`on_close ${id} 4`, `on_unpublish ${id} 3`]).sort());
        await running.hooks.close();
      }),
      {
        numRuns: 25,
        examples: [[['come', 'come', 'come', 'dead', 'go', 'kill', 'restart', 'alive', 'kill', 'come']]],
        interruptAfterTimeLimit: 3_000,
        markInterruptAsFailure: false,
      },
    );
  });
});
