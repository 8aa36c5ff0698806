import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { TimerWheel } from '../../base/timer-wheel.ts';
import type { OutputObserver } from '../../hub/output-events.ts';
import type { DelayedRemovals } from '../../storage/delayed-removals.ts';
import type { FileSystem } from '../../storage/file-system.ts';
import type { KeptBytes, LiveResource, LiveResources, ResourceGate } from '../../storage/live-resources.ts';
import type { LivePlaylist } from './live-playlist.ts';

/** How HLS is made of one stream. SRS's directive names are in brackets; names of files may have path variables. */
export interface HlsOptions {
  /** [hls_path] The folder that nothing leaves. */
  readonly root: string;
  /** [hls_m3u8_file] */
  readonly playlistFile: string;
  /** [hls_ts_file, hls_fmp4_file] By the container. */
  readonly segmentFile: string;
  /** [hls_init_file] Of fragmented MP4. */
  readonly initFile: string;
  /** [hls_use_fmp4] Fragmented MP4 in place of MPEG-TS. */
  readonly fmp4: boolean;
  /** [hls_fragment] What a segment should last, ms. */
  readonly fragmentMs: number;
  /** [hls_td_ratio] The target duration in fragments. */
  readonly targetRatio: number;
  /** [hls_aof_ratio] A segment without pictures lasts so many fragments. */
  readonly audioOnlyRatio: number;
  /** [hls_window] What the playlist holds, ms. */
  readonly windowMs: number;
  /** [hls_on_error] */
  readonly onError: 'ignore' | 'disconnect' | 'continue';
  /** [hls_ts_floor] Names by the time of day in fragments. */
  readonly floorNames: boolean;
  /** [hls_entry_prefix] What stands before the names of segments; one without a slash at its end gets the path from the root. */
  readonly entryPrefix: string;
  /** [hls_acodec, hls_vcodec] What the beginning waits for, shortly. */
  readonly expectsAudio: boolean;
  readonly expectsVideo: boolean;
  /** [hls_cleanup] Files that nobody can ask for any more are deleted. */
  readonly cleanup: boolean;
  /** [hls_dispose] After so long without a frame all files are deleted, ms; 0 = never. */
  readonly disposeMs: number;
  /** [hls_wait_keyframe] Segments begin with keyframes. */
  readonly waitKeyframe: boolean;
  /** [hls_keys] AES-128. */
  readonly encrypt: boolean;
  /** [hls_fragments_per_key] */
  readonly segmentsPerKey: number;
  /** [hls_key_file] */
  readonly keyFile: string;
  /** [hls_key_file_path] The folder of the keys; empty = `root`. */
  readonly keyRoot: string;
  /** [hls_key_url] What stands before the names of keys; may have a query. Empty = relative to the playlist. */
  readonly keyUrl: string;
  /** [hls_dts_directly] Times of AAC as they are, or by counting samples. */
  readonly audioTimes: 'stream' | 'samples';
  /** [hls_recover] Numbers go on over a restart and from one publish to a later one. */
  readonly recover: boolean;
  /** [hls_ll] Low latency: parts of segments. Needs `fmp4`, cannot have `encrypt`. */
  readonly lowLatency: boolean;
  /** [hls_ll_part] What a part lasts at most, ms. */
  readonly partMs: number;
  /** [hls_program_date_time] */
  readonly programDateTime: boolean;
  /** [hls_endlist] The playlist is ended when the stream is gone. */
  readonly endList: boolean;
  /** [hls_ctx] Viewers get a session by way of a master playlist. */
  readonly viewerSessions: boolean;
  /** [hls_ts_ctx] Segments carry the id of that session too. */
  readonly segmentSessions: boolean;
  /** [hls_master_m3u8_path_relative] */
  readonly relativeMaster: boolean;
  /** [utc_time] Path variables in UTC. */
  readonly utc: boolean;
}

/** A part that a preload hint announced: who asks for it waits. */
export interface AnnouncedPart extends LiveResource, KeptBytes {
  /** Here it is; undefined: it will not come. */
  settle(resource: LiveResource | undefined): void;
}

/** What answers at the path of a playlist, and says who may have its segments. */
export interface HlsDocument extends LiveResource {
  /** Of segments, parts, maps and keys. */
  readonly admit: ResourceGate['admit'];
  /** They are not for caches that others share. */
  readonly isPrivate?: boolean;
  announced(): AnnouncedPart;
  /** The output is over: nobody is served any more. */
  close(): void;
}

/** What the HLS outputs need of the server. */
export interface HlsDeps {
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  /** Wall clock, Unix ms. */
  readonly unixTime: () => number;
  readonly logger: Logger;
  readonly observer: OutputObserver;
  readonly resources: LiveResources;
  readonly removals: DelayedRemovals;
  /** Default: that of the machine. */
  readonly fileSystem?: FileSystem;
  /** Default: MAX_UNWRITTEN_BYTES. */
  readonly maxUnwrittenBytes?: number;
  /** What answers at the path of the playlist. Default: its text, the same for all. */
  readonly document?: (playlist: LivePlaylist, options: HlsOptions) => HlsDocument;
}
