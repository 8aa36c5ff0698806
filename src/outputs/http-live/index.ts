export type { BodyFraming } from './body-framing.ts';
export { LiveViewer, type LiveViewerOptions, type LiveViewerStart } from './live-viewer.ts';
export { liveResponseHead, type ResponseHeadOptions } from './response-head.ts';
export { flvFormat, type FlvFormatOptions } from './flv-packager.ts';
