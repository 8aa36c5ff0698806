/** What packaging one frame costs in each live body: ns per frame, of H.264 at 25 fps with AAC. Prints JSON. */
import { SlabLog } from '../../../src/hub/slab-log.ts';
import { liveFormat, LIVE_ENDINGS } from '../../../src/outputs/http-live/index.ts';
import { aacConfig, aacFrame, avcConfig, picture } from '../../../test/support/ts-frames.ts';

const FRAMES = 68;
const ROUNDS = 2_000;
const VIDEO_BYTES = 3_000;
const AUDIO_BYTES = 370;

const result: Record<string, number> = {};
for (const ending of LIVE_ENDINGS) {
  if (ending === 'mp3') continue;
  const packager = liveFormat(ending, { framing: 'chunked', tracks: 'av' }).createPackager();
  const log = new SlabLog();
  packager.append(avcConfig(0), log);
  packager.append(aacConfig(0), log);
  const second = Array.from({ length: FRAMES }, (_, n) => {
    const dts = Math.round((n * 1000) / FRAMES);
    return n % 2.72 < 1 ? picture(dts, 0, n === 0, [VIDEO_BYTES]) : aacFrame(dts, AUDIO_BYTES);
  });
  const run = (rounds: number, from: number): void => {
    for (let round = 0; round < rounds; round += 1) {
      for (const frame of second) {
        if (ending === 'aac' && frame.kind === 'video') continue;
        packager.append(frame.at((from + round) * 1000 + frame.dts), log);
      }
      log.trim(log.end);
    }
  };
  run(ROUNDS, 0);
  const began = process.hrtime.bigint();
  run(ROUNDS, ROUNDS);
  result[ending] = Math.round(Number(process.hrtime.bigint() - began) / (ROUNDS * FRAMES));
}
console.log(JSON.stringify({ node: process.version, nsPerFrame: result }, undefined, 2));
