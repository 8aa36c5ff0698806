import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MountTable } from '../../../../src/endpoints/http/index.ts';

const VHOSTS = new Set(['__defaultVhost__', 'ossrs.net', 'fixed.net', 'path.net', 'ts.net']);
const table = new MountTable({
  mounts: [
    { vhost: '__defaultVhost__', template: '[vhost]/[app]/[stream].flv' },
    { vhost: 'ossrs.net', template: '[vhost]/[app]/hd-[stream].flv' },
    { vhost: 'fixed.net', template: '/tv/news.flv' },
    { vhost: 'path.net', template: '/[vhost]/[app]/[stream].flv' },
    { vhost: 'ts.net', template: '[vhost]/[app]/[stream].ts' },
  ],
  resolveVhost: (host) => (host === 'off.net' ? undefined : VHOSTS.has(host) ? host : '__defaultVhost__'),
});

const CASES: [host: string, path: string, vhost: string | undefined, want: string | undefined][] = [
  ['localhost', '/live/show.flv', undefined, '__defaultVhost__|live|show|flv'],
  ['localhost', '/a/b/show.flv', undefined, '__defaultVhost__|a/b|show|flv'],
  ['localhost', '/live/show.x.flv', undefined, '__defaultVhost__|live|show.x|flv'],
  ['localhost', '/live/show.flv', 'ossrs.net', undefined],
  ['localhost', '/live/hd-show.flv', 'ossrs.net', 'ossrs.net|live|show|flv'],
  ['ossrs.net', '/live/hd-show.flv', undefined, 'ossrs.net|live|show|flv'],
  ['ossrs.net', '/live/hd-show.flv', '__defaultVhost__', '__defaultVhost__|live|hd-show|flv'],
  ['ossrs.net', '/tv/news.flv', undefined, 'fixed.net|tv|news|flv'],
  ['fixed.net', '/tv/news.flv', undefined, 'fixed.net|tv|news|flv'],
  ['fixed.net', '/tv/other.flv', undefined, undefined],
  ['path.net', '/path.net/live/show.flv', undefined, 'path.net|live|show|flv'],
  ['ossrs.net', '/path.net/live/show.flv', undefined, 'path.net|live|show|flv'],
  ['ts.net', '/live/show.ts', undefined, 'ts.net|live|show|ts'],
  ['ts.net', '/live/show.flv', undefined, 'ts.net|live|show|flv|other'],
  ['localhost', '/live/show.ts', undefined, '__defaultVhost__|live|show|ts|other'],
  ['localhost', '/live/show.aac', undefined, '__defaultVhost__|live|show|aac|other'],
  ['localhost', '/live/show.mp3', undefined, '__defaultVhost__|live|show|mp3|other'],
  ['ossrs.net', '/live/hd-show.mp3', undefined, 'ossrs.net|live|show|mp3|other'],
  ['ossrs.net', '/path.net/live/show.ts', undefined, 'path.net|live|show|ts|other'],
  ['fixed.net', '/tv/news.ts', undefined, undefined],
  ['localhost', '/live/show.m3u8', undefined, undefined],
  ['off.net', '/live/show.flv', undefined, undefined],
  ['localhost', '/live/show.mp4', undefined, undefined],
  ['localhost', '/show.flv', undefined, undefined],
  ['localhost', '/live/.flv', undefined, undefined],
  ['localhost', '/', undefined, undefined],
];

test('paths to streams', () => {
  for (const [host, path, vhost, want] of CASES) {
    const got = table.match(host, path, vhost);
    const text =
      got &&
      [got.name.vhost, got.name.app, got.name.stream, got.ending, ...(got.isOther ? ['other'] : [])].join(
        '|',
      );
    assert.equal(text, want, `${host} ${path} ${vhost ?? ''}`);
  }
});

test('streams to paths, which lead back', () => {
  const named = (vhost: string, app: string, stream: string): string | undefined =>
    table.pathFor({ vhost, app, stream }, 'flv');
  assert.equal(named('__defaultVhost__', 'live', 'a b?'), '/live/a%20b%3F.flv');
  assert.equal(named('ossrs.net', 'live', 'show'), '/live/hd-show.flv?vhost=ossrs.net');
  assert.equal(named('fixed.net', 'tv', 'news'), '/tv/news.flv?vhost=fixed.net');
  assert.equal(named('fixed.net', 'tv', 'other'), undefined);
  assert.equal(named('ts.net', 'live', 'show'), '/live/show.flv?vhost=ts.net');
  const fixed = { vhost: 'fixed.net', app: 'tv', stream: 'news' };
  assert.equal(table.pathFor(fixed, 'ts'), undefined);
  assert.equal(table.pathFor({ ...fixed, vhost: 'ts.net' }, 'aac'), '/tv/news.aac?vhost=ts.net');
  assert.equal(named('nobody', 'live', 'show'), undefined);
});

test('what a template says itself goes before another ending of one that comes first', () => {
  const two = new MountTable({
    mounts: [
      { vhost: 'a.net', template: '[vhost]/[app]/[stream].flv' },
      { vhost: 'b.net', template: '/[app]/[stream].ts' },
      { vhost: 'c.net', template: '/[app]/[stream].ogg' },
    ],
    resolveVhost: () => 'a.net',
  });
  assert.equal(two.match('a.net', '/live/show.ts')?.name.vhost, 'b.net');
  assert.equal(two.match('a.net', '/live/show.aac')?.name.vhost, 'a.net');
  assert.equal(two.match('a.net', '/live/show.ogg'), undefined);
});
