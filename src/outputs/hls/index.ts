export { HlsOutputs } from './hls-outputs.ts';
export type { LivePlaylist, VariantFacts } from './live-playlist.ts';
export type { AnnouncedPart, HlsDeps, HlsDocument, HlsOptions } from './options.ts';
export { PlaylistDocument } from './serving/index.ts';
