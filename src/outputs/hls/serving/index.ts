export { PlaylistDocument } from './playlist-document.ts';
export type { ServingOptions } from './playlist-document.ts';
