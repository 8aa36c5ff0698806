import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get } from 'node:http';
import { afterEach, test } from 'node:test';
import WebSocket from 'ws';
import type { AccessRequest, SessionInfo } from '../../src/hub/ports.ts';
import { audioConfig, videoConfig, videoFrame } from '../support/hub-fixtures.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { TestServer } from '../support/test-server.ts';
import { eventually } from '../support/eventually.ts';

const undo: (() => unknown)[] = [];

afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
});

async function start(): Promise<{ server: TestServer; asked: AccessRequest[]; seen: SessionInfo[] }> {
  const asked: AccessRequest[] = [];
  const seen: SessionInfo[] = [];
  const server = await TestServer.start({
    policy: { check: (request) => Promise.resolve(void asked.push(request)) },
    observers: [
      {
        publishStarted: (_name, session) => void seen.push(session),
        playStarted: (_name, session) => void seen.push(session),
      },
    ],
  });
  undo.push(() => server.stop());
  return { server, asked, seen };
}

const SAID = {
  tcUrl: 'rtmp://studio/live?key=1',
  properties: { pageUrl: 'http://page/', swfUrl: 'http://page/a.swf', flashVer: 'FMLE/3.0' },
};
const RTMP = {
  transport: 'rtmp',
  tcUrl: 'rtmp://studio/live?key=1',
  pageUrl: 'http://page/',
  swfUrl: 'http://page/a.swf',
  userAgent: 'FMLE/3.0',
};

for (const { style, before, after } of [
  { style: 'flash', before: false, after: false },
  { style: 'fmle', before: true, after: false },
  { style: 'fmle', before: true, after: true },
  { style: 'haivision', before: false, after: true },
]) {
  test(`a publisher of RTMP says who it is: FCPublish ${String(before)}, behind createStream ${String(after)}`, async () => {
    const { server, asked, seen } = await start();
    const peer = await RtmpPeer.open(server.rtmpPort, 'live', SAID);
    undo.push(() => peer.destroy());
    if (before) peer.call(0, 'FCPublish', null, 'demo');
    await peer.createStream();
    if (after) peer.call(0, 'FCPublish', null, 'demo');
    peer.call(1, 'publish', null, 'demo?token=2', 'live');
    await peer.status('NetStream.Publish.Start');
    const want = { ...RTMP, params: '?key=1&token=2', publishStyle: style };
    assert.deepEqual(seen[0]?.details, want);
    assert.deepEqual(
      asked.map(({ action, session }) => [action, session.type, session.details]),
      [
        ['connect', 'rtmp', { ...RTMP, params: '?key=1' }],
        ['publish', 'rtmp-publish', want],
      ],
    );
    assert.equal(
      peer.commands().filter(({ name }) => name === 'onFCPublish').length,
      style === 'flash' ? 0 : 1,
    );
  });
}

test('viewers of RTMP, HTTP and WebSocket say who they are', async () => {
  const { server, asked, seen } = await start();
  const publisher = await RtmpPeer.publish(server.rtmpPort, 'demo');
  undo.push(() => publisher.destroy());
  for (const { kind, flvBody } of [videoConfig(), audioConfig(), videoFrame(0, true)])
    publisher.send(kind === 'video' ? 9 : 8, flvBody, 1);
  const player = await RtmpPeer.play(server.rtmpPort, 'demo?token=2', SAID);
  undo.push(() => player.destroy());
  assert.deepEqual(seen[1]?.details, { ...RTMP, params: '?key=1&token=2' });

  const host = `127.0.0.1:${server.httpPort}`;
  const headers = { referer: 'http://page/', 'user-agent': 'player/1' };
  const http = get(`http://${host}/live/demo.flv?token=3`, { headers, agent: false });
  http.on('error', () => undefined);
  undo.push(() => http.destroy());
  await eventually(() => seen.length === 3, 'the viewer over HTTP');
  const details = {
    tcUrl: `http://${host}/live`,
    pageUrl: 'http://page/',
    params: '?token=3',
    userAgent: 'player/1',
  };
  assert.deepEqual(seen[2]?.details, { transport: 'http', ...details });
  assert.deepEqual(asked.at(-1)?.session.details, { transport: 'http', ...details });

  const ws = new WebSocket(`ws://${host}/live/demo.flv`);
  undo.push(() => ws.terminate());
  await once(ws, 'open');
  await eventually(() => seen.length === 4, 'the viewer over WebSocket');
  assert.deepEqual(seen[3]?.details, { transport: 'ws', tcUrl: `ws://${host}/live`, params: '' });
});
