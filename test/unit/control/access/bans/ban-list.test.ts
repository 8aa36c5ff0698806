import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BanList, MAX_BANS } from '../../../../../src/control/access/bans/ban-list.ts';
import type { BanWish } from '../../../../../src/control/access/bans/ban.ts';
import type { AccessAction } from '../../../../../src/hub/ports.ts';
import { ipBytes, IpRange } from '../../../../../src/net/index.ts';

const T0 = 1_700_000_000_000;
const name = { vhost: '__defaultVhost__', app: 'live', stream: 'demo' };

function listOf(...wishes: readonly BanWish[]): BanList {
  const list = new BanList(() => T0);
  for (const wish of wishes) list.add(wish);
  return list;
}

/** `publish 10.0.0.1 demo`; a dash = no stream. */
function isBanned(list: BanList, question: string): boolean {
  const [action = '', ip = '', stream = ''] = question.split(' ');
  const asked = stream === '-' ? undefined : { ...name, stream };
  return list.find({ action: action as AccessAction, ip, name: asked }) !== undefined;
}

const CASES: readonly {
  readonly ban: BanWish;
  readonly banned: readonly string[];
  readonly free: readonly string[];
}[] = [
  {
    ban: { ip: '10.0.0.1' },
    banned: ['connect 10.0.0.1 -', 'publish 10.0.0.1 demo', 'play ::ffff:10.0.0.1 other'],
    free: ['connect 10.0.0.2 -', 'play 10.0.0.2 demo', 'play  demo', 'play unknown demo'],
  },
  {
    ban: { ip: '10.0.0.0/8', action: 'publish' },
    banned: ['publish 10.200.0.1 demo'],
    free: ['connect 10.0.0.1 -', 'play 10.0.0.1 demo', 'publish 11.0.0.1 demo'],
  },
  {
    ban: { ip: '2001:db8::/32', action: 'play' },
    banned: ['play 2001:db8:1::5 demo'],
    free: ['publish 2001:db8:1::5 demo', 'play 2001:db9::5 demo'],
  },
  {
    ban: { stream: 'live/demo', action: 'publish' },
    banned: ['publish 10.0.0.1 demo', 'publish  demo'],
    free: ['play 10.0.0.1 demo', 'publish 10.0.0.1 demo2', 'connect 10.0.0.1 -'],
  },
  {
    ban: { stream: '/__defaultVhost__/live/demo' },
    banned: ['publish 10.0.0.1 demo', 'play 10.0.0.1 demo'],
    free: ['connect 10.0.0.1 -', 'play 10.0.0.1 other'],
  },
  { ban: { stream: 'v/live/demo' }, banned: [], free: ['publish 10.0.0.1 demo'] },
  {
    ban: { ip: '10.0.0.1', stream: 'live/demo' },
    banned: ['publish 10.0.0.1 demo', 'play 10.0.0.1 demo'],
    free: ['connect 10.0.0.1 -', 'play 10.0.0.1 other', 'play 10.0.0.2 demo'],
  },
];

for (const { ban, banned, free } of CASES)
  test(`ban ${JSON.stringify(ban)}`, () => {
    const list = listOf(ban);
    assert.deepEqual(
      banned.filter((question) => !isBanned(list, question)),
      [],
    );
    assert.deepEqual(
      free.filter((question) => isBanned(list, question)),
      [],
    );
    const [made] = list.all();
    assert.ok(list.lift(made?.id ?? ''));
    assert.deepEqual(
      banned.filter((question) => isBanned(list, question)),
      [],
    );
    assert.equal(list.lift(made?.id ?? ''), undefined);
    assert.deepEqual(list.all(), []);
  });

const INVALID: readonly BanWish[] = [
  {},
  { ip: '', stream: '' },
  { ip: 'all' },
  { ip: '10.0.0.0/33' },
  { ip: '10.0.0.1', action: 'connect' },
  { ip: '10.0.0.1', action: '' },
  { stream: 'demo' },
  { stream: 'live//demo' },
  { stream: 'live/' },
  { stream: 'live/de\nmo' },
  { stream: `live/${'x'.repeat(2_000)}` },
  { ip: '10.0.0.1', seconds: -1 },
  { ip: '10.0.0.1', seconds: 1.5 },
  { ip: '10.0.0.1', seconds: Number.NaN },
  { ip: '10.0.0.1', seconds: 1e10 },
  { ip: '10.0.0.1', reason: 'x'.repeat(257) },
  { ip: '10.0.0.1', reason: 'two\nlines' },
];

for (const wish of INVALID)
  test(`no ban: ${JSON.stringify(wish).slice(0, 60)}`, () => {
    const list = listOf();
    assert.throws(() => list.add(wish), { code: 'BAN_INVALID' });
    assert.deepEqual(list.all(), []);
  });

test('a ban is over when its time is, to the millisecond, and is forgotten', () => {
  let now = T0;
  const list = new BanList(() => now);
  const { id, expiresMs } = list.add({ ip: '10.0.0.1', seconds: 60 });
  list.add({ stream: 'live/demo', seconds: 0 });
  assert.equal(expiresMs, T0 + 60_000);
  now += 59_999;
  assert.ok(isBanned(list, 'play 10.0.0.1 x'));
  now += 1;
  assert.equal(isBanned(list, 'play 10.0.0.1 x'), false);
  assert.equal(list.get(id), undefined);
  assert.equal(list.lift(id), undefined);
  assert.deepEqual(
    list.all().map(({ stream }) => stream),
    ['__defaultVhost__/live/demo'],
  );
  now += 1e12;
  assert.ok(isBanned(list, 'play 10.0.0.1 demo'), 'without a time it is for ever');
});

test('the same ban again takes the place of the first, longer or shorter', () => {
  let now = T0;
  const list = new BanList(() => now);
  const first = list.add({ ip: '10.0.0.1', seconds: 60, reason: 'a' });
  now += 1_000;
  const second = list.add({ ip: '::ffff:10.0.0.1/128', seconds: 5, reason: 'b' });
  assert.equal(second.id, first.id);
  assert.deepEqual(list.all(), [second]);
  assert.notEqual(list.add({ ip: '10.0.0.1', action: 'play' }).id, first.id);
  now += 5_000;
  assert.equal(isBanned(list, 'publish 10.0.0.1 x'), false);
  assert.equal(isBanned(list, 'play 10.0.0.1 x'), true);
});

test('there are so many bans and no more, unless some are over', () => {
  let now = T0;
  const list = new BanList(() => now);
  for (let index = 0; index < MAX_BANS; index += 1)
    list.add({ stream: `live/s${index}`, seconds: index === 7 ? 1 : 0 });
  assert.throws(() => list.add({ ip: '10.0.0.1' }), { code: 'BANS_FULL' });
  list.add({ stream: 'live/s3', reason: 'again' });
  now += 1_000;
  assert.deepEqual(
    list.purge().map(({ stream }) => stream),
    ['__defaultVhost__/live/s7'],
  );
  list.add({ ip: '10.0.0.1' });
  assert.equal(list.all().length, MAX_BANS);
});

test('many ranges find the same bans as a look at each of them', () => {
  const v4 = fc
    .tuple(fc.constantFrom(10, 11), fc.nat(3), fc.nat(3), fc.nat(3))
    .map((bytes) => bytes.join('.'));
  const v6 = fc.tuple(fc.nat(3), fc.nat(3)).map(([a, b]) => `2001:db8:${a}::${b}`);
  const ip = fc.oneof(v4, v6);
  const range = fc.oneof(
    ip,
    fc.tuple(v4, fc.nat(32)).map(([address, bits]) => `${address}/${bits}`),
    fc.tuple(v6, fc.nat(128)).map(([address, bits]) => `${address}/${bits}`),
  );
  fc.assert(
    fc.property(fc.array(range, { maxLength: 30 }), fc.array(fc.nat(29)), ip, (ranges, lifted, address) => {
      const list = listOf();
      const bans = ranges.map((text) => list.add({ ip: text }));
      const gone = new Set(lifted.flatMap((index) => bans[index]?.id ?? []));
      for (const id of gone) list.lift(id);
      const expected = bans.some(
        ({ id }, index) =>
          !gone.has(id) && IpRange.parse(ranges[index] ?? '')?.contains(ipBytes(address) ?? []) === true,
      );
      assert.equal(isBanned(list, `play ${address} x`), expected);
    }),
  );
});
