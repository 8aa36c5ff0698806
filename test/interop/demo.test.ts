import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { assertDecodes, probe, record, type Media } from '../support/ffmpeg.ts';
import { waitForStream } from '../support/players.ts';
import { temporaryFolder } from '../support/programs.ts';
import { assertMonotonic } from '../support/recording.ts';
import { REPOSITORY, startServerProcess, type ServerProcess } from '../support/server-process.ts';

const CLIP = join(REPOSITORY, 'media/demo.flv');
/** Longer than two rounds of the clip. */
const SECONDS = 24;

suite('the demo stream', { concurrency: true }, () => {
  const folder = temporaryFolder();
  let clip: Media;
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess({
      vhost: ({ rtmp }) => `ingest demo {
        enabled on;
        input { type file; url ${CLIP}; }
        engine { enabled off; output rtmp://127.0.0.1:${rtmp}/live/demo; }
      }`,
    });
    clip = await probe(CLIP);
    await waitForStream(server, 'demo', 'live');
  });
  after(async () => {
    assert.equal(await server.stop(), 0);
  });

  for (const how of ['rtmp', 'http'] as const) {
    test(`loops without a seam over ${how}`, async () => {
      const url = how === 'rtmp' ? `${server.rtmpUrl}/live/demo` : `${server.pageUrl}live/demo.flv`;
      const file = join(folder, `${how}.flv`);
      const end = await record(url, file, ['-t', String(SECONDS)]).ended;
      assert.equal(end.code, 0, end.stderr);
      const recorded = await probe(file);
      assertMonotonic(file, recorded);
      for (const kind of ['video', 'audio'] as const) {
        const round = clip[kind]?.packets ?? [];
        const packets = recorded[kind]?.packets ?? [];
        const usual = Math.max(...round.slice(1).map(({ dts }, index) => dts - (round[index]?.dts ?? 0)));
        for (const [index, packet] of packets.entries()) {
          const before = packets[index - 1];
          if (before === undefined) continue;
          const step = packet.dts - before.dts;
          assert.ok(step <= usual + 1, `${kind}: ${step} ms before packet ${index}, usual are ${usual}`);
        }
        const rounds = packets.filter(({ hash }) => hash === packets[0]?.hash).length;
        assert.ok(kind === 'audio' || rounds >= 2, `the clip came round ${rounds} times`);
        const length = (packets.at(-1)?.dts ?? 0) - (packets[0]?.dts ?? 0);
        assert.ok(Math.abs(length - SECONDS * 1000) < 1000, `${kind}: ${length} ms were recorded`);
      }
      const starts = (['video', 'audio'] as const).map((kind) => recorded[kind]?.packets[0]?.dts ?? NaN);
      assert.ok(
        Math.min(...starts) <= 40 && Math.max(...starts) <= 100,
        `begins at ${starts.join(' and ')} ms`,
      );
      await assertDecodes(file);
    });
  }
});
