import type { Buffer } from 'node:buffer';
import { ServerError } from '../../base/errors.ts';
import { readAvcConfig } from '../../media/codecs/h264.ts';
import type { Frame } from '../../media/frame.ts';
import { AnnexBFrame, keyframePrefix } from './annex-b.ts';
import { AudioGathering } from './audio-gathering.ts';
import { ticksOf } from './clock.ts';
import {
  ADAPTATION,
  NO_PCR,
  packetsOf,
  PacketWriter,
  PidCounter,
  TS_PACKET_BYTES,
  writePcrPacket,
} from './packet.ts';
import { PesHeader } from './pes-header.ts';
import { PAT_PID, STREAM_TYPE, writePat, writePmt, type ProgramStream } from './psi.ts';

const PMT_PID = 0x1000;
const VIDEO_PID = 0x100;
const AUDIO_PID = 0x101;
const VIDEO_STREAM_ID = 0xe0;
const AUDIO_STREAM_ID = 0xc0;

/** Longest distance of two PCRs, ms. Spec: ISO/IEC 13818-1, 2.7.2. */
const PCR_INTERVAL_MS = 100;
const DEFAULT_TABLES_INTERVAL_MS = 500;
const DEFAULT_GATHER_AUDIO_MS = 400;
/** How far the next picture is thought to be at least, ms, when it is asked whether a PCR or table can wait for it. */
const USUAL_STEP_MS = 40;
/** A gap or step back beyond this is a break of the clock: nothing is filled in, ms. */
const CLOCK_BREAK_MS = 1_000;
/** How far the PCR runs before the DTS once times are that large: decoders get frames before they need them, ms. */
const PCR_LEAD_MS = 500;

/** Which kinds of tracks will come, for the first program map. */
export interface TsTracks {
  readonly video?: 'h264' | undefined;
  readonly audio?: 'aac' | 'mp3' | undefined;
}

export interface TsMuxerOptions {
  /** Longest media that one audio packet gathers, ms; 0 sends each frame at once. @default 400 */
  readonly gatherAudioMs?: number;
  /**
   * Longest distance of two PAT and PMT, ms. Infinity leaves them to keyframes and segments: enough for files that begin
   * with both, such as HLS segments. @default 500
   */
  readonly tablesIntervalMs?: number;
}

/** Where packets go: `reserve` gives a place for `size` bytes, all of which are filled. A hub feed's log is one. */
export interface TsSink {
  reserve(size: number): { readonly buffer: Buffer; readonly offset: number };
}

/** Whether frames of this codec can be carried. H.265, AV1 and Opus are refused. */
export function carriesInTs(frame: Frame): boolean {
  return frame.codec === 'h264' || frame.codec === 'aac' || frame.codec === 'mp3';
}

/**
 * Frames → transport packets of one program. Spec: ISO/IEC 13818-1. Each call looks at its frame once, reserves the whole
 * run of packets and fills it. Continuity counters live as long as the muxer, over all segments.
 */
export class TsMuxer {
  readonly #pat = new PidCounter(PAT_PID);
  readonly #pmt = new PidCounter(PMT_PID);
  readonly #videoPid = new PidCounter(VIDEO_PID);
  readonly #audioPid = new PidCounter(AUDIO_PID);
  readonly #packets = new PacketWriter();
  readonly #header = new PesHeader();
  readonly #annexB = new AnnexBFrame();
  readonly #audio: AudioGathering;
  readonly #gatherMs: number;
  readonly #tablesIntervalMs: number;
  #streams: ProgramStream[] = [];
  #version = 0;
  /** The tables of the present version were written. */
  #versionUsed = false;
  #hasVideo = false;
  #nalLengthSize = 0;
  #keyframePrefix: Buffer | undefined;
  #leadMs: number | undefined;
  #tablesDue = true;
  #pcrDue = true;
  #discontinuity = false;
  /** Stream times, ms, of the last tables, PCR and picture; undefined before the first. */
  #lastTables: number | undefined;
  #lastPcr: number | undefined;
  #lastVideo: number | undefined;
  /** Frames without their config record, and those that held nothing that could be carried. */
  skippedFrames = 0;
  /** Frames of which a part was lost: they ended inside a NAL unit. */
  damagedFrames = 0;

  constructor(options: TsMuxerOptions = {}) {
    this.#gatherMs = options.gatherAudioMs ?? DEFAULT_GATHER_AUDIO_MS;
    this.#tablesIntervalMs = options.tablesIntervalMs ?? DEFAULT_TABLES_INTERVAL_MS;
    this.#audio = new AudioGathering();
  }

  /** Tells which tracks will come, so that the first program map names both. Tracks of frames are added by themselves. */
  declare(tracks: TsTracks): void {
    if (tracks.video !== undefined) this.#setStream(VIDEO_PID, STREAM_TYPE.H264);
    if (tracks.audio !== undefined) {
      this.#setStream(AUDIO_PID, tracks.audio === 'aac' ? STREAM_TYPE.AAC : STREAM_TYPE.MPEG1_AUDIO);
    }
  }

  /** Takes a track out of the program, for instance when a publisher came back without it. */
  drop(kind: 'audio' | 'video'): void {
    this.#setStream(kind === 'audio' ? AUDIO_PID : VIDEO_PID, undefined);
  }

  /** The next frame begins a segment: tables and a PCR come before it. `flush` first gives the old one its audio. */
  startSegment(): void {
    this.#tablesDue = true;
    this.#pcrDue = true;
  }

  /** The clock of the next frame has nothing to do with what was before: its PCR says so. */
  discontinuity(): void {
    this.startSegment();
    this.#discontinuity = true;
    this.#leadMs = undefined;
  }

  /**
   * Writes one packet without payload for each PID in use: it tells a reader who missed what came before that the counter and
   * the clock go on elsewhere (13818-1, 2.4.3.5). What is written next follows it.
   */
  writeBreak(sink: TsSink): number {
    const counters = [this.#pat, this.#pmt, this.#videoPid, this.#audioPid].filter((counter) => counter.used);
    const size = counters.length * TS_PACKET_BYTES;
    if (size === 0) return 0;
    const { buffer, offset } = sink.reserve(size);
    let at = offset;
    for (const counter of counters)
      at = writePcrPacket(buffer, at, counter, NO_PCR, ADAPTATION.DISCONTINUITY);
    return size;
  }

  /**
   * Writes the tables in force as those had them who read along, with the counters that they had then: for one who begins to
   * read here; `afterBreak`: who has read other packets before. No tables when they come with the next frame by themselves.
   */
  repeatTables(sink: TsSink, afterBreak: boolean): number {
    const repeats = !this.#tablesDue && this.#versionUsed;
    if (repeats) {
      this.#pat.next = (this.#pat.next + 15) & 15;
      this.#pmt.next = (this.#pmt.next + 15) & 15;
    }
    const before = afterBreak ? this.writeBreak(sink) : 0;
    if (!repeats) return before;
    const { buffer, offset } = sink.reserve(2 * TS_PACKET_BYTES);
    this.#putTables(buffer, offset);
    return before + 2 * TS_PACKET_BYTES;
  }

  /**
   * Writes what one frame makes due and returns its bytes, a multiple of 188; often 0, since audio is gathered. Throws
   * TS_CODEC_UNSUPPORTED for what is not carried and CODEC_INVALID for a config record that cannot be read.
   */
  write(frame: Frame, sink: TsSink): number {
    if (frame.kind === 'data') return 0;
    if (!carriesInTs(frame)) {
      throw new ServerError('TS_CODEC_UNSUPPORTED', `MPEG-TS cannot carry ${frame.codec} yet`);
    }
    if (frame.isConfig) return this.#configure(frame, sink);
    return frame.kind === 'video' ? this.#video(frame, sink) : this.#sound(frame, sink);
  }

  /** Writes the audio that was gathered, e.g. before a segment ends. Returns its bytes. */
  flush(sink: TsSink): number {
    return this.#run(undefined, 0, sink);
  }

  #configure(frame: Frame, sink: TsSink): number {
    if (frame.kind === 'video') {
      const config = readAvcConfig(frame.payload);
      this.#nalLengthSize = config.nalLengthSize;
      this.#keyframePrefix = keyframePrefix(config);
      this.#setStream(VIDEO_PID, STREAM_TYPE.H264);
      return 0;
    }
    const bytes = this.flush(sink);
    this.#audio.configure(frame);
    this.#setStream(AUDIO_PID, STREAM_TYPE.AAC);
    return bytes;
  }

  #video(frame: Frame, sink: TsSink): number {
    if (this.#nalLengthSize === 0) {
      this.skippedFrames += 1;
      return 0;
    }
    const annexB = this.#annexB;
    const sets = frame.isKeyframe ? this.#keyframePrefix : undefined;
    annexB.load(frame.flvBody, frame.payloadOffset, this.#nalLengthSize, sets);
    if (annexB.damaged) this.damagedFrames += 1;
    if (annexB.size === 0) {
      this.skippedFrames += 1;
      return 0;
    }
    // The sound before a keyframe belongs to what a cut there would end.
    const sound = this.#audio.empty || (!frame.isKeyframe && !this.#audio.isOld(frame.dts, this.#gatherMs));
    const before = sound ? 0 : this.flush(sink);
    if (frame.isKeyframe) this.#tablesDue = true;
    const bytes = this.#run(frame, frame.dts, sink);
    this.#lastVideo = frame.dts;
    return before + bytes;
  }

  #sound(frame: Frame, sink: TsSink): number {
    const audio = this.#audio;
    const streamType = audio.accept(frame);
    if (streamType === undefined) {
      this.skippedFrames += 1;
      return 0;
    }
    // Alone, sound carries the PCR, which may not wait longer.
    const gatherMs = this.#hasVideo ? this.#gatherMs : Math.min(this.#gatherMs, PCR_INTERVAL_MS);
    let bytes = 0;
    if (!audio.empty && !audio.fits(frame, gatherMs)) bytes += this.flush(sink);
    this.#setStream(AUDIO_PID, streamType);
    if (this.#hasVideo) bytes += this.#clockAt(frame.dts, sink);
    audio.add(frame);
    return gatherMs === 0 ? bytes + this.flush(sink) : bytes;
  }

  /** Tables and PCRs that sound makes due while no picture comes. */
  #clockAt(time: number, sink: TsSink): number {
    if (this.#lastPcr === undefined || this.#lastTables === undefined) return 0;
    const tables = this.#needsTables(time, 0);
    const fills = this.#fillsBefore(time);
    const size = (tables ? 2 : 0) + fills;
    if (size === 0) return 0;
    const { buffer, offset } = sink.reserve(size * TS_PACKET_BYTES);
    let at = offset;
    if (tables) at = this.#writeTables(buffer, at, time);
    this.#writeFills(buffer, at, fills);
    return size * TS_PACKET_BYTES;
  }

  /** Writes one PES packet, with all that goes before it: a picture, or without `frame` the gathered sound. */
  #run(frame: Frame | undefined, videoTime: number, sink: TsSink): number {
    const audio = this.#audio;
    if (frame === undefined && audio.empty) return 0;
    const time = frame === undefined ? audio.time : videoTime;
    const header = this.#header;
    const bytes = frame === undefined ? audio.bytes : this.#annexB.size;
    header.set(
      frame === undefined ? AUDIO_STREAM_ID : VIDEO_STREAM_ID,
      ticksOf(frame === undefined ? time : frame.pts),
      ticksOf(time),
      bytes,
    );
    const carriesPcr = frame !== undefined || !this.#hasVideo;
    const step = frame === undefined || this.#lastVideo === undefined ? 0 : time - this.#lastVideo;
    const tables = this.#needsTables(time, step);
    const fills = carriesPcr ? this.#fillsBefore(time) : 0;
    const fillsUntil =
      fills > 0 && this.#lastPcr !== undefined ? this.#lastPcr + fills * PCR_INTERVAL_MS : this.#lastPcr;
    const withPcr = carriesPcr && this.#needsPcr(time, step, fillsUntil, frame === undefined);
    const pcr = withPcr
      ? this.#pcrOf(Math.max(time, this.#isBreak(time) ? time : (fillsUntil ?? time)))
      : NO_PCR;
    let flags = frame?.isKeyframe === true ? ADAPTATION.RANDOM_ACCESS : 0;
    if (
      withPcr &&
      (this.#discontinuity || (this.#lastPcr !== undefined && time < this.#lastPcr - CLOCK_BREAK_MS))
    ) {
      flags |= ADAPTATION.DISCONTINUITY;
    }
    const total = header.size + bytes;
    const packets = packetsOf(total, flags, pcr) + fills + (tables ? 2 : 0);
    const { buffer, offset } = sink.reserve(packets * TS_PACKET_BYTES);
    let at = offset;
    if (tables) at = this.#writeTables(buffer, at, time);
    at = this.#writeFills(buffer, at, fills);
    const writer = this.#packets;
    writer.begin(buffer, at, frame === undefined ? this.#audioPid : this.#videoPid, total, flags, pcr);
    header.writeTo(writer);
    if (frame === undefined) audio.writeTo(writer);
    else this.#annexB.writeTo(writer);
    writer.end();
    if (withPcr) {
      this.#pcrDue = false;
      this.#discontinuity = false;
      this.#lastPcr = this.#isBreak(time) ? time : Math.max(time, this.#lastPcr ?? time);
    }
    return packets * TS_PACKET_BYTES;
  }

  #isBreak(time: number): boolean {
    return this.#lastPcr === undefined || Math.abs(time - this.#lastPcr) > CLOCK_BREAK_MS;
  }

  #needsTables(time: number, step: number): boolean {
    const last = this.#lastTables;
    if (this.#tablesDue || last === undefined) return true;
    const next = time + Math.max(step, USUAL_STEP_MS);
    return next - last > this.#tablesIntervalMs || time < last - CLOCK_BREAK_MS;
  }

  #needsPcr(time: number, step: number, last: number | undefined, always: boolean): boolean {
    if (always || this.#pcrDue || this.#tablesDue || last === undefined) return true;
    return time + Math.max(step, USUAL_STEP_MS) - last > PCR_INTERVAL_MS || time < last - CLOCK_BREAK_MS;
  }

  /** PCRs that are missing between the last one and `time`. */
  #fillsBefore(time: number): number {
    const last = this.#lastPcr;
    if (last === undefined || this.#discontinuity || this.#isBreak(time)) return 0;
    return Math.max(0, Math.ceil((time - last) / PCR_INTERVAL_MS) - 1);
  }

  #writeFills(buffer: Buffer, from: number, count: number): number {
    let at = from;
    for (let i = 0; i < count; i++) {
      const time = (this.#lastPcr ?? 0) + PCR_INTERVAL_MS;
      at = writePcrPacket(buffer, at, this.#hasVideo ? this.#videoPid : this.#audioPid, this.#pcrOf(time));
      this.#lastPcr = time;
    }
    return at;
  }

  /** One distance between PCR and DTS as long as the clock runs: streams that begin at 0 have none, as in SRS. */
  #pcrOf(time: number): number {
    this.#leadMs ??= Math.min(PCR_LEAD_MS, Math.max(0, time));
    return ticksOf(time - this.#leadMs);
  }

  #writeTables(buffer: Buffer, from: number, time: number): number {
    this.#tablesDue = false;
    this.#versionUsed = true;
    this.#lastTables = time;
    return this.#putTables(buffer, from);
  }

  #putTables(buffer: Buffer, from: number): number {
    const at = writePat(buffer, from, this.#pat, 0, PMT_PID);
    return writePmt(buffer, at, this.#pmt, {
      version: this.#version,
      pcrPid: this.#hasVideo ? VIDEO_PID : AUDIO_PID,
      streams: this.#streams,
    });
  }

  /** Tables of which somebody has seen the old version get a new one. */
  #setStream(pid: number, streamType: number | undefined): void {
    const present = this.#streams.find((stream) => stream.pid === pid);
    if (present?.streamType === streamType) return;
    const others = this.#streams.filter((stream) => stream.pid !== pid);
    if (streamType !== undefined) others.push({ pid, streamType });
    this.#streams = others.sort((a, b) => a.pid - b.pid);
    const hasVideo = this.#streams.some((stream) => stream.pid === VIDEO_PID);
    if (hasVideo !== this.#hasVideo) this.#pcrDue = true;
    this.#hasVideo = hasVideo;
    if (this.#versionUsed) this.#version = (this.#version + 1) % 32;
    this.#versionUsed = false;
    this.#tablesDue = true;
  }
}
