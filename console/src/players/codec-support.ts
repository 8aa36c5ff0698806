/** A typical codec string per codec (RFC 6381), to ask the browser whether it decodes that family at all. */
const PROBES: Readonly<Record<string, readonly string[]>> = {
  h264: ['avc1.42E01E'],
  h265: ['hvc1.1.6.L93.B0', 'hev1.1.6.L93.B0'],
  av1: ['av01.0.04M.08'],
  vp9: ['vp09.00.10.08'],
};

const ALIASES: Readonly<Record<string, string>> = { avc: 'h264', hevc: 'h265' };

/** Old codecs that no browser decodes out of Media Source Extensions. */
const NEVER: ReadonlySet<string> = new Set(['vp6', 'h263']);

interface TypeProbe {
  isTypeSupported(type: string): boolean;
}

/** Media Source Extensions, or Apple's managed variant on iPhones; undefined where there is neither. */
export function mediaSource(): TypeProbe | undefined {
  const scope = globalThis as unknown as { MediaSource?: TypeProbe; ManagedMediaSource?: TypeProbe };
  return scope.MediaSource ?? scope.ManagedMediaSource;
}

/** False only when the browser says that it cannot; codecs that we cannot ask about are given a try. */
export function canDecodeVideo(codec: string): boolean {
  const name = codec.toLowerCase();
  if (NEVER.has(name)) return false;
  const probes = PROBES[ALIASES[name] ?? name];
  const source = mediaSource();
  if (probes === undefined || source === undefined) return true;
  return probes.some((probe) => source.isTypeSupported(`video/mp4; codecs="${probe}"`));
}
