import { ServerError } from '../../base/errors.ts';
import type { LiveStream, ViewerSink } from '../../hub/ports.ts';
import { RtmpOutput } from '../../outputs/rtmp/index.ts';
import {
  encodeDataStart,
  encodeOnStatus,
  encodeSampleAccess,
  MESSAGE_TYPE,
  USER_CONTROL_EVENT,
  type StatusCode,
} from '../../protocols/rtmp/index.ts';
import type { RtmpPeer, RtmpVhostOptions } from './ports.ts';

const NOTHING = Buffer.alloc(0);

/** The session's socket as the hub sees it. Closing goes through the session, so that its log line tells the reason. */
function viewerSink(session: RtmpPeer, onTaken: () => void): ViewerSink {
  const { socket } = session;
  return {
    write(bytes) {
      // Below its high-water mark a socket does not tell that it has drained: an empty write behind the bytes does.
      if (socket.write(bytes) && socket.writableLength > 0) socket.write(NOTHING, onTaken);
    },
    get pendingBytes() {
      return socket.writableLength;
    },
    close: (reason) => session.close(reason),
  };
}

/** A session that plays: what is said around the media. */
export class PlayRole {
  readonly streamId: number;
  readonly #session: RtmpPeer;
  readonly #stream: LiveStream;
  readonly #output: RtmpOutput;

  private constructor(session: RtmpPeer, stream: LiveStream, streamId: number, output: RtmpOutput) {
    this.#session = session;
    this.#stream = stream;
    this.streamId = streamId;
    this.#output = output;
  }

  static start(
    session: RtmpPeer,
    stream: LiveStream,
    vhost: RtmpVhostOptions,
    streamId: number,
    durationMs: number | undefined,
  ): PlayRole {
    const { name } = stream;
    session.expectNothing();
    // Every write is a whole merge window: Nagle's algorithm could only add the peer's delayed ACK to the latency.
    session.socket.setNoDelay(vhost.tcpNoDelay || vhost.minLatency);
    const status = (code: StatusCode): void => {
      session.reply(streamId, encodeOnStatus(code, { details: name.stream, withClientId: true }));
    };
    // SRS's order: StreamBegin, Reset, Start, sample access, data start, then media.
    session.link.userControl(USER_CONTROL_EVENT.STREAM_BEGIN, streamId);
    status('NetStream.Play.Reset');
    status('NetStream.Play.Start');
    session.reply(streamId, encodeSampleAccess(true, true), MESSAGE_TYPE.DATA_AMF0);
    session.reply(streamId, encodeDataStart(), MESSAGE_TYPE.DATA_AMF0);
    session.logger.info(`RTMP play ${name.vhost}/${name.app}/${name.stream} ip=${session.ip}`);
    const output = new RtmpOutput({
      stream,
      streamId,
      chunkSizeBytes: session.link.sendChunkSize,
      durationMs,
      session: {
        id: session.id,
        ip: session.ip,
        type: 'rtmp-play',
        close: (reason) => session.close(reason),
      },
      sink: viewerSink(session, () => output.drained()),
      onLive: () => {
        session.link.userControl(USER_CONTROL_EVENT.STREAM_BEGIN, streamId);
        status('NetStream.Play.PublishNotify');
      },
      onUnpublished: () => {
        status('NetStream.Play.UnpublishNotify');
        session.link.userControl(USER_CONTROL_EVENT.STREAM_EOF, streamId);
      },
      onComplete: () => {
        status('NetStream.Play.Stop');
        session.link.userControl(USER_CONTROL_EVENT.STREAM_EOF, streamId);
        session.close(new ServerError('SESSION_CLOSED', 'the duration that was asked for is over'), true);
      },
    });
    return new PlayRole(session, stream, streamId, output);
  }

  pause(paused: boolean): void {
    const { link } = this.#session;
    const code = paused ? 'NetStream.Pause.Notify' : 'NetStream.Unpause.Notify';
    this.#session.reply(this.streamId, encodeOnStatus(code));
    link.userControl(paused ? USER_CONTROL_EVENT.STREAM_EOF : USER_CONTROL_EVENT.STREAM_BEGIN, this.streamId);
    if (paused) this.#output.pause();
    else this.#output.resume();
  }

  receive(kind: 'receiveAudio' | 'receiveVideo', on: boolean): void {
    this.#output.receive(kind === 'receiveAudio' ? 'audio' : 'video', on);
    if (!on) return;
    // RTMP 1.0, 7.2.2.4 and 7.2.2.5: turning it on is answered, turning it off is not.
    this.#session.reply(this.streamId, encodeOnStatus('NetStream.Seek.Notify'));
    this.#session.reply(this.streamId, encodeOnStatus('NetStream.Play.Start'));
  }

  drained(): void {
    this.#output.drained();
  }

  describe(): string {
    const { vhost, app, stream } = this.#stream.name;
    return `play ${vhost}/${app}/${stream} (${this.#output.describe()})`;
  }

  close(): void {
    this.#output.close();
  }
}
