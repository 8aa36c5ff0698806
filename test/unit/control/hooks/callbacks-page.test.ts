import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  closeBody,
  connectBody,
  playBody,
  recordingBody,
  segmentBody,
  streamBody,
  type HookBody,
} from '../../../../src/control/hooks/hook-bodies.ts';
import { HOOK_EVENTS } from '../../../../src/control/hooks/hook-options.ts';

const PAGE = readFileSync(new URL('../../../../docs/callbacks.md', import.meta.url), 'utf8');

const server = { serverId: 's', serviceId: 't', cwd: '/' };
const client = { id: '1', ip: '10.0.0.1', tcUrl: 'rtmp://v/a', pageUrl: '', param: '' };
const name = { vhost: 'v', app: 'a', stream: 's' };
const done = { name, session: undefined, file: '/f', durationMs: 1 };
const segment = { ...done, url: 'u', playlist: '/p', playlistUrl: 'p', sequence: 1 };

const BODIES: Readonly<Record<string, HookBody>> = {
  on_connect: connectBody(server, client, name),
  on_close: closeBody(server, client, name, { sent: 1, received: 2 }),
  on_publish: streamBody('on_publish', server, client, name),
  on_unpublish: streamBody('on_unpublish', server, client, name),
  on_play: playBody('on_play', server, client, name, 1),
  on_stop: playBody('on_stop', server, client, name, 0),
  on_dvr: recordingBody(server, client, { ...done, bytes: 1 }),
  on_hls: segmentBody(server, client, segment),
};
const COMMON = ['action', 'server_id', 'service_id', 'client_id', 'ip', 'vhost', 'app', 'tcUrl'];

/** Names in backquotes. */
const quoted = (cell: string): string[] => Array.from(cell.matchAll(/`([^`]+)`/g), ([, text = '']) => text);

test('the page lists every event, and every body with its members and their types', () => {
  const told = new Map(Object.keys(BODIES).map((event) => [event, new Map<string, string>()]));
  for (const [, members = '', type = '', where = ''] of PAGE.matchAll(
    /^\| (`[^|]+) \| (text|number) +\| ([^|]+)\|/gm,
  )) {
    const events = where.startsWith('all but')
      ? Object.keys(BODIES).filter((event) => !quoted(where).includes(event))
      : quoted(where);
    for (const event of events)
      for (const member of quoted(members))
        told.get(event)?.set(member, type === 'text' ? 'string' : 'number');
  }
  for (const [event, body] of Object.entries(BODIES)) {
    assert.deepEqual(Object.keys(body).slice(0, COMMON.length), COMMON, event);
    assert.equal(body['action'], event);
    const own = Object.entries(body).slice(COMMON.length);
    const listed = [...(told.get(event) ?? [])];
    assert.deepEqual(own.map(([member, value]) => [member, typeof value]).sort(), listed.sort(), event);
  }
  for (const member of COMMON) assert.ok(PAGE.includes(`\`${member}\``), member);
  for (const event of HOOK_EVENTS) assert.match(PAGE, new RegExp(`^\\| \`${event}\` `, 'm'));
});

test('the example of the page is a body', () => {
  const example = /```json\n(.*?)```/s.exec(PAGE)?.[1] ?? '';
  assert.deepEqual(Object.keys(JSON.parse(example) as object), Object.keys(BODIES['on_publish'] ?? {}));
});
