import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { readMpd, type Mpd } from '../../src/containers/mpd/index.ts';
import { playedTracks } from '../support/dash-stage.ts';
import { DashValidator } from '../support/dash-validator.ts';
import { assertDecodes, makeClip, probe, publishFile, type Media } from '../support/ffmpeg.ts';
import { Program, requireProgram, temporaryFolder, until } from '../support/programs.ts';
import { ReloadServer } from '../support/reload-server.ts';

const FFMPEG = '/usr/bin/ffmpeg';
const SECONDS = 14;
/** How much of a live manifest ffmpeg reads, s; it never notices that one has become static. */
const LIVE_SECONDS = 9;

/** What ffmpeg makes of a manifest, its packets untouched; it says what it dislikes, down to warnings. */
function follow(url: string, file: string, input: readonly string[] = []): Program {
  const args = [
    '-hide_banner',
    '-nostdin',
    '-v',
    'warning',
    ...input,
    '-i',
    url,
    '-map',
    '0',
    '-c',
    'copy',
    '-copyts',
  ];
  return new Program(requireProgram(FFMPEG, 'ffmpeg'), [...args, '-f', 'flv', '-y', file]);
}

/** The packets of a track from the first that was recorded on, with their distances. */
function packets(
  media: Media,
  kind: 'audio' | 'video',
): readonly { hash: string; dts: number; pts: number }[] {
  return (media[kind]?.packets ?? []).map(({ hash, dts, cts }) => ({ hash, dts, pts: dts + cts }));
}

suite('DASH, as ffmpeg reads it', () => {
  const folder = temporaryFolder();
  let server: ReloadServer;

  before(async () => {
    server = await ReloadServer.start(`
      listen 127.0.0.1:0; max_connections 100;
      http_server { enabled on; listen 127.0.0.1:0; dir ${folder}; page off; }
      vhost __defaultVhost__ {
        publish { hold_time 1s; }
        dash { enabled on; dash_path ${folder}; dash_fragment 2; dash_dispose 0; }
      }`);
  });
  after(() => server.stop());

  const urlOf = (path: string): string => `http://127.0.0.1:${server.httpPort}/${path}`;
  const manifest = async (name: string): Promise<string | undefined> => {
    const answer = await fetch(urlOf(`live/${name}.mpd`));
    const text = await answer.text();
    return answer.ok ? text : undefined;
  };

  for (const { name, clip } of [
    { name: 'both', clip: { bFrames: 2 } },
    { name: 'sound', clip: { video: 'none', audio: 'mp3' } },
    { name: 'pictures', clip: { audio: 'none' } },
  ] as const) {
    test(`${name}: the live manifest and the static one give every packet, without a warning`, async () => {
      const source = await makeClip(join(folder, `${name}.flv`), { seconds: SECONDS, ...clip });
      const sent = await probe(source);
      const publisher = publishFile(source, `rtmp://127.0.0.1:${server.rtmpPort}/live/${name}`);
      const validator = new DashValidator(4_000); // A segment, the hold time, and a busy machine.
      await until('the manifest', () => manifest(name));
      const live = join(folder, `${name}-live.flv`);
      const player = follow(urlOf(`live/${name}.mpd`), live, ['-t', String(LIVE_SECONDS)]);
      await until(
        'the static manifest',
        async () => {
          const mpd: Mpd = validator.take((await manifest(name)) ?? '', Date.now());
          return mpd.type === 'static';
        },
        (SECONDS + 10) * 1_000,
      );
      assert.equal((await publisher.ended).code, 0);
      const played = await player.ended;
      assert.equal(played.stderr, '', 'live');
      assert.equal(played.code, 0);

      const whole = join(folder, `${name}-static.flv`);
      const end = await follow(urlOf(`live/${name}.mpd`), whole).ended;
      assert.equal(end.stderr, '', 'static');
      for (const [file, seconds] of [
        [live, LIVE_SECONDS],
        [whole, SECONDS],
      ] as const) {
        await assertDecodes(file);
        const got = await probe(file);
        for (const kind of ['video', 'audio'] as const) {
          const from = packets(sent, kind);
          const hashes = packets(got, kind).map(({ hash }) => hash);
          assert.ok(
            hashes.length >= Math.floor((from.length * (seconds - 0.5)) / SECONDS),
            `${kind} of ${file}`,
          );
          assert.deepEqual(
            hashes,
            from.slice(0, hashes.length).map(({ hash }) => hash),
            `${kind} of ${file}`,
          );
        }
      }
      await checkSegments(name, sent);
    });
  }

  /** Our own reader: times and bytes of every segment over HTTP, and as many in the files. */
  async function checkSegments(name: string, sent: Media): Promise<void> {
    const mpd = readMpd((await manifest(name)) ?? '');
    const files = new Map<string, Buffer>();
    const fetchAll = async (): Promise<void> => {
      const wanted = new Set<string>();
      try {
        playedTracks(mpd, (url) => {
          if (!files.has(url)) wanted.add(url);
          return files.get(url);
        });
      } catch (error) {
        if (wanted.size === 0) throw error;
        for (const url of wanted) {
          const answer = await fetch(urlOf(`live/${url}`));
          assert.equal(answer.status, 200, url);
          files.set(url, Buffer.from(await answer.arrayBuffer()));
        }
        await fetchAll();
      }
    };
    await fetchAll();
    const tracks = playedTracks(mpd, (url) => files.get(url));
    const starts: number[] = [];
    for (const { kind, units, timescale } of tracks) {
      const from = packets(sent, kind);
      assert.equal(units.length, from.length);
      const start = ((units[0]?.dts ?? 0) * 1_000) / timescale - (from[0]?.dts ?? 0);
      starts.push(start);
      units.forEach((unit, i) => {
        const pts = ((unit.dts + unit.cts) * 1_000) / timescale - start;
        assert.ok(Math.abs(pts - (from[i]?.pts ?? 0)) < 24, `${kind} ${i} of ${name} at ${pts} ms`);
      });
    }
    const [one = 0, other = one] = starts;
    assert.ok(Math.abs(one - other) < 24, `${name}: sound and picture are ${one - other} ms apart`);
  }
});
