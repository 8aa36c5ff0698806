export { TsDemuxer, type TsDemuxerStats } from './ts-demuxer.ts';
export { TsMuxer, type TsMuxerOptions } from './ts-muxer.ts';
