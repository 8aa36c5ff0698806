import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { LiveStream, ServerInfo } from '../../../console/src/api/live.ts';
import { bracketed, publishAddresses, streamAddresses } from '../../../console/src/model/addresses.ts';

const server = (rtmpPort: number): ServerInfo => ({ version: '0', rtmpPort, apiPort: 1985 });
const stream = (over: Partial<LiveStream>): LiveStream => ({
  vhost: '__defaultVhost__',
  app: 'live',
  stream: 'demo',
  state: 'live',
  playable: [{ format: 'flv', url: '/live/demo.flv' }],
  hasAudio: true,
  hasVideo: true,
  viewers: 0,
  kbps: 0,
  ...over,
});
const at = (href: string) => new URL(href);

suite('addresses of a stream', () => {
  const cases = [
    {
      name: 'default ports',
      stream: stream({}),
      port: 1935,
      page: 'http://box:8080/#/live/demo',
      want: ['rtmp://box/live/demo', 'http://box:8080/live/demo.flv', 'ws://box:8080/live/demo.flv'],
    },
    {
      name: 'another RTMP port, behind a TLS proxy with a sub-path',
      stream: stream({}),
      port: 19350,
      page: 'https://tv.example/srs/index.html?x=1#/live/demo',
      want: [
        'rtmp://tv.example:19350/live/demo',
        'https://tv.example/srs/live/demo.flv',
        'wss://tv.example/srs/live/demo.flv',
      ],
    },
    {
      name: 'IPv6',
      stream: stream({}),
      port: 1936,
      page: 'http://[::1]:8080/',
      want: [
        'rtmp://[::1]:1936/live/demo',
        'http://[::1]:8080/live/demo.flv',
        'ws://[::1]:8080/live/demo.flv',
      ],
    },
    {
      name: 'a vhost that the host name does not lead to',
      stream: stream({
        vhost: 'a.example',
        playable: [{ format: 'flv', url: '/live/demo.flv?vhost=a.example' }],
      }),
      port: 1935,
      page: 'http://box/',
      want: [
        'rtmp://box/live/demo?vhost=a.example',
        'http://box/live/demo.flv?vhost=a.example',
        'ws://box/live/demo.flv?vhost=a.example',
      ],
    },
    {
      name: 'a vhost that is the host name',
      stream: stream({ vhost: 'a.example' }),
      port: 1935,
      page: 'http://a.example/',
      want: ['rtmp://a.example/live/demo', 'http://a.example/live/demo.flv', 'ws://a.example/live/demo.flv'],
    },
    {
      name: 'names with a colon, a space and a hash; an app of two parts',
      stream: stream({
        app: 'a/b c',
        stream: 'x:#',
        playable: [{ format: 'flv', url: '/a/b%20c/x%3A%23.flv' }],
      }),
      port: 1935,
      page: 'http://box/',
      want: ['rtmp://box/a/b%20c/x%3A%23', 'http://box/a/b%20c/x%3A%23.flv', 'ws://box/a/b%20c/x%3A%23.flv'],
    },
    {
      name: 'a path that must not become another host',
      stream: stream({ playable: [{ format: 'flv', url: '//evil.example/x.flv' }] }),
      port: 1935,
      page: 'http://box/',
      want: ['rtmp://box/live/demo', 'http://box/evil.example/x.flv', 'ws://box/evil.example/x.flv'],
    },
  ];
  for (const { name, stream, port, page, want } of cases) {
    test(name, () => {
      const got = streamAddresses(stream, server(port), at(page));
      assert.deepEqual([got.rtmp, got.by['http-flv'], got.by['ws-flv']], want);
    });
  }

  test('each format of the server, below the sub-path of a proxy', () => {
    const playable = [
      { format: 'flv', url: '/live/demo.flv' },
      { format: 'ts', url: '/live/demo.ts' },
      { format: 'aac', url: '/live/demo.aac' },
      { format: 'hls', url: '/live/demo.m3u8?vhost=tv.example' },
      { format: 'll-hls', url: '/live/demo.m3u8?vhost=tv.example' },
      { format: 'dash', url: '/live/demo.mpd' },
    ] as const;
    const got = streamAddresses(stream({ playable }), server(1935), at('https://tv.example/srs/#/live/demo'));
    assert.deepEqual(got.by, {
      'http-flv': 'https://tv.example/srs/live/demo.flv',
      'ws-flv': 'wss://tv.example/srs/live/demo.flv',
      'http-ts': 'https://tv.example/srs/live/demo.ts',
      'll-hls': 'https://tv.example/srs/live/demo.m3u8?vhost=tv.example',
      hls: 'https://tv.example/srs/live/demo.m3u8?vhost=tv.example',
      dash: 'https://tv.example/srs/live/demo.mpd',
    });
    assert.deepEqual(got.sound, [{ format: 'aac', url: 'https://tv.example/srs/live/demo.aac' }]);
  });

  test('no playlist of a vhost that only a query leads to: its segments would not be found', () => {
    const playable = [
      { format: 'flv', url: '/live/demo.flv?vhost=a.example' },
      { format: 'hls', url: '/live/demo.m3u8?vhost=a.example' },
      { format: 'dash', url: '/live/demo.mpd?vhost=a.example' },
    ] as const;
    const got = streamAddresses(stream({ playable }), server(1935), at('http://box/'));
    assert.deepEqual(Object.keys(got.by), ['http-flv', 'ws-flv']);
  });

  test('nothing but RTMP where the server offers nothing over HTTP', () => {
    const got = streamAddresses(stream({ playable: [] }), server(1935), at('http://box/'));
    assert.deepEqual(got, { rtmp: 'rtmp://box/live/demo', by: {}, sound: [] });
  });

  test('what to fill in to publish', () => {
    const got = publishAddresses(server(1936), at('http://box:8080/'), 'mine');
    assert.equal(got.server, 'rtmp://box:1936/live');
    assert.equal(got.key, 'mine');
    assert.match(got.ffmpeg, /^ffmpeg .* -f flv rtmp:\/\/box:1936\/live\/mine$/);
  });

  test('brackets are added once', () => {
    assert.equal(bracketed('fe80::1'), '[fe80::1]');
    assert.equal(bracketed('[fe80::1]'), '[fe80::1]');
    assert.equal(bracketed('box'), 'box');
  });
});
