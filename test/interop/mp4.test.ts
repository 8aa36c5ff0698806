import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFile, MP4BoxBuffer } from 'mp4box';
import { FlvReader, frameFromFlv, TAG_TYPE } from '../../src/containers/flv/index.ts';
import { FragmentWriter, Mp4Recording } from '../../src/containers/mp4/index.ts';
import type { Frame } from '../../src/media/frame.ts';
import { assertDecodes, makeClip, type ClipOptions } from '../support/ffmpeg.ts';
import { applied, recover } from '../support/mp4-fixtures.ts';
import { requireProgram, run, temporaryFolder } from '../support/programs.ts';

const folder = temporaryFolder();
const SECONDS = 6;

const CLIPS: Readonly<Record<string, ClipOptions>> = {
  'H.264 with B-frames and AAC': { seconds: SECONDS, bFrames: 3 },
  'H.264 without B-frames and MP3': { seconds: SECONDS, audio: 'mp3' },
  'sound alone': { seconds: SECONDS, video: 'none' },
  'picture alone': { seconds: SECONDS, audio: 'none', bFrames: 2 },
};

function framesOf(flv: string): Frame[] {
  const frames: Frame[] = [];
  for (const { typeId, timestamp, body } of new FlvReader().push(readFileSync(flv))) {
    if (typeId !== TAG_TYPE.AUDIO && typeId !== TAG_TYPE.VIDEO) continue;
    const frame = frameFromFlv(typeId, timestamp, body);
    if (frame.payload.length > 0) frames.push(frame);
  }
  return frames;
}

/** Whether a fragment ends before this frame: each second, for video at its keyframes. */
function endsBefore(frame: Frame, last: number, hasVideo: boolean): boolean {
  return hasVideo ? frame.isKeyframe : frame.dts - last >= 1000;
}

interface Files {
  readonly open: Buffer;
  readonly closed: Buffer;
}

function recordingOf(frames: readonly Frame[]): Files {
  const recording = new Mp4Recording();
  for (const frame of frames) if (recording.changesInit(frame)) recording.configure(frame);
  const parts = [recording.begin()];
  const hasVideo = frames.some(({ kind }) => kind === 'video');
  let last = frames[0]?.dts ?? 0;
  for (const frame of frames) {
    if (endsBefore(frame, last, hasVideo)) {
      parts.push(recording.cut(hasVideo ? frame.dts : undefined) ?? Buffer.alloc(0));
      last = frame.dts;
    }
    recording.push(frame);
  }
  parts.push(recording.cut() ?? assert.fail('nothing at the end'));
  const open = Buffer.concat(parts);
  return { open, closed: applied(open, recording.close() ?? assert.fail('no media')) };
}

interface Probed {
  readonly format: { readonly duration: string };
  readonly streams: readonly {
    readonly codec_type: string;
    readonly start_time: string;
    readonly duration: string;
  }[];
  readonly packets: readonly {
    readonly codec_type: string;
    readonly pts_time: string;
    readonly data_hash: string;
  }[];
}

async function ffprobe(file: string, ...more: string[]): Promise<Probed> {
  const { stdout, stderr } = await run(requireProgram('/usr/bin/ffprobe', 'ffmpeg'), [
    ...['-v', 'warning', '-of', 'json', '-show_data_hash', 'md5', '-show_format', '-show_streams'],
    ...['-show_entries', 'packet=codec_type,pts_time,data_hash', ...more, file],
  ]);
  assert.equal(stderr, '', `${file}: warnings`);
  return JSON.parse(stdout) as Probed;
}

/** Every packet of the FLV, at its time; FLV and MP4 count from other starts, so times are taken relative to one offset. */
async function assertSamePackets(file: string, flv: string): Promise<void> {
  const [is, was] = [await ffprobe(file), await ffprobe(flv)];
  const shifts: number[] = [];
  for (const kind of ['video', 'audio']) {
    const of = ({ packets }: Probed): Probed['packets'] =>
      packets.filter(({ codec_type }) => codec_type === kind);
    assert.deepEqual(
      of(is).map(({ data_hash }) => data_hash),
      of(was).map(({ data_hash }) => data_hash),
      kind,
    );
    of(is).forEach((packet, i) => shifts.push(Number(packet.pts_time) - Number(of(was)[i]?.pts_time)));
  }
  const apart = Math.max(...shifts) - Math.min(...shifts);
  assert.ok(apart < 0.005, `${file}: times move by up to ${apart} s against each other`);
  for (const { duration } of is.streams)
    assert.ok(Math.abs(Number(duration) - SECONDS) < 0.15, `duration ${duration}`);
}

async function rootBoxes(file: string): Promise<string[]> {
  const { stderr } = await run(requireProgram('/usr/bin/ffprobe', 'ffmpeg'), ['-v', 'trace', file]);
  return [...stderr.matchAll(/type:'(\w+)' parent:'root'/g)].map(([, type = '']) => type);
}

interface SecondReading {
  readonly fragmented: boolean;
  readonly counts: readonly number[];
  readonly codecs: readonly string[];
}

/** What mp4box.js makes of a file: a reader that shares no code with ffmpeg or us. */
function mp4box(bytes: Buffer): SecondReading {
  const file = createFile();
  let failure = '';
  file.onError = (module, message) => (failure = `${module}: ${message}`);
  file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(new Uint8Array(bytes).buffer, 0));
  file.flush();
  assert.equal(failure, '');
  const info = file.getInfo();
  return {
    fragmented: info.isFragmented,
    counts: info.tracks.map(({ id }) => file.getTrackSamplesInfo(id).length),
    codecs: info.tracks.map(({ codec }) => codec),
  };
}

for (const [name, clip] of Object.entries(CLIPS)) {
  test(`a recording of ${name}: open, closed and recovered it decodes without a warning, with every packet`, async () => {
    const stem = join(folder, name.replaceAll(/\W+/g, '-'));
    const flv = await makeClip(`${stem}.flv`, clip);
    const frames = framesOf(flv);
    const media = frames.filter(({ isConfig }) => !isConfig);
    const { open, closed } = recordingOf(frames);
    const recovered = applied(open, recover(open).closing ?? assert.fail('not recovered'));
    for (const [kind, bytes] of Object.entries({ open, closed, recovered })) {
      const file = `${stem}-${kind}.mp4`;
      writeFileSync(file, bytes);
      await assertSamePackets(file, flv);
      await assertDecodes(file);
      const boxes = await rootBoxes(file);
      if (kind === 'open') assert.ok(boxes.includes('moof'));
      else assert.deepEqual(boxes, ['ftyp', 'mdat', 'moov'], 'a plain file');
      const second = mp4box(bytes);
      assert.equal(second.fragmented, kind === 'open');
      const counts = ['video', 'audio'].map((one) => media.filter((frame) => frame.kind === one).length);
      assert.deepEqual(
        second.counts,
        counts.filter((count) => count > 0),
        `mp4box: samples of ${kind}`,
      );
      if (clip.video !== 'none') assert.match(second.codecs[0] ?? '', /^avc1\./);
    }
  });
}

test('a closed recording seeks to a keyframe', async () => {
  const flv = await makeClip(join(folder, 'seek.flv'), { seconds: SECONDS, bFrames: 2 });
  const file = join(folder, 'seek.mp4');
  writeFileSync(file, recordingOf(framesOf(flv)).closed);
  const { packets } = await ffprobe(file, '-select_streams', 'v', '-read_intervals', '4.2%+#3');
  const first = packets.find(({ codec_type }) => codec_type === 'video');
  assert.ok(Math.abs(Number(first?.pts_time) - 4) < 0.1, `seek to 4.2 came to ${first?.pts_time}`);
});

test('a recording cut off inside a fragment is playable up to the fragment before', async () => {
  const flv = await makeClip(join(folder, 'cut.flv'), { seconds: SECONDS });
  const { open } = recordingOf(framesOf(flv));
  const cut = open.subarray(0, open.length - 5000);
  const found = recover(cut);
  const file = join(folder, 'cut.mp4');
  writeFileSync(file, applied(cut, found.closing ?? assert.fail('not recovered')));
  await assertDecodes(file);
  const { format } = await ffprobe(file);
  assert.ok(Number(format.duration) > SECONDS - 1.2, `${format.duration} s are left`);
});

test('init and media segments with parts decode without a warning, from the first and from a later one', async () => {
  const flv = await makeClip(join(folder, 'segments.flv'), { seconds: SECONDS, bFrames: 2 });
  const frames = framesOf(flv);
  const writer = new FragmentWriter();
  for (const frame of frames) if (writer.changesInit(frame)) writer.configure(frame);
  const init = writer.init();
  const segments: Buffer[][] = [];
  let pictures = 0;
  for (const frame of frames) {
    if (frame.kind === 'video' && !frame.isConfig) {
      // A part each 5 pictures, a segment at each keyframe.
      const part =
        pictures % 5 === 0 ? writer.cut({ nextVideoDts: frame.dts, styp: pictures % 25 === 5 }) : undefined;
      if (part !== undefined) segments.at(-1)?.push(part);
      if (frame.isKeyframe) segments.push([]);
      pictures += 1;
    }
    writer.push(frame);
  }
  segments.at(-1)?.push(writer.cut() ?? assert.fail());
  for (const from of [0, 3]) {
    const file = join(folder, `segments-${from}.mp4`);
    writeFileSync(file, Buffer.concat([init, ...segments.slice(from).flat()]));
    await assertDecodes(file);
    const { streams } = await ffprobe(file);
    const [video, audio] = ['video', 'audio'].map((kind) => streams.find((one) => one.codec_type === kind));
    const apart = Number(video?.start_time) - Number(audio?.start_time);
    assert.ok(Math.abs(apart) < 0.13, `segment ${from}: audio and video begin ${apart} s apart`);
  }
});
