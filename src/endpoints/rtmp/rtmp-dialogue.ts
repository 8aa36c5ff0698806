import { ServerError } from '../../base/errors.ts';
import type { SessionDetails } from '../../hub/ports.ts';
import {
  encodeConnectError,
  encodeConnectResult,
  encodeCreateStreamResult,
  encodeNullResult,
  encodeOnBwDone,
  encodeOnFcPublish,
  encodeOnFcUnpublish,
  encodeOnStatus,
  encodeRejectedStatus,
  encodeStreamLengthResult,
  encodeUndefinedResult,
  MESSAGE_TYPE,
  readCommand,
  readRequest,
  type ConnectRequest,
  type RtmpLinkHandler,
  type RtmpRequest,
  USER_CONTROL_EVENT,
  type StatusCode,
} from '../../protocols/rtmp/index.ts';
import { admit, asking, Redirection, type Admitted, type Wish } from './admission.ts';
import { CommandRate } from './command-rate.ts';
import { HeldMessages } from './held-messages.ts';
import { peerDetails, whatStays, type SaidOfItself } from './peer-details.ts';
import type { RtmpPeer } from './ports.ts';
import { PlayRole } from './play-role.ts';
import { PublishRole } from './publish-role.ts';
import { SessionVhost } from './session-vhost.ts';
import { targetOf, type Target } from './target.ts';

/** From the end of the handshake to connect, and from connect to publish or play, ms. */
export const ROLE_TIMEOUT_MS = 30_000;
/** Message streams that one connection may create over its life (Flash makes a new one for each play). */
export const MAX_MESSAGE_STREAMS = 1_024;

type Role = PublishRole | PlayRole;

/**
 * What a client and the server say to each other after the handshake: connect, createStream, publish, play and the rest
 * (RTMP 1.0, 7.2). One role at a time per connection, as in SRS: it publishes or it plays.
 */
export class RtmpDialogue implements RtmpLinkHandler {
  readonly #session: RtmpPeer;
  readonly #vhost: SessionVhost;
  readonly #rate: CommandRate;
  #connect: SaidOfItself | undefined;
  #streams = 0;
  #role: Role | undefined;
  /** The publisher, once more: media goes there without a look at anything else. */
  #publisher: PublishRole | undefined;
  /** Messages that came while a policy was being asked. */
  #held: HeldMessages | undefined;
  /** The answer to a connect, publish or play is not known yet. */
  #asking = false;
  #style: NonNullable<SessionDetails['publishStyle']> = 'flash';
  #last: string | undefined;

  constructor(session: RtmpPeer) {
    this.#session = session;
    this.#vhost = new SessionVhost(session);
    this.#rate = new CommandRate(session.services.clock);
  }

  /** The handshake is over. */
  begin(): void {
    this.#session.expectWithin(ROLE_TIMEOUT_MS, 'connect');
  }

  /** What this connection was about, for its closing log line. */
  describe(): string {
    return this.#role?.describe() ?? this.#last ?? this.#vhost.describe();
  }

  drained(): void {
    if (this.#role instanceof PlayRole) this.#role.drained();
  }

  /** The configured name of the vhost that this connection is on; undefined before connect. */
  get vhost(): string | undefined {
    return this.#vhost.name;
  }

  /** It publishes or plays. */
  get hasRole(): boolean {
    return this.#role !== undefined;
  }

  /** The options of vhosts have changed. */
  vhostsChanged(): void {
    const vhost = this.#vhost.refresh(this.#role instanceof PlayRole);
    if (vhost !== undefined) this.#role?.reconfigure(vhost);
  }

  /** Ends the role. Idempotent. */
  close(): void {
    this.#endRole();
    this.#held = undefined;
  }

  onMessage(typeId: number, timestamp: number, streamId: number, payload: Buffer): void {
    const publisher = this.#publisher;
    if (publisher !== undefined && (typeId === MESSAGE_TYPE.VIDEO || typeId === MESSAGE_TYPE.AUDIO)) {
      publisher.write(typeId, timestamp, payload);
      return;
    }
    if (this.#asking) {
      this.#held ??= new HeldMessages();
      this.#held.add(typeId, timestamp, streamId, payload);
      return;
    }
    if (!this.#session.isOpen()) return; // Refused by a message before this one in the same read.
    switch (typeId) {
      case MESSAGE_TYPE.COMMAND_AMF0:
      case MESSAGE_TYPE.COMMAND_AMF3:
        this.#onRequest(readRequest(readCommand(typeId, payload)), streamId);
        return;
      case MESSAGE_TYPE.DATA_AMF0:
      case MESSAGE_TYPE.DATA_AMF3:
        this.#publisher?.writeData(typeId, timestamp, payload);
        return;
      default:
        // Media without a publish (some encoders send a last frame after FCUnpublish) and shared objects: ignored.
        return;
    }
  }

  onUserControl(event: number, a: number): void {
    if (event === USER_CONTROL_EVENT.PING_RESPONSE) this.#session.rtt.answered(a);
    // SetBufferLength is a hint for servers that pace recorded media; a live server sends as media comes.
  }

  #onRequest(request: RtmpRequest, streamId: number): void {
    const session = this.#session;
    this.#rate.count();
    if (this.#connect === undefined && request.kind !== 'connect') {
      // Haivision asks for _checkbw first of all.
      if (request.kind === 'checkBandwidth') session.reply(0, encodeNullResult(request.id));
      else throw new ServerError('RTMP_COMMAND_INVALID', `${request.kind} before connect`);
      return;
    }
    switch (request.kind) {
      case 'connect':
        this.#onConnect(request.id, request.connect);
        return;
      case 'createStream':
        this.#streams += 1;
        if (this.#streams > MAX_MESSAGE_STREAMS) {
          throw new ServerError(
            'RTMP_STREAMS_EXCEEDED',
            `more than ${MAX_MESSAGE_STREAMS} createStream calls`,
          );
        }
        session.reply(0, encodeCreateStreamResult(request.id, this.#streams));
        return;
      case 'releaseStream':
        session.reply(0, encodeUndefinedResult(request.id));
        return;
      case 'FCPublish':
        // SRS's names: FMLE says it before it creates a stream.
        if (this.#style === 'flash') this.#style = this.#streams === 0 ? 'fmle' : 'haivision';
        session.reply(0, encodeUndefinedResult(request.id));
        return;
      case 'FCUnpublish':
        this.#onFcUnpublish(request.id);
        return;
      case 'publish':
        this.#onPublish(request.name, streamId);
        return;
      case 'play':
        this.#onPlay(request.name, streamId, request.durationMs);
        return;
      case 'play2':
        // Change to another stream of the same name group; for a live server a play of the new name.
        this.#onPlay(request.name, streamId, undefined);
        return;
      case 'pause':
        if (this.#role instanceof PlayRole) this.#role.pause(request.paused);
        return;
      case 'receiveAudio':
      case 'receiveVideo':
        if (this.#role instanceof PlayRole) this.#role.receive(request.kind, request.on);
        return;
      case 'seek':
        session.reply(streamId, encodeOnStatus('NetStream.Seek.Failed'));
        return;
      case 'closeStream':
        this.#onCloseStream(streamId);
        return;
      case 'deleteStream':
        if (this.#role?.streamId === request.streamId) this.#onCloseStream(request.streamId);
        return;
      case 'checkBandwidth':
        session.reply(0, encodeNullResult(request.id));
        return;
      case 'getStreamLength':
        session.reply(0, encodeStreamLengthResult(request.id, 0));
        return;
      case 'answer':
        return;
      case 'unknown':
        // A call that nobody knows gets an empty answer, or clients wait for ever; without an id it wants none.
        if (request.id > 0) session.reply(0, encodeNullResult(request.id));
        return;
      default:
        request satisfies never;
    }
  }

  #onConnect(id: number, connect: ConnectRequest): void {
    if (this.#connect !== undefined)
      throw new ServerError('RTMP_COMMAND_INVALID', 'connect for the second time');
    const session = this.#session;
    const { services } = session;
    const refuse = (error: ServerError): void => {
      const redirect = error instanceof Redirection ? error.redirect : undefined;
      session.reply(0, encodeConnectError(id, error.message, redirect));
    };
    let target: Target;
    try {
      // The stream may still name another vhost; a stand-in serves until its name is known.
      target = targetOf(services.vhosts, connect, 'stream');
    } catch (error) {
      const reason = session.explain(error);
      refuse(reason);
      session.close(reason, true);
      return;
    }
    const { name, vhost } = target;
    this.#connect = whatStays(connect);
    this.#vhost.connect(vhost, name.app);
    const accept = (): void => {
      this.#vhost.announce(this.#vhost.now(vhost));
      const { objectEncoding } = connect;
      const { name: server, version } = services.server;
      const data = { srs_server: `${server}/${version}`, srs_version: version, srs_id: session.id };
      session.reply(0, encodeConnectResult(id, { objectEncoding, data }));
      session.reply(0, encodeOnBwDone());
      session.expectWithin(ROLE_TIMEOUT_MS, 'publish or play');
    };
    const details = peerDetails(session.socket, connect, name);
    this.#ask({ action: 'connect', name: { ...name, stream: '' }, details }, accept, refuse);
  }

  #onPublish(rawName: string, streamId: number): void {
    const target = this.#target(rawName, streamId, 'NetStream.Publish.BadName');
    if (target === undefined) return;
    const { name, vhost } = target;
    const session = this.#session;
    const details = peerDetails(session.socket, this.#connect, name, this.#style);
    const accept = (granted: Admitted): void => {
      const role = PublishRole.start(
        session,
        granted.name,
        this.#vhost.now(vhost),
        streamId,
        granted.details,
      );
      this.#role = role;
      this.#publisher = role;
      if (details.publishStyle !== 'flash') session.reply(streamId, encodeOnFcPublish());
      session.reply(streamId, encodeOnStatus('NetStream.Publish.Start', { withClientId: true }));
    };
    this.#ask({ action: 'publish', name, details }, accept, (error) => {
      const code = error.code === 'STREAM_BUSY' ? 'NetStream.Publish.BadName' : 'NetStream.Publish.Denied';
      session.reply(streamId, encodeOnStatus(code, { description: error.message }));
    });
  }

  #onPlay(rawName: string, streamId: number, durationMs: number | undefined): void {
    const target = this.#target(rawName, streamId, 'NetStream.Play.Failed');
    if (target === undefined) return;
    const { name, vhost } = target;
    const session = this.#session;
    const details = peerDetails(session.socket, this.#connect, name);
    const accept = async (granted: Admitted): Promise<void> => {
      const stream = await session.services.hub.resolve(granted.name, 'wait');
      if (!session.isOpen()) return;
      if (stream === undefined)
        throw new ServerError('STREAM_NOT_FOUND', `no stream ${name.app}/${granted.name.stream}`);
      const play = { vhost: this.#vhost.now(vhost), details: granted.details, streamId, durationMs };
      const role = new PlayRole(session, stream, play);
      this.#role = role;
      // The first bytes may have been too many for a peer that does not read, or all that was asked for.
      if (!session.isOpen()) this.#endRole();
    };
    this.#ask({ action: 'play', name, details }, accept, (error) => {
      const code =
        error.code === 'STREAM_NOT_FOUND' ? 'NetStream.Play.StreamNotFound' : 'NetStream.Play.Failed';
      session.reply(streamId, encodeOnStatus(code, { description: error.message }));
    });
  }

  /** The name and vhost that a publish or play means; undefined when it was refused. */
  #target(rawName: string, streamId: number, refusal: StatusCode): Target | undefined {
    const session = this.#session;
    try {
      if (this.#role !== undefined && this.#role.streamId !== streamId) {
        throw new ServerError('RTMP_COMMAND_INVALID', 'a connection publishes or plays one stream at a time');
      }
      this.#leaveRole(); // A second play on the same message stream replaces the first (RTMP 1.0, 7.2.2.1, reset).
      const target = targetOf(session.services.vhosts, this.#connect, rawName);
      this.#vhost.enter(target.vhost);
      return target;
    } catch (error) {
      const reason = session.explain(error);
      session.reply(streamId, encodeOnStatus(refusal, { description: reason.message }));
      session.close(reason, true);
      return undefined;
    }
  }

  /**
   * Asks the access policy, then runs `accept`. Until then the socket is paused and what the peer has already sent is held:
   * some encoders send media right behind publish. A refusal is told to the peer and ends the session.
   */
  #ask(
    wish: Wish,
    accept: (granted: Admitted) => void | Promise<void>,
    tell: (error: ServerError) => void,
  ): void {
    const session = this.#session;
    const who = asking(session, wish);
    this.#asking = true;
    session.inlet.pause(); // Also a FIN waits: hence the deadline.
    session.expectWithin(ROLE_TIMEOUT_MS, `answer to ${wish.action}`);
    const decide = async (): Promise<void> => {
      try {
        const granted = await admit(session, who, wish);
        if (!session.isOpen()) return;
        await accept(granted);
      } catch (error) {
        if (!session.isOpen()) return;
        const reason = session.explain(error);
        // SRS sends a player to another origin by a status, which clients follow.
        if (reason instanceof Redirection && wish.action !== 'connect')
          session.reply(0, encodeRejectedStatus(reason.message, reason.redirect));
        else tell(reason);
        session.close(reason, true);
        return;
      } finally {
        session.services.policy.settled?.(who);
      }
      this.#asking = false;
      session.guard(() => this.#replay());
    };
    void decide();
  }

  /** Goes on with what was held. One of these messages may ask again: then the rest and the socket wait for that answer. */
  #replay(): void {
    const session = this.#session;
    while (session.isOpen() && !this.#asking) {
      const held = this.#held?.shift();
      if (held === undefined) {
        this.#held = undefined;
        session.inlet.resume();
        return;
      }
      this.onMessage(held.typeId, held.timestamp, held.streamId, held.payload);
    }
  }

  #onFcUnpublish(id: number): void {
    const session = this.#session;
    const publisher = this.#publisher;
    if (publisher !== undefined) session.reply(publisher.streamId, encodeOnFcUnpublish());
    session.reply(0, encodeUndefinedResult(id));
    if (publisher !== undefined) this.#onCloseStream(publisher.streamId);
  }

  #onCloseStream(streamId: number): void {
    const role = this.#role;
    if (role === undefined || role.streamId !== streamId) return;
    const code = role instanceof PublishRole ? 'NetStream.Unpublish.Success' : 'NetStream.Play.Stop';
    this.#leaveRole();
    this.#session.reply(streamId, encodeOnStatus(code, { withClientId: true }));
    this.#session.expectWithin(ROLE_TIMEOUT_MS, 'publish or play');
  }

  /** The connection stays for another role. */
  #leaveRole(): void {
    this.#endRole();
    this.#vhost.leave();
  }

  #endRole(): void {
    const role = this.#role;
    if (role === undefined) return;
    this.#last = role.describe();
    this.#role = undefined;
    this.#publisher = undefined;
    role.end();
  }
}
