import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import path from 'node:path';
import { test } from 'node:test';
import { FlvLoop, type LoopTag } from '../../../../src/inputs/ingest/flv-loop.ts';
import { openForReading } from '../../../../src/storage/reading.ts';
import {
  AAC_CONFIG,
  AVC_CONFIG,
  clip,
  flvFile,
  INTER,
  KEY,
  MemoryFile,
  METADATA,
  RAW_AAC,
} from './flv-file.ts';

async function take(loop: FlvLoop, count: number): Promise<LoopTag[]> {
  const tags: LoopTag[] = [];
  while (tags.length < count) tags.push(await loop.next());
  return tags;
}

const isMedia = (tag: LoopTag): boolean => tag.typeId !== 18 && tag.body[1] === 1;
const timesOf = (tags: readonly LoopTag[], typeId: number): number[] =>
  tags.filter((tag) => tag.typeId === typeId && isMedia(tag)).map((tag) => tag.time);

test('the demo clip loops without gap or overlap in both tracks', async () => {
  const file = path.resolve(import.meta.dirname, '../../../../media/demo.flv');
  const loop = new FlvLoop(() => openForReading(file));
  const tags = await take(loop, 3 * (256 + 480) + 3);
  await loop.close();
  const video = timesOf(tags, 9);
  const audio = timesOf(tags, 8);
  assert.deepEqual([video.length, audio.length], [3 * 256, 3 * 480]);
  video.forEach((time, i) => assert.equal(time, i * 40));
  audio.forEach((time, i) =>
    assert.ok(Math.abs(time - (i * 1024) / 48) <= 0.5 + 1e-6, `audio ${i} at ${time}`),
  );
  assert.equal(video[256], 10_240);
  assert.equal(audio[480], 10_240);
  // Metadata and config records came once, in the first round.
  const others = tags.filter((tag) => !isMedia(tag));
  assert.deepEqual(
    others.map((tag) => [tag.typeId, tag.time]),
    [
      [18, 0],
      [9, 0],
      [8, 0],
    ],
  );
});

const DURATIONS = [
  { name: 'audio and video end together but for rounding', tags: clip(10_240, 25), want: 10_240 },
  { name: 'NTSC rate: the later end', tags: clip(10_010, 30_000 / 1001), want: 10_026.666666 },
  { name: 'begins at another time than 0', tags: clip(1024, 25, 70_000), want: 1040 },
  { name: 'video alone', tags: clip(1000, 25).filter(([type]) => type !== 8), want: 1000 },
  { name: 'audio alone', tags: clip(1024, 25).filter(([type]) => type !== 9), want: 1024 },
  { name: 'one video frame', tags: [[9, 5, KEY]], want: 40 },
  {
    name: 'one audio frame',
    tags: [
      [8, 0, AAC_CONFIG],
      [8, 5, RAW_AAC],
    ],
    want: 1024 / 48,
  },
  {
    name: 'MP3 frames of 22.05 kHz',
    tags: [
      [8, 0, '2f fff340c4'],
      [8, 26, '2f fff340c4'],
    ],
    want: (2 * 576_000) / 22_050,
  },
  {
    name: 'all at one time',
    tags: [
      [9, 0, KEY],
      [9, 0, INTER],
    ],
    want: 10,
  },
  {
    name: 'missing audio frames do not shorten',
    tags: [
      [8, 0, AAC_CONFIG],
      [8, 0, RAW_AAC],
      [8, 1000, RAW_AAC],
    ],
    want: 1000 + 1024 / 48,
  },
] as const;

for (const { name, tags, want } of DURATIONS) {
  test(`a round lasts: ${name}`, async () => {
    const loop = new FlvLoop(new MemoryFile(flvFile(tags)).open);
    const mediaCount = tags.filter(
      ([type, , body]) => type !== 18 && body !== AVC_CONFIG && body !== AAC_CONFIG,
    ).length;
    const all = await take(loop, tags.length + 2 * mediaCount);
    const media = all.filter(
      (tag) =>
        tag.typeId !== 18 &&
        !['000000', '00119'].some(
          (config) => tag.body.toString('hex', 1).startsWith(config) && tag.body[1] === 0,
        ),
    );
    const starts = [0, mediaCount, 2 * mediaCount].map((i) => media[i]?.time ?? NaN);
    assert.equal(starts[0], 0);
    assert.ok(Math.abs((starts[1] ?? NaN) - want) < 0.001, `second round at ${starts[1]}`);
    assert.ok(Math.abs((starts[2] ?? NaN) - 2 * want) < 0.002, `third round at ${starts[2]}`);
  });
}

test('config records that changed come again; unchanged ones do not', async () => {
  const other = AVC_CONFIG.replace('4d401e', '4d401f');
  const memory = new MemoryFile(
    flvFile([
      [18, 0, METADATA],
      [9, 0, AVC_CONFIG],
      [9, 0, KEY],
      [9, 40, other],
      [9, 40, KEY],
    ]),
  );
  const loop = new FlvLoop(memory.open);
  const configs = (tags: readonly LoopTag[]): string =>
    tags
      .map((tag) => (tag.typeId === 18 ? 'm' : tag.body[1] === 1 ? 'f' : tag.body[8] === 0x1e ? 'A' : 'B'))
      .join('');
  assert.equal(configs(await take(loop, 9)), 'mAfBfAfBf');
  memory.bytes = flvFile([
    [18, 0, METADATA],
    [9, 0, other],
    [9, 0, KEY],
    [9, 40, KEY],
  ]);
  assert.equal(configs(await take(loop, 4)), 'ffff');
});

test('ends of sequence and empty frames are left out', async () => {
  const tags = [
    [9, 0, AVC_CONFIG],
    [9, 0, KEY],
    [9, 40, '17 02000000'],
    [8, 40, 'af01'],
    [9, 40, ''],
    [7, 40, '00'],
  ] as const;
  const loop = new FlvLoop(new MemoryFile(flvFile(tags)).open);
  const bodies = (await take(loop, 4)).map((tag) => tag.body.toString('hex'));
  const key = KEY.replaceAll(' ', '');
  assert.deepEqual(bodies, [AVC_CONFIG.replaceAll(' ', ''), key, key, key]);
});

test('a file that ends inside a tag loops up to its last whole tag', async () => {
  const bytes = flvFile([
    [9, 0, KEY],
    [9, 40, INTER],
    [9, 80, INTER],
  ]);
  const loop = new FlvLoop(new MemoryFile(bytes.subarray(0, -6)).open);
  assert.deepEqual(
    (await take(loop, 4)).map((tag) => tag.time),
    [0, 40, 80, 120],
  );
});

const BAD = [
  { name: 'MP4', bytes: Buffer.from('\0\0\0\x20ftypisom', 'latin1') },
  { name: 'empty file', bytes: Buffer.alloc(0) },
  { name: 'FLV without tags', bytes: flvFile([]) },
  { name: 'FLV with metadata alone', bytes: flvFile([[18, 0, METADATA]]) },
  { name: 'FLV with a broken tag', bytes: Buffer.concat([flvFile([]), Buffer.alloc(40, 0xff)]) },
];

for (const { name, bytes } of BAD) {
  test(`input refused: ${name}`, async () => {
    const memory = new MemoryFile(bytes);
    const loop = new FlvLoop(memory.open);
    await assert.rejects(take(loop, 10), { code: 'INGEST_INPUT_INVALID' });
    await loop.close();
    assert.deepEqual([memory.opened, memory.closed], [1, 1]);
  });
}
