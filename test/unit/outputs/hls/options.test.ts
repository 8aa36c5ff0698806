import assert from 'node:assert/strict';
import { createDecipheriv } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, suite, test } from 'node:test';
import type { HlsOptions } from '../../../../src/outputs/hls/index.ts';
import { FactsMeter } from '../../../../src/outputs/hls/facts.ts';
import { demuxTs, HlsRig, play, source } from '../../../support/hls-rig.ts';
import { aacConfig, aacFrame, avcConfig } from '../../../support/ts-frames.ts';

/** Where the clock of the rig begins: 2026-01-02 03:04:05 UTC. */
const BEGIN_MS = Date.UTC(2026, 0, 2, 3, 4, 5);

let rig: HlsRig;

async function begin(options: Partial<HlsOptions> = {}): Promise<void> {
  rig = await HlsRig.start({ windowMs: 60_000, ...options });
  await rig.publish();
}

const uris = (): string[] => rig.playlist().segments.map(({ uri }) => uri);
const lengths = (): number[] => rig.playlist().segments.map(({ durationMs }) => durationMs);

suite('Directives of HLS', () => {
  afterEach(async () => rig.close());

  test('hls_ts_floor numbers segments by the time of day in fragments', async () => {
    await begin({ floorNames: true, segmentFile: '[app]/[stream]-[timestamp]-[seq].ts' });
    play(rig, source(0, 8_500));
    const first = Math.floor(BEGIN_MS / 2_000) - 1;
    assert.deepEqual(
      uris(),
      [0, 1, 2, 3].map((n) => `demo-${first + n}-${n}.ts`),
    );
  });

  for (const gopMs of [1_000, 400, 1_480]) {
    test(`hls_ts_floor stays at the time of day for hours, keyframes each ${gopMs} ms`, async () => {
      await begin({ floorNames: true, segmentFile: '[app]/[stream]-[timestamp].ts', windowMs: 20_000 });
      // One picture each 40 ms and no sound, for half an hour.
      play(rig, source(0, 1_800_000, { audio: false, gopMs }));
      const last = Number(/demo-(\d+)/.exec(uris().at(-1) ?? '')?.[1]);
      const { segments, mediaSequence } = rig.playlist();
      const now = Math.floor((BEGIN_MS + 1_800_000) / 2_000);
      assert.ok(Math.abs(last - now) <= 3, `${last - now} fragments off`);
      // A number for each fragment of the day: none is left out for long.
      assert.ok(
        Math.abs(mediaSequence + segments.length - 900) <= 4,
        String(mediaSequence + segments.length),
      );
      const numbers = uris().map((uri) => Number(/demo-(\d+)/.exec(uri)?.[1]));
      for (const [index, number] of numbers.entries()) assert.equal(number, (numbers[0] ?? 0) + index);
    });
  }

  test('hls_dts_directly off counts the samples of AAC, until the stream is too far off', async () => {
    await begin({ audioTimes: 'samples', expectsVideo: false });
    // A sender that rounds to 10 ms, and then leaves out a second.
    rig.give(aacConfig(0));
    for (let n = 0; n < 400; n += 1) {
      const exact = (n * 1024 * 1000) / 44_100 + (n >= 300 ? 1_000 : 0);
      rig.give(aacFrame(Math.floor(exact / 10) * 10, 60));
    }
    await rig.end();
    const { segments } = await rig.diskPlaylist();
    const bytes = await Promise.all(segments.map(({ uri }) => readFile(join(rig.dir, 'live', uri))));
    const times = demuxTs(bytes)
      .filter(({ isConfig }) => !isConfig)
      .map(({ dts }) => dts);
    assert.equal(times.length, 400);
    for (const [n, time] of times.entries()) {
      const counted = n < 300 ? 0 : Math.floor((300 * 1024 * 1000) / 44_100 / 10) * 10;
      const expected =
        n < 300 ? (n * 1024 * 1000) / 44_100 : counted + 1_000 + ((n - 300) * 1024 * 1000) / 44_100;
      assert.ok(Math.abs(time - expected) < 12, `frame ${n}: ${time}, not ${expected}`);
      const before = times[n - 1];
      if (before !== undefined && n !== 300)
        assert.ok(Math.abs(time - before - 23.22) < 1, `${time - before}`);
    }
  });

  for (const [entryPrefix, expected] of [
    ['', 'ts/demo-0.ts'],
    ['https://cdn.example/', 'https://cdn.example/ts/demo-0.ts'],
    ['https://cdn.example', 'https://cdn.example/live/ts/demo-0.ts'],
    ['/a%20b/', '/a%20b/ts/demo-0.ts'],
  ] as const) {
    test(`hls_entry_prefix '${entryPrefix}': ${expected}`, async () => {
      await begin({ entryPrefix, segmentFile: '[app]/ts/[stream]-[seq].ts' });
      play(rig, source(0, 14_500));
      assert.equal(uris()[0], expected);
      await rig.end();
      assert.ok((await rig.files()).includes('live/ts/demo-0.ts'));
      // A later output finds the files behind these names again.
      rig.restart();
      await rig.publish();
      assert.equal(rig.playlist().segments.length, 8);
      assert.ok(!rig.logger.lines.join().includes('files are missing'));
    });
  }

  test('path variables put segments, keys and playlists into folders of their own', async () => {
    const keyRoot = await mkdtemp(join(tmpdir(), 'srs-hls-keys-'));
    try {
      await begin({
        playlistFile: '[app]/[stream].m3u8',
        segmentFile: 'media/[vhost]/[2006]-[01]-[02]/[stream]-[15][04][05]-[seq]-[duration].ts',
        keyFile: '[app]/[stream]/[seq].key',
        keyRoot,
        keyUrl: 'https://keys.example/get?user=a&b=1',
        encrypt: true,
      });
      play(rig, source(0, 4_500));
      await rig.end();
      const { segments } = await rig.diskPlaylist();
      assert.deepEqual(
        segments.slice(0, 2).map(({ uri, key: listed }) => [uri, listed?.uri]),
        [
          [
            '../media/__defaultVhost__/2026-01-02/demo-030405-0-2000.ts',
            'https://keys.example/get/live/demo/0.key?user=a&b=1',
          ],
          [
            '../media/__defaultVhost__/2026-01-02/demo-030407-1-2000.ts',
            'https://keys.example/get/live/demo/0.key?user=a&b=1',
          ],
        ],
      );
      assert.deepEqual(await readdir(join(keyRoot, 'live/demo')), ['0.key', '2.key']);
      const key = await readFile(join(keyRoot, 'live/demo/0.key'));
      const decipher = createDecipheriv('aes-128-cbc', key, Buffer.alloc(16));
      const body = await readFile(join(rig.dir, 'live', segments[0]?.uri ?? ''));
      assert.ok(demuxTs([Buffer.concat([decipher.update(body), decipher.final()])]).length > 100);
      rig.restart();
      await rig.publish();
      assert.equal(rig.playlist().segments.length, 3);
    } finally {
      await rm(keyRoot, { recursive: true });
    }
  });

  test('names that could leave the root or a URL are encoded, and found again', async () => {
    rig = await HlsRig.start({ windowMs: 60_000 });
    const name = { vhost: '__defaultVhost__', app: 'live', stream: 'a b#c?%ü' };
    const output = rig.outputs.create({ name, options: rig.options, after: Promise.resolve() });
    output.onState('live', 1);
    for (const frame of source(0, 2_500)) output.onFrame(frame);
    await output.close();
    const [playlist = ''] = (await rig.files()).filter((file) => file.endsWith('c?%ü.m3u8'));
    assert.equal(playlist, 'live/a b#c?%ü.m3u8');
    const text = await readFile(join(rig.dir, playlist), 'utf8');
    assert.match(text, /\na%20b%23c%3F%25%C3%BC-0\.ts\n/);
  });

  test('hls_wait_keyframe off cuts at any picture and promises nothing', async () => {
    await begin({ waitKeyframe: false });
    play(rig, source(0, 9_000, { gopMs: 3_000, audio: false }));
    const { independentSegments } = rig.playlist();
    assert.deepEqual([lengths(), independentSegments], [[2_000, 2_000, 2_000, 2_000], undefined]);
  });

  test('hls_aof_ratio: segments without pictures are longer', async () => {
    await begin({ audioOnlyRatio: 2.5, expectsVideo: false });
    play(rig, source(0, 21_000, { video: false }));
    assert.equal(lengths().length, 4);
    for (const length of lengths()) assert.ok(length >= 5_000 && length < 5_050, String(length));
  });

  test('hls_aof_ratio: also where the pictures stop in mid-stream', async () => {
    await begin({ audioOnlyRatio: 2 });
    play(rig, source(0, 3_000));
    play(rig, source(3_000, 16_000, { video: false }));
    const [first, second, ...rest] = lengths();
    assert.equal(first, 2_000);
    assert.ok((second ?? 0) > 4_000 && (second ?? 0) < 5_100, String(second));
    for (const length of rest) assert.ok(length >= 4_000 && length < 4_050, String(length));
  });

  test('hls_td_ratio sets the target duration; a longer segment raises it for good', async () => {
    await begin({ targetRatio: 2.2 });
    play(rig, source(0, 4_500));
    assert.equal(rig.playlist().targetDurationSec, 5);
    play(rig, source(4_500, 30_000, { gopMs: 8_000 }));
    assert.equal(rig.playlist().targetDurationSec, 9);
    play(rig, source(30_000, 40_000));
    assert.equal(rig.playlist().targetDurationSec, 9);
  });

  test('hls_program_date_time is the time of day of the first frame, and fits the lengths', async () => {
    await begin({ programDateTime: true });
    play(rig, source(0, 6_500));
    const dates = rig.playlist().segments.map(({ programDateTimeMs }) => programDateTimeMs);
    assert.deepEqual(
      dates,
      [0, 2_000, 4_000].map((ms) => BEGIN_MS + ms),
    );
    rig.leave();
    rig.clock.advance(5_000);
    await rig.publish();
    play(rig, source(20_000, 22_500));
    const { segments } = rig.playlist();
    // The clock stood at the last picture.
    const { discontinuity, programDateTimeMs = 0 } = segments.at(-1) ?? {};
    assert.equal(discontinuity, true);
    assert.ok(Math.abs(programDateTimeMs - (BEGIN_MS + 11_480)) <= 40, String(programDateTimeMs - BEGIN_MS));
  });
});

suite('Facts for master playlists', () => {
  test('codecs, rates and bit rates of what was measured', () => {
    const facts = new FactsMeter(4_000);
    facts.begin({ video: avcConfig(0), audio: aacConfig(0) });
    assert.deepEqual([facts.facts.codecs, facts.facts.bandwidth], ['avc1.4D001F,mp4a.40.2', 0]);
    facts.segment(1_000, 1_000, 25); // 8 kbit/s
    facts.segment(3_000, 1_000, 25); // 24 kbit/s; both together 16
    facts.segment(1_000, 2_000, 50); // 4 kbit/s
    const { bandwidth, averageBandwidth, frameRate } = facts.facts;
    assert.deepEqual([bandwidth, averageBandwidth, frameRate], [16_000, 10_000, 25]);
    facts.begin({ video: undefined, audio: aacConfig(0) });
    assert.deepEqual([facts.facts.codecs, facts.facts.frameRate], ['mp4a.40.2', undefined]);
  });
});
