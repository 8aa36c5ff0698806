import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { tracingProblem, wantsTraces } from '../../../../src/control/tracing/index.ts';

const read = (path: string): string => readFileSync(new URL(`../../../../${path}`, import.meta.url), 'utf8');
const URL_OF_COLLECTOR = 'http://127.0.0.1:4318';

for (const [name, env, wanted] of [
  ['nothing is said', {}, false],
  ['a collector', { OTEL_EXPORTER_OTLP_ENDPOINT: URL_OF_COLLECTOR }, true],
  ['a collector of traces', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: URL_OF_COLLECTOR }, true],
  ['a collector that is empty', { OTEL_EXPORTER_OTLP_ENDPOINT: '' }, false],
  ['the exporter by its name', { OTEL_TRACES_EXPORTER: 'console, otlp' }, true],
  [
    'no exporter, and a collector',
    { OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: URL_OF_COLLECTOR },
    false,
  ],
  [
    'all of it off, and a collector',
    { OTEL_SDK_DISABLED: 'TRUE', OTEL_EXPORTER_OTLP_ENDPOINT: URL_OF_COLLECTOR },
    false,
  ],
] as const) {
  test(`traces are ${wanted ? 'on' : 'off'}: ${name}`, () => {
    assert.equal(wantsTraces(env), wanted);
  });
}

test('a protocol that is not spoken is told of, where there are traces', () => {
  const grpc = { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' };
  assert.equal(tracingProblem(grpc), undefined);
  const env = { ...grpc, OTEL_EXPORTER_OTLP_ENDPOINT: URL_OF_COLLECTOR };
  assert.match(tracingProblem(env) ?? '', /"grpc" is not spoken/);
  assert.equal(tracingProblem({ ...env, OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json' }), undefined);
});

test('variables that the server reads are listed, and found from the page of all variables', () => {
  const names = (text: string): string[] => [...new Set(text.match(/\bOTEL_[A-Z_]+[A-Z]\b/g) ?? [])];
  const listed = names(read('docs/metrics.md'));
  const readHere = names(read('src/control/tracing/tracing-options.ts'));
  assert.ok(readHere.length > 5);
  for (const name of readHere) assert.ok(listed.includes(name), name);
  const page = read('docs/environment.md');
  assert.ok(names(page).length > 0 && page.includes('](metrics.md#traces)'));
  for (const name of names(page)) assert.ok(listed.includes(name), name);
});
