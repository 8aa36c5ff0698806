import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { appliesTo, recordingRoot } from '../../../../src/outputs/dvr/index.ts';
import { recordingFormat, recordingTemplate } from '../../../../src/outputs/dvr/options.ts';
import { streamOfPath } from '../../../../src/outputs/dvr/stream-of-path.ts';

test('the ending of dvr_path picks the format; any other path is a folder', () => {
  for (const [path, template, format, root] of [
    ['./rec/[app]/[stream].flv', './rec/[app]/[stream].flv', 'flv', './rec'],
    ['./rec/x[app].MP4', './rec/x[app].MP4', 'mp4', './rec'],
    ['/a/[2006]/b.ts', '/a/[2006]/b.ts', 'ts', '/a'],
    ['./rec', './rec/[stream].[timestamp].flv', 'flv', './rec'],
    ['./rec/[app]/', './rec/[app]/[stream].[timestamp].flv', 'flv', './rec'],
    ['/a/b.flv', '/a/b.flv', 'flv', '/a'],
    ['/[app].flv', '/[app].flv', 'flv', '/'],
  ] as const) {
    assert.equal(recordingTemplate(path), template);
    assert.equal(recordingFormat(template, false), format);
    assert.equal(recordingRoot(path), resolve(root), path);
  }
  assert.equal(recordingFormat('a.mp4', true), 'fmp4');
  assert.equal(recordingFormat('a.flv', true), 'flv');
});

test('dvr_apply: all, none, or the streams by their names', () => {
  const name = { vhost: 'v', app: 'live', stream: 'a' };
  for (const [list, applies] of [
    [['all'], true],
    [['none'], false],
    [['none', 'live/a'], false],
    [['live/b', 'live/a'], true],
    [['live/b', 'a', 'live'], false],
    [[], true],
  ] as const) {
    assert.equal(appliesTo(list, name), applies, list.join(' '));
  }
});

test('the path of a recording tells its stream, as far as it can', () => {
  const place = (path: string) => [{ vhost: 'v', path }];
  for (const [path, file, name] of [
    ['/r/[app]/[stream].[timestamp].flv', '/r/live/a.b.170.flv', { vhost: 'v', app: 'live', stream: 'a.b' }],
    [
      '/r/[vhost]/[stream]-[2006].mp4',
      '/r/x.org/%2Ehid-2026.mp4',
      { vhost: 'x.org', app: '', stream: '.hid' },
    ],
    ['/r', '/r/a.170.flv', { vhost: 'v', app: '', stream: 'a' }],
    ['/r/(a+)/[stream].flv', '/other/a.flv', { vhost: '', app: '', stream: 'a.flv' }],
  ] as const) {
    assert.deepEqual(streamOfPath(place(path), file), name, file);
  }
});
