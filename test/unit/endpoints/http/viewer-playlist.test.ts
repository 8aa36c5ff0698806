import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withViewer } from '../../../../src/endpoints/http/viewer-playlist.ts';

test('a playlist from the disk names all with the query of its viewer', () => {
  const text = [
    '#EXTM3U',
    '#EXT-X-MAP:URI="show-0-init.mp4",BYTERANGE="1@0"',
    '#EXT-X-KEY:METHOD=AES-128,URI="https://keys.example/k?x=1",IV=0x1',
    '#EXTINF:1.000,a title with URI="in it"',
    'show-0.m4s',
    '# a comment',
    'show 1.m4s?y=2',
    '',
    '#EXT-X-ENDLIST',
    '',
  ].join('\r\n');
  assert.deepEqual(withViewer('live/show.M3U8', text, 'hls_ctx=abc&vhost=a').split('\r\n'), [
    '#EXTM3U',
    '#EXT-X-MAP:URI="show-0-init.mp4?hls_ctx=abc&vhost=a",BYTERANGE="1@0"',
    '#EXT-X-KEY:METHOD=AES-128,URI="https://keys.example/k?x=1&hls_ctx=abc&vhost=a",IV=0x1',
    '#EXTINF:1.000,a title with URI="in it"',
    'show-0.m4s?hls_ctx=abc&vhost=a',
    '# a comment',
    'show 1.m4s?y=2&hls_ctx=abc&vhost=a',
    '',
    '#EXT-X-ENDLIST',
    '',
  ]);
});

test('a manifest from the disk too, as XML', () => {
  const text = '<SegmentTemplate initialization="a.mp4" media="$Time$.m4s?x=1&amp;y" duration="3"/>';
  assert.equal(
    withViewer('show.mpd', text, 'dash_ctx=abc&vhost=a'),
    '<SegmentTemplate initialization="a.mp4?dash_ctx=abc&amp;vhost=a" ' +
      'media="$Time$.m4s?x=1&amp;y&amp;dash_ctx=abc&amp;vhost=a" duration="3"/>',
  );
  assert.equal(withViewer('show.mpd', '<a initialization=""/>', 'q'), '<a initialization=""/>');
});

test('other files stay as they are', () => {
  assert.equal(withViewer('show.f4m', 'a\nb', 'q'), 'a\nb');
});
