export { TsDemuxer, type TsDemuxerStats } from './ts-demuxer.ts';
export { carriesInTs, TsMuxer, type TsMuxerOptions, type TsSink } from './ts-muxer.ts';
