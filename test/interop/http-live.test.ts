import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import WebSocket from 'ws';
import { silentLogger } from '../../src/base/logger.ts';
import { systemClock } from '../../src/base/clock.ts';
import { frameFromFlv, FlvReader, type TagTypeId } from '../../src/containers/flv/index.ts';
import { HttpEndpoint, MountTable } from '../../src/endpoints/http/index.ts';
import { createHub, type ClosableHub } from '../../src/hub/hub.ts';
import type { Frame } from '../../src/media/frame.ts';
import { audioTrackOf, videoTrackOf } from '../../src/media/track-info.ts';
import { newSessionId } from '../../src/observe/index.ts';
import { liveFormat } from '../../src/outputs/http-live/index.ts';
import { LIVE_DEMO, sessionOf, STREAM_OPTIONS } from '../support/hub-fixtures.ts';

const run = promisify(execFile);
const SECONDS = 4;

let hub: ClosableHub;
let endpoint: HttpEndpoint;
let url: string;
let frames: Frame[];

before(async () => {
  const dir = await mkdtemp(join(tmpdir(), 'srs-interop-'));
  const clip = join(dir, 'clip.flv');
  const inputs = [
    '-f',
    'lavfi',
    '-i',
    'testsrc=size=320x240:rate=25',
    '-f',
    'lavfi',
    '-i',
    'sine=frequency=440',
  ];
  const codecs = [
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-g',
    '25',
    '-bf',
    '2',
    '-pix_fmt',
    'yuv420p',
    '-c:a',
    'aac',
  ];
  await run('ffmpeg', ['-v', 'error', ...inputs, '-t', String(SECONDS), ...codecs, '-ar', '44100', clip]);
  frames = new FlvReader()
    .push(await readFile(clip))
    .map((tag) => frameFromFlv(tag.typeId as TagTypeId, tag.timestamp, tag.body));
  hub = createHub({
    clock: systemClock,
    logger: silentLogger,
    optionsFor: () => ({ ...STREAM_OPTIONS, holdMs: 100 }),
    describeTrack: (frame, parseSps) =>
      frame.kind === 'video' ? videoTrackOf(frame, parseSps) : audioTrackOf(frame),
  });
  endpoint = new HttpEndpoint(
    {
      listen: [{ host: '127.0.0.1', port: 0 }],
      dir,
      crossdomain: true,
      pageDir: undefined,
      statics: [],
      mounts: new MountTable({
        mounts: [{ vhost: LIVE_DEMO.vhost, template: '[vhost]/[app]/[stream].flv' }],
        resolveVhost: () => LIVE_DEMO.vhost,
      }),
      playlists: () => [],
      version: '0.0.0',
      rtmpPort: undefined,
      apiPort: undefined,
    },
    {
      hub,
      access: { check: () => Promise.resolve(undefined) },
      liveFormat,
      logger: silentLogger,
      clock: systemClock,
      newSessionId,
    },
  );
  await endpoint.start();
  url = `http://127.0.0.1:${endpoint.addresses[0]?.port ?? 0}`;
});

after(async () => {
  await endpoint.close();
  hub.close();
});

/** Publishes the clip in real time while `watch` runs, and ends when the clip does. */
async function whileLive<T>(watch: () => Promise<T>): Promise<T> {
  const lease = hub.publish(LIVE_DEMO, sessionOf(newSessionId()));
  const began = performance.now();
  let watching: Promise<T> | undefined;
  for (const frame of frames) {
    const wait = frame.dts - (performance.now() - began);
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    lease.write(frame);
    if (frame.dts > 100) watching ??= watch();
  }
  lease.release();
  assert.ok(watching);
  return watching;
}

/** ffmpeg says this of any file of bare audio frames: they have no times. */
function withoutGuess(stderr: string): string {
  return stderr
    .split('\n')
    .filter((line) => !line.endsWith('Estimating duration from bitrate, this may be inaccurate'))
    .join('\n');
}

interface Probe {
  readonly streams: { readonly codec_type: string; readonly nb_read_packets: string }[];
}

async function check(input: string): Promise<Record<string, number>> {
  const { stderr } = await run('ffmpeg', ['-v', 'error', '-xerror', '-i', input, '-f', 'null', '-']);
  assert.equal(stderr, '');
  const { stdout } = await run('ffprobe', [
    ...[
      '-v',
      'error',
      '-count_packets',
      '-of',
      'json',
      '-show_entries',
      'stream=codec_type,nb_read_packets',
      input,
    ],
  ]);
  return Object.fromEntries(
    (JSON.parse(stdout) as Probe).streams.map((stream) => [
      stream.codec_type,
      Number(stream.nb_read_packets),
    ]),
  );
}

test('ffmpeg plays the live URL to its end; curl keeps a whole FLV file over HTTP/1.1 and 1.0', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'srs-interop-'));
  const live = `${url}/live/demo.flv`;
  await whileLive(() =>
    Promise.all([
      run('ffmpeg', ['-v', 'error', '-xerror', '-i', live, '-c', 'copy', join(dir, 'ffmpeg.flv')]),
      run('curl', ['-sSf', '-o', join(dir, 'new.flv'), live]),
      run('curl', ['-sSf', '--http1.0', '-o', join(dir, 'old.flv'), live]),
      run('curl', ['-sSf', '-o', join(dir, 'audio.flv'), `${live}?video=0`]),
    ]),
  );
  for (const name of ['ffmpeg', 'new', 'old']) {
    const packets = await check(join(dir, `${name}.flv`));
    assert.ok((packets['video'] ?? 0) >= 25 * (SECONDS - 1), `${name}: ${JSON.stringify(packets)}`);
    assert.ok((packets['audio'] ?? 0) >= 43 * (SECONDS - 1), `${name}: ${JSON.stringify(packets)}`);
  }
  assert.deepEqual(Object.keys(await check(join(dir, 'audio.flv'))), ['audio']);
  assert.deepEqual(await readFile(join(dir, 'new.flv')), await readFile(join(dir, 'old.flv')));
});

test('WebSocket messages together are the same FLV file, and end with status 1000', async () => {
  const messages: Buffer[] = [];
  const code = await whileLive(
    () =>
      new Promise<number>((resolve, reject) => {
        const client = new WebSocket(`${url.replace('http', 'ws')}/live/demo.flv`);
        client.on('message', (data: Buffer) => messages.push(data));
        client.on('close', resolve);
        client.on('error', reject);
      }),
  );
  assert.equal(code, 1000);
  const reader = new FlvReader();
  const tags = messages.flatMap((message) => {
    const found = reader.push(message);
    assert.ok(reader.atBoundary, 'a message has whole tags');
    return found;
  });
  assert.deepEqual(reader.contents, { audio: true, video: true });
  assert.ok(tags.filter((tag) => tag.typeId === 9).length >= 25 * (SECONDS - 1));
});

test('ffmpeg plays a file from a byte', async () => {
  const head = await run('curl', ['-sSI', `${url}/clip.flv`]);
  const size = Number(/content-length: (\d+)/i.exec(head.stdout)?.[1]);
  const { stdout } = await run('ffprobe', [
    ...[
      '-v',
      'error',
      '-of',
      'json',
      '-show_entries',
      'stream=codec_type,width:packet=codec_type',
      '-show_packets',
    ],
    `${url}/clip.flv?start=${Math.floor(size / 2)}`,
  ]);
  const found = JSON.parse(stdout) as {
    packets: unknown[];
    streams: { codec_type: string; width?: number }[];
  };
  assert.deepEqual(found.streams.map((stream) => stream.codec_type).toSorted(), ['audio', 'video']);
  assert.equal(found.streams.find((stream) => stream.codec_type === 'video')?.width, 320);
  assert.ok(found.packets.length > 50 && found.packets.length < frames.length);
});

test('the first picture is there at once', async () => {
  const ms = await whileLive(async () => {
    const began = performance.now();
    const response = await fetch(`${url}/live/demo.flv`);
    const reader = (response.body as ReadableStream<Uint8Array> | null)?.getReader();
    let bytes = 0;
    while (bytes < 4_000) bytes += (await reader?.read())?.value?.length ?? 0;
    const took = performance.now() - began;
    await reader?.cancel();
    return took;
  });
  assert.ok(ms < 500, `${ms} ms`);
});

test('ffmpeg and curl take MPEG-TS from wherever they join, without a word about it', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'srs-interop-'));
  const live = `${url}/live/demo.ts`;
  const late = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 1_300));
    await run('curl', ['-sSf', '-o', join(dir, 'late.ts'), live]);
  };
  const [, , , played] = await whileLive(() =>
    Promise.all([
      run('curl', ['-sSf', '-o', join(dir, 'new.ts'), live]),
      run('curl', ['-sSf', '--http1.0', '-o', join(dir, 'old.ts'), live]),
      late(),
      run('ffmpeg', ['-v', 'warning', '-xerror', '-i', live, '-f', 'null', '-']),
    ]),
  );
  assert.equal(played.stderr, '');
  for (const name of ['new', 'old', 'late']) {
    const path = join(dir, `${name}.ts`);
    const { stderr } = await run('ffmpeg', ['-v', 'warning', '-xerror', '-i', path, '-f', 'null', '-']);
    assert.equal(stderr, '', name);
    const packets = await check(path);
    const seconds = name === 'late' ? SECONDS - 3 : SECONDS - 1;
    assert.ok((packets['video'] ?? 0) >= 25 * seconds, `${name}: ${JSON.stringify(packets)}`);
    assert.ok((packets['audio'] ?? 0) >= 43 * seconds, `${name}: ${JSON.stringify(packets)}`);
  }
  assert.deepEqual(await readFile(join(dir, 'new.ts')), await readFile(join(dir, 'old.ts')));
});

test('ffmpeg takes AAC from ADTS; MP3 of it is refused', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'srs-interop-'));
  const path = join(dir, 'a.aac');
  const [, mp3] = await whileLive(() =>
    Promise.all([run('curl', ['-sSf', '-o', path, `${url}/live/demo.aac`]), fetch(`${url}/live/demo.mp3`)]),
  );
  assert.equal(mp3.status, 404);
  assert.equal(await mp3.text(), 'not playable: .mp3 cannot carry aac\n');
  const { stderr } = await run('ffmpeg', ['-v', 'warning', '-xerror', '-i', path, '-f', 'null', '-']);
  assert.equal(withoutGuess(stderr), '');
  const packets = await check(path);
  assert.ok((packets['audio'] ?? 0) >= 43 * (SECONDS - 1), JSON.stringify(packets));
});
