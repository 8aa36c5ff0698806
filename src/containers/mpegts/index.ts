export { TsDemuxer, type TsDemuxerStats } from './ts-demuxer.ts';
export { TsMuxer, type TsMuxerOptions, type TsSink } from './ts-muxer.ts';
