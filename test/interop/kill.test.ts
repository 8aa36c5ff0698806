import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { publish, type RtmpPublisher } from '../../src/clients/rtmp/index.ts';
import { FlvReader, type FlvTag } from '../../src/containers/flv/index.ts';
import { FragmentReader } from '../../src/containers/mp4/index.ts';
import { expandTemplate } from '../../src/containers/mpd/index.ts';
import { TsDemuxer } from '../../src/containers/mpegts/index.ts';
import { leftoverOf } from '../../src/storage/safe-file.ts';
import { DashValidator } from '../support/dash-validator.ts';
import { assertDecodes, makeClip } from '../support/ffmpeg.ts';
import { HlsValidator } from '../support/hls-validator.ts';
import { requireProgram, run, temporaryFolder, until } from '../support/programs.ts';
import { srsHome, type SrsHome } from '../support/srs-home.ts';

/** Lanes are servers of their own that run side by side. */
const LANES = 5;
const KILLS_PER_LANE = 10;
/** Media runs so much faster than time, so that short lives make many segments. */
const SPEED = 4;
const TICK_MS = 20;
const MAX_LIFE_MS = 1_200;
/** "At most the last second" of time is lost; and what is shorter may be nothing. */
const LOST_MS = SPEED * 1_000;
/** Recovery leaves files alone that may still be written, ms. */
const RECOVERY_MS = 20_000;

interface Output {
  readonly vhost: string;
  readonly blocks: string;
}

const HLS = 'hls_fragment 1; hls_window 6; hls_td_ratio 1;';

const OUTPUTS: readonly Output[] = [
  { vhost: 'flv.test', blocks: `hls { enabled on; ${HLS} PATH } dvr { enabled on; dvr_path DVR.flv; }` },
  {
    vhost: 'mp4.test',
    blocks: `hls { enabled on; hls_use_fmp4 on; ${HLS} PATH } dvr { enabled on; dvr_path DVR.mp4; }`,
  },
  {
    vhost: 'ts.test',
    blocks: `dash { enabled on; dash_fragment 1; dash_timeshift 6; dash_path ROOT; } dvr { enabled on; dvr_path DVR.ts; }`,
  },
  { vhost: 'fmp4.test', blocks: 'dvr { enabled on; dvr_fmp4 on; dvr_path DVR.mp4; }' },
];

/** mulberry32: the moments are the same in every run, as far as a machine lets them. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A recording that a kill interrupted. */
interface Interrupted {
  readonly file: string;
  readonly sentMs: number;
}

/** One folder with its server, which is killed again and again. */
class Lane {
  readonly #home: SrsHome;
  readonly #tags: readonly FlvTag[];
  readonly #random: () => number;
  readonly interrupted: Interrupted[] = [];
  playlists = 0;
  segments = 0;

  constructor(home: SrsHome, tags: readonly FlvTag[], seed: number) {
    this.#home = home;
    this.#tags = tags;
    this.#random = randomOf(seed);
    home.configure('srs_log_tank console;');
    const vhosts = OUTPUTS.map(({ vhost, blocks }) => {
      const root = join(home.folder, vhost);
      const text = blocks
        .replaceAll('PATH', `hls_path ${root};`)
        .replaceAll('ROOT', root)
        .replaceAll('DVR', `${root}/dvr/[stream].[timestamp]`);
      return `vhost ${vhost} { ${text} }`;
    });
    home.configure(vhosts.join('\n'));
  }

  folder(vhost: string): string {
    return join(this.#home.folder, vhost);
  }

  /** A life: start, publish, the end at any moment. */
  async live(): Promise<void> {
    const server = await this.#home.up();
    const lifeMs = this.#random() * MAX_LIFE_MS;
    const publishers = await Promise.all(
      OUTPUTS.map(({ vhost }) => publish(`${this.#home.rtmpUrl}/live/demo?vhost=${vhost}`)),
    );
    const sentMs = await this.#send(publishers, lifeMs);
    await server.stop('SIGKILL');
    for (const publisher of publishers) void publisher.close();
    this.#look(sentMs);
  }

  /** Sends for so long; resolves with how much media went out. */
  async #send(publishers: readonly RtmpPublisher[], lifeMs: number): Promise<number> {
    const from = performance.now();
    let next = 0;
    let sentMs = 0;
    for (;;) {
      const passed = performance.now() - from;
      if (passed >= lifeMs) return sentMs;
      for (; (this.#tags[next]?.timestamp ?? Infinity) <= passed * SPEED; next++) {
        const { typeId, timestamp, body } = this.#tags[next] as FlvTag;
        for (const publisher of publishers) publisher.write(typeId, timestamp, body);
        sentMs = timestamp;
      }
      await sleep(Math.min(TICK_MS, lifeMs - passed));
    }
  }

  /** What the disk holds must be whole, at once. */
  #look(sentMs: number): void {
    for (const { vhost } of OUTPUTS) {
      const folder = this.folder(vhost);
      for (const file of filesBelow(folder)) {
        const left = leftoverOf(file);
        if (left?.kind === 'recording' && !this.interrupted.some((one) => one.file === left.final)) {
          this.interrupted.push({ file: left.final, sentMs });
        }
        if (left !== undefined) continue;
        if (extname(file) === '.m3u8') this.#playlist(file);
        else if (extname(file) === '.mpd') this.#manifest(file);
      }
    }
  }

  #playlist(file: string): void {
    const { segments } = new HlsValidator({ mayRaiseTarget: true }).take(readFileSync(file, 'utf8'));
    this.playlists += 1;
    for (const { uri, map } of segments) {
      const path = join(dirname(file), uri);
      this.segments += 1;
      if (map === undefined) assert.ok(pictures(path) > 0, path);
      else assert.ok(fragmentUnits(join(dirname(file), map.uri), path) > 0, path);
    }
  }

  #manifest(file: string): void {
    this.playlists += 1;
    for (const { adaptationSets } of new DashValidator(0).take(readFileSync(file, 'utf8')).periods) {
      for (const { template, representations } of adaptationSets) {
        const representationId = representations[0]?.id ?? '';
        const init = expandTemplate(template.initialization ?? '', { representationId });
        let number = template.startNumber;
        for (const { time, duration, count } of template.timeline) {
          for (let i = 0; i < count; i++, number++) {
            const name = expandTemplate(template.media, {
              representationId,
              number,
              time: time + i * duration,
            });
            this.segments += 1;
            assert.ok(fragmentUnits(join(dirname(file), init), join(dirname(file), name)) > 0, name);
          }
        }
      }
    }
  }

  /** A start that nobody disturbs mends what was left. */
  async mend(): Promise<void> {
    const server = await this.#home.up();
    await until('no file is left unfinished', () => this.leftovers().length === 0, RECOVERY_MS).catch(
      (error: unknown) => {
        throw new Error(`${String(error)}\n${this.leftovers().join('\n')}\n${server.output}`);
      },
    );
    const end = await server.stop('SIGTERM');
    assert.equal(end.code, 0, server.output);
  }

  leftovers(): string[] {
    return filesBelow(this.#home.folder).filter((file) => leftoverOf(file) !== undefined);
  }
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true);
}

/** Keyframes and other pictures of a whole TS file, which must begin with a keyframe. */
function pictures(path: string): number {
  const demuxer = new TsDemuxer();
  const frames = [...demuxer.push(readFileSync(path)), ...demuxer.end()];
  const video = frames.filter(({ kind, isConfig }) => kind === 'video' && !isConfig);
  assert.ok(video[0]?.isKeyframe, `${path} begins with a keyframe`);
  return video.length;
}

function fragmentUnits(init: string, path: string): number {
  const reader = new FragmentReader();
  reader.push(readFileSync(init));
  return reader.push(readFileSync(path)).length;
}

/** How long a recording is, ms; 0 when there is none. */
async function durationOf(file: string): Promise<number> {
  if (!existsSync(file)) return 0;
  if (extname(file) === '.flv') {
    const tags = new FlvReader().push(readFileSync(file));
    return tags.at(-1)?.timestamp ?? 0;
  }
  const { stdout } = await run(requireProgram('/usr/bin/ffprobe', 'ffmpeg'), [
    ...['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', file],
  ]);
  return Number(stdout) * 1000;
}

suite('a server that is killed at any moment', { timeout: 200_000 }, () => {
  const folder = temporaryFolder();

  test(`${LANES * KILLS_PER_LANE} times: what is on the disk is whole, and the next start mends recordings`, async (t) => {
    const clip = await makeClip(join(folder, 'clip.flv'), { seconds: 12, gop: 12, bFrames: 2 });
    const tags = new FlvReader().push(readFileSync(clip));
    const lanes = await Promise.all(
      Array.from({ length: LANES }, async (_, i) => new Lane(await srsHome(folder, `lane${i}`), tags, i + 1)),
    );
    await Promise.all(
      lanes.map(async (lane, i) => {
        for (let kill = 1; kill <= KILLS_PER_LANE; kill++) {
          await lane.live();
          if (i === 0 && kill === KILLS_PER_LANE / 2) await lane.mend();
        }
        await lane.mend();
      }),
    );
    const all = lanes.flatMap(({ interrupted }) => interrupted);
    let shortest = Infinity;
    for (const { file, sentMs } of all) {
      const durationMs = await durationOf(file);
      shortest = Math.min(shortest, durationMs - sentMs);
      assert.ok(durationMs >= sentMs - LOST_MS, `${file}: ${durationMs} ms of ${sentMs}`);
    }
    const sum = (of: (lane: Lane) => number): number => lanes.reduce((total, lane) => total + of(lane), 0);
    t.diagnostic(
      `${all.length} recordings mended, at most ${-shortest / SPEED} ms lost; ${sum((l) => l.playlists)} playlists, ${sum((l) => l.segments)} segments`,
    );
    assert.ok(all.length > 2 * LANES * KILLS_PER_LANE, `${all.length} recordings were interrupted`);
    assert.ok(sum((lane) => lane.segments) > 100);
    // One of each kind, the longest, goes through a real decoder.
    for (const { vhost } of OUTPUTS) {
      const longest = all
        .filter(({ file }) => file.includes(`/${vhost}/`))
        .sort((a, b) => b.sentMs - a.sentMs)[0];
      assert.ok(longest !== undefined, vhost);
      await assertDecodes(longest.file);
    }
  });
});
