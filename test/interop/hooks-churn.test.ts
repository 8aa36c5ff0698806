import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { BackEnd, yes } from '../support/back-end.ts';
import { makeClip } from '../support/ffmpeg.ts';
import { Program, temporaryFolder, until } from '../support/programs.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { startServerProcess } from '../support/server-process.ts';

/** How long sessions come, s; in the second third of it there is no back end. */
const SECONDS = Number(process.env['CHURN_SECONDS'] ?? 12);
const PER_MINUTE = 10_000;
const EVERY_MS = 60;
const AT_A_TIME = (PER_MINUTE / 60_000) * EVERY_MS;
const EVENTS = ['on_connect', 'on_close', 'on_publish', 'on_unpublish', 'on_play', 'on_stop'];
const ENDS: Readonly<Record<string, string>> = {
  on_close: 'connection',
  on_unpublish: 'publisher',
  on_stop: 'viewer',
};
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test(`${PER_MINUTE} sessions a minute, while the back end dies and comes back: each has its one end, in order, and nobody else waits`, async (context) => {
  const dir = temporaryFolder();
  const clip = await makeClip(join(dir, 'clip.flv'), { seconds: 10 });
  const back = await BackEnd.start();
  context.after(() => back.stop());
  // Some answers are slow, of what is told some are lost.
  let calls = 0;
  back.answer = (call, response, socket) => {
    calls += 1;
    if (calls % 7 === 0) setTimeout(() => response.end('0'), 30);
    else if (calls % 31 === 0 && String(call.body['action']) in ENDS) socket.destroy();
    else response.end('0');
  };
  const spool = join(dir, 'hooks.spool');
  const server = await startServerProcess({
    top: `http_hooks_spool ${spool};`,
    vhost: () => `http_hooks { enabled on; fail_open on_connect on_publish on_play;
      ${EVENTS.map((event) => `${event} ${back.url(`/${event}`)};`).join(' ')} }`,
  });
  context.after(() => server.stop());
  const encoder = new Program(
    'ffmpeg',
    [
      '-v',
      'error',
      '-re',
      '-stream_loop',
      '-1',
      '-i',
      clip,
      '-c',
      'copy',
      '-f',
      'flv',
      `${server.rtmpUrl}/live/show`,
    ],
    { deadlineMs: (SECONDS + 90) * 1_000 },
  );
  context.after(() => encoder.stop());
  await back.call('on_publish');

  // Somebody who was let in before.
  const gaps: number[] = [];
  let lastAt = 0;
  const bystander = get(`${server.pageUrl}live/show.flv`, { agent: false }, (response) => {
    response.on('data', () => {
      const now = performance.now();
      if (lastAt > 0) gaps.push(now - lastAt);
      lastAt = now;
    });
  });
  context.after(() => bystander.destroy());
  bystander.on('error', () => undefined);
  await until('media', () => gaps.length > 5);

  let begun = 0;
  let failed = 0;
  const session = async (index: number): Promise<void> => {
    begun += 1;
    const peer = await RtmpPeer.shake(server.ports.rtmp).catch(() => undefined);
    if (peer === undefined) {
      failed += 1;
      return;
    }
    peer.onMedia = () => undefined;
    try {
      peer.connect('live');
      await peer.command('_result');
      await peer.createStream();
      if (index % 2 === 0) peer.call(1, 'publish', null, `s${index}`, 'live');
      else peer.call(1, 'play', null, 'show');
      await peer.status(index % 2 === 0 ? 'NetStream.Publish.Start' : 'NetStream.Play.Start');
    } catch {
      failed += 1;
    }
    if (index % 3 === 0) peer.socket.resetAndDestroy();
    else peer.destroy();
  };
  const running: Promise<void>[] = [];
  const startedAt = performance.now();
  const thirds = [SECONDS / 3, (2 * SECONDS) / 3].map((seconds) => startedAt + seconds * 1_000);
  const steps = [(): Promise<void> => back.die(), (): Promise<void> => back.revive()];
  while (performance.now() < startedAt + SECONDS * 1_000) {
    const due = Math.floor((performance.now() - startedAt) / EVERY_MS) * AT_A_TIME;
    while (begun < due) running.push(session(begun));
    if (performance.now() >= (thirds[0] ?? Infinity)) {
      thirds.shift();
      await steps.shift()?.();
    }
    await sleep(EVERY_MS / 4);
  }
  await Promise.all(running);
  assert.equal(failed, 0);
  assert.ok(begun >= (SECONDS / 60) * PER_MINUTE * 0.98, `${begun} sessions`);

  back.answer = yes;
  const endsOf = (action: string): Set<unknown> =>
    new Set(back.of(action).map(({ body }) => body['client_id']));
  await until('all ends', () => endsOf('on_close').size >= begun && !existsSync(`${spool}.away`), 60_000);
  // Nobody but the encoder and the bystander is left, on either side.
  const left = (await (await fetch(`${server.apiUrl}/api/v1/clients/?count=100`)).json()) as {
    total: number;
  };
  assert.equal(left.total, 2);
  assert.ok(Math.max(...gaps) < 1_500, `a gap of ${Math.round(Math.max(...gaps))} ms in the media`);

  const seen = new Set<unknown>();
  const ended = new Map<string, number>();
  const sequences = new Map<unknown, number>();
  for (const { body, headers } of back.calls) {
    const id = headers['x-srs-event-id'];
    if (seen.has(id)) continue; // A repetition of what was lost.
    seen.add(id);
    const client = body['client_id'];
    const sequence = Number(headers['x-srs-sequence']);
    assert.ok(sequence > (sequences.get(client) ?? 0), `${String(client)}: ${sequence} is late`);
    sequences.set(client, sequence);
    const role = ENDS[String(body['action'])];
    if (role !== undefined)
      ended.set(`${role} ${String(client)}`, (ended.get(`${role} ${String(client)}`) ?? 0) + 1);
  }
  assert.deepEqual(
    [...ended].filter(([, count]) => count !== 1),
    [],
    'each end once',
  );
  assert.equal(endsOf('on_close').size, begun);
  assert.equal(endsOf('on_unpublish').size + endsOf('on_stop').size, begun);
  assert.equal(server.log().includes('given up'), false);
  context.diagnostic(
    `${begun} sessions, ${back.calls.length} calls, largest gap ${Math.round(Math.max(...gaps))} ms`,
  );
});
