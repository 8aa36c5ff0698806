import type { Opening, StreamSnapshot, TrackChoice, WireFormat } from '../../hub/ports.ts';
import { audioFormat } from './audio-packager.ts';
import type { BodyFraming } from './body-framing.ts';
import { flvFormat } from './flv-packager.ts';
import { tsFormat } from './ts-packager.ts';

/** What a live stream can be asked for: the endings of its URLs. */
export const LIVE_ENDINGS = ['flv', 'ts', 'aac', 'mp3'] as const;

/** One of `LIVE_ENDINGS`, without the dot. */
export type LiveEnding = (typeof LIVE_ENDINGS)[number];

/** Settings of a body of any format. */
export interface LiveBodyOptions {
  readonly framing: BodyFraming;
  /** `.aac` and `.mp3` are sound alone, whatever this says. */
  readonly tracks: TrackChoice;
  /** What FLV's header says; undefined: what the stream has. */
  readonly announce?: Opening | undefined;
}

/** `Content-Type` by ending. */
export const LIVE_TYPES: Readonly<Record<LiveEnding, string>> = {
  flv: 'video/x-flv',
  ts: 'video/MP2T',
  aac: 'audio/aac',
  mp3: 'audio/mpeg',
};

/** After so much of a publish it is known what the stream does not have, ms. */
const KNOWN_AFTER_MS = 3_000;

/** Whether an ending names a live body. */
export function isLiveEnding(ending: string): ending is LiveEnding {
  return (LIVE_ENDINGS as readonly string[]).includes(ending);
}

/** The wire format that an ending stands for. */
export function liveFormat(ending: LiveEnding, options: LiveBodyOptions): WireFormat {
  const { framing, tracks, announce } = options;
  switch (ending) {
    case 'flv':
      return flvFormat({ framing, tracks, announce });
    case 'ts':
      return tsFormat({ framing, tracks });
    case 'aac':
    case 'mp3':
      return audioFormat({ codec: ending, framing });
  }
}

/**
 * Why a stream cannot be played with this ending, as far as is known now; undefined when it can, or when too little is known.
 * FLV carries everything.
 */
export function whyNotPlayable(
  ending: LiveEnding,
  tracks: TrackChoice,
  stream: Pick<StreamSnapshot, 'state' | 'video' | 'audio' | 'publishedAtMs'>,
  unixMs: number,
): string | undefined {
  const { video, audio, publishedAtMs } = stream;
  if (ending === 'flv') return undefined;
  const isKnown =
    stream.state === 'live' && publishedAtMs !== undefined && unixMs - publishedAtMs >= KNOWN_AFTER_MS;
  const wantsVideo = ending === 'ts' && tracks !== 'a';
  const wantsAudio = ending !== 'ts' || tracks !== 'v';
  const sounds: readonly string[] = ending === 'ts' ? ['aac', 'mp3'] : [ending];
  if (wantsVideo && video !== undefined) {
    return video.codec === 'h264' ? undefined : `.${ending} cannot carry ${video.codec}`;
  }
  if (wantsAudio && audio !== undefined) {
    return sounds.includes(audio.codec) ? undefined : `.${ending} cannot carry ${audio.codec}`;
  }
  if (!isKnown) return undefined;
  return wantsVideo ? (wantsAudio ? undefined : 'the stream has no picture') : 'the stream has no sound';
}
