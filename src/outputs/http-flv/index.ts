export { FlvViewer, type FlvViewerOptions, type FlvViewerStart } from './flv-viewer.ts';
export { liveResponseHead, type ResponseHeadOptions } from './response-head.ts';
export { flvFormat, type FlvFormatOptions } from './flv-packager.ts';
