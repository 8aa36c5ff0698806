/** One access unit of an MP4's video track. */
export interface Mp4Sample {
  readonly key: boolean;
  readonly bytes: Buffer;
}

/** Boxes that hold the codec's configuration record. */
const CONFIG_BOXES = ['hvcC', 'av1C', 'avcC'];

/**
 * Reads the only track of a small MP4 as ffmpeg writes it: one `mdat` with the samples in a row. Enough for tests; see
 * ISO/IEC 14496-12, 8.6.2 (stss), 8.7.3 (stsz) and 8.7.5 (stco).
 */
export function readMp4Video(mp4: Buffer): {
  readonly config: Buffer;
  readonly samples: readonly Mp4Sample[];
} {
  const config = CONFIG_BOXES.map((type) => box(mp4, type)).find((found) => found !== undefined);
  const sizes = box(mp4, 'stsz');
  const offsets = box(mp4, 'stco');
  const keys = box(mp4, 'stss');
  if (config === undefined || sizes === undefined || offsets === undefined || keys === undefined) {
    throw new Error('no video track');
  }
  const keyNumbers = new Set(
    Array.from({ length: keys.readUInt32BE(4) }, (_, index) => keys.readUInt32BE(8 + index * 4)),
  );
  let at = offsets.readUInt32BE(8);
  const samples = Array.from({ length: sizes.readUInt32BE(8) }, (_, index): Mp4Sample => {
    const size = sizes.readUInt32BE(12 + index * 4);
    const bytes = mp4.subarray(at, at + size);
    at += size;
    return { key: keyNumbers.has(index + 1), bytes };
  });
  return { config, samples };
}

/** The inside of the first box of this type, wherever it is. */
function box(mp4: Buffer, type: string): Buffer | undefined {
  const moov = mp4.indexOf('moov');
  const at = mp4.indexOf(type, moov);
  return at < 0 ? undefined : mp4.subarray(at + 4, at - 4 + mp4.readUInt32BE(at - 4));
}
