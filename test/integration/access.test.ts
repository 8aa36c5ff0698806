import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { AccessStage, ONE, THREE, TWO } from '../support/access-stage.ts';
import { eventually } from '../support/eventually.ts';
import { until } from '../support/programs.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';

const KINDS = ['rtmp', 'flv', 'ws-flv', 'hls', 'dash'];

test('publishing: security, pages, limits and bans refuse before the client hears success', async (context) => {
  const stage = await AccessStage.of(
    context,
    `security { enabled on; allow publish ${ONE}; allow publish ${TWO}; deny publish ${TWO}; }`,
  );
  const DENIED = 'NetStream.Publish.Denied';
  assert.equal(await stage.publish(ONE, 'a'), 'in');
  assert.equal(await stage.publish(TWO, 'b'), DENIED);
  assert.equal(await stage.publish(THREE, 'b'), DENIED);
  await stage.reload('refer { enabled on; publish example.com; }');
  assert.equal(await stage.publish(ONE, 'c'), DENIED);
  assert.equal(await stage.publish(ONE, 'c', 'http://example.com'), 'in');
  await stage.reload('limits { max_publishers 2; }');
  assert.equal(await stage.publish(ONE, 'd'), DENIED);
  stage.leave();
  await eventually(() => stage.presence.now.size === 0, 'the ends');
  assert.equal(await stage.publish(ONE, 'd'), 'in');
  await stage.api('bans/?stream=live/e&action=publish', 'POST');
  assert.equal(await stage.publish(ONE, 'e'), DENIED);
  await stage.api('bans/', 'POST', { ip: THREE });
  assert.equal(await stage.publish(THREE, 'f'), 'connect refused');
});

test('a ban ends who is there: over each protocol, each once, and nobody else', async (context) => {
  const stage = await AccessStage.of(context, '');
  assert.equal(await stage.publish(ONE, 'mine'), 'in');
  const fed = stage.feed();
  for (const ending of ['m3u8', 'mpd'])
    await until(`live/show.${ending}`, async () =>
      (await fetch(`${stage.host}/live/show.${ending}`)).ok ? true : undefined,
    );
  for (const kind of KINDS) {
    assert.equal(await stage.play(kind, TWO), 'in');
    assert.equal(await stage.play(kind, THREE), 'in');
  }
  assert.equal(await stage.publish(TWO, 'theirs'), 'in');
  await eventually(() => stage.presence.of(TWO) === 6 && stage.presence.of(THREE) === 5, 'viewers');
  const [two, three] = [stage.presence.of(TWO), stage.presence.of(THREE)];
  const { code, kicked } = await stage.api('bans/', 'POST', { ip: TWO, seconds: 60, reason: 'test' });
  assert.deepEqual([code, kicked, two], [0, 6, 6]);
  await eventually(() => stage.presence.of(TWO) === 0, 'their ends');
  assert.equal(stage.presence.of(THREE), three);
  assert.equal(stage.presence.of(ONE) > 0, true);
  const closed = await until('the line of the RTMP viewer', () =>
    Promise.resolve(
      stage.server.lines.find((line) => line.includes('RTMP closed') && line.includes('BANNED')),
    ),
  );
  assert.doesNotMatch(closed, /reason: test/);
  fed.end();
});

test('a ban ends connections that neither publish nor play, wherever they are', async (context) => {
  const stage = await AccessStage.of(context, '');
  const dial = (ip: string): Promise<RtmpPeer> => RtmpPeer.dial(stage.server.rtmpPort, { localAddress: ip });
  const shake = (ip: string): Promise<RtmpPeer> =>
    RtmpPeer.shake(stage.server.rtmpPort, { localAddress: ip });
  const two = [await dial(TWO), await shake(TWO), await shake(TWO), await shake(TWO)];
  const three = await shake(THREE);
  context.after(() => [...two, three].forEach((peer) => peer.destroy()));
  for (const peer of [...two.slice(2), three]) {
    peer.connect('live');
    await peer.command('_result');
  }
  const [, , , left] = two;
  assert.ok(left);
  await left.createStream();
  left.call(1, 'publish', null, 'mine', 'live');
  await left.status('NetStream.Publish.Start');
  left.call(1, 'closeStream', null);
  await left.status('NetStream.Unpublish.Success');
  assert.equal((await stage.api('bans/', 'POST', { ip: TWO, action: 'play' }))['kicked'], 0);
  assert.deepEqual([...two.map(({ ended }) => ended)], [false, false, false, false]);
  assert.equal((await stage.api('bans/', 'POST', { ip: TWO }))['kicked'], 4);
  await Promise.all(two.map((peer) => peer.closed()));
  assert.equal(three.ended, false);
  await three.createStream();
});

test('a banned address gets no files either, but the API answers it', async (context) => {
  const stage = await AccessStage.of(context, '');
  await writeFile(join(stage.root, 'file.txt'), 'text');
  const file = (ip: string): Promise<string> => stage.get('/file.txt', ip);
  assert.equal(await file(ONE), 'in');
  await stage.api(`bans/?ip=${ONE}&action=publish`, 'POST');
  await stage.api(`bans/?ip=${ONE}&stream=live/show`, 'POST');
  assert.equal(await file(ONE), 'in');
  await stage.api(`bans/?ip=${ONE}&action=play`, 'POST');
  assert.equal(await file(ONE), 'BANNED');
  assert.equal(await file(TWO), 'in');
  assert.equal(await stage.get('/none.txt', ONE), 'BANNED');
  assert.equal((await stage.api('bans/'))['total'], 3);
});

test('the ban of a stream holds for what is left of it on the disk, also for who was let in before', async (context) => {
  const stage = await AccessStage.of(context, 'security { enabled on; allow play all; }');
  const fed = stage.feed();
  const url = `${stage.host}/live/show.m3u8`;
  await until('the playlist', async () => ((await fetch(url)).ok ? true : undefined));
  fed.end();
  const left = await until('what is left', async () => {
    const text = await (await fetch(`${url}?left`)).text();
    return text.includes('#EXTINF') ? text : undefined;
  });
  const segment = new URL(/^[^#].*\.ts\?.*$/m.exec(left)?.[0] ?? '', url);
  const answers = async (): Promise<number[]> =>
    Promise.all([segment, `${url}?left`].map(async (one) => (await fetch(one)).status));
  assert.deepEqual(await answers(), [200, 200]);
  const { ban } = await stage.api('bans/?stream=live/show&action=play', 'POST');
  assert.deepEqual(await answers(), [403, 403]);
  await stage.api(`bans/${(ban as { id: string }).id}`, 'DELETE');
  assert.deepEqual(await answers(), [200, 200]);
});

test('DELETE with a ban: of a stream its name, of a client its address; without a time nobody is banned', async (context) => {
  const stage = await AccessStage.of(context, '');
  assert.equal(await stage.publish(ONE, 'show'), 'in');
  assert.equal((await stage.api('streams/live/show?ban=soon', 'DELETE'))['code'], 1112);
  assert.equal((await stage.api('streams/live/none?ban=5', 'DELETE'))['code'], 2048);
  assert.deepEqual((await stage.api('bans/'))['bans'], []);
  const { code, ban, kicked } = await stage.api('streams/live/show?ban=60', 'DELETE');
  const { stream, action, ip, created_ms, expires_ms } = ban as Record<string, unknown>;
  assert.deepEqual([code, kicked, stream, action, ip], [0, 1, '__defaultVhost__/live/show', 'publish', '']);
  assert.equal(Number(expires_ms) - Number(created_ms), 60_000);
  await eventually(() => stage.presence.now.size === 0, 'the end of the publisher');
  assert.equal(await stage.publish(ONE, 'show'), 'NetStream.Publish.Denied');
  assert.equal(await stage.publish(ONE, 'other'), 'in');
  assert.equal(await stage.play('rtmp', TWO), 'in');
  const [id] = [...stage.presence.now.values()]
    .filter((session) => session.ip === TWO)
    .map((session) => session.id);
  const viewer = await stage.api(`clients/${id ?? ''}?ban=0`, 'DELETE');
  assert.deepEqual([viewer['code'], viewer['kicked']], [0, 1]);
  assert.deepEqual(
    [(viewer['ban'] as { ip: string }).ip, (viewer['ban'] as { expires_ms: number }).expires_ms],
    [TWO, 0],
  );
  assert.equal(await stage.play('rtmp', TWO, { stream: 'other' }), 'connect refused');
  assert.equal(await stage.play('rtmp', ONE, { stream: 'other' }), 'in');
});

test('bans outlast a restart in an atomic file; a broken file is put aside and told of', async (context) => {
  const stage = await AccessStage.of(context, '');
  const file = join(stage.root, 'bans.json');
  assert.equal(
    (await readdir(stage.root)).includes('bans.json'),
    false,
    'nothing is written before there is a ban',
  );
  await stage.api(`bans/?ip=${TWO}&seconds=600&reason=spam`, 'POST');
  await stage.restart('');
  assert.equal(await stage.publish(TWO, 'a'), 'connect refused');
  assert.equal(await stage.publish(ONE, 'a'), 'in');
  const [ban] = (await stage.api('bans/'))['bans'] as { ip: string; reason: string }[];
  assert.deepEqual([ban?.ip, ban?.reason], [TWO, 'spam']);
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.slice(0, -10));
  await stage.restart('');
  assert.ok(
    stage.server.lines.some((line) => line.startsWith('error') && line.includes('bans.json is broken')),
  );
  assert.equal(await readFile(`${file}.broken`, 'utf8'), text.slice(0, -10));
  assert.equal(await stage.publish(TWO, 'b'), 'in');
});

test('limits never leak: clients who come and go, are refused, cut off or banned', async (context) => {
  const stage = await AccessStage.of(
    context,
    'limits { max_clients 8; max_viewers_per_stream 5; max_clients_per_ip 6; }',
  );
  const fed = stage.feed('show');
  const kinds = ['rtmp', 'flv', 'ws-flv'];
  let entered = 0;
  for (let round = 0; round < 12; round += 1) {
    const asked = Array.from({ length: 12 }, (_, index) =>
      stage.play(kinds[(index + round) % 3] ?? '', index % 2 === 0 ? TWO : THREE, {
        stream: index % 4 === 3 ? 'none' : 'show',
      }),
    );
    if (round % 4 === 3) await stage.api(`bans/?ip=${TWO}`, 'POST');
    const answers = await Promise.all(asked);
    entered += answers.filter((text) => text === 'in').length;
    assert.ok(stage.presence.now.size <= 8, `${stage.presence.now.size} clients`);
    stage.leave();
    for (const { id } of (await stage.api('bans/'))['bans'] as { id: string }[])
      await stage.api(`bans/${id}`, 'DELETE');
    await eventually(() => stage.presence.of(TWO) + stage.presence.of(THREE) === 0, 'everybody left');
  }
  assert.ok(entered >= 40, `${entered} entered`);
  // Exactly as many as before get in.
  const last = await Promise.all(
    Array.from({ length: 9 }, (_, index) => stage.play('flv', index < 6 ? TWO : THREE)),
  );
  assert.equal(last.filter((text) => text === 'in').length, 5);
  fed.end();
});
