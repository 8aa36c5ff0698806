import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertDecodes, makeClip, probe, publishFile, record, type Media } from '../support/ffmpeg.ts';
import { curl, rtmpdump, waitForStream } from '../support/players.ts';
import { temporaryFolder, until } from '../support/programs.ts';
import { assertMonotonic, assertRecording } from '../support/recording.ts';
import { startServerProcess, type ServerProcess } from '../support/server-process.ts';

const bytesOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

suite('viewers of one stream', { concurrency: true }, () => {
  const folder = temporaryFolder();
  const clip = join(folder, 'clip.flv');
  const big = join(folder, 'big.flv');
  let source: Media;
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess({ vhost: () => 'publish { hold_time 1s; } play { queue_length 2s; }' });
    await makeClip(clip, { seconds: 12, gop: 50, bFrames: 2 });
    await makeClip(big, { seconds: 14, size: '1280x720', kbps: 24_000 });
    source = await probe(clip);
  });
  after(async () => {
    assert.equal(await server.stop(), 0);
  });

  test('who joins later begins at 0 with a keyframe too, and disturbs nobody', async () => {
    const url = `${server.rtmpUrl}/live/joiners`;
    const httpUrl = `${server.pageUrl}live/joiners.flv`;
    const publisher = publishFile(clip, url);
    await waitForStream(server, 'joiners', 'live');
    // Every joiner has a time base of its own; 700 ms and groups of 2 s meet at every offset.
    const joins = Array.from({ length: 12 }, async (_, index) => {
      await sleep(index * 700);
      const file = join(folder, `joiner-${index}.flv`);
      const player = index % 2 === 0 ? rtmpdump(url, file, ['-v']) : curl(httpUrl, file);
      const end = await player.ended;
      assert.ok(end.code === 0 || (index % 2 === 0 && end.code === 2), end.stderr);
      return file;
    });
    const files = await Promise.all(joins);
    assert.equal((await publisher.ended).code, 0);
    for (const file of files) assertMonotonic(file, await assertRecording(file, source));
    for (const file of files.slice(-2)) await assertDecodes(file);
  });

  test('a viewer that stops reading loses whole groups of pictures; the other one nothing', async () => {
    const url = `${server.rtmpUrl}/live/slow`;
    const published = await probe(big);
    const publisher = publishFile(big, url);
    await waitForStream(server, 'slow', 'live');
    const file = (name: string): string => join(folder, `slow-${name}.flv`);
    const slow = {
      rtmp: record(url, file('rtmp')),
      curl: curl(`${server.pageUrl}live/slow.flv`, file('curl')),
    };
    const brisk = curl(`${server.pageUrl}live/slow.flv`, file('brisk'));
    for (const name of ['rtmp', 'curl', 'brisk']) {
      await until(`${name} plays`, () => bytesOf(file(name)) > 500_000);
    }
    for (const { pid } of Object.values(slow)) process.kill(pid, 'SIGSTOP');
    // Longer than what the queue and the kernel hold: 2 s and at most 10 MB, 3.5 s at 24 Mbit/s.
    await sleep(8000);
    for (const { pid } of Object.values(slow)) process.kill(pid, 'SIGCONT');
    assert.equal((await publisher.ended).code, 0);
    assert.equal((await brisk.ended).code, 0);
    await assertRecording(file('brisk'), published);
    for (const [name, player] of Object.entries(slow)) {
      const end = await player.ended;
      assert.equal(end.code, 0, `${name}: ${end.stderr}`);
      const recorded = await probe(file(name));
      assertMonotonic(name, recorded);
      const packets = recorded.video?.packets ?? [];
      const all = published.video?.packets ?? [];
      // What it got is a run from the beginning and, after the gap, a run that begins with a keyframe and reaches the end.
      const places = packets.map(({ hash }) => all.findIndex((packet) => packet.hash === hash));
      const gaps = places.filter((place, index) => index > 0 && place !== (places[index - 1] ?? 0) + 1);
      assert.equal(gaps.length, 1, `${name}: one gap`);
      assert.ok(
        gaps.every((place) => all[place]?.key),
        `${name}: goes on at a keyframe`,
      );
      assert.equal(places.at(-1), all.length - 1, `${name}: reaches the end`);
      await assertDecodes(file(name));
    }
  });

  test('a publisher that halts and catches up leaves no trace in time', async () => {
    const url = `${server.rtmpUrl}/live/halting`;
    const publisher = publishFile(clip, url);
    await waitForStream(server, 'halting', 'live');
    const player = curl(`${server.pageUrl}live/halting.flv`, join(folder, 'halting.flv'));
    await until('it plays', () => bytesOf(join(folder, 'halting.flv')) > 200_000);
    process.kill(publisher.pid, 'SIGSTOP');
    await sleep(2500);
    process.kill(publisher.pid, 'SIGCONT');
    assert.equal((await publisher.ended).code, 0);
    assert.equal((await player.ended).code, 0);
    await assertRecording(join(folder, 'halting.flv'), source);
  });
});
