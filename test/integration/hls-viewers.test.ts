import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { TimerWheel } from '../../src/base/timer-wheel.ts';
import { readMediaPlaylist, readPlaylist } from '../../src/containers/m3u8/index.ts';
import { createHub } from '../../src/hub/hub.ts';
import type { PublishLease } from '../../src/hub/ports.ts';
import { HlsOutputs, PlaylistDocument, type HlsOptions } from '../../src/outputs/hls/index.ts';
import { DelayedRemovals } from '../../src/storage/delayed-removals.ts';
import { LiveResources } from '../../src/storage/live-resources.ts';
import { eventually } from '../support/eventually.ts';
import { startHttp } from '../support/http-endpoint.ts';
import { HlsValidator } from '../support/hls-validator.ts';
import { LIVE_DEMO, sessionOf, STREAM_OPTIONS } from '../support/hub-fixtures.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { MemoryLogger } from '../support/memory-logger.ts';
import { aacConfig, aacFrame, audioTime, avcConfig, picture } from '../support/ts-frames.ts';

const OPTIONS: Omit<HlsOptions, 'root'> = {
  playlistFile: '[app]/[stream].m3u8',
  segmentFile: '[app]/[stream]-[seq].ts',
  initFile: '[app]/[stream]-[seq]-init.mp4',
  fmp4: false,
  fragmentMs: 1_000,
  targetRatio: 1,
  audioOnlyRatio: 2.1,
  windowMs: 6_000,
  onError: 'continue',
  floorNames: false,
  entryPrefix: '',
  expectsAudio: true,
  expectsVideo: true,
  cleanup: true,
  disposeMs: 0,
  waitKeyframe: true,
  encrypt: false,
  segmentsPerKey: 5,
  keyFile: '',
  keyRoot: '',
  keyUrl: '',
  audioTimes: 'stream',
  recover: true,
  lowLatency: false,
  partMs: 200,
  programDateTime: false,
  endList: true,
  viewerSessions: true,
  segmentSessions: true,
  relativeMaster: false,
  utc: true,
};
const LOW_LATENCY = { lowLatency: true, fmp4: true, segmentFile: '[app]/[stream]-[seq].m4s' };

/** Publishes pictures at 25 a second with a keyframe each second, and sound, in time of the test's clock. */
class Publisher {
  readonly #lease: PublishLease;
  readonly #clock: ManualClock;
  #pictures = 0;
  #sounds = 0;

  constructor(lease: PublishLease, clock: ManualClock) {
    this.#lease = lease;
    this.#clock = clock;
    lease.write(avcConfig(0));
    lease.write(aacConfig(0));
  }

  /** The next picture, and the sound up to it. */
  next(): void {
    const dts = this.#pictures * 40;
    this.#lease.write(picture(dts, 0, this.#pictures % 25 === 0, [300]));
    while (audioTime(0, this.#sounds) <= dts) {
      this.#lease.write(aacFrame(audioTime(0, this.#sounds), 100));
      this.#sounds += 1;
    }
    this.#pictures += 1;
    this.#clock.advance(40);
  }

  run(ms: number): void {
    for (let at = 0; at < ms; at += 40) this.next();
  }
}

async function start(context: TestContext, options: Partial<HlsOptions> = {}) {
  const root = await mkdtemp(join(tmpdir(), 'srs-hls-viewers-'));
  const clock = new ManualClock();
  const wheel = new TimerWheel(clock);
  const logger = new MemoryLogger();
  const resources = new LiveResources(64_000_000);
  const seen: string[] = [];
  const documents: PlaylistDocument[] = [];
  const hub = createHub({
    clock,
    logger,
    optionsFor: () => STREAM_OPTIONS,
    observers: [
      {
        playStarted: (_name, session) => void seen.push(`+${session.type}`),
        playEnded: (_name, session, stats) => void seen.push(`-${session.type} ${stats.sentBytes}`),
      },
    ],
  });
  const outputs = new HlsOutputs({
    clock,
    wheel,
    logger,
    resources,
    unixTime: () => 1_700_000_000_000 + clock.now(),
    observer: {},
    removals: new DelayedRemovals(wheel, () => undefined),
    document: (live, serving) => {
      const document = new PlaylistDocument(serving, {
        live,
        clock,
        wheel,
        logger,
        access: { check: () => Promise.resolve(undefined) },
        attend: (request) => hub.find(live.name)?.attend(request),
      });
      documents.push(document);
      return document;
    },
  });
  const { endpoint, port } = await startHttp({ dir: root }, { hub, resources });
  const lease = hub.publish(LIVE_DEMO, sessionOf('pub'));
  const output = outputs.create({
    name: LIVE_DEMO,
    options: { ...OPTIONS, ...options, root },
    after: Promise.resolve(),
  });
  hub.find(LIVE_DEMO)?.tap(output);
  context.after(async () => {
    await output.close();
    outputs.close();
    await endpoint.close();
    hub.close();
    wheel.close();
    await rm(root, { recursive: true });
  });
  await eventually(() => documents.length > 0, 'the output is open');
  const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`);
  const document = documents[0] as PlaylistDocument;
  return { clock, hub, lease, output, seen, document, get, publisher: new Publisher(lease, clock) };
}

async function variantOf(response: Response) {
  const text = await response.text();
  const master = readPlaylist(text);
  assert.ok(master.kind === 'master', text);
  const [variant] = master.playlist.variants;
  assert.ok(variant);
  return variant;
}

const viewersOf = ({ hub }: { hub: { find: Awaited<ReturnType<typeof start>>['hub']['find'] } }) =>
  hub.find(LIVE_DEMO)?.snapshot().viewers;

test('HLS of a published stream: a viewer is counted once with its bytes, and ends with the stream', async (context) => {
  const all = await start(context);
  const { get, publisher, seen, lease, clock, output } = all;
  const early = get('/live/demo.m3u8');
  publisher.run(3_040);
  const variant = await variantOf(await early);
  assert.match(variant.uri, /^\/live\/demo\.m3u8\?hls_ctx=/);
  assert.match(variant.codecs ?? '', /^avc1\.[0-9a-f]{6},mp4a\.40\.2$/i);
  assert.ok(variant.bandwidth > 50_000 && variant.bandwidth < 200_000, `${variant.bandwidth}`);
  assert.ok((variant.averageBandwidth ?? Infinity) <= variant.bandwidth);
  let bytes = 0;
  const validator = new HlsValidator();
  for (let round = 0; round < 5; round += 1) {
    const { segments } = validator.take(await (await get(variant.uri)).text());
    for (const { uri } of segments) {
      const segment = await get(`/live/${uri}`);
      assert.equal(segment.status, 200);
      const body = Buffer.from(await segment.arrayBuffer());
      assert.equal(body.length % 188, 0);
      bytes += body.length;
    }
    publisher.run(1_000);
  }
  assert.deepEqual([seen, viewersOf(all)], [['+hls-play'], 1]);
  lease.release();
  clock.advance(STREAM_OPTIONS.holdMs + 250);
  assert.equal(seen.length, 2);
  const sent = Number(/^-hls-play (\d+)$/.exec(seen[1] ?? '')?.[1]);
  assert.ok(sent > bytes && sent < bytes + 10_000, `${sent} sent, segments of ${bytes}`);
  await output.close();
  const rest = await get(variant.uri);
  assert.equal(rest.status, 200);
  assert.match(await rest.text(), /#EXT-X-ENDLIST/);
});

test('Low-Latency HLS of a published stream: each reload is answered with its part', async (context) => {
  const { get, publisher, document, seen, clock } = await start(context, LOW_LATENCY);
  const early = get('/live/demo.m3u8');
  publisher.run(3_040);
  const { uri } = await variantOf(await early);
  const validator = new HlsValidator();
  const first = validator.take(await (await get(uri)).text());
  assert.ok(first.serverControl?.canBlockReload);
  let sequence = first.mediaSequence + first.segments.length;
  let part = first.partial?.parts?.length ?? 0;
  let hint = first.preloadHints?.[0]?.uri ?? '';
  const delays: number[] = [];
  for (let step = 0; step < 40; step += 1) {
    const answer = get(`${uri}&_HLS_msn=${sequence}&_HLS_part=${part}`);
    const announced = get(`/live/${hint}`);
    await eventually(() => document.waiting === 1, 'the request waits');
    let at = 0;
    for (let frames = 0; document.waiting === 1 && frames < 50; frames += 1) {
      at = performance.now();
      publisher.next();
    }
    const response = await answer;
    delays.push(performance.now() - at);
    assert.equal(response.status, 200);
    const playlist = validator.take(await response.text());
    const parts = playlist.segments[sequence - playlist.mediaSequence]?.parts ?? playlist.partial?.parts;
    assert.equal(parts?.[part]?.uri, hint, 'what came is what was announced');
    const early = await announced;
    assert.equal(early.status, 200);
    const bytes = Buffer.from(await early.arrayBuffer());
    assert.match(bytes.toString('latin1', 4, 8), /^(styp|moof)$/);
    assert.deepEqual(Buffer.from(await (await get(`/live/${hint}`)).arrayBuffer()), bytes);
    hint = playlist.preloadHints?.[0]?.uri ?? '';
    assert.match(hint, /hls_ctx=/);
    sequence = playlist.mediaSequence + playlist.segments.length;
    part = playlist.partial?.parts?.length ?? 0;
  }
  delays.sort((a, b) => a - b);
  const median = delays[20] ?? Infinity;
  context.diagnostic(`answer after the picture that ends the part: median ${median.toFixed(2)} ms`);
  assert.ok(median < 30, `${median} ms`);
  assert.deepEqual(seen, ['+hls-play']);
  clock.advance(20_000);
  assert.equal(seen.length, 2);
});

test('a delta update over HTTP goes on from what the viewer has', async (context) => {
  const { get, publisher } = await start(context, { ...LOW_LATENCY, windowMs: 20_000 });
  publisher.run(18_040);
  const { uri } = await variantOf(await get('/live/demo.m3u8'));
  const full = readMediaPlaylist(await (await get(uri)).text());
  const delta = readMediaPlaylist(await (await get(`${uri}&_HLS_skip=YES`)).text());
  assert.ok((delta.skippedSegments ?? 0) > 5, `${delta.skippedSegments}`);
  const kept = full.segments.slice(delta.skippedSegments);
  assert.deepEqual(
    delta.segments.map((segment) => segment.uri),
    kept.map((segment) => segment.uri),
  );
});
