import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { notifyUrl, urlFromRoot } from '../../../../src/control/hooks/hook-bodies.ts';
import type { SegmentDone } from '../../../../src/hub/output-events.ts';

function segment(fields: Partial<SegmentDone> = {}): SegmentDone {
  return {
    name: { vhost: 'v', app: 'live', stream: 'demo' },
    session: undefined,
    file: '/www/live/demo-1.ts',
    url: 'demo-1.ts',
    playlist: '/www/live/demo.m3u8',
    playlistUrl: 'live/demo.m3u8',
    sequence: 1,
    durationMs: 1_000,
    ...fields,
  };
}

const client = (param: string): Parameters<typeof notifyUrl>[2] => ({
  id: '1',
  ip: '10.0.0.1',
  tcUrl: '',
  pageUrl: '',
  param,
});

for (const [url, playlistUrl, want] of [
  ['demo-1.ts', 'live/demo.m3u8', 'live/demo-1.ts'],
  ['a/demo-1.ts', 'live/demo.m3u8', 'live/a/demo-1.ts'],
  ['demo-1.ts', 'demo.m3u8', 'demo-1.ts'],
  ['https://cdn/live/demo-1.ts', 'live/demo.m3u8', 'https://cdn/live/demo-1.ts'],
  ['//cdn/demo-1.ts', 'live/demo.m3u8', '//cdn/demo-1.ts'],
  ['/other/demo-1.ts', 'live/demo.m3u8', '/other/demo-1.ts'],
] as const) {
  test(`the segment ${url} of ${playlistUrl} is ${want} from the root`, () =>
    assert.equal(urlFromRoot({ url, playlistUrl }), want));
}

const TEMPLATE = 'http://back:8085/hls/[server_id]/[app]/[stream]/[ts_url][param]';
for (const [name, template, fields, param, want] of [
  ['plain', TEMPLATE, {}, '?a=1&b=%20', 'http://back:8085/hls/s/live/demo/live/demo-1.ts?a=1&b=%20'],
  ['without a param', TEMPLATE, {}, '', 'http://back:8085/hls/s/live/demo/live/demo-1.ts'],
  ['no variable', 'http://back/x', {}, '?a', 'http://back/x'],
  ['an unknown variable', 'http://back/[x]', {}, '', 'http://back/[x]'],
  ['an absolute segment', TEMPLATE, { url: 'http://cdn/1.ts' }, '?a', 'http://cdn/1.ts'],
  ['an encoded segment', 'http://back/[ts_url]', { url: 'a%20b.ts' }, '', 'http://back/live/a%20b.ts'],
  ['signs in a param', 'http://back/x[param]', {}, '?a=#b c\r\n', 'http://back/x?a=%23b%20c%0D%0A'],
  ['a host made of names', 'http://[app]/x', {}, '', undefined],
  ['half of a pair', 'http://back/x[param]', {}, '?\ud800', 'http://back/x?%EF%BF%BD'],
] as const) {
  test(`on_hls_notify: ${name}`, () =>
    assert.equal(notifyUrl(template, 's', client(param), segment(fields))?.href, want));
}

test('on_hls_notify: no name of a publisher changes the server or climbs', () => {
  const text = fc.string({
    unit: fc.constantFrom(...Array.from('a./\\?#@:%[]&= \r\n\u{1f600}é\ud800')),
    maxLength: 12,
  });
  fc.assert(
    fc.property(text, text, text, text, (app, stream, url, param) => {
      const made = notifyUrl(
        'http://back:8085/hls/[app]/[stream]/[ts_url]/end[param]',
        's',
        client(param === '' ? '' : `?${param}`),
        segment({ name: { vhost: 'v', app, stream }, url: `x${url}` }),
      );
      assert.ok(made !== undefined);
      assert.equal(made.origin, 'http://back:8085');
      assert.match(made.pathname, /^\/hls\/.*\/end$/s);
      assert.equal(made.hash, '');
    }),
  );
});
