import assert from 'node:assert/strict';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { assertDecodes, ffmpeg, makeClip } from '../support/ffmpeg.ts';
import { startHttp, type TestHttp } from '../support/http-endpoint.ts';
import { requireProgram, run, temporaryFolder } from '../support/programs.ts';

interface Packet {
  readonly kind: string;
  /** s */
  readonly pts: number;
  readonly key: boolean;
  readonly hash: string;
}

interface Probed {
  /** s */
  readonly duration: number;
  readonly packets: readonly Packet[];
}

async function probe(file: string): Promise<Probed> {
  const { stdout } = await run(requireProgram('/usr/bin/ffprobe', 'ffmpeg'), [
    ...['-v', 'error', '-show_data_hash', 'md5', '-of', 'json', '-show_entries', 'format=duration'],
    ...['-show_entries', 'packet=codec_type,pts_time,flags,data_hash', file],
  ]);
  const found = JSON.parse(stdout) as {
    format: { duration: string };
    packets: { codec_type: string; pts_time: string; flags: string; data_hash: string }[];
  };
  return {
    duration: Number(found.format.duration),
    packets: found.packets.map(({ codec_type, pts_time, flags, data_hash }) => ({
      kind: codec_type,
      pts: Number(pts_time),
      key: flags.startsWith('K'),
      hash: data_hash,
    })),
  };
}

const of = (kind: string, { packets }: Probed): readonly Packet[] =>
  packets.filter((packet) => packet.kind === kind);

suite('MP4 from a start on', () => {
  const folder = temporaryFolder();
  let http: TestHttp;

  before(async () => {
    // Keyframes at 0, 2, 4 … s.
    await makeClip(join(folder, 'end.mp4'), { seconds: 10, gop: 50, bFrames: 2 });
    await makeClip(join(folder, 'plain.mp4'), { seconds: 10, gop: 50 });
    await makeClip(join(folder, 'sound.mp4'), { seconds: 10, video: 'none' });
    const copy = ['-y', '-i', join(folder, 'end.mp4'), '-c', 'copy'];
    await ffmpeg([...copy, '-movflags', '+faststart', join(folder, 'front.mp4')]).ended;
    await ffmpeg([...copy, '-movflags', '+frag_keyframe+empty_moov', join(folder, 'fragments.mp4')]).ended;
    http = await startHttp({ dir: folder });
  });
  after(() => http.endpoint.close());

  const get = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> =>
    fetch(`http://127.0.0.1:${http.port}/${path}`, { headers, method });

  async function fetched(path: string): Promise<string> {
    const response = await get(path);
    assert.equal(response.status, 200, path);
    assert.equal(response.headers.get('content-type'), 'video/mp4');
    const bytes = Buffer.from(await response.arrayBuffer());
    assert.equal(response.headers.get('content-length'), String(bytes.length));
    const file = join(folder, 'cut.mp4');
    await writeFile(file, bytes);
    return file;
  }

  for (const name of ['end.mp4', 'front.mp4', 'plain.mp4', 'sound.mp4']) {
    for (const [query, begins, ends] of [
      ['start=5.3', 4, 10],
      ['start=4', 4, 10],
      ['start=1', 0, 10],
      ['start=3.99&end=7', 2, 7],
      ['end=2.5', 0, 2.5],
      ['start=9.5', 8, 10],
    ] as const) {
      test(`${name}?${query}`, async () => {
        const whole = await probe(join(folder, name));
        const file = await fetched(`${name}?${query}`);
        await assertDecodes(file);
        const cut = await probe(file);
        const hasVideo = name !== 'sound.mp4';
        const from = hasVideo ? begins : Number(/start=([\d.]+)/.exec(query)?.[1] ?? 0);
        assert.ok(Math.abs(cut.duration - (ends - from)) < 0.15, `${cut.duration} of ${ends - from}`);
        const shifts: number[] = [];
        for (const kind of hasVideo ? ['video', 'audio'] : ['audio']) {
          const all = of(kind, whole);
          const some = of(kind, cut);
          const first = all.findIndex(({ hash }) => hash === some[0]?.hash);
          // The same packets, none left out.
          assert.deepEqual(
            some.map(({ hash }) => hash),
            all.slice(first, first + some.length).map(({ hash }) => hash),
          );
          if (ends === 10) assert.equal(first + some.length, all.length);
          assert.ok(Math.abs((all[first]?.pts ?? 0) - from) < 0.1, `${kind} from ${all[first]?.pts}`);
          if (kind === 'video') assert.equal(some[0]?.key, true);
          for (const [i, { pts }] of some.entries()) shifts.push((all[first + i]?.pts ?? 0) - pts);
        }
        // Picture and sound are as far apart as they were.
        assert.ok(
          Math.max(...shifts) - Math.min(...shifts) < 0.002,
          `${Math.min(...shifts)} ${Math.max(...shifts)}`,
        );
      });
    }
  }

  test('a range of it is a part of the same bytes; HEAD tells its length', async () => {
    const path = 'end.mp4?start=4';
    const whole = Buffer.from(await (await get(path)).arrayBuffer());
    const head = await get(path, {}, 'HEAD');
    assert.equal(head.headers.get('content-length'), String(whole.length));
    assert.equal(head.headers.get('accept-ranges'), 'bytes');
    for (const [first, last] of [
      [0, 9],
      [10, 5_000],
      [0, whole.length - 1],
      [whole.length - 5, whole.length - 1],
      [30_000, 30_000],
    ] as const) {
      const part = await get(path, { range: `bytes=${first}-${last}` });
      assert.equal(part.status, 206);
      assert.equal(part.headers.get('content-range'), `bytes ${first}-${last}/${whole.length}`);
      assert.ok(Buffer.from(await part.arrayBuffer()).equals(whole.subarray(first, last + 1)));
    }
    const beyond = await get(path, { range: `bytes=${whole.length}-` });
    assert.equal(beyond.status, 416);
    assert.equal(beyond.headers.get('content-range'), `bytes */${whole.length}`);
    assert.equal((await get(path, { range: 'bytes=0-9', 'if-range': '"x"' })).status, 200);
  });

  test('what cannot be: clear answers, and the whole file where all of it is asked for', async () => {
    const bytes = await readFile(join(folder, 'front.mp4'));
    await writeFile(join(folder, 'none.mp4'), 'no MP4 at all, but long enough to be read');
    await writeFile(join(folder, 'empty.mp4'), '');
    await writeFile(join(folder, 'short.mp4'), bytes.subarray(0, bytes.length / 2));
    await copyFile(join(folder, 'end.mp4'), join(folder, 'a.txt'));
    for (const [path, status, text] of [
      ['end.mp4?start=x', 400, /numbers of seconds/],
      ['end.mp4?start=-1', 400, /numbers of seconds/],
      ['end.mp4?start=1e3', 400, /numbers of seconds/],
      ['end.mp4?start=', 400, /numbers of seconds/],
      ['end.mp4?start=1&end=NaN', 400, /numbers of seconds/],
      ['end.mp4?start=5&end=5', 400, /not after start/],
      ['end.mp4?start=11', 416, /behind the end/],
      ['end.mp4?start=999999999', 416, /behind the end/],
      ['fragments.mp4?start=1', 400, /fragments/],
      ['none.mp4?start=1', 400, /knows no start/],
      ['empty.mp4?start=1', 400, /no moov/],
      ['short.mp4?start=1', 400, /not whole/],
      ['missing.mp4?start=1', 404, /not found/],
    ] as const) {
      const response = await get(path);
      assert.equal(response.status, status, path);
      assert.match(await response.text(), text, path);
    }
    for (const path of ['front.mp4?start=0', 'front.mp4?x=1', 'front.mp4']) {
      assert.equal((await (await get(path)).arrayBuffer()).byteLength, bytes.length);
    }
    assert.equal((await get('a.txt?start=5')).status, 200);
  });

  test('many at once all get theirs, or are told that there are too many', async () => {
    const lengths = new Set<number>();
    const statuses = await Promise.all(
      Array.from({ length: 60 }, async () => {
        const response = await get('end.mp4?start=4');
        const { byteLength } = await response.arrayBuffer();
        if (response.status === 200) lengths.add(byteLength);
        return response.status;
      }),
    );
    assert.equal(lengths.size, 1);
    assert.ok(statuses.every((status) => status === 200 || status === 503));
  });
});
