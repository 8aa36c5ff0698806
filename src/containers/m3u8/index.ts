export { MAX_TAG_ATTRIBUTES, readAttributes } from './attributes.ts';
export { deltaUpdate } from './delta.ts';
export { writeMasterPlaylist } from './master-writer.ts';
export { mediaPlaylistVersion, writeMediaPlaylist } from './media-writer.ts';
export { leastTargetSec } from './model.ts';
export type {
  EncryptionKey,
  MasterPlaylist,
  MediaMap,
  MediaPlaylist,
  PlaylistPart,
  PlaylistSegment,
} from './model.ts';
export { MAX_PLAYLIST_BYTES, MAX_PLAYLIST_LINE, readMediaPlaylist, readPlaylist } from './reader.ts';
export { MAX_WINDOW_SEGMENTS, SegmentWindow } from './segment-window.ts';
export type { SegmentWindowOptions } from './segment-window.ts';
export { MAX_JOURNAL_CHARACTERS } from './window-journal.ts';
export type { ExpiredUris } from './retired-uris.ts';
