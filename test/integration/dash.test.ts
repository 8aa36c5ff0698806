import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { readMpd, type Mpd } from '../../src/containers/mpd/index.ts';
import { playedTracks } from '../support/dash-stage.ts';
import { DashValidator } from '../support/dash-validator.ts';
import { readHdsBootstrap, readHdsFragment, readHdsManifest } from '../support/hds-reader.ts';
import { aacConfig, avcConfig, picture, sound } from '../support/mp4-fixtures.ts';
import { until } from '../support/programs.ts';
import { ReloadServer } from '../support/reload-server.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';

let folder: string;
let server: ReloadServer;

const text = (dash: string, hds = 'off'): string => `
  listen 127.0.0.1:0; max_connections 100;
  http_server { enabled on; listen 127.0.0.1:0; dir ${folder}; page off; }
  vhost __defaultVhost__ {
    dash { enabled on; dash_path ${folder}; dash_fragment 1; dash_ctx off; ${dash} }
    hds { enabled ${hds}; hds_path ${folder}; hds_fragment 1; }
  }`;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'srs-dash-'));
});
after(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

async function get(path: string): Promise<Response> {
  return fetch(`http://127.0.0.1:${server.httpPort}/${path}`);
}

async function manifest(): Promise<string> {
  const answer = await get('live/show.mpd');
  return answer.ok ? answer.text() : '';
}

/** Waits until the manifest has so many periods, the last one with so many pictures' segments. */
async function manifestWith(periods: number, segments: number): Promise<Mpd> {
  return until(`${periods} periods, ${segments} segments`, async () => {
    const shown = await manifest();
    if (shown === '') return undefined;
    const mpd = new DashValidator(60_000).take(shown, Date.now());
    const listed = mpd.periods.at(-1)?.adaptationSets[0]?.template.timeline ?? [];
    const count = listed.reduce((sum, run) => sum + run.count, 0);
    return mpd.periods.length === periods && count >= segments ? mpd : undefined;
  });
}

/** A publisher whose media runs faster than time. */
class Publisher {
  readonly peer: RtmpPeer;
  #at = 0;

  private constructor(peer: RtmpPeer) {
    this.peer = peer;
  }

  static async start(): Promise<Publisher> {
    const peer = await RtmpPeer.publish(server.rtmpPort, 'show');
    peer.video(0, Buffer.concat([Buffer.from([0x17, 0, 0, 0, 0]), avcConfig().payload]));
    peer.audio(0, Buffer.concat([Buffer.from([0xaf, 0]), aacConfig().payload]));
    return new Publisher(peer);
  }

  send(ms: number): void {
    for (const end = this.#at + ms; this.#at < end; this.#at += 40) {
      const isKey = this.#at % 1_000 === 0;
      const body = picture(0, 0, isKey, 60).payload;
      this.peer.video(this.#at, Buffer.concat([Buffer.from([isKey ? 0x17 : 0x27, 1, 0, 0, 0]), body]));
      this.peer.audio(this.#at, Buffer.concat([Buffer.from([0xaf, 1]), sound(this.#at).payload]));
    }
  }
}

suite('DASH and HDS of a server', () => {
  test('are served with their types; what is for the next start is not', async () => {
    server = await ReloadServer.start(text('', 'on'));
    const publisher = await Publisher.start();
    publisher.send(5_040);
    const mpd = await manifestWith(1, 5);
    const shown = await get('live/show.mpd');
    assert.equal(shown.headers.get('content-type'), 'application/dash+xml');
    assert.equal(shown.headers.get('cache-control'), 'no-cache');
    assert.match(shown.headers.get('access-control-expose-headers') ?? '', /\bDate\b/);
    const files = new Map<string, Buffer>();
    for (const { template, representations } of mpd.periods[0]?.adaptationSets ?? []) {
      const [first] = template.timeline;
      const id = representations[0]?.id ?? '';
      const init = template.initialization ?? '';
      const media = template.media.replace('$RepresentationID$', id).replace('$Time$', String(first?.time));
      for (const url of [init, media]) {
        const answer = await get(`live/${url}`);
        assert.equal(answer.status, 200, url);
        assert.match(answer.headers.get('content-type') ?? '', /^video\/(mp4|iso\.segment)$/);
        files.set(url, Buffer.from(await answer.arrayBuffer()));
      }
    }
    const one = { ...mpd, periods: [firstSegments(mpd)] };
    assert.equal(playedTracks(one, (url) => files.get(url)).length, 2);
    assert.equal((await get('live/.show.mpd.journal')).status, 404);
    assert.ok((await readdir(join(folder, 'live'))).includes('.show.mpd.journal'));

    const f4m = await get('live/show.f4m');
    assert.equal(f4m.headers.get('content-type'), 'application/f4m+xml');
    const { bootstrapUrl, mediaUrl } = readHdsManifest(await f4m.text());
    const bootstrap = readHdsBootstrap(Buffer.from(await (await get(`live/${bootstrapUrl}`)).arrayBuffer()));
    assert.equal(bootstrap.isLive, true);
    const fragment = await get(`live/${mediaUrl}Seg1-Frag${bootstrap.runs[0]?.first}`);
    assert.equal(readHdsFragment(Buffer.from(await fragment.arrayBuffer())).length, 2 + 50);
    publisher.peer.destroy();
  });

  test('a reload with other settings goes on with the same presentation', async () => {
    const before = readMpd(await manifest());
    await until('the end of the publisher', () => server.lines.some((line) => line.includes('RTMP closed')));
    const publisher = await Publisher.start();
    publisher.send(3_040);
    await manifestWith(2, 3);
    await server.reload(text('dash_timeshift 600;'));
    publisher.send(3_000);
    const mpd = await manifestWith(3, 2);
    assert.equal(mpd.timeShiftBufferDepthMs, 600_000);
    assert.equal(mpd.availabilityStartTimeMs, before.availabilityStartTimeMs);
    assert.ok(!(await readdir(join(folder, 'live'))).some((name) => name.includes('.tmp')));
  });

  test('a restart goes on too, and no manifest says that it is over', async () => {
    const before = readMpd(await manifest());
    await server.stop();
    server = await ReloadServer.start(text(''));
    assert.equal(readMpd(await manifest()).type, 'dynamic');
    const publisher = await Publisher.start();
    publisher.send(2_040);
    const periods = before.periods.length + 1;
    const mpd = await manifestWith(periods, 2);
    assert.equal(mpd.availabilityStartTimeMs, before.availabilityStartTimeMs);
    publisher.peer.destroy();
  });

  test('off: the files stay, and grow no more', async () => {
    const publisher = await until('the name', () => Publisher.start().catch(() => undefined));
    publisher.send(2_040);
    await until('another period', async () => readMpd(await manifest()).periods.length >= 4);
    await server.reload(text('').replace('dash { enabled on;', 'dash { enabled off;'));
    const before = await until('the last segment', async () => {
      const [one, two] = [await manifest(), await manifest()];
      return one === two ? one : undefined;
    });
    publisher.send(5_000);
    await until('what was sent', () => (server.server.hub.list()[0]?.videoFrames ?? 0) >= 170);
    assert.equal(await manifest(), before);
  });
});

/** The period with the first segment of each track only. */
function firstSegments(mpd: Mpd): Mpd['periods'][number] {
  const [period] = mpd.periods;
  assert.ok(period !== undefined);
  const adaptationSets = period.adaptationSets.map((set) => ({
    ...set,
    template: {
      ...set.template,
      timeline: set.template.timeline.slice(0, 1).map((run) => ({ ...run, count: 1 })),
    },
  }));
  return { ...period, adaptationSets };
}
