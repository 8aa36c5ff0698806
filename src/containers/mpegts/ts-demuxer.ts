import { Buffer } from 'node:buffer';
import { ServerError } from '../../base/errors.ts';
import type { Frame } from '../../media/frame.ts';
import { AudioUnits } from './audio-units.ts';
import { unwrapTicks } from './clock.ts';
import { ADAPTATION, TS_PACKET_BYTES, TS_SYNC_BYTE } from './packet.ts';
import { PesAssembly } from './pes-assembly.ts';
import { PAT_PID, readPat, readPmt, STREAM_TYPE, TABLE } from './psi.ts';
import { SectionAssembly } from './section-assembly.ts';
import { VideoUnits } from './video-units.ts';

/** Bytes without packets in them after which the input is not believed to be a transport stream. */
export const MAX_TS_RESYNC_BYTES = 1024 * 1024;

const NO_COUNTER = -1;

/** What went wrong so far. */
export interface TsDemuxerStats {
  readonly packets: number;
  /** Packets whose continuity counter did not follow. */
  readonly continuityErrors: number;
  /** Bytes that belonged to no packet. */
  readonly skippedBytes: number;
  /** Sections with a wrong CRC or length. */
  readonly badSections: number;
  /** Packets that their sender marked as broken, or scrambled. */
  readonly unusablePackets: number;
  /** Stream types of the program map that are not read, such as H.265. */
  readonly unsupportedTypes: readonly number[];
}

class Track {
  readonly pid: number;
  readonly streamType: number;
  readonly pes = new PesAssembly();
  readonly video: VideoUnits | undefined;
  readonly audio: AudioUnits | undefined;
  counter = NO_COUNTER;
  randomAccess = false;

  constructor(pid: number, streamType: number) {
    this.pid = pid;
    this.streamType = streamType;
    this.video = streamType === STREAM_TYPE.H264 ? new VideoUnits() : undefined;
    this.audio =
      this.video === undefined ? new AudioUnits(streamType === STREAM_TYPE.AAC ? 'aac' : 'mp3') : undefined;
  }
}

/**
 * Transport packets → frames of the first program: its first H.264 and its first AAC or MPEG audio stream. Takes bytes
 * however they are cut and finds the packets again after a loss. Times are unwrapped, in ms. Spec: ISO/IEC 13818-1.
 */
export class TsDemuxer {
  readonly #pat = new SectionAssembly();
  #pmt = new SectionAssembly();
  #rest: Buffer = Buffer.alloc(0);
  #synced = false;
  #lost = 0;
  #pmtPid: number | undefined;
  #map: Buffer | undefined;
  #tracks: Track[] = [];
  #unsupported: number[] = [];
  /** The newest time, ticks: what comes is unwrapped to be near it. */
  #clock: number | undefined;
  #packets = 0;
  #continuityErrors = 0;
  #skipped = 0;
  #unusable = 0;

  get stats(): TsDemuxerStats {
    return {
      packets: this.#packets,
      continuityErrors: this.#continuityErrors,
      skippedBytes: this.#skipped,
      badSections: this.#pat.badSections + this.#pmt.badSections,
      unusablePackets: this.#unusable,
      unsupportedTypes: this.#unsupported,
    };
  }

  /** Takes bytes and returns the frames that they finish. Throws TS_INVALID or TS_PES_TOO_LARGE; then it is done for. */
  push(bytes: Buffer): Frame[] {
    const frames: Frame[] = [];
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    this.#rest = Buffer.from(all.subarray(this.#walk(all, false, frames)));
    return frames;
  }

  /** The input is over: returns what only the next packet would have finished. */
  end(): Frame[] {
    const frames: Frame[] = [];
    this.#walk(this.#rest, true, frames);
    this.#rest = Buffer.alloc(0);
    for (const track of this.#tracks) this.#finish(track, frames);
    return frames;
  }

  /** Returns the position of the first byte that was not used. */
  #walk(all: Buffer, last: boolean, frames: Frame[]): number {
    let at = 0;
    for (;;) {
      // To find the packets, two sync bytes at their distance are looked for; afterwards one is enough.
      if (all.length - at < TS_PACKET_BYTES + (this.#synced || last ? 0 : 1)) return at;
      const next = all[at + TS_PACKET_BYTES];
      if (all[at] === TS_SYNC_BYTE && (this.#synced || next === undefined || next === TS_SYNC_BYTE)) {
        this.#synced = true;
        this.#lost = 0;
        this.#packet(all, at, frames);
        at += TS_PACKET_BYTES;
        continue;
      }
      this.#synced = false;
      this.#skipped += 1;
      this.#lost += 1;
      at += 1;
      if (this.#lost > MAX_TS_RESYNC_BYTES) {
        throw new ServerError('TS_INVALID', `no transport packets in ${MAX_TS_RESYNC_BYTES} bytes`);
      }
    }
  }

  #packet(bytes: Buffer, at: number, frames: Frame[]): void {
    this.#packets += 1;
    const second = bytes.readUInt8(at + 1);
    const fourth = bytes.readUInt8(at + 3);
    const pid = ((second & 0x1f) << 8) | bytes.readUInt8(at + 2);
    if ((second & 0x80) !== 0 || (fourth & 0xc0) !== 0) {
      this.#unusable += 1;
      return;
    }
    const end = at + TS_PACKET_BYTES;
    let from = at + 4;
    let flags = 0;
    if ((fourth & 0x20) !== 0) {
      const length = bytes.readUInt8(from);
      if (length > 0) flags = bytes.readUInt8(from + 1);
      from += 1 + length;
    }
    const payload = (fourth & 0x10) !== 0 && from < end;
    const starts = (second & 0x40) !== 0;
    if (pid === PAT_PID) {
      if (payload) this.#readPat(this.#pat.push(bytes, from, end, starts));
      return;
    }
    if (pid === this.#pmtPid) {
      if (payload) this.#readPmt(this.#pmt.push(bytes, from, end, starts), frames);
      return;
    }
    for (const track of this.#tracks) {
      if (track.pid !== pid) continue;
      if (payload) {
        if (this.#follows(track, fourth & 15, flags)) {
          this.#media(track, bytes, from, end, starts, flags, frames);
        }
      } else if ((flags & ADAPTATION.DISCONTINUITY) !== 0) {
        // Without payload the counter does not move, but it may be another one from here on (2.4.3.5).
        if (track.counter !== (fourth & 15)) this.#lose(track);
        track.counter = fourth & 15;
      }
      return;
    }
  }

  /** False for the second copy of a packet. Spec: ISO/IEC 13818-1, 2.4.3.3. */
  #follows(track: Track, counter: number, flags: number): boolean {
    const before = track.counter;
    track.counter = counter;
    if (before === NO_COUNTER || counter === ((before + 1) & 15)) return true;
    if ((flags & ADAPTATION.DISCONTINUITY) === 0) {
      if (counter === before) return false;
      this.#continuityErrors += 1;
    }
    this.#lose(track);
    return true;
  }

  /** Bytes are missing: what was begun cannot be finished. */
  #lose(track: Track): void {
    track.pes.drop();
    track.audio?.reset();
  }

  #media(
    track: Track,
    bytes: Buffer,
    from: number,
    to: number,
    starts: boolean,
    flags: number,
    frames: Frame[],
  ): void {
    if (starts) {
      this.#finish(track, frames);
      track.pes.begin();
      track.randomAccess = (flags & ADAPTATION.RANDOM_ACCESS) !== 0;
    }
    track.pes.add(bytes, from, to);
    if (track.pes.whole) this.#finish(track, frames);
  }

  #finish(track: Track, frames: Frame[]): void {
    const packet = track.pes.take();
    if (packet === undefined) return;
    const { pts = this.#clock ?? 0, dts = pts, payload } = packet;
    const time = unwrapTicks(dts, this.#clock ?? dts);
    this.#clock = time;
    if (track.video !== undefined) {
      track.video.read(payload, unwrapTicks(pts, time), time, track.randomAccess, frames);
    } else {
      track.audio?.read(payload, time, frames);
    }
  }

  #readPat(section: Buffer | undefined): void {
    if (section?.[0] !== TABLE.PAT) return;
    const [pid] = readPat(section);
    if (pid === undefined || pid === this.#pmtPid) return;
    this.#pmtPid = pid;
    this.#pmt = new SectionAssembly();
    this.#map = undefined;
  }

  #readPmt(section: Buffer | undefined, frames: Frame[]): void {
    if (section?.[0] !== TABLE.PMT || this.#map?.equals(section) === true) return;
    const map = readPmt(section);
    if (map === undefined) return;
    this.#map = section;
    const tracks: Track[] = [];
    const unsupported: number[] = [];
    for (const { pid, streamType } of map.streams) {
      const isVideo = streamType === STREAM_TYPE.H264;
      if (!isVideo && !isAudio(streamType)) {
        unsupported.push(streamType);
        continue;
      }
      if (tracks.some((track) => (track.video !== undefined) === isVideo)) continue;
      const kept = this.#tracks.find((track) => track.pid === pid && track.streamType === streamType);
      tracks.push(kept ?? new Track(pid, streamType));
    }
    for (const track of this.#tracks) if (!tracks.includes(track)) this.#finish(track, frames);
    this.#tracks = tracks;
    this.#unsupported = unsupported;
  }
}

function isAudio(streamType: number): boolean {
  return (
    streamType === STREAM_TYPE.AAC ||
    streamType === STREAM_TYPE.MPEG1_AUDIO ||
    streamType === STREAM_TYPE.MPEG2_AUDIO
  );
}
