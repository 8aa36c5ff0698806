import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerError } from '../../../src/base/errors.ts';
import { TimerWheel } from '../../../src/base/timer-wheel.ts';
import { FileAccess, MAX_FILE_QUESTIONS, type StoredAnswer } from '../../../src/hub/file-access.ts';
import type { FileRequest } from '../../../src/hub/file-admission.ts';
import { FileSessions } from '../../../src/hub/file-sessions.ts';
import type { AccessGrant, AccessRequest } from '../../../src/hub/ports.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { MemoryLogger } from '../../support/memory-logger.ts';

const NAME = { vhost: 'v', app: 'live', stream: 'show' };
const FILE = { kind: 'hls', name: NAME } as const;
const REQUEST: FileRequest = {
  host: 'h',
  referer: undefined,
  userAgent: 'ua',
  ip: '10.0.0.1',
  secure: false,
};

function setUp(verdict: (request: AccessRequest) => Promise<AccessGrant | undefined> = byToken) {
  const clock = new ManualClock();
  const logger = new MemoryLogger();
  const asked: AccessRequest[] = [];
  let settled = 0;
  const banned = new Set<string>();
  const policy = {
    check: (request: AccessRequest) => {
      asked.push(request);
      return verdict(request);
    },
    settled: () => void (settled += 1),
  };
  const access = new FileAccess({
    clock,
    logger,
    policy,
    isProtected: () => true,
    urlOf: (kind, { stream }) => `/live/${stream}.${kind}?vhost=v`,
    isBanned: ({ stream }, ip) => banned.has(stream) || banned.has(ip),
  });
  const publishing = (): FileSessions =>
    new FileSessions({
      kind: 'hls',
      name: NAME,
      clock,
      wheel: new TimerWheel(clock),
      logger,
      access: policy,
      rights: access,
      attend: () => () => undefined,
      timeoutMs: () => 10_000,
    });
  const sessions = publishing();
  const judge = (query: string, request: Partial<FileRequest> = {}, name = NAME): Promise<StoredAnswer> =>
    access.judge({ ...FILE, name }, query, { ...REQUEST, ...request });
  return { clock, logger, asked, access, sessions, publishing, banned, judge, settled: () => settled };
}

function byToken({ params }: AccessRequest): Promise<AccessGrant | undefined> {
  if (params.includes('token=good')) return Promise.resolve(undefined);
  return Promise.reject(params === 'odd' ? new Error('broken') : new ServerError('HOOK_REFUSED', 'no'));
}

function contextIn(answer: StoredAnswer): string {
  assert.ok('query' in answer, JSON.stringify(answer));
  return /^hls_ctx=([\w-]+)/.exec(answer.query)?.[1] ?? '';
}
const statusOf = (answer: StoredAnswer): number => ('status' in answer ? answer.status : 200);

test('a question is asked once for a moment, by query, address, token, page and stream; players place themselves without another', async () => {
  const { judge, asked, clock, settled } = setUp();
  const [one, two] = await Promise.all([judge('token=good'), judge('token=good&start=10')]);
  assert.deepEqual([one, asked.length, settled()], [two, 1, 1], 'also those that come together');
  assert.deepEqual(
    [asked[0]?.params, asked[0]?.session.type, asked[0]?.action],
    ['token=good', 'hls-play', 'play'],
  );
  await judge('token=good', { ip: '10.0.0.2' });
  await judge('token=good', { bearer: 'x' });
  await judge('token=good', { referer: 'http://other.example/' });
  await judge('token=good', {}, { ...NAME, stream: 'other' });
  assert.equal(asked.length, 5);
  clock.advance(30_000);
  await judge('token=good');
  assert.equal(asked.length, 6);
});

test('a no holds for less, what failed is tried again', async () => {
  const { judge, asked, clock, logger } = setUp();
  assert.deepEqual([statusOf(await judge('x')), statusOf(await judge('x')), asked.length], [403, 403, 1]);
  clock.advance(3_000);
  await judge('x');
  assert.equal(asked.length, 2);
  assert.deepEqual([statusOf(await judge('odd')), statusOf(await judge('odd')), asked.length], [503, 503, 4]);
  assert.ok(!logger.lines.some((line) => line.startsWith('warn')), 'anybody can ask for anything');
});

test('what a playlist from the disk names is given out by its id, while it is used', async () => {
  const { judge, asked, clock } = setUp();
  const first = await judge('token=good&vhost=v');
  assert.ok('query' in first && first.query.endsWith('&vhost=v'));
  const context = contextIn(first);
  for (let minute = 0; minute < 30; minute += 9) {
    assert.equal(statusOf(await judge(`hls_ctx=${context}`)), 200);
    clock.advance(9 * 60_000);
  }
  assert.equal(asked.length, 1);
  assert.equal(statusOf(await judge(`hls_ctx=${context}`, {}, { ...NAME, stream: 'other' })), 403);
  assert.equal(statusOf(await judge('hls_ctx=a"b&vhost=a"b')), 403, 'what could be no id is none');
  clock.advance(10 * 60_000);
  assert.equal(statusOf(await judge(`hls_ctx=${context}`)), 403);
});

test('viewers of now, kicked ones, and those whose stream is over', async () => {
  const { judge, sessions, asked } = setUp();
  const begun = await sessions.begin(undefined, REQUEST, 'token=good');
  const other = await sessions.begin(undefined, REQUEST, 'token=good');
  assert.ok(begun !== undefined && 'context' in begun && other !== undefined && 'context' in other);
  assert.equal(statusOf(await judge(`hls_ctx=${begun.context}`)), 200);
  begun.close(new ServerError('SESSION_KICKED', 'kicked'));
  assert.equal(begun.endReason?.code, 'SESSION_KICKED');
  assert.equal(statusOf(await judge(`hls_ctx=${begun.context}`)), 403);
  const before = asked.length;
  sessions.close();
  assert.equal(statusOf(await judge(`hls_ctx=${other.context}`)), 200);
  assert.equal(asked.length, before);
  assert.equal(
    statusOf(await judge(`hls_ctx=${begun.context}`)),
    403,
    'who was kicked is not remembered as a viewer',
  );
  assert.deepEqual([other.hasEnded(), other.endReason], [true, undefined]);
});

test('an id of before is good for a moment once the stream is published again, and is not made longer', async () => {
  const { judge, sessions, publishing, clock } = setUp();
  const begun = await sessions.begin(undefined, REQUEST, 'token=good');
  assert.ok(begun !== undefined && 'context' in begun);
  const query = `hls_ctx=${begun.context}`;
  clock.advance(5_000);
  sessions.streamEnded(begun);
  sessions.close();
  clock.advance(60_000);
  assert.equal(statusOf(await judge(query)), 200);
  const next = publishing();
  // Files on the disk, and those that the output has: one id, one answer.
  const answers = async (): Promise<unknown[]> => {
    const admitted = next.admit(query);
    return [
      statusOf(await judge(query)),
      admitted === undefined ? 200 : (admitted as { status: number }).status,
    ];
  };
  assert.deepEqual(await answers(), [200, 200]);
  clock.advance(119_000);
  assert.deepEqual(await answers(), [200, 200]);
  clock.advance(1_000);
  assert.deepEqual(await answers(), [403, 403], 'whoever watches now has an id of now');
  const now = await next.begin(undefined, REQUEST, 'token=good');
  assert.ok(now !== undefined && 'context' in now);
  clock.advance(5_000);
  next.streamEnded(now);
  clock.advance(5 * 60_000);
  assert.equal(statusOf(await judge(`hls_ctx=${now.context}`)), 200, 'its own end cuts nobody off');
});

test('who is banned gets nothing, whatever was answered before', async () => {
  const { judge, banned, asked } = setUp();
  const context = contextIn(await judge('token=good'));
  for (const who of ['show', REQUEST.ip]) {
    banned.add(who);
    for (const query of ['token=good', `hls_ctx=${context}`])
      assert.deepEqual(await judge(query), { status: 403, text: 'forbidden: BANNED' });
    banned.delete(who);
  }
  assert.equal(asked.length, 1);
  assert.equal(statusOf(await judge(`hls_ctx=${context}`)), 200);
});

test('a granted time ends what was given for it', async () => {
  const { judge, clock } = setUp(() => Promise.resolve({ durationMs: 5_000 }));
  const context = contextIn(await judge('x'));
  clock.advance(4_999);
  assert.equal(statusOf(await judge(`hls_ctx=${context}`)), 200);
  clock.advance(1);
  const again = contextIn(await judge(`hls_ctx=${context}`));
  assert.notEqual(again, context, 'the policy was asked again');
});

test('another name is a redirect: to a session where it is live, to what is left where it is not', async () => {
  const grant = (stream: string) => ({ stream, isKey: true });
  const { judge, sessions } = setUp(({ stream }) =>
    Promise.resolve(stream === 'key' ? grant('show') : grant('old')),
  );
  const live = await judge('token=secret', {}, { ...NAME, stream: 'key' });
  assert.ok('status' in live);
  assert.match(
    live.location ?? '',
    /^\/live\/show\.hls\?vhost=v&hls_ctx=[\w-]+$/,
    'nothing of what came with the key',
  );
  assert.equal(sessions.size, 1);
  const left = await judge('x', {}, { ...NAME, stream: 'key2' });
  assert.ok('status' in left);
  const context = /hls_ctx=([\w-]+)/.exec(left.location ?? '')?.[1];
  assert.equal(statusOf(await judge(`hls_ctx=${context}`, {}, { ...NAME, stream: 'old' })), 200);
});

test('questions that wait are bounded', async () => {
  const waiting: (() => void)[] = [];
  const { judge } = setUp(() => new Promise((resolve) => waiting.push(() => resolve(undefined))));
  const all = Array.from({ length: MAX_FILE_QUESTIONS }, (_, at) => judge(`a=${at}`));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(statusOf(await judge('one=more')), 503);
  for (const answer of waiting) answer();
  assert.ok((await Promise.all(all)).every((answer) => statusOf(answer) === 200));
  const later = judge('one=more');
  await new Promise((resolve) => setImmediate(resolve));
  waiting.at(-1)?.();
  assert.equal(statusOf(await later), 200);
});

test('a session that carries more than it was granted ends; what a player fetches at first is not judged', async () => {
  const { sessions, clock } = setUp(() => Promise.resolve({ maxKbps: 100 }));
  const session = await sessions.begin(undefined, REQUEST, '');
  assert.ok(session !== undefined && 'context' in session);
  session.sent(10_000_000);
  const pass = (bytes: number): void => {
    for (let second = 0; second < 30; second += 1) {
      session.sent(bytes / 30);
      clock.advance(1_000);
      sessions.find(session.context);
    }
  };
  pass(0);
  pass((99 * 30_000) / 8);
  assert.equal(session.hasEnded(), false);
  pass((120 * 30_000) / 8);
  pass(0);
  assert.equal(session.hasEnded(), true);
  assert.equal(session.endReason?.code, 'BITRATE_EXCEEDED');
  assert.equal(sessions.find(session.context), 'revoked');
});
