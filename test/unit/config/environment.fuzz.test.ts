import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { environmentVariables } from '../../../src/config/environment.ts';
import { ConfigError, formatProblem, loadEnvironment, parseConfig } from '../../../src/config/index.ts';
import { showConfig } from '../../../src/config/show.ts';

const CAP = { interruptAfterTimeLimit: 2000, markInterruptAsFailure: false, numRuns: 20_000 } as const;

const names = environmentVariables().flatMap(({ name, aliases }) => [name, ...aliases]);
const name = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...names) },
  fc.constantFrom(
    'SRS_',
    'SRS_PORT',
    'SRS___PROTO__',
    'SRS_VHOST',
    'SRS_VHOST_',
    'SRS_CONSTRUCTOR',
    '__proto__',
  ),
  fc
    .string({ unit: fc.constantFrom('A', 'P', '_', '1', '\n', 'é'), maxLength: 8 })
    .map((end) => `SRS_${end}`),
);
const value = fc.oneof(
  fc.constantFrom(
    'on',
    'off',
    '1',
    '0',
    '-1',
    '10s',
    '1e9',
    '50M',
    '[::1]:1 2',
    ':',
    ' ',
    ';',
    '$HOME',
    'a;b;;c',
  ),
  fc.string(),
  fc.string({ unit: 'binary' }),
);
const environment = fc.dictionary(name, value, { maxKeys: 6, noNullPrototype: false });

/** No file, a good one, and one where a directive stands for a block. */
const file = fc.constantFrom(
  undefined,
  'listen 1; vhost a { play { atc on; } } vhost b {}',
  'listen 1; http_api on;',
);

test('any variables are a configuration or errors that name the variable', () => {
  fc.assert(
    fc.property(environment, file, (env, text) => {
      try {
        const loaded = text === undefined ? loadEnvironment(env) : parseConfig(text, 'x', { env });
        assert.ok(loaded.config.listen.length > 0);
        assert.ok(showConfig(loaded).length > 1000);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        assert.ok(error.problems.length > 0);
        for (const problem of error.problems) {
          const text = formatProblem(problem);
          assert.match(text, /^(environment( only| SRS_.*)?|x(:\d+:\d+)?): /);
          assert.doesNotMatch(text, /\p{Cc}/u);
        }
      }
    }),
    CAP,
  );
});
