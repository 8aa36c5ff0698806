import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { readPlaylist } from '../../src/containers/m3u8/index.ts';
import type { PublishLease } from '../../src/hub/ports.ts';
import { eventually } from '../support/eventually.ts';
import { LIVE_DEMO, sessionOf, videoConfig, videoFrame } from '../support/hub-fixtures.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { TestServer } from '../support/test-server.ts';
import { aacConfig, aacFrame, audioTime, avcConfig, picture } from '../support/ts-frames.ts';

const undo: (() => unknown)[] = [];

afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
});

interface Api {
  readonly server: TestServer;
  readonly call: (path: string, method?: string) => Promise<Record<string, unknown>>;
  /** The ids of clients, by type. */
  readonly ids: () => Promise<ReadonlyMap<string, string>>;
}

async function start(top = '', vhost = ''): Promise<Api> {
  const server = await TestServer.start({
    top: `http_api { enabled on; listen 127.0.0.1:0; } ${top}`,
    vhost: `publish { hold_time 100; } ${vhost}`,
  });
  undo.push(() => server.stop());
  const origin = `http://127.0.0.1:${server.server.addresses.api[0]?.port ?? 0}/api/v1`;
  const call = async (path: string, method = 'GET'): Promise<Record<string, unknown>> => {
    const response = await fetch(`${origin}/${path}`, { method });
    return (await response.json()) as Record<string, unknown>;
  };
  return {
    server,
    call,
    ids: async () => {
      const { clients } = (await call('clients/?count=100')) as { clients: { id: string; type: string }[] };
      return new Map(clients.map(({ id, type }) => [type, id]));
    },
  };
}

async function publish(server: TestServer): Promise<RtmpPeer> {
  const publisher = await RtmpPeer.publish(server.rtmpPort, 'demo');
  undo.push(() => publisher.destroy());
  publisher.send(9, videoConfig().flvBody, 1);
  publisher.send(9, videoFrame(0, true).flvBody, 1);
  return publisher;
}

test('viewers are kicked by their id, and nobody else notices', async () => {
  const { server, call, ids } = await start();
  const publisher = await publish(server);
  const player = await RtmpPeer.play(server.rtmpPort, 'demo');
  undo.push(() => player.destroy());
  const http = get(`http://127.0.0.1:${server.httpPort}/live/demo.flv`, { agent: false });
  http.on('error', () => undefined);
  const [body] = (await once(http, 'response')) as [NodeJS.ReadableStream];
  let ended = false;
  body
    .on('error', () => undefined)
    .once('close', () => (ended = true))
    .resume();
  await eventually(() => server.hub.list()[0]?.viewers === 2, 'two viewers');

  const before = await ids();
  assert.equal((await call(`clients/${before.get('flv-play') ?? ''}`, 'DELETE'))['code'], 0);
  await eventually(() => ended, 'the end of the body');
  assert.deepEqual([publisher.ended, player.ended], [false, false]);
  assert.equal((await call(`clients/${before.get('rtmp-play') ?? ''}`, 'DELETE'))['code'], 0);
  await eventually(() => player.ended, 'the end of the player');
  assert.equal(publisher.ended, false);
  await server.line('RTMP closed', 'play', 'SESSION_KICKED');
  assert.deepEqual([...(await ids()).keys()], [...before.keys()].slice(0, 1));
  assert.equal((await call(`clients/${before.get('rtmp-play') ?? ''}`, 'DELETE'))['code'], 2049);
});

for (const by of ['id', 'name', 'client']) {
  test(`a publisher is stopped by the ${by}; the stream that waits has none to stop`, async () => {
    const { server, call, ids } = await start();
    const publisher = await publish(server);
    const player = await RtmpPeer.play(server.rtmpPort, 'demo');
    undo.push(() => player.destroy());
    const [stream] = (await call('streams/'))['streams'] as { id: string; publish: { cid: string } }[];
    const path =
      by === 'client'
        ? `clients/${stream?.publish.cid ?? ''}`
        : `streams/${by === 'id' ? (stream?.id ?? '') : 'live/demo'}`;
    assert.equal((await call(path, 'DELETE'))['code'], 0);
    await eventually(() => publisher.ended, 'the end of the publisher');
    await server.line('RTMP closed', 'publish', 'SESSION_KICKED');
    await eventually(() => server.hub.list()[0]?.publisher === undefined, 'no publisher');
    const { code, msg } = await call('streams/live/demo', 'DELETE');
    assert.deepEqual([code, msg], [2048, 'nobody publishes live/demo']);
    assert.deepEqual([...(await ids()).keys()], ['rtmp-play']);
    const waiting = (await call('streams/'))['streams'] as { publish: object; clients: number }[];
    assert.deepEqual(
      [waiting[0]?.publish, waiting[0]?.clients],
      [{ active: false, cid: '', started_ms: 0 }, 1],
    );
    await publish(server); // It is not banned.
    const [again] = (await call('streams/'))['streams'] as { publish: { active: boolean } }[];
    assert.equal(again?.publish.active, true);
  });
}

/** So many ms of pictures and sound. */
function write(lease: PublishLease, ms: number): void {
  lease.write(avcConfig(0));
  lease.write(aacConfig(0));
  let sounds = 0;
  for (let dts = 0; dts <= ms; dts += 40) {
    lease.write(picture(dts, 0, dts % 1_000 === 0, [200]));
    for (; audioTime(0, sounds) <= dts; sounds += 1) lease.write(aacFrame(audioTime(0, sounds), 50));
  }
}

test('a viewer of HLS is a client, with its bytes, and is kicked', async () => {
  const root = await mkdtemp(join(tmpdir(), 'srs-api-kick-'));
  undo.push(() => rm(root, { recursive: true, force: true }));
  const hls = `hls { enabled on; hls_path ${root}; hls_fragment 1; hls_window 5; } http_static { enabled on; mount [vhost]/; dir ${root}; }`;
  const { server, call, ids } = await start('', hls);
  const lease = server.hub.publish(LIVE_DEMO, sessionOf('pub'));
  write(lease, 4_000);
  const [vhost] = (await call('vhosts/'))['vhosts'] as { hls: object }[];
  assert.deepEqual(vhost?.hls, { enabled: true, fragment: 1 });
  const origin = `http://127.0.0.1:${server.httpPort}`;
  let response = await fetch(`${origin}/live/demo.m3u8`);
  for (let tries = 0; response.status === 404 && tries < 200; tries += 1) {
    await response.text();
    await new Promise((resolve) => setTimeout(resolve, 5));
    response = await fetch(`${origin}/live/demo.m3u8`);
  }
  const master = readPlaylist(await response.text());
  assert.ok(master.kind === 'master');
  const uri = `${origin}${master.playlist.variants[0]?.uri ?? ''}`;
  assert.equal((await fetch(uri)).status, 200);
  const id = (await ids()).get('hls-play') ?? '';
  const { client } = (await call(`clients/${id}`)) as { client: Record<string, unknown> };
  assert.deepEqual(
    [client['publish'], client['transport'], client['tcUrl']],
    [false, 'http', `${origin}/live`],
  );
  assert.ok(Number(client['send_bytes']) > 0);
  assert.equal((await call(`clients/${id}`, 'DELETE'))['code'], 0);
  assert.equal((await fetch(uri)).status, 403);
  assert.equal((await call(`clients/${id}`))['code'], 2049);
  lease.release();
});
