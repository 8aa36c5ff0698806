import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readAnswer } from '../../../../src/control/hooks/hook-answer.ts';
import type { AccessGrant } from '../../../../src/hub/ports.ts';

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
    const verdict = readAnswer(status, Buffer.from(body), 'on_publish');
    assert.equal(verdict.kind, kind);
    if (verdict.kind === 'refused') assert.equal(verdict.code, code);
  });
}

const GRANTS: readonly (readonly [data: string, want: AccessGrant | 'invalid' | undefined])[] = [
  ['{"stream":"public"}', { stream: 'public', isKey: true }],
  ['{"stream":"a/b"}', { stream: 'a/b', isKey: true }],
  ['{"redirect":"rtmp://other:1936/live/show"}', { redirect: 'rtmp://other:1936/live/show' }],
  ['{"redirect":"https://other/live/show.flv?a=b"}', { redirect: 'https://other/live/show.flv?a=b' }],
  ['{"duration":3600}', { durationMs: 3_600_000 }],
  ['{"duration":0.5}', { durationMs: 500 }],
  ['{"duration":1e306}', { durationMs: Number.MAX_SAFE_INTEGER }],
  ['{"max_kbps":4000}', { maxKbps: 4_000 }],
  [
    '{"stream":"s","duration":1,"max_kbps":2,"more":{"deep":[]}}',
    { stream: 's', isKey: true, durationMs: 1_000, maxKbps: 2 },
  ],
  ['{}', undefined],
  ['null', undefined],
  ['[]', undefined],
  ['"stream"', undefined],
  ['7', undefined],
  ['{"Stream":"x","code":1}', undefined],
  ['{"stream":null,"redirect":null,"duration":null,"max_kbps":null}', undefined],
  ['{"stream":""}', 'invalid'],
  ['{"stream":5}', 'invalid'],
  ['{"stream":["x"]}', 'invalid'],
  ['{"stream":"../x"}', 'invalid'],
  ['{"stream":"a//b"}', 'invalid'],
  ['{"stream":"a\\\\b"}', 'invalid'],
  ['{"stream":"a\\nb"}', 'invalid'],
  ['{"stream":"a?token=b"}', 'invalid'],
  [`{"stream":"${'x'.repeat(513)}"}`, 'invalid'],
  ['{"redirect":""}', 'invalid'],
  ['{"redirect":true}', 'invalid'],
  ['{"redirect":"other/live"}', 'invalid'],
  ['{"redirect":"javascript:alert(1)"}', 'invalid'],
  ['{"redirect":"file:///etc/passwd"}', 'invalid'],
  ['{"redirect":"http://a/b\\r\\nSet-Cookie: x"}', 'invalid'],
  [`{"redirect":"http://a/${'x'.repeat(2_048)}"}`, 'invalid'],
  ['{"duration":0}', 'invalid'],
  ['{"duration":-1}', 'invalid'],
  ['{"duration":"60"}', 'invalid'],
  ['{"duration":1e999}', 'invalid'],
  ['{"max_kbps":0}', 'invalid'],
  ['{"max_kbps":false}', 'invalid'],
  ['{"stream":"fine","max_kbps":"4000"}', 'invalid'],
];

for (const [data, want] of GRANTS) {
  test(`a yes with data ${data.slice(0, 70)}`, () => {
    const body = Buffer.from(`{"code":0,"data":${data}}`);
    for (const event of ['on_publish', 'on_play'] as const) {
      const verdict = readAnswer(200, body, event);
      if (want === 'invalid') assert.equal(verdict.kind, 'invalid');
      else
        assert.deepEqual(
          verdict,
          want === undefined ? { kind: 'accepted' } : { kind: 'accepted', grant: want },
        );
    }
    for (const event of ['on_unpublish', 'on_stop', 'on_dvr', 'on_hls', 'on_close'] as const) {
      assert.deepEqual(readAnswer(200, body, event), { kind: 'accepted' }, event);
    }
  });
}

test('of an answer to on_connect only the redirect counts', () => {
  const read = (data: string) => readAnswer(200, Buffer.from(`{"code":0,"data":${data}}`), 'on_connect');
  assert.deepEqual(read('{"stream":"x","duration":1,"max_kbps":1}'), { kind: 'accepted' });
  assert.deepEqual(read('{"stream":5}'), { kind: 'accepted' });
  const redirect = 'rtmp://other/live';
  assert.deepEqual(read(`{"stream":"x","redirect":"${redirect}"}`), {
    kind: 'accepted',
    grant: { redirect },
  });
  assert.equal(read('{"redirect":1}').kind, 'invalid');
});

test('data of a no, and of a plain number, means nothing', () => {
  const no = readAnswer(200, Buffer.from('{"code":5,"data":{"stream":7}}'), 'on_publish');
  assert.deepEqual(no, { kind: 'refused', code: 5 });
});

test('property: whatever comes as data, a grant is what it is taken for', () => {
  const text = fc.oneof(fc.string(), fc.webUrl(), fc.constantFrom('a', '..', 'rtmp://a/b', 'a/../b'));
  const data = fc.record(
    {
      stream: fc.oneof(text, fc.jsonValue()),
      redirect: fc.oneof(text, fc.jsonValue()),
      duration: fc.oneof(fc.double(), fc.jsonValue()),
      max_kbps: fc.oneof(fc.double(), fc.jsonValue()),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(data, (value) => {
      const verdict = readAnswer(200, Buffer.from(JSON.stringify({ code: 0, data: value })), 'on_play');
      if (verdict.kind !== 'accepted') return;
      const { stream, redirect, durationMs, maxKbps } = verdict.grant ?? {};
      if (stream !== undefined) {
        assert.doesNotMatch(stream, /[\x00-\x20\x7f-\x9f\\?&,]|(^|\/)\.{0,2}(\/|$)/);
        assert.equal(verdict.grant?.isKey, true);
      }
      if (redirect !== undefined) assert.match(redirect, /^(rtmps?|https?|wss?):\/\/[!-~]+$/i);
      for (const limit of [durationMs, maxKbps])
        if (limit !== undefined) assert.ok(limit > 0 && limit < Infinity);
    }),
  );
});

test('nothing but a 0 is a yes, whatever comes', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => Buffer.from(text)),
      ),
      (bytes) => {
        const verdict = readAnswer(200, Buffer.from(bytes), 'on_publish');
        if (verdict.kind !== 'accepted') return;
        const value: unknown = JSON.parse(Buffer.from(bytes).toString());
        const code = typeof value === 'object' ? (value as { code: unknown }).code : value;
        assert.ok(code === 0, String(code));
      },
    ),
  );
});
