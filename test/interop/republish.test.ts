import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { assertDecodes, makeClip, probe, publishFile, record, type Media } from '../support/ffmpeg.ts';
import { curl, streamOf, waitForStream } from '../support/players.ts';
import { temporaryFolder, until, type Program } from '../support/programs.ts';
import { assertMonotonic, assertRecording } from '../support/recording.ts';
import { startServerProcess, type ServerProcess } from '../support/server-process.ts';

/** Longest step between two packets of a recording, ms. */
function longestStep(packets: readonly { readonly dts: number }[]): number {
  let longest = 0;
  for (const [index, { dts }] of packets.entries()) {
    longest = Math.max(longest, dts - (packets[index - 1]?.dts ?? dts));
  }
  return longest;
}

suite('the publisher leaves', { concurrency: true }, () => {
  const folder = temporaryFolder();
  const clip = join(folder, 'clip.flv');
  let source: Media;
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess({ vhost: () => 'publish { hold_time 3s; }' });
    await makeClip(clip, { seconds: 6 });
    source = await probe(clip);
  });
  after(async () => {
    assert.equal(await server.stop(), 0);
  });

  const bytesOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

  test('killed and back within hold_time: players go on, time goes on', async () => {
    const url = `${server.rtmpUrl}/live/back`;
    const httpUrl = `${server.pageUrl}live/back.flv`;
    const file = (name: string): string => join(folder, `back-${name}.flv`);
    const first = publishFile(clip, url);
    await waitForStream(server, 'back', 'live');
    const players: Record<string, Program> = {
      rtmp: record(url, file('rtmp'), ['-fflags', 'nobuffer']),
      http: record(httpUrl, file('http'), ['-fflags', 'nobuffer']),
      curl: curl(httpUrl, file('curl')),
    };
    await until('players get media', () => bytesOf(file('curl')) > 300_000);
    await first.stop('SIGKILL');
    const killedAt = Date.now();
    await until(
      'the loss is noticed',
      async () => (await streamOf(server, 'back'))?.publish.active === false,
    );
    const second = publishFile(clip, url);
    await waitForStream(server, 'back', 'live');
    const awayMs = Date.now() - killedAt;
    for (const player of Object.values(players)) assert.ok(player.running, 'a player left');
    assert.equal((await second.ended).code, 0);
    for (const [name, player] of Object.entries(players)) {
      const end = await player.ended;
      assert.equal(end.code, 0, `${name}: ${end.stderr}`);
      const recorded = await probe(file(name));
      assertMonotonic(name, recorded);
      for (const kind of ['video', 'audio'] as const) {
        const packets = recorded[kind]?.packets ?? [];
        const whole = source[kind]?.packets ?? [];
        // The second publish is there to its last packet, and from its first keyframe on.
        const tail = packets.slice(-(whole.length - 5));
        assert.deepEqual(
          tail.map(({ hash }) => hash),
          whole.slice(5).map(({ hash }) => hash),
          `${name}: ${kind} of the second publish`,
        );
        assert.ok(packets.length > whole.length, `${name}: ${kind} of the first publish is missing`);
        const step = longestStep(packets);
        assert.ok(step <= awayMs + 1500, `${name}: a gap of ${step} ms in ${kind}, away ${awayMs} ms`);
      }
      await assertDecodes(file(name));
    }
  });

  test('gone for good: HTTP bodies end by themselves after hold_time', async () => {
    const url = `${server.rtmpUrl}/live/gone`;
    const httpUrl = `${server.pageUrl}live/gone.flv`;
    const publisher = publishFile(clip, url);
    await waitForStream(server, 'gone', 'live');
    const players = [record(httpUrl, join(folder, 'gone.flv')), curl(httpUrl, join(folder, 'gone-curl.flv'))];
    const rtmp = record(url, join(folder, 'gone-rtmp.flv'));
    await until('players get media', () => bytesOf(join(folder, 'gone-curl.flv')) > 200_000);
    await publisher.stop('SIGKILL');
    const leftAt = Date.now();
    for (const player of [...players, rtmp]) {
      const end = await player.ended;
      assert.equal(end.code, 0, end.stderr);
      const after = Date.now() - leftAt;
      assert.ok(after > 2500 && after < 6000, `ended ${after} ms after the publisher`);
    }
    await waitForStream(server, 'gone', 'gone');
  });

  test('a second publisher of the name is refused, the first goes on', async () => {
    const url = `${server.rtmpUrl}/live/busy`;
    const first = publishFile(clip, url);
    await waitForStream(server, 'busy', 'live');
    const player = curl(`${server.pageUrl}live/busy.flv`, join(folder, 'busy.flv'));
    await until('the player gets media', () => bytesOf(join(folder, 'busy.flv')) > 50_000);
    const refused = await publishFile(clip, url).ended;
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /NetStream\.Publish\.BadName|Server error|Operation not permitted/);
    assert.ok(first.running);
    assert.equal((await first.ended).code, 0);
    assert.equal((await player.ended).code, 0);
    await assertRecording(join(folder, 'busy.flv'), source);
  });
});
