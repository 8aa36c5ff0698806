export type { Mpd } from './model.ts';
export { MAX_TIMELINE_SEGMENTS, readMpd } from './mpd-reader.ts';
export { writeMpd } from './mpd-writer.ts';
export { expandTemplate } from './template.ts';
export type { TimelineTrack } from './timeline-state.ts';
export { TimelineWindow } from './timeline-window.ts';
export type { TimelineWindowOptions } from './timeline-window.ts';
export { MAX_MPD_DEPTH, MAX_XML_ATTRIBUTES } from './xml-reader.ts';
