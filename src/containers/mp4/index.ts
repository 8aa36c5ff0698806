export { FragmentWriter, MAX_FRAGMENT_BYTES, MAX_FRAGMENT_SAMPLES, TRACK_ID } from './fragment-writer.ts';
export type { CutOptions, FragmentSpan } from './fragment-writer.ts';
export { cutMovie } from './cut-movie.ts';
export type { MovieCut } from './cut-movie.ts';
export { Mp4Index } from './mp4-index.ts';
export { MAX_MP4_SAMPLES, TrackIndex } from './track-index.ts';
export { Mp4Recording } from './recording.ts';
export type { Closing, Patch } from './recording.ts';
export { mp4Track, sameTrack, VIDEO_TIMESCALE } from './track.ts';
export type { Mp4AudioTrack, Mp4Track, Mp4VideoTrack } from './track.ts';
export { AudioClock, VideoClock } from './tick-clock.ts';
export {
  BoxScanner,
  childBoxes,
  MAX_MP4_BOX_BYTES,
  MAX_MP4_CHILD_BOXES,
  readBoxHeader,
} from './box-scanner.ts';
export type { BoxHeader, Child, TopBox } from './box-scanner.ts';
export { FragmentReader } from './fragment-reader.ts';
export type { Mp4Unit } from './fragment-reader.ts';
export { MAX_MP4_TRACKS, readMovie } from './movie-reader.ts';
export type { FragmentDefaults, Movie, MovieTrack } from './movie-reader.ts';
export type { Mp4Sample } from './sample-table.ts';
export { MAX_CODEC_RECORD_BYTES } from './read-track.ts';
export { Mp4Recovery } from './recovery.ts';
export type { Recovered, Wanted } from './recovery.ts';
