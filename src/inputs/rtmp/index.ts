export { RtmpInput, type RtmpInputOptions } from './rtmp-input.ts';
