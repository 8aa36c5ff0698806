import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseConfig, type Config } from '../../../src/config/index.ts';
import { playlistFiles, playlistUrls, type PlaylistFile } from '../../../src/server/playlist-urls.ts';
import type { StaticMount } from '../../../src/endpoints/http/index.ts';

const DEFAULT = '__defaultVhost__';
const HLS: PlaylistFile = { format: 'hls', dir: '/www', template: '[app]/[stream].m3u8' };

interface Case {
  readonly name: string;
  readonly statics?: readonly StaticMount[];
  readonly file?: Partial<PlaylistFile>;
  readonly vhost?: string;
  readonly stream?: string;
  readonly want: string | undefined;
}

const load = (vhost: string): Config =>
  parseConfig(
    `listen 1935; http_server { enabled on; dir /www; } vhost ${DEFAULT} {} vhost a.example { ${vhost} }`,
    'test.conf',
  ).config;

suite('addresses of playlists', () => {
  const mount = (vhost: string, template: string, dir: string): StaticMount => ({ vhost, template, dir });
  const cases: readonly Case[] = [
    { name: 'below the document root', want: '/live/show.m3u8' },
    { name: 'in a folder of the document root', file: { dir: '/www/hls/' }, want: '/hls/live/show.m3u8' },
    { name: 'elsewhere: another server shows it', file: { dir: '/srv/hls' }, want: undefined },
    { name: 'a folder whose name only begins the same', file: { dir: '/www2' }, want: undefined },
    { name: 'characters that an address escapes', stream: 'a b#?', want: '/live/a%20b%23%3F.m3u8' },
    { name: 'a name that leads out of the folder', stream: '../x', want: '/live/%252E./x.m3u8' },
    { name: 'a date of publishing in the name', file: { template: '[2006]/[stream].m3u8' }, want: undefined },
    {
      name: 'below a mount for every host',
      statics: [mount(DEFAULT, '[vhost]/hls', '/srv/hls')],
      file: { dir: '/srv/hls' },
      want: '/hls/live/show.m3u8',
    },
    {
      name: 'below the mount of its vhost',
      statics: [mount('a.example', '[vhost]/', '/srv/a')],
      file: { dir: '/srv/a' },
      vhost: 'a.example',
      want: '/live/show.m3u8?vhost=a.example',
    },
    {
      name: 'below the mount of another vhost',
      statics: [mount('b.example', '[vhost]/', '/srv/b')],
      file: { dir: '/srv/b' },
      vhost: 'a.example',
      want: undefined,
    },
    {
      name: 'below the document root, where a mount shows something else',
      statics: [mount(DEFAULT, '/live', '/srv/vod')],
      want: undefined,
    },
  ];
  test('what a vhost writes', () => {
    const config = load('dash { enabled on; dash_path /www/d; dash_mpd_file [stream]/main.mpd; }');
    const urls = playlistUrls(config, [], playlistFiles);
    assert.deepEqual(urls({ vhost: 'a.example', app: 'live', stream: 'show' }), [
      { format: 'dash', url: '/d/show/main.mpd' },
    ]);
    assert.deepEqual(urls({ vhost: DEFAULT, app: 'live', stream: 'show' }), []);
    assert.deepEqual(urls({ vhost: 'unknown', app: 'live', stream: 'show' }), []);
  });

  for (const { name, statics = [], file = {}, vhost = DEFAULT, stream = 'show', want } of cases) {
    test(name, () => {
      const urls = playlistUrls(load(''), statics, () => [{ ...HLS, ...file }]);
      const got = urls({ vhost, app: 'live', stream });
      assert.deepEqual(got, want === undefined ? [] : [{ format: 'hls', url: want }]);
    });
  }
});
