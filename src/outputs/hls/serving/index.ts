export { AwaitedFile } from './awaited-file.ts';
export { PlaylistDocument } from './playlist-document.ts';
export type { PlaylistDocumentDeps, ServingOptions } from './playlist-document.ts';
