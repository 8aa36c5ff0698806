import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { printBans, readBans } from '../../../../../src/control/access/bans/ban-file.ts';
import { BanList } from '../../../../../src/control/access/bans/ban-list.ts';
import {
  Bans,
  type BannableSession,
  type BanStore,
  type IdleConnection,
} from '../../../../../src/control/access/index.ts';
import type { AccessAction } from '../../../../../src/hub/ports.ts';
import { ManualClock } from '../../../../support/manual-clock.ts';
import { MemoryLogger } from '../../../../support/memory-logger.ts';

const T0 = 1_700_000_000_000;

class MemoryStore implements BanStore {
  readonly place: string;
  text: string | undefined;
  aside: string | undefined;
  fails = false;

  constructor(text?: string, place = 'bans.json') {
    this.text = text;
    this.place = place;
  }

  read(): Promise<string | undefined> {
    return this.fails ? Promise.reject(new Error('no right to read')) : Promise.resolve(this.text);
  }

  write(text: string): Promise<void> {
    this.text = text;
    return Promise.resolve();
  }

  setAside(): Promise<string> {
    if (this.fails) return Promise.reject(new Error('no right to move'));
    this.aside = this.text;
    this.text = undefined;
    return Promise.resolve(`${this.place}.broken`);
  }
}

class Stage {
  now = T0;
  readonly clock = new ManualClock();
  readonly logger = new MemoryLogger();
  store: BanStore | undefined = new MemoryStore();
  readonly sessions: BannableSession[] = [];
  readonly idle: IdleConnection[] = [];
  /** `id code` of who was ended. */
  readonly ended: string[] = [];
  /** Who was banned (+) and is not any more (-). */
  readonly told: string[] = [];
  readonly bans = new Bans({
    clock: this.clock,
    unixTime: () => this.now,
    logger: this.logger,
    sessions: () => this.sessions,
    idle: () => this.idle,
    vhostOf: (requested) => (requested === 'own' ? 'own' : '__defaultVhost__'),
    store: () => this.store,
    observer: {
      banned: ({ range }) => void this.told.push(`+${range?.toString() ?? ''}`),
      unbanned: ({ range }) => void this.told.push(`-${range?.toString() ?? ''}`),
    },
  });

  session(id: string, ip: string, action: 'publish' | 'play', stream: string): BannableSession {
    const close = ({ code }: { code: string }): void => void this.ended.push(`${id} ${code}`);
    const name = { vhost: '__defaultVhost__', app: 'live', stream };
    return { info: { id, ip, type: 'test', close }, publishes: action === 'publish', stream: { name } };
  }

  async isRefused(action: AccessAction, ip: string, stream: string): Promise<boolean> {
    const { info } = this.session('x', ip, 'play', stream);
    const request = { action, session: info, vhost: '__defaultVhost__', app: 'live', stream, params: '' };
    return this.bans.check(request).then(
      () => false,
      (error: unknown) => {
        assert.equal((error as { code: string }).code, 'BANNED');
        assert.doesNotMatch(String(error), /secret reason/);
        return true;
      },
    );
  }
}

test('a ban refuses who comes and ends whom it forbids, and nobody else', async () => {
  const stage = new Stage();
  stage.sessions.push(
    stage.session('a', '10.0.0.1', 'publish', 'demo'),
    stage.session('b', '10.0.0.1', 'play', 'demo'),
    stage.session('c', '10.0.0.2', 'play', 'demo'),
    stage.session('d', '10.0.0.2', 'publish', 'other'),
  );
  const wish = { ip: '10.0.0.1', action: 'play', seconds: 60, reason: 'secret reason' };
  assert.equal(stage.bans.add(wish).kicked, 1);
  assert.deepEqual(stage.ended.splice(0), ['b BANNED']);
  assert.equal(await stage.isRefused('play', '10.0.0.1', 'demo'), true);
  assert.equal(await stage.isRefused('publish', '10.0.0.1', 'demo'), false);
  assert.equal(await stage.isRefused('connect', '10.0.0.1', ''), false);
  assert.equal(stage.bans.add({ stream: 'live/demo' }).kicked, 3);
  assert.deepEqual(stage.ended, ['a BANNED', 'b BANNED', 'c BANNED']);
  assert.match(
    stage.logger.lines.join('\n'),
    /ban ban-\w+ of 10\.0\.0\.1 \(play\) until 2023-11-14T22:14:20\.000Z, reason: secret reason: 1 sessions end/,
  );
  stage.now += 60_000;
  assert.equal(await stage.isRefused('play', '10.0.0.1', 'x'), false);
});

test('who may not even connect loses a connection that does nothing; other bans leave it', () => {
  const stage = new Stage();
  for (const ip of ['10.0.0.1', '10.0.0.2', '2001:db8::1'])
    stage.idle.push({ ip, close: ({ code }) => void stage.ended.push(`${ip} ${code}`) });
  for (const wish of [
    { ip: '10.0.0.1', action: 'play' },
    { ip: '10.0.0.1', action: 'publish' },
    { ip: '10.0.0.1', stream: 'live/show' },
    { stream: 'live/show' },
  ])
    assert.equal(stage.bans.add(wish).kicked, 0);
  assert.deepEqual(stage.ended, []);
  assert.equal(stage.bans.add({ ip: '10.0.0.1' }).kicked, 1);
  stage.idle.shift();
  assert.equal(stage.bans.add({ ip: '2001:db8::/64' }).kicked, 1);
  assert.deepEqual(stage.ended, ['10.0.0.1 BANNED', '2001:db8::1 BANNED']);
});

test('the end of a ban is told when it is lifted and when its time is over, also of one from a file', async () => {
  const stage = new Stage();
  stage.bans.add({ ip: '10.0.0.1' });
  assert.equal(stage.clock.pending, 0, 'nothing is looked at while no ban has a time');
  stage.bans.add({ ip: '10.0.0.2', seconds: 5 });
  const { ban } = stage.bans.add({ ip: '10.0.0.3', seconds: 60 });
  const pass = (ms: number): void => {
    stage.now += ms;
    stage.clock.advance(ms);
  };
  pass(4_999);
  assert.deepEqual(stage.told.splice(0), ['+10.0.0.1', '+10.0.0.2', '+10.0.0.3']);
  pass(1_001);
  assert.deepEqual(stage.told.splice(0), ['-10.0.0.2']);
  assert.match(stage.logger.lines.join('\n'), /over: ban ban-\w+ of 10\.0\.0\.2/);
  stage.bans.lift(ban.id);
  pass(1_000);
  assert.deepEqual(stage.told.splice(0), ['-10.0.0.3']);
  assert.equal(stage.clock.pending, 0, 'no ban has a time any more');
  stage.bans.add({ ip: '10.0.0.4', seconds: 5 });
  await stage.bans.close();
  const again = new Stage();
  again.store = stage.store;
  again.now = stage.now;
  await again.bans.load();
  again.now += 5_000;
  again.clock.advance(5_000);
  assert.deepEqual(again.told, ['-10.0.0.4']);
});

test('who was let in and is banned before it begins is ended as soon as it has', () => {
  const stage = new Stage();
  const { info, stream } = stage.session('a', '10.0.0.1', 'publish', 'demo');
  stage.bans.publishStarted(stream.name, info);
  stage.bans.add({ stream: 'live/demo', action: 'publish' });
  stage.bans.playStarted(stream.name, info);
  stage.clock.runSoon();
  assert.deepEqual(stage.ended, []);
  stage.bans.publishStarted(stream.name, info);
  assert.deepEqual(stage.ended, [], 'not in the middle of beginning');
  stage.clock.runSoon();
  assert.deepEqual(stage.ended.splice(0), ['a BANNED']);
  const viewer = stage.session('b', '10.0.0.2', 'play', 'demo');
  stage.bans.add({ stream: 'live/demo', action: 'play' });
  stage.bans.publishStarted(stream.name, viewer.info);
  stage.clock.runSoon();
  assert.deepEqual(stage.ended.splice(0), ['b BANNED'], 'it publishes what nobody may publish');
  stage.bans.playStarted(stream.name, viewer.info);
  stage.clock.runSoon();
  assert.deepEqual(stage.ended, ['b BANNED']);
});

test('thousands of sessions do not end in one turn', () => {
  const stage = new Stage();
  for (let id = 0; id < 450; id += 1)
    stage.sessions.push(stage.session(String(id), '10.0.0.1', 'play', 'demo'));
  assert.equal(stage.bans.add({ ip: '10.0.0.0/8' }).kicked, 450);
  assert.equal(stage.ended.length, 200);
  stage.clock.runSoon();
  assert.equal(new Set(stage.ended).size, 450);
});

test('a stream is banned in the vhost that serves the name', async () => {
  const stage = new Stage();
  assert.equal(
    stage.bans.add({ stream: 'www.example.com/live/demo' }).ban.stream,
    '__defaultVhost__/live/demo',
  );
  assert.equal(stage.bans.add({ stream: '/own/live/demo' }).ban.stream, 'own/live/demo');
  assert.equal(stage.bans.add({ stream: 'live/demo' }).ban.stream, '__defaultVhost__/live/demo');
  assert.equal(stage.bans.all().length, 2);
  assert.equal(await stage.isRefused('publish', '', 'demo'), true);
});

test('bans outlast a restart; those that are over by then do not', async () => {
  const before = new Stage();
  before.bans.add({ ip: '10.0.0.0/8', action: 'play', seconds: 60, reason: 'a "reason"' });
  before.bans.add({ stream: 'live/demo', seconds: 10 });
  const lifted = before.bans.add({ ip: '10.9.9.9' }).ban;
  before.bans.lift(lifted.id);
  before.bans.add({ ip: '2001:db8::1', stream: 'live/x' });
  await before.bans.close();
  const after = new Stage();
  after.store = before.store;
  after.now += 10_000;
  await after.bans.load();
  assert.deepEqual(
    after.bans
      .all()
      .map(({ range, stream, action, reason, createdMs, expiresMs }) => [
        range?.toString(),
        stream,
        action,
        reason,
        createdMs,
        expiresMs,
      ]),
    [
      ['10.0.0.0/8', undefined, 'play', 'a "reason"', T0, T0 + 60_000],
      ['2001:db8::1', '__defaultVhost__/live/x', 'all', '', T0, undefined],
    ],
  );
  assert.deepEqual(after.logger.lines, []);
});

test('a time in a file that is no whole second is not cut', async () => {
  const stage = new Stage();
  const ban = { ip: '10.0.0.1', created_ms: T0 - 60_000, expires_ms: T0 + 500 };
  stage.store = new MemoryStore(
    JSON.stringify({ version: 1, bans: [ban, { ip: '10.0.0.2', expires_ms: T0 + 1 }] }),
  );
  await stage.bans.load();
  assert.equal(await stage.isRefused('play', '10.0.0.2', 'x'), true);
  stage.now += 499;
  assert.equal(await stage.isRefused('play', '10.0.0.1', 'x'), true);
  stage.now += 1_000;
  assert.equal(await stage.isRefused('play', '10.0.0.1', 'x'), false);
});

const BROKEN: readonly (readonly [text: string, bans: number, told: RegExp])[] = [
  ['', 0, /JSON/],
  ['{"version":1,"bans":[', 0, /JSON/],
  ['null', 0, /no list of bans/],
  ['[]', 0, /no list of bans/],
  ['{"version":2,"bans":[]}', 0, /no list of bans of version 1/],
  ['{"version":1,"bans":{}}', 0, /no list of bans/],
  [
    '{"version":1,"bans":[{"ip":"10.0.0.1"},{"ip":"x"},7]}',
    1,
    /ban 2: .*ip must be.*; ban 3: it is no object/,
  ],
  [
    '{"version":1,"bans":[{"ip":1},{"ip":"1.1.1.1","expires_ms":"x"},{},{},{"stream":"a/b"}]}',
    1,
    /; 1 more\)/,
  ],
  ['{"version":1,"bans":[{"ip":"10.0.0.1","expires_ms":1e300}]}', 0, /expires_ms is no time/],
];

for (const [text, bans, told] of BROKEN)
  test(`a broken file is put aside: ${text}`, async () => {
    const stage = new Stage();
    const store = new MemoryStore(text);
    stage.store = store;
    await stage.bans.load();
    assert.equal(stage.bans.all().length, bans);
    assert.equal(stage.logger.lines.length, 1);
    assert.match(stage.logger.lines[0] ?? '', told);
    assert.match(
      stage.logger.lines[0] ?? '',
      /^error .*bans\.json is broken \(.*\): \d bans of it are in force; the file is bans\.json\.broken now$/,
    );
    assert.equal(store.aside, text);
    const again = new Stage();
    again.store = store;
    await again.bans.load();
    assert.equal(again.bans.all().length, bans);
    assert.deepEqual(again.logger.lines, []);
  });

test('a file that can neither be read nor moved is told of, and stops nothing', async () => {
  const stage = new Stage();
  const store = new MemoryStore('x');
  store.fails = true;
  stage.store = store;
  await stage.bans.load();
  assert.match(stage.logger.lines[0] ?? '', /no right to read.*could not be put aside: .*no right to move/);
  stage.bans.add({ ip: '10.0.0.1' });
  assert.equal(await stage.isRefused('play', '10.0.0.1', 'x'), true);
});

test('without a store bans are in force all the same', async () => {
  const stage = new Stage();
  stage.store = undefined;
  await stage.bans.load();
  stage.bans.add({ ip: '10.0.0.1' });
  stage.bans.reconfigure();
  await stage.bans.close();
  assert.equal(await stage.isRefused('play', '10.0.0.1', 'x'), true);
});

test('another store: its bans are in force too, and it gets all of them', async () => {
  const stage = new Stage();
  await stage.bans.load();
  stage.bans.add({ ip: '10.0.0.1', reason: 'mine' });
  stage.sessions.push(
    stage.session('a', '10.0.0.2', 'play', 'x'),
    stage.session('b', '10.0.0.3', 'play', 'x'),
  );
  const store = new MemoryStore('{"version":1,"bans":[{"ip":"10.0.0.2"}]}', 'other.json');
  stage.store = store;
  stage.bans.reconfigure();
  stage.bans.add({ ip: '10.0.0.9' }); // While the file is read.
  await stage.bans.close();
  assert.deepEqual(
    stage.bans.all().map(({ range }) => range?.toString()),
    ['10.0.0.1', '10.0.0.9', '10.0.0.2'],
  );
  for (const ip of ['10.0.0.1', '10.0.0.2', '10.0.0.9']) assert.ok(store.text?.includes(`"${ip}"`), ip);
  assert.deepEqual(stage.ended, ['a BANNED']);
  store.text = '';
  stage.bans.reconfigure();
  await stage.bans.close();
  assert.equal(store.text, '', 'nothing has changed');
});

test('many bans at once are written once', async () => {
  const stage = new Stage();
  const writes: string[] = [];
  stage.store = {
    place: 'x',
    read: () => Promise.resolve(undefined),
    setAside: () => Promise.resolve(''),
    write: (text) => {
      writes.push(text);
      return Promise.resolve();
    },
  };
  for (let index = 0; index < 100; index += 1) stage.bans.add({ ip: `10.0.0.${index}` });
  await stage.bans.close();
  assert.equal(writes.length, 1);
  assert.match(writes[0] ?? '', /10\.0\.0\.99/);
  stage.bans.add({ ip: '10.0.1.0' });
  await stage.bans.close();
  assert.match(writes[1] ?? '', /10\.0\.1\.0/);
});

test('what is printed is read again; rubbish is read without a throw', () => {
  const wish = fc.record({
    ip: fc.constantFrom('', '10.0.0.1', '10.0.0.0/8', '2001:db8::/32'),
    stream: fc.constantFrom('live/a', 'v/live/b'),
    action: fc.constantFrom('publish', 'play', 'all'),
    seconds: fc.nat(1_000),
    reason: fc.string({ maxLength: 20, unit: fc.constantFrom('a', 'ü', '"', '\\', '😀') }),
  });
  fc.assert(
    fc.property(fc.array(wish, { maxLength: 20 }), (wishes) => {
      const list = new BanList(() => T0);
      for (const one of wishes) list.add(one);
      const again = new BanList(() => T0);
      assert.deepEqual(readBans(printBans(list.all()), again, T0), []);
      assert.deepEqual(again.all(), list.all());
    }),
  );
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      readBans(text, new BanList(() => T0), T0);
    }),
  );
});
