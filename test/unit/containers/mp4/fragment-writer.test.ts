import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServerError } from '../../../../src/base/errors.ts';
import { childBoxes, FragmentReader, FragmentWriter } from '../../../../src/containers/mp4/index.ts';
import { Frame } from '../../../../src/media/frame.ts';
import { aacConfig, avcConfig, picture, sound } from '../../../support/mp4-fixtures.ts';

function writer(...configs: Frame[]): FragmentWriter {
  const made = new FragmentWriter({ originMs: 0 });
  for (const config of configs) made.configure(config);
  return made;
}

function cut(from: FragmentWriter, options = {}): Buffer {
  return from.cut(options) ?? assert.fail('nothing to cut');
}

function bodyOf(bytes: Buffer, ...path: string[]): Buffer {
  let at = bytes;
  for (const type of path)
    at = childBoxes(at).find((box) => box.type === type)?.body ?? assert.fail(`no ${type}`);
  return at;
}

test('the bytes of a fragment: keyframe flag first, signed offset, 64-bit time, data right behind the headers', () => {
  const w = writer(avcConfig());
  w.push(picture(2 ** 33, 0, true, 3));
  w.push(picture(2 ** 33 + 40, -40, false, 2));
  const bytes = cut(w);
  const traf = ['moof', 'traf'];
  assert.equal(bodyOf(bytes, 'moof', 'mfhd').toString('hex'), '0000000000000001');
  // default-base-is-moof, default duration and flags; track 1, 3600 ticks, non-sync.
  assert.equal(
    bodyOf(bytes, ...traf, 'tfhd').toString('hex'),
    '00020028' + '00000001' + '00000e10' + '01010000',
  );
  assert.equal(bodyOf(bytes, ...traf, 'tfdt').readBigUInt64BE(4), 2n ** 33n * 90n);
  const trun = bodyOf(bytes, ...traf, 'trun');
  // data offset, first sample's flags (sync), size and composition offset of each.
  const moof = 8 + bodyOf(bytes, 'moof').length;
  const offset = (moof + 8).toString(16).padStart(8, '0');
  assert.equal(
    trun.toString('hex'),
    ['01000a05', '00000002', offset, '02000000', '00000007', '00000000', '00000006', 'fffff1f0'].join(''),
  );
  assert.equal(bodyOf(bytes, 'mdat').toString('hex'), '00000003650303' + '000000024102');
});

for (const [name, keys, expected] of [
  ['key first', [true, false], [true, false]],
  ['no key', [false, false], [false, false]],
  ['key inside', [false, true, false], [false, true, false]],
  ['all keys', [true, true], [true, true]],
] as const) {
  test(`sync samples: ${name}`, () => {
    const w = writer(avcConfig());
    keys.forEach((key, i) => w.push(picture(i * 40, 0, key)));
    const units = new FragmentReader().push(Buffer.concat([w.init(), cut(w)]));
    assert.deepEqual(
      units.map(({ isSync }) => isSync),
      expected,
    );
  });
}

for (const lengthSize of [1, 2]) {
  test(`NAL lengths of ${lengthSize} bytes become 4 bytes, in the record as well`, () => {
    const w = writer(avcConfig(lengthSize));
    w.push(picture(0, 0, true, 5, lengthSize));
    const reader = new FragmentReader();
    const units = reader.push(Buffer.concat([w.init(), cut(w)]));
    assert.equal(units[0]?.payload.toString('hex'), '000000056505050505');
    const track = reader.movie?.tracks[0]?.track;
    assert.ok(track?.kind === 'video' && track.nalLengthSize === 4 && track.width > 0 && track.height > 0);
  });
}

test('several fragments are one segment: numbers go on, only the first has styp and sidx', () => {
  const w = writer(avcConfig(), aacConfig(3));
  const parts: Buffer[] = [];
  for (let part = 0; part < 3; part++) {
    w.push(picture(part * 200, 80, part === 0));
    w.push(sound(part * 200));
    parts.push(cut(w, { nextVideoDts: (part + 1) * 200, styp: part === 0 }));
  }
  assert.deepEqual(
    parts.map((bytes) => childBoxes(bytes).map(({ type }) => type)),
    [
      ['styp', 'moof', 'mdat'],
      ['moof', 'mdat'],
      ['moof', 'mdat'],
    ],
  );
  assert.deepEqual(
    parts.map((bytes) => bodyOf(bytes, 'moof', 'mfhd').readUInt32BE(4)),
    [1, 2, 3],
  );
  const units = new FragmentReader().push(Buffer.concat([w.init(), ...parts]));
  const video = units.filter(({ trackId }) => trackId === 1);
  assert.deepEqual(
    video.map(({ dts, duration, cts }) => [dts, duration, cts]),
    [
      [0, 18_000, 7200],
      [18_000, 18_000, 7200],
      [36_000, 18_000, 7200],
    ],
  );
  assert.deepEqual(
    units.filter(({ trackId }) => trackId === 2).map(({ dts }) => dts),
    [0, 9600, 19_200],
  );
});

test('sidx tells size, duration, earliest presentation and that a key comes first', () => {
  const w = writer(avcConfig());
  w.push(picture(1000, 80, true));
  w.push(picture(1040, 40, false));
  const bytes = cut(w, { sidx: true, nextVideoDts: 1080 });
  const sidx = bodyOf(bytes, 'sidx');
  assert.deepEqual(
    [sidx.readUInt32BE(8), sidx.readBigUInt64BE(12), sidx.readUInt32BE(36), sidx.readUInt32BE(32)],
    [90_000, 97_200n, 7200, bytes.length - 8 - sidx.length],
  );
  assert.equal(sidx.readUInt32BE(40), 0x9000_0000);
});

test('a changed config record asks for a new init segment, once; the same record does not', () => {
  const w = writer(avcConfig(), aacConfig());
  assert.equal(w.changesInit(avcConfig()), false);
  assert.equal(w.changesInit(picture(0, 0, true)), false);
  assert.equal(w.changesInit(avcConfig(4, 0xcc)), true);
  assert.equal(w.changesInit(aacConfig(3)), true);
  w.push(sound(0));
  assert.throws(
    () => w.configure(aacConfig(3)),
    (e: ServerError) => e.code === 'INTERNAL',
  );
  w.cut();
  const before = w.init();
  w.configure(aacConfig(3));
  assert.equal(w.changesInit(aacConfig(3)), false);
  assert.notDeepEqual(w.init(), before);
});

test('what has no place in a fragment is not taken', () => {
  const w = new FragmentWriter({ originMs: 1000 });
  assert.equal(w.push(picture(1000, 0, true)), false, 'before its config record');
  w.configure(avcConfig());
  assert.equal(w.push(sound(1000)), false, 'no audio track');
  assert.equal(w.push(picture(999, 0, true)), false, 'before the origin');
  assert.equal(w.push(avcConfig()), false, 'a config record');
  assert.equal(w.push(new Frame('video', 'h264', 1000, 0, true, false, Buffer.alloc(3), 3)), false, 'empty');
  assert.equal(
    w.push(new Frame('video', 'h265', 1000, 0, true, false, Buffer.alloc(9), 3)),
    false,
    'another codec',
  );
  assert.equal(w.push(new Frame('data', 'script', 1000, 0, false, false, Buffer.alloc(9), 0)), false, 'data');
  assert.equal(w.cut(), undefined);
});

for (const codec of ['h265', 'av1', 'opus'] as const) {
  test(`${codec} is refused by name`, () => {
    const kind = codec === 'opus' ? 'audio' : 'video';
    const frame = new Frame(kind, codec, 0, 0, false, true, Buffer.alloc(20), 0);
    assert.throws(
      () => new FragmentWriter().configure(frame),
      (e: ServerError) => e.code === 'MP4_CODEC_UNSUPPORTED' && e.message.includes(codec),
    );
  });
}

test('MP3 needs no config record: its first frame tells rate and channels', () => {
  const w = new FragmentWriter();
  const frame = new Frame('audio', 'mp3', 7, 0, false, false, Buffer.from('2ffffb9064000000', 'hex'), 1);
  assert.equal(w.changesInit(frame), true);
  w.configure(frame);
  assert.equal(w.push(frame), true);
  const reader = new FragmentReader();
  const units = reader.push(Buffer.concat([w.init(), cut(w)]));
  assert.deepEqual(reader.movie?.tracks[0]?.track, {
    kind: 'audio',
    codec: 'mp3',
    timescale: 44_100,
    channels: 2,
    record: Buffer.alloc(0),
    frameSamples: 1152,
  });
  assert.deepEqual(
    units.map(({ dts, duration, payload }) => [dts, duration, payload.length]),
    [[0, 1152, 7]],
  );
});
