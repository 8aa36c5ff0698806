export { ADTS_HEADER_BYTES, AdtsWriter, adtsWalk, MAX_ADTS_FRAME_BYTES, readAdtsHeader } from './adts.ts';
export type { FrameWalk } from './frame-walk.ts';
export { mp3Walk } from './mp3-walk.ts';
