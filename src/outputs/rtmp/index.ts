export { RtmpOutput, type RtmpOutputOptions, type RtmpViewer } from './rtmp-output.ts';
export { rtmpFormat, type RtmpFormatOptions } from './rtmp-packager.ts';
