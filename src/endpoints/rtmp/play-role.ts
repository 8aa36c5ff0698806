import { ServerError } from '../../base/errors.ts';
import type { LiveStream, SessionDetails } from '../../hub/ports.ts';
import { writeAndTell } from '../../net/index.ts';
import { RtmpOutput, type RtmpViewer } from '../../outputs/rtmp/index.ts';
import {
  encodeDataStart,
  encodeOnStatus,
  encodeSampleAccess,
  MESSAGE_TYPE,
  USER_CONTROL_EVENT,
  type StatusCode,
} from '../../protocols/rtmp/index.ts';
import type { RtmpPeer, RtmpVhostOptions } from './ports.ts';

export interface PlayRoleOptions {
  readonly vhost: RtmpVhostOptions;
  readonly details: SessionDetails;
  readonly streamId: number;
  /** The end after so much media, ms. */
  readonly durationMs: number | undefined;
}

/** A session that plays: its socket as the hub sees it, and what is said around the media. */
export class PlayRole implements RtmpViewer {
  readonly streamId: number;
  readonly type = 'rtmp-play';
  readonly details: SessionDetails;
  readonly #session: RtmpPeer;
  readonly #stream: LiveStream;
  /** Undefined while it is being made: its first bytes are written then. */
  readonly #output: RtmpOutput | undefined;
  /** Why it ends at the end of what is queued. */
  #expired: ServerError | undefined;
  readonly #onTaken = (): void => {
    if (this.pendingBytes === 0) this.drained();
  };

  constructor(session: RtmpPeer, stream: LiveStream, play: PlayRoleOptions) {
    const { name } = stream;
    const { vhost, streamId, durationMs } = play;
    this.details = play.details;
    this.#session = session;
    this.#stream = stream;
    this.streamId = streamId;
    session.expectNothing();
    this.reconfigure(vhost);
    // SRS's order: StreamBegin, Reset, Start, sample access, data start, then media.
    session.link.userControl(USER_CONTROL_EVENT.STREAM_BEGIN, streamId);
    this.#tell('NetStream.Play.Reset');
    this.#tell('NetStream.Play.Start');
    session.reply(streamId, encodeSampleAccess(true, true), MESSAGE_TYPE.DATA_AMF0);
    session.reply(streamId, encodeDataStart(), MESSAGE_TYPE.DATA_AMF0);
    session.logger.info(`RTMP play ${name.vhost}/${name.app}/${name.stream} ip=${session.ip}`);
    const chunkSizeBytes = session.link.sendChunkSize;
    this.#output = new RtmpOutput({ stream, streamId, chunkSizeBytes, durationMs, viewer: this });
    session.rtt.start();
  }

  /** The vhost has other options. Its chunk size stays as it is for this play: see `SessionVhost`. */
  reconfigure(vhost: RtmpVhostOptions): void {
    // Every write is a whole merge window: Nagle's algorithm could only add the peer's delayed ACK to the latency.
    this.#session.socket.setNoDelay(vhost.tcpNoDelay || vhost.minLatency);
  }

  get id(): string {
    return this.#session.id;
  }

  get ip(): string {
    return this.#session.ip;
  }

  get rttMs(): number | undefined {
    return this.#session.rtt.rttMs;
  }

  get endReason(): ServerError | undefined {
    return this.#expired ?? this.#session.endReason;
  }

  get pendingBytes(): number {
    return this.#session.socket.writableLength;
  }

  write(bytes: Buffer): void {
    const { socket } = this.#session;
    writeAndTell(socket, bytes, this.#onTaken);
  }

  /** Through the session, so that its log line tells the reason. Where time is over, the viewer is told that this is the end. */
  close(reason: ServerError): void {
    if (reason.code !== 'SESSION_EXPIRED' || this.#output === undefined) {
      this.#session.close(reason);
      return;
    }
    this.#expired = reason;
    this.#output.finish();
  }

  onLive(): void {
    this.#session.link.userControl(USER_CONTROL_EVENT.STREAM_BEGIN, this.streamId);
    this.#tell('NetStream.Play.PublishNotify');
  }

  onUnpublished(): void {
    this.#tell('NetStream.Play.UnpublishNotify');
    this.#session.link.userControl(USER_CONTROL_EVENT.STREAM_EOF, this.streamId);
  }

  onComplete(): void {
    this.#tell('NetStream.Play.Stop');
    this.#session.link.userControl(USER_CONTROL_EVENT.STREAM_EOF, this.streamId);
    const asked = new ServerError('SESSION_CLOSED', 'the duration that was asked for is over');
    this.#session.close(this.#expired ?? asked, true);
  }

  pause(paused: boolean): void {
    const { link } = this.#session;
    const code = paused ? 'NetStream.Pause.Notify' : 'NetStream.Unpause.Notify';
    this.#session.reply(this.streamId, encodeOnStatus(code));
    link.userControl(paused ? USER_CONTROL_EVENT.STREAM_EOF : USER_CONTROL_EVENT.STREAM_BEGIN, this.streamId);
    if (paused) this.#output?.pause();
    else this.#output?.resume();
  }

  receive(kind: 'receiveAudio' | 'receiveVideo', on: boolean): void {
    this.#output?.receive(kind === 'receiveAudio' ? 'audio' : 'video', on);
    if (!on) return;
    // RTMP 1.0, 7.2.2.4 and 7.2.2.5: turning it on is answered, turning it off is not.
    this.#session.reply(this.streamId, encodeOnStatus('NetStream.Seek.Notify'));
    this.#session.reply(this.streamId, encodeOnStatus('NetStream.Play.Start'));
  }

  drained(): void {
    this.#output?.drained();
  }

  describe(): string {
    const { vhost, app, stream } = this.#stream.name;
    return `play ${vhost}/${app}/${stream} (${this.#output?.describe() ?? 'not begun'})`;
  }

  /** Idempotent. */
  end(): void {
    this.#session.rtt.stop();
    this.#output?.close();
  }

  #tell(code: StatusCode): void {
    const options = { details: this.#stream.name.stream, withClientId: true };
    this.#session.reply(this.streamId, encodeOnStatus(code, options));
  }
}
