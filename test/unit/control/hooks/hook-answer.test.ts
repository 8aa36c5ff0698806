import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readAnswer } from '../../../../src/control/hooks/hook-answer.ts';

const CASES: readonly (readonly [status: number, body: string, kind: string, code?: number])[] = [
  [200, '0', 'accepted'],
  [201, '0', 'accepted'],
  [200, ' 0\n', 'accepted'],
  [200, '{"code":0}', 'accepted'],
  [200, '{"code":0,"msg":"fine","data":{"code":1}}', 'accepted'],
  [200, '1', 'refused', 1],
  [200, '-1', 'refused', -1],
  [200, '{"code":403}', 'refused', 403],
  [200, '', 'invalid'],
  [200, 'OK', 'invalid'],
  [200, '00', 'invalid'],
  [200, '"0"', 'invalid'],
  [200, 'null', 'invalid'],
  [200, 'false', 'invalid'],
  [200, '[]', 'invalid'],
  [200, '{}', 'invalid'],
  [200, '{"code":"0"}', 'invalid'],
  [200, '{"code":null}', 'invalid'],
  [200, '{"code":false}', 'invalid'],
  [200, '0.5', 'invalid'],
  [200, '{"code":0', 'invalid'],
  [200, '<html>0</html>', 'invalid'],
  [202, '0', 'invalid'],
  [204, '', 'invalid'],
  [301, '0', 'invalid'],
  [302, '0', 'invalid'],
  [400, '0', 'invalid'],
  [401, '0', 'invalid'],
  [404, '0', 'invalid'],
  [408, '0', 'failed'],
  [429, '0', 'failed'],
  [500, '0', 'failed'],
  [502, '', 'failed'],
  [503, '1', 'failed'],
];

for (const [status, body, kind, code] of CASES) {
  test(`status ${status} with ${JSON.stringify(body)} is ${kind}`, () => {
    const verdict = readAnswer(status, Buffer.from(body));
    assert.equal(verdict.kind, kind);
    if (verdict.kind === 'refused') assert.equal(verdict.code, code);
  });
}

test('nothing but a 0 is a yes, whatever comes', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => Buffer.from(text)),
      ),
      (bytes) => {
        const verdict = readAnswer(200, Buffer.from(bytes));
        if (verdict.kind !== 'accepted') return;
        const value: unknown = JSON.parse(Buffer.from(bytes).toString());
        const code = typeof value === 'object' ? (value as { code: unknown }).code : value;
        assert.ok(code === 0, String(code));
      },
    ),
  );
});
