import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ServerError } from '../../../../src/base/errors.ts';
import { formatRtmpUrl, parseRtmpUrl, readParams, resolveName } from '../../../../src/protocols/rtmp/url.ts';

const hasCode =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof ServerError && error.code === code;

const URLS: readonly (readonly [
  url: string,
  host: string,
  port: number,
  app: string,
  stream: string,
  tcUrl: string,
])[] = [
  ['rtmp://h/live/x', 'h', 1935, 'live', 'x', 'rtmp://h/live'],
  ['RTMP://h:1936/live/x', 'h', 1936, 'live', 'x', 'rtmp://h:1936/live'],
  ['rtmp://h:/live/x', 'h', 1935, 'live', 'x', 'rtmp://h/live'],
  ['rtmp://[::1]:1936/live/x', '::1', 1936, 'live', 'x', 'rtmp://[::1]:1936/live'],
  ['rtmp://[fe80::1]/live/x', 'fe80::1', 1935, 'live', 'x', 'rtmp://[fe80::1]/live'],
  ['rtmp://h/a/b/x', 'h', 1935, 'a/b', 'x', 'rtmp://h/a/b'],
  ['rtmp://h/live/x?token=a/b', 'h', 1935, 'live', 'x?token=a/b', 'rtmp://h/live'],
  ['rtmp://h/live?vhost=v/x', 'h', 1935, 'live?vhost=v', 'x', 'rtmp://h/live?vhost=v'],
  ['rtmp://h/live/mp4:dir/a.mp4', 'h', 1935, 'live', 'mp4:dir/a.mp4', 'rtmp://h/live'],
  ['rtmp://h/live/_definst_/x', 'h', 1935, 'live/_definst_', 'x', 'rtmp://h/live/_definst_'],
  ['rtmp://h/live', 'h', 1935, 'live', '', 'rtmp://h/live'],
  ['rtmp://h/live/', 'h', 1935, 'live', '', 'rtmp://h/live'],
  ['rtmp://h', 'h', 1935, '__defaultApp__', '', 'rtmp://h/__defaultApp__'],
  ['rtmp://h//x', 'h', 1935, '__defaultApp__', 'x', 'rtmp://h/__defaultApp__'],
  ['rtmp://h?vhost=v/x', 'h', 1935, '__defaultApp__?vhost=v', 'x', 'rtmp://h/__defaultApp__?vhost=v'],
];

for (const [url, host, port, app, stream, tcUrl] of URLS) {
  test(`URL ${url}`, () => {
    const parsed = parseRtmpUrl(url);
    assert.deepStrictEqual(parsed, { host, port, app, stream, tcUrl });
    assert.deepStrictEqual(parseRtmpUrl(formatRtmpUrl(parsed)), parsed);
  });
}

for (const url of [
  '',
  'h/live/x',
  'http://h/live/x',
  'rtmps://h/live/x',
  'rtmp://',
  'rtmp:///live/x',
  'rtmp://h:0/live/x',
  'rtmp://h:65536/live/x',
  'rtmp://h:x/live/x',
  'rtmp://[::1/live/x',
  'rtmp://user:pw@h/live/x',
  'rtmp://h/live/a\nb',
  `rtmp://h/live/${'x'.repeat(20_000)}`,
]) {
  test(`URL ${JSON.stringify(url.slice(0, 40))} is refused`, () => {
    assert.throws(() => parseRtmpUrl(url), hasCode('URL_INVALID'));
  });
}

const V = '__defaultVhost__';
const NAMES: readonly (readonly [
  tcUrl: string,
  app: string,
  stream: string,
  want: readonly [vhost: string, app: string, stream: string, params: string],
])[] = [
  // The host of tcUrl is the vhost.
  ['rtmp://h.org/live', 'live', 'x', ['h.org', 'live', 'x', '']],
  ['rtmp://h.org:19350/live', 'live', 'x', ['h.org', 'live', 'x', '']],
  ['rtmp://127.0.0.1/live', 'live', 'x', ['127.0.0.1', 'live', 'x', '']],
  ['rtmp://[::1]:1935/live', 'live', 'x', ['::1', 'live', 'x', '']],
  ['rtmpt://h.org/live', 'live', 'x', ['h.org', 'live', 'x', '']],
  ['rtmp://h.org/live/', 'live/', 'x', ['h.org', 'live', 'x', '']],
  ['rtmp://h.org/a/b', 'a/b', 'x', ['h.org', 'a/b', 'x', '']],
  // tcUrl says more than app; app where tcUrl is missing.
  ['rtmp://h.org/live', 'other', 'x', ['h.org', 'live', 'x', '']],
  ['', 'live', 'x', [V, 'live', 'x', '']],
  ['rtmp://h.org', 'live', 'x', ['h.org', 'live', 'x', '']],
  ['rtmp://h.org/', '', 'x', ['h.org', '__defaultApp__', 'x', '']],
  ['live', 'live', 'x', [V, 'live', 'x', '']],
  // vhost in the query of the app.
  ['rtmp://h/live?vhost=v.org', 'live?vhost=v.org', 'x', ['v.org', 'live', 'x', '?vhost=v.org']],
  ['rtmp://h/live?domain=v.org', '', 'x', ['v.org', 'live', 'x', '?domain=v.org']],
  ['rtmp://h/live?domain=d.org&vhost=v.org', '', 'x', ['v.org', 'live', 'x', '?domain=d.org&vhost=v.org']],
  ['rtmp://h/live...vhost...v.org', '', 'x', ['v.org', 'live', 'x', '']],
  ['rtmp://h/live?vhost...v.org', '', 'x', ['v.org', 'live', 'x', '?vhost...v.org']],
  ['rtmp://h/live&vhost=v.org', '', 'x', ['v.org', 'live', 'x', '']],
  ['rtmp://h/live&&vhost=v.org', '', 'x', ['v.org', 'live', 'x', '']],
  ['rtmp://h/live,vhost,v.org', '', 'x', ['v.org', 'live', 'x', '']],
  ['rtmp://h/live=vhost=v.org', '', 'x', ['v.org', 'live', 'x', '']],
  ['rtmp://h/live?token=1&vhost=v.org', '', 'x', ['v.org', 'live', 'x', '?token=1&vhost=v.org']],
  ['rtmp://h/live?vhost=', '', 'x', ['h', 'live', 'x', '?vhost=']],
  ['rtmp://h/live?vhost=__defaultVhost__', '', 'x', [V, 'live', 'x', '']],
  // vhost in the query of the stream, which wins.
  ['rtmp://h/live', '', 'x?vhost=v.org', ['v.org', 'live', 'x', '?vhost=v.org']],
  ['rtmp://h/live', '', 'x?token=1&vhost=v.org', ['v.org', 'live', 'x', '?token=1&vhost=v.org']],
  ['rtmp://h/live?vhost=a.org', '', 'x?vhost=b.org', ['b.org', 'live', 'x', '?vhost=a.org&vhost=b.org']],
  ['rtmp://h/live', '', 'x...vhost...v.org', ['v.org', 'live', 'x', '']],
  // Parameters of both.
  ['rtmp://h/live?a=1', '', 'x?b=2', ['h', 'live', 'x', '?a=1&b=2']],
  ['rtmp://h/live', '', 'x?secret=a/b==', ['h', 'live', 'x', '?secret=a/b==']],
  ['rtmp://h/live', '', 'x?', ['h', 'live', 'x', '']],
  // _definst_.
  ['rtmp://h/live/_definst_', '', 'x', ['h', 'live', 'x', '']],
  ['rtmp://h/live/_definst_?vhost=v.org', '', 'x', ['v.org', 'live', 'x', '?vhost=v.org']],
  ['rtmp://h/live?vhost=v.org/_definst_', '', 'x', ['v.org', 'live', 'x', '?vhost=v.org/_definst_']],
  ['rtmp://h/_definst_', '', 'x', ['h', '__defaultApp__', 'x', '']],
  // OBS with everything in the server field.
  ['rtmp://h/live/x', 'live/x', '', ['h', 'live', 'x', '']],
  ['rtmp://h/live/x?token=1', 'live/x?token=1', '', ['h', 'live', 'x', '?token=1']],
  ['rtmp://h/live?vhost=v.org/x', '', '', ['v.org', 'live', 'x', '?vhost=v.org']],
  // Names as encoders write them.
  ['rtmp://h/live', '', 'mp4:x.mp4', ['h', 'live', 'mp4:x.mp4', '']],
  ['rtmp://h/live', '', 'dir/x', ['h', 'live', 'dir/x', '']],
  ['rtmp://h/live', '', '/x/', ['h', 'live', 'x', '']],
  ['rtmp://h/live', '', ' x y ', ['h', 'live', 'xy', '']],
  ['rtmp://h/live', '', '直播', ['h', 'live', '直播', '']],
  ['rtmp://h/live', '', 'a..b', ['h', 'live', 'a..b', '']],
];

for (const [tcUrl, app, stream, [vhost, wantApp, wantStream, params]] of NAMES) {
  test(`name ${tcUrl} + ${stream}`, () => {
    assert.deepStrictEqual(resolveName(tcUrl, app, stream), {
      vhost,
      app: wantApp,
      stream: wantStream,
      params,
    });
  });
}

for (const [tcUrl, stream] of [
  ['rtmp://h/live', '../x'],
  ['rtmp://h/live', 'a/../../x'],
  ['rtmp://h/live', '..'],
  ['rtmp://h/live', './x'],
  ['rtmp://h/live', 'a\\..\\x'],
  ['rtmp://h/live', 'x\0.flv'],
  ['rtmp://h/live', 'x\n'],
  ['rtmp://h/live', 'x\u0085'],
  ['rtmp://h/live', ''],
  ['rtmp://h/live', '?token=1'],
  ['rtmp://h/live', 'x'.repeat(513)],
  ['rtmp://h/live', `x?${'y'.repeat(9000)}`],
  ['rtmp://h/live', 'x'.repeat(20_000)],
  ['rtmp://h/../etc', 'x'],
  ['rtmp://h/live?vhost=..', 'x'],
  ['rtmp://h/live?vhost=a\\b', 'x'],
  ['rtmp://../live', 'x'],
] as const) {
  test(`name ${JSON.stringify(`${tcUrl} + ${stream.slice(0, 30)}`)} is refused`, () => {
    assert.throws(() => resolveName(tcUrl, '', stream), hasCode('STREAM_NAME_INVALID'));
  });
}

test('parameters are decoded, and no key is special', () => {
  const params = readParams('?token=a%2Fb&__proto__=1&vhost=v');
  assert.equal(params.get('token'), 'a/b');
  assert.equal(params.get('__proto__'), '1');
});

test('any text is resolved to a safe name or refused by a ServerError', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', '/', '.', '?', '&', '=', ',', ':', '\\', '\0', 'vhost', ' ', '%', '[', ']'),
  });
  fc.assert(
    fc.property(text, text, text, (tcUrl, app, stream) => {
      try {
        const name = resolveName(`rtmp://${tcUrl}`, app, stream);
        for (const part of [name.vhost, name.app, name.stream]) {
          assert.ok(part !== '' && !/[\\\0]|(^|\/)\.{1,2}(\/|$)|^\//.test(part), part);
        }
        assert.ok(!name.vhost.includes('/'));
      } catch (error) {
        assert.ok(error instanceof ServerError && error.code === 'STREAM_NAME_INVALID', String(error));
      }
      try {
        const url = parseRtmpUrl(`rtmp://${tcUrl}/${app}`);
        assert.deepStrictEqual(parseRtmpUrl(formatRtmpUrl(url)).host, url.host);
      } catch (error) {
        assert.ok(error instanceof ServerError && error.code === 'URL_INVALID', String(error));
      }
    }),
    { interruptAfterTimeLimit: 2000, markInterruptAsFailure: false, numRuns: 20_000 },
  );
});
