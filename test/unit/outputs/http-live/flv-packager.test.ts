import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../../../src/base/logger.ts';
import { createHub } from '../../../../src/hub/hub.ts';
import { SlabLog } from '../../../../src/hub/slab-log.ts';
import type { TrackChoice } from '../../../../src/hub/ports.ts';
import type { Frame } from '../../../../src/media/frame.ts';
import type { BodyFraming } from '../../../../src/outputs/http-live/body-framing.ts';
import { flvFormat } from '../../../../src/outputs/http-live/flv-packager.ts';
import {
  audioConfig,
  audioFrame,
  LIVE_DEMO,
  playRequest,
  sessionOf,
  STREAM_OPTIONS,
  videoConfig,
  videoFrame,
} from '../../../support/hub-fixtures.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { readFlv, unchunk, unwebsocket } from '../../../support/wire-decoders.ts';

const UNFRAME: Record<BodyFraming, (bytes: Buffer) => { body: Buffer; ended: boolean }> = {
  chunked: unchunk,
  websocket: unwebsocket,
  identity: (body) => ({ body, ended: false }),
};

for (const framing of ['chunked', 'websocket', 'identity'] as const) {
  for (const bodyBytes of [20, 90, 200, 5_000, 70_000]) {
    test(`${framing}: catch-up, windows and trailer make one body; tags of ${bodyBytes} bytes`, () => {
      const packager = flvFormat({ framing, tracks: 'av' }).createPackager();
      const log = new SlabLog();
      const frames = [1_000, 1_040, 1_080].map((dts, n) => videoFrame(dts, n === 0, n, bodyBytes));
      const [first, ...rest] = frames;
      assert.ok(first !== undefined);
      const join = packager.catchUp({ hasAudio: false, hasVideo: true }, 1_000);
      join.add([first]);
      const parts = [join.bytes()];
      const from = log.end;
      for (const frame of rest) packager.append(frame, log);
      parts.push(packager.cut(log, from, log.end, 1_000), packager.trailer());
      const { body, ended } = UNFRAME[framing](Buffer.concat(parts));
      assert.equal(ended, framing !== 'identity');
      const { flags, messages } = readFlv(body);
      assert.equal(flags, 1);
      assert.deepEqual(
        messages.map(({ time }) => time),
        [0, 40, 80],
      );
      messages.forEach(({ body: seen }, n) => assert.ok(seen.equals(frames[n]?.flvBody ?? Buffer.alloc(0))));
    });
  }
}

test('identity with base 0 shares the log itself; a cut never changes the log', () => {
  const packager = flvFormat({ framing: 'identity', tracks: 'av' }).createPackager();
  const log = new SlabLog();
  packager.append(videoFrame(5_000, true), log);
  const shared = packager.cut(log, 0, log.end, 0);
  assert.equal(shared.buffer, log.view(0, log.end).buffer);
  const before = Buffer.from(shared);
  packager.cut(log, 0, log.end, 4_000);
  assert.ok(shared.equals(before));
});

test('times: beyond 24 bits, beyond 32 bits, and from before the base', () => {
  const packager = flvFormat({ framing: 'identity', tracks: 'av' }).createPackager();
  const log = new SlabLog();
  const base = 0xffff_fff0;
  const times = [base - 3_000_000, base - 10, base, base + 40, base + 0x1000000, base + 0x90000000];
  for (const dts of times) packager.append(audioFrame(dts), log);
  const opening = packager.catchUp({ hasAudio: true, hasVideo: false }, base);
  const { messages } = readFlv(Buffer.concat([opening.bytes(), packager.cut(log, 0, log.end, base)]));
  assert.deepEqual(
    messages.map(({ time }) => time),
    [0, 0, 0, 40, 0x1000000, 0x90000000],
  );
});

interface FlagCase {
  readonly name: string;
  readonly tracks?: TrackChoice;
  readonly before: readonly Frame[];
  readonly after?: readonly Frame[];
  readonly flags: number;
}

const FLAGS: readonly FlagCase[] = [
  { name: 'audio and video', before: [videoConfig(), audioConfig(), videoFrame(0, true)], flags: 5 },
  {
    name: 'audio only',
    before: [audioConfig(), audioFrame(0), audioFrame(200), audioFrame(400), audioFrame(600)],
    flags: 4,
  },
  {
    name: 'video only',
    before: [
      videoConfig(),
      videoFrame(0, true),
      videoFrame(200, false),
      videoFrame(400, false),
      videoFrame(600, false),
    ],
    flags: 1,
  },
  {
    name: 'audio wanted of both',
    tracks: 'a',
    before: [videoConfig(), audioConfig(), audioFrame(0)],
    flags: 4,
  },
  {
    name: 'video wanted of both',
    tracks: 'v',
    before: [videoConfig(), audioConfig(), videoFrame(0, true)],
    flags: 1,
  },
  {
    name: 'a joiner between the first config record and the second',
    before: [videoConfig()],
    after: [audioConfig(), videoFrame(0, true)],
    flags: 5,
  },
  {
    name: 'a joiner of a video-only stream that has just begun',
    before: [videoConfig()],
    after: [videoFrame(0, true), videoFrame(200, false), videoFrame(400, false), videoFrame(600, false)],
    flags: 1,
  },
];

for (const { name, tracks, before, after, flags } of FLAGS) {
  test(`the header flags tell the truth: ${name}`, () => {
    const clock = new ManualClock();
    const hub = createHub({ clock, logger: silentLogger, optionsFor: () => STREAM_OPTIONS });
    const lease = hub.publish(LIVE_DEMO, sessionOf('p'));
    for (const frame of before) lease.write(frame);
    const play = playRequest('v', flvFormat({ framing: 'identity', tracks: tracks ?? 'av' }));
    hub.find(LIVE_DEMO)?.play(play);
    for (const frame of after ?? []) lease.write(frame);
    clock.runSoon();
    const seen = readFlv(play.sink.bytes);
    assert.equal(seen.flags, flags);
    assert.equal(seen.messages[0]?.time, 0);
  });
}
