export { RtmpOutput, type RtmpOutputOptions } from './rtmp-output.ts';
export { rtmpFormat, type RtmpFormatOptions } from './rtmp-packager.ts';
