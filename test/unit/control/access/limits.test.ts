import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ClientLimits, type LimitOptions } from '../../../../src/control/access/index.ts';
import { streamKey, type SessionInfo, type StreamName } from '../../../../src/hub/ports.ts';

const NONE: LimitOptions = {
  maxClients: 0,
  maxPublishers: 0,
  maxViewers: 0,
  maxStreams: 0,
  maxClientsPerIp: 0,
  maxViewersPerStream: 0,
};

function session(id: string, ip = '10.0.0.1'): SessionInfo {
  return { id, ip, type: 'test', close: () => undefined };
}

function name(stream: string, vhost = 'v'): StreamName {
  return { vhost, app: 'live', stream };
}

type Action = 'publish' | 'play';

/** A vhost with limits, and clients who come and go. */
class Stage {
  limits: LimitOptions | undefined;
  readonly counted = new ClientLimits({ options: () => this.limits });

  constructor(limits: Partial<LimitOptions>) {
    this.limits = { ...NONE, ...limits };
  }

  ask(who: SessionInfo, action: Action, wanted: StreamName): Promise<string> {
    return this.counted.check({ action, session: who, ...wanted, params: '' }).then(
      () => 'yes',
      (error: unknown) => {
        const { code, message } = error as { code: string; message: string };
        assert.equal(code, 'LIMIT_EXCEEDED');
        return message;
      },
    );
  }

  begin(who: SessionInfo, action: Action, wanted: StreamName): void {
    if (action === 'publish') this.counted.publishStarted(wanted, who);
    else this.counted.playStarted(wanted, who);
  }

  end(who: SessionInfo, action: Action, wanted: StreamName): void {
    if (action === 'publish') this.counted.publishEnded(wanted, who);
    else this.counted.playEnded(wanted, who);
  }

  /** Comes in as an endpoint does it. */
  async come(id: string, action: Action, stream: string, ip?: string, vhost?: string): Promise<string> {
    const who = session(id, ip);
    const answer = await this.ask(who, action, name(stream, vhost));
    if (answer === 'yes') this.begin(who, action, name(stream, vhost));
    this.counted.settled(who);
    return answer;
  }
}

const CASES: readonly {
  readonly limits: Partial<LimitOptions>;
  readonly inside: readonly (readonly [Action, string, string?, string?])[];
  readonly refused: readonly (readonly [Action, string, string?, string?])[];
  readonly why: string;
  readonly others?: readonly (readonly [Action, string, string?, string?])[];
}[] = [
  {
    limits: { maxClients: 2 },
    inside: [
      ['publish', 'a'],
      ['play', 'a'],
    ],
    refused: [
      ['play', 'a', '10.0.0.2'],
      ['publish', 'b'],
    ],
    why: 'max_clients 2 of v is reached',
    others: [['play', 'a', '10.0.0.1', 'w']],
  },
  {
    limits: { maxPublishers: 1 },
    inside: [['publish', 'a']],
    refused: [['publish', 'b']],
    why: 'max_publishers 1 of v is reached',
    others: [
      ['play', 'b'],
      ['publish', 'b', '10.0.0.1', 'w'],
    ],
  },
  {
    limits: { maxViewers: 1 },
    inside: [['play', 'a']],
    refused: [['play', 'b']],
    why: 'max_viewers 1 of v is reached',
    others: [['publish', 'b']],
  },
  {
    limits: { maxStreams: 2 },
    inside: [
      ['publish', 'a'],
      ['play', 'b'],
    ],
    refused: [
      ['play', 'c'],
      ['publish', 'd'],
    ],
    why: 'max_streams 2 of v is reached',
    others: [
      ['play', 'a'],
      ['publish', 'b'],
    ],
  },
  {
    limits: { maxClientsPerIp: 1 },
    inside: [
      ['play', 'a', '10.0.0.1'],
      ['play', 'a', '2001:db8:0:1::1'],
    ],
    refused: [
      ['publish', 'b', '10.0.0.1'],
      ['play', 'a', '2001:db8:0:1:ffff::2'],
    ],
    why: 'max_clients_per_ip 1 of v is reached by',
    others: [
      ['play', 'a', '10.0.0.2'],
      ['play', 'a', '2001:db8:0:2::1'],
    ],
  },
  {
    limits: { maxViewersPerStream: 1 },
    inside: [
      ['play', 'a'],
      ['publish', 'a'],
    ],
    refused: [['play', 'a', '10.0.0.9']],
    why: 'max_viewers_per_stream 1 of v is reached',
    others: [['play', 'b']],
  },
];

for (const { limits, inside, refused, why, others = [] } of CASES)
  test(`${JSON.stringify(limits)}: who is in has a place until it goes`, async () => {
    const stage = new Stage(limits);
    let ids = 0;
    for (const [action, stream, ip, vhost] of inside)
      assert.equal(await stage.come(`in${(ids += 1)}`, action, stream, ip, vhost), 'yes');
    for (const [action, stream, ip, vhost] of refused)
      assert.ok((await stage.come(`out${(ids += 1)}`, action, stream, ip, vhost)).startsWith(why), why);
    for (const [action, stream, ip, vhost] of others) {
      const other = session(`other${(ids += 1)}`, ip);
      assert.equal(await stage.ask(other, action, name(stream, vhost)), 'yes');
      stage.counted.settled(other);
    }
    assert.equal(stage.counted.size, inside.length);
    // The first leaves and another one has its place.
    const [first, ...rest] = inside;
    const [action, stream, ip] = refused[0] ?? ['play', 'a'];
    stage.end(session('in1'), first?.[0] ?? 'play', name(first?.[1] ?? ''));
    assert.equal(await stage.come('next', action, stream, ip), 'yes');
    const [late, of, from] = refused.at(-1) ?? ['play', 'a'];
    assert.notEqual(await stage.come('late', late, of, from), 'yes');
    stage.end(session('next', ip), action, name(stream));
    rest.forEach(([was, there], index) => stage.end(session(`in${index + 2}`), was, name(there)));
    assert.equal(stage.counted.size, 0);
  });

test('who was granted a place and has not begun has it, until it is settled', async () => {
  const stage = new Stage({ maxClients: 1 });
  const [one, two] = [session('one'), session('two')];
  assert.equal(await stage.ask(one, 'play', name('a')), 'yes');
  assert.notEqual(await stage.ask(two, 'play', name('a')), 'yes');
  stage.counted.settled(two);
  assert.equal(stage.counted.size, 1, 'who was refused gives nothing back');
  stage.counted.settled(one);
  stage.counted.settled(one);
  assert.equal(await stage.ask(two, 'play', name('a')), 'yes');
});

test('asked again, as behind a policy that renames its stream, its place moves', async () => {
  const stage = new Stage({ maxViewersPerStream: 1, maxClients: 2 });
  const [one, two] = [session('one'), session('two')];
  assert.equal(await stage.ask(one, 'play', name('key-1')), 'yes');
  assert.equal(await stage.ask(one, 'play', name('show')), 'yes');
  assert.equal(stage.counted.size, 1);
  assert.equal(await stage.ask(two, 'play', name('key-1')), 'yes');
  assert.match(await stage.ask(two, 'play', name('show')), /max_viewers_per_stream/);
  assert.equal(stage.counted.size, 1);
  // Also when nobody asked about the name that it got.
  stage.begin(one, 'play', name('other'));
  stage.counted.settled(one);
  assert.equal(await stage.ask(two, 'play', name('show')), 'yes');
  stage.end(one, 'play', name('other'));
  assert.equal(stage.counted.size, 1);
});

test('a publisher who also plays is counted for both, and each ends once', async () => {
  const stage = new Stage({ maxClients: 2 });
  await stage.come('both', 'publish', 'a');
  await stage.come('both', 'play', 'b');
  assert.equal(stage.counted.size, 2);
  for (let time = 0; time < 2; time += 1) stage.end(session('both'), 'play', name('b'));
  assert.equal(stage.counted.size, 1);
  assert.equal(await stage.come('more', 'play', 'b'), 'yes');
});

test('who was never asked about counts, and is not refused; a connection alone does not count', async () => {
  const stage = new Stage({ maxClients: 1 });
  stage.begin(session('ingest'), 'publish', name('a'));
  assert.match(await stage.come('x', 'play', 'a'), /max_clients/);
  const connect = { action: 'connect', session: session('c'), ...name(''), params: '' } as const;
  await stage.counted.check(connect);
  assert.equal(stage.counted.size, 1);
  stage.limits = undefined; // The vhost is gone.
  assert.equal(await stage.come('y', 'play', 'a'), 'yes');
});

test('a limit that a reload lowers holds for who comes; who is in stays', async () => {
  const stage = new Stage({});
  for (const id of ['1', '2', '3']) assert.equal(await stage.come(id, 'play', 'a'), 'yes');
  stage.limits = { ...NONE, maxViewers: 3 };
  assert.match(await stage.come('4', 'play', 'a'), /max_viewers 3/);
  stage.end(session('1'), 'play', name('a'));
  assert.equal(await stage.come('5', 'play', 'a'), 'yes');
});

interface Event {
  readonly what: 'ask' | 'begin' | 'settle' | 'end';
  readonly id: number;
  readonly action: Action;
  readonly stream: string;
  readonly ip: string;
}

test('whatever happens in whatever order, the places are those of a list of names', async () => {
  const event: fc.Arbitrary<Event> = fc.record({
    what: fc.constantFrom('ask', 'begin', 'settle', 'end'),
    id: fc.nat(4),
    action: fc.constantFrom('publish', 'play'),
    stream: fc.constantFrom('a', 'b', 'c'),
    ip: fc.constantFrom('10.0.0.1', '10.0.0.2'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 60 }), async (events) => {
      const limits = {
        maxClients: 5,
        maxPublishers: 2,
        maxStreams: 2,
        maxClientsPerIp: 3,
        maxViewersPerStream: 2,
      };
      const stage = new Stage(limits);
      const granted = new Map<number, Event>();
      const begun = new Map<string, Event>();
      for (const one of events) {
        const { what, id, action, stream, ip } = one;
        const who = session(String(id), ip);
        const key = `${id} ${action} ${streamKey(name(stream))}`;
        if (what === 'ask') {
          granted.delete(id);
          const all = [...granted.values(), ...begun.values()];
          const count = (fits: (other: Event) => boolean): number => all.filter(fits).length;
          const fits =
            all.length < 5 &&
            (action === 'play' || count((other) => other.action === 'publish') < 2) &&
            (all.some((other) => other.stream === stream) ||
              new Set(all.map((other) => other.stream)).size < 2) &&
            count((other) => other.ip === ip) < 3 &&
            (action === 'publish' ||
              count((other) => other.action === 'play' && other.stream === stream) < 2);
          assert.equal((await stage.ask(who, action, name(stream))) === 'yes', fits);
          if (fits) granted.set(id, one);
        } else if (what === 'settle') {
          granted.delete(id);
          stage.counted.settled(who);
        } else if (what === 'begin') {
          granted.delete(id);
          if (!begun.has(key)) begun.set(key, one);
          stage.begin(who, action, name(stream));
        } else {
          begun.delete(key);
          stage.end(who, action, name(stream));
        }
        assert.equal(stage.counted.size, granted.size + begun.size);
      }
    }),
    { numRuns: 500, interruptAfterTimeLimit: 2_000, markInterruptAsFailure: false },
  );
});
