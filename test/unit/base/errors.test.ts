import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { describeError, ServerError } from '../../../src/base/errors.ts';

const LONGEST = 4_096;

function errno(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

const CASES = [
  [new ServerError('STREAM_BUSY', 'taken'), 'STREAM_BUSY(1028): taken'],
  [
    new ServerError('LOG_OPEN_FAILED', 'no log', { cause: errno('ENOENT', 'ENOENT: no such file') }),
    'LOG_OPEN_FAILED(1042): no log <- ENOENT: no such file',
  ],
  [errno('ECONNRESET', 'read failed'), 'read failed (ECONNRESET)'],
  [errno('ECONNREFUSED', ''), 'Error (ECONNREFUSED)'],
  [new TypeError(''), 'TypeError'],
  [
    new AggregateError([new Error('a'), errno('EPIPE', 'b'), 'c', 'd', 'e'], 'all failed'),
    'all failed [a; b (EPIPE); c; 2 more]',
  ],
  [new Error('outer', { cause: 'a string' }), 'outer <- a string'],
  [new Error('outer', { cause: null }), 'outer'],
  ['thrown text', 'thrown text'],
  [undefined, 'undefined'],
  [null, 'null'],
  [7n, '7'],
  [{ message: 'like an error' }, 'like an error'],
  [{ a: 1, b: 2n, deep: {} }, '{"a":"1","b":"2"}'],
  [new Error('two\nlines \u001b[31m'), 'two\\x0alines \\x1b[31m'],
] as const;

test('an error is told in one line: code, message, chain of causes, name of the errno', () => {
  for (const [error, want] of CASES) assert.equal(describeError(error), want);
});

test('what cannot be told is bounded: circles, long chains, long texts, trees, hostile values', () => {
  const circle = new Error('a');
  circle.cause = new Error('b', { cause: circle });
  assert.equal(describeError(circle), 'a <- b <- ...');
  let chain = new Error('0');
  for (let i = 1; i < 10_000; i += 1) chain = new Error(String(i), { cause: chain });
  assert.equal(describeError(chain), '9999 <- 9998 <- 9997 <- 9996 <- 9995 <- 9994 <- 9993 <- 9992 <- ...');
  assert.match(describeError(new Error('x'.repeat(1_000_000))), /^x{1000}\.\.\. \(1000000 characters\)$/);
  const self = new AggregateError([], 'self');
  self.errors.push(self, self, self, self);
  assert.ok(describeError(self).length < LONGEST);
  const hostile = {
    get message(): string {
      throw new Error('no');
    },
  };
  assert.equal(describeError(hostile), 'an error that cannot be read');
  assert.equal(describeError(Object.assign(new Error('x'), { message: 5 })), '5');
  const thrower = {
    get: () => {
      throw new Error('no');
    },
  };
  const traps = new Error('x');
  assert.match(traps.stack ?? '', /errors/); // Rendered now: V8 would read the message for it.
  Object.defineProperties(traps, { message: thrower, cause: thrower, stack: thrower });
  assert.equal(
    describeError(new ServerError('INTERNAL', 'y', { cause: traps })),
    'INTERNAL(1099): y <- an error that cannot be read',
  );
});

test('an error of ours has the stack of its root cause in the line, others have none', () => {
  const root = new TypeError('boom');
  const line = describeError(new ServerError('INTERNAL', 'unexpected', { cause: root }));
  assert.match(line, /^INTERNAL\(1099\): unexpected <- boom \| at .*errors\.test\.ts:\d+:\d+\)? at /);
  assert.doesNotMatch(line, /\n/);
  assert.doesNotMatch(describeError(root), / at /);
  const noStack = new Error('x');
  delete noStack.stack;
  assert.equal(describeError(new ServerError('INTERNAL', 'y', { cause: noStack })), 'INTERNAL(1099): y <- x');
});

test('a refused connection is told by its errno', async () => {
  // Port 1 of the loopback; both families of localhost fail, so that Node gives an AggregateError without a message.
  const error = await new Promise<Error>((resolve) =>
    connect({ host: '127.0.0.1', port: 1 }).on('error', resolve),
  );
  assert.match(
    describeError(new ServerError('CONNECT_FAILED', 'no', { cause: error })),
    / <- .*ECONNREFUSED/,
  );
});

test('whatever is thrown, the line is printable, bounded and made without an exception', () => {
  const thing: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
    any: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.anything({ withBigInt: true, withNullPrototype: true, withMap: true, withTypedArray: true }),
      fc.string({ unit: 'binary', maxLength: 2_000 }),
      fc.tuple(fc.string({ unit: 'binary' }), tie('any')).map(([text, cause]) => new Error(text, { cause })),
      fc
        .tuple(fc.string({ unit: 'binary' }), tie('any'))
        .map(([text, cause]) => new ServerError('INTERNAL', text, { cause })),
      fc
        .tuple(fc.string({ unit: 'binary' }), fc.array(tie('any')))
        .map(([text, errors]) => new AggregateError(errors, text)),
    ),
  })).any;
  fc.assert(
    fc.property(thing, (error) => {
      const line = describeError(error);
      assert.ok(line.length < LONGEST, `${line.length}`);
      assert.doesNotMatch(line, /[\p{Cc}\p{Surrogate}\u2028-\u202e\u2066-\u2069]/u);
    }),
    { interruptAfterTimeLimit: 2_000, markInterruptAsFailure: false },
  );
});
