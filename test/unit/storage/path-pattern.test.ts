import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { PathPattern } from '../../../src/storage/path-pattern.ts';
import { expandPath } from '../../../src/storage/path-template.ts';

const VHOST = 'media.example';

suite('of which stream a file is', () => {
  const cases: readonly (readonly [string, string, string | undefined])[] = [
    ['/srv/[app]/[stream].m3u8', '/srv/live/show.m3u8', 'live show'],
    ['/srv/[app]/[stream].m3u8', '/srv/a/b/show.m3u8', 'a/b show'],
    ['/srv/[app]/[stream].m3u8', '/srv/show.m3u8', undefined],
    ['/srv/[app]/[stream].m3u8', '/srv2/live/show.m3u8', undefined],
    ['/srv/[app]/[stream].m3u8', '/srv/live/show.m3u8x', undefined],
    ['/srv/[app]/[stream].m3u8', '/srv/live/showxm3u8', undefined],
    ['/srv/[app]/[stream]-[seq].ts', '/srv/live/show-5-12.ts', 'live show-5'],
    ['/srv/[app]/[stream]-[seq].ts', '/srv/live/show.ts', undefined],
    ['/srv/[app]/[stream]-[2006][01][02].flv', '/srv/live/show-20260102.flv', 'live show'],
    ['/srv/[app]/[stream]-[2006][01][02].flv', '/srv/live/show-20260102-3.flv', 'live show'],
    ['/srv/[app]/[stream]-[2006].flv', '/srv/live/show-202.flv', undefined],
    ['/srv/[vhost]/[stream].m3u8', '/srv/media.example/show.m3u8', ' show'],
    ['/srv/[vhost]/[stream].m3u8', '/srv/other.example/show.m3u8', undefined],
    ['/srv/[app]/[stream]/[app].m3u8', '/srv/live/show/live.m3u8', 'live show'],
    ['/srv/[app]/[stream]/[app].m3u8', '/srv/live/show/vod.m3u8', undefined],
    ['/srv/[app]/[stream]/video-*', '/srv/live/show/video-1-0.m4s', 'live show'],
    ['/srv/[app]/[stream]/video-*', '/srv/live/show/audio-1-0.m4s', undefined],
    ['/srv/[app]/[stream]/video-*', '/srv/live/show/video-/x', undefined],
    ['/srv/fixed.m3u8', '/srv/fixed.m3u8', ' '],
    ['/srv/[other]/[stream].m3u8', '/srv/[other]/show.m3u8', ' show'],
    ['/srv/./[app]//[stream].m3u8', '/srv/live/show.m3u8', 'live show'],
  ];
  for (const [template, path, expected] of cases) {
    test(`${template} ${path}`, () => {
      const owner = new PathPattern(template, VHOST).match(path);
      assert.equal(owner && `${owner.app} ${owner.stream}`, expected);
    });
  }
});

test('the way back from the path of any stream', () => {
  const special = fc.constantFrom(
    'a',
    'Z',
    '5',
    '2',
    'E',
    'F',
    '.',
    '-',
    '_',
    '%',
    '\\',
    '\x01',
    '[',
    ']',
    '$',
    '?',
    '\u00e9',
  );
  const name = fc.string({ minLength: 1, maxLength: 12, unit: special });
  fc.assert(
    fc.property(name, name, fc.nat(), (app, stream, sequence) => {
      for (const template of [
        '[app]/[stream].m3u8',
        '[vhost]/[app]/[stream]/[stream]-[seq].ts',
        '[app]/[stream].[timestamp].flv',
      ]) {
        const path = expandPath(template, { vhost: VHOST, app, stream, sequence, timeMs: 1, utc: true });
        const owner = new PathPattern(`/srv/${template}`, VHOST).match(posix.join('/srv', path));
        assert.deepEqual(owner, { app, stream }, path);
      }
    }),
  );
});
