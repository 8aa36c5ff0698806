export { LiveViewer, type LiveViewerOptions, type LiveViewerStart } from './live-viewer.ts';
export { liveResponseHead, type ResponseHeadOptions } from './response-head.ts';
export {
  isLiveEnding,
  LIVE_ENDINGS,
  LIVE_TYPES,
  liveFormat,
  whyNotPlayable,
  type LiveBodyOptions,
  type LiveEnding,
} from './live-bodies.ts';
