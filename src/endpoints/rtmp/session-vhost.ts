import { PEER_BANDWIDTH_TYPE } from '../../protocols/rtmp/index.ts';
import type { RtmpPeer, RtmpVhostOptions } from './ports.ts';

/** Bandwidth told to clients where out_ack_size does not say; SRS's value, bytes. */
const DEFAULT_WINDOW_BYTES = 2_500_000;

/**
 * Which vhost a session is on, and what was said to the peer because of it. That is the one of connect; while the session
 * publishes or plays (or asks to), it is the one that its stream named.
 */
export class SessionVhost {
  readonly #session: RtmpPeer;
  #home: RtmpVhostOptions | undefined;
  #app = '';
  #current: RtmpVhostOptions | undefined;
  /** Connect was answered: the peer knows our chunk size and windows. */
  #announced = false;
  /** A chunk size that the peer will be told when it plays no more. */
  #dueChunkSize: number | undefined;

  constructor(session: RtmpPeer) {
    this.#session = session;
  }

  /** The configured name; undefined before connect. */
  get name(): string | undefined {
    return this.#current?.name;
  }

  /** What `asked` says by now: a reload may have come while a policy was being asked. */
  now(asked: RtmpVhostOptions): RtmpVhostOptions {
    return this.#current?.name === asked.name ? this.#current : asked;
  }

  /** What the connection is about while it does nothing, for logs. */
  describe(): string {
    if (this.#home === undefined) return 'before connect';
    // Nothing more of the URL: some encoders have their stream key in it.
    return `connect ${this.#home.name}/${this.#app.split('/', 1)[0]}`;
  }

  /** The peer asks to connect. */
  connect(vhost: RtmpVhostOptions, app: string): void {
    this.#home = vhost;
    this.#app = app;
    this.#current = vhost;
  }

  /** The peer asks to publish or play there. */
  enter(vhost: RtmpVhostOptions): void {
    this.#current = vhost;
  }

  /** It publishes or plays no more. */
  leave(): void {
    this.#current = this.#home;
    const due = this.#dueChunkSize;
    this.#dueChunkSize = undefined;
    if (due !== undefined) this.#session.link.setChunkSize(due);
  }

  /** Tells the peer, with the answer to connect, what this vhost wants. */
  announce(vhost: RtmpVhostOptions): void {
    const { link } = this.#session;
    const window = vhost.outAckSizeBytes;
    if (window > 0) link.setWindowAckSize(window);
    link.setPeerBandwidth(window > 0 ? window : DEFAULT_WINDOW_BYTES, PEER_BANDWIDTH_TYPE.DYNAMIC);
    if (vhost.inAckSizeBytes > 0) link.setReceiveWindow(vhost.inAckSizeBytes);
    link.setChunkSize(vhost.chunkSizeBytes);
    this.#announced = true;
  }

  /**
   * Looks the options up again, and tells the peer what is new for it. Returns them when they may have changed. A vhost that
   * is gone keeps its options: its sessions are closed by name.
   *
   * A viewer keeps its chunk size until it stops playing: its media comes from a feed that all viewers of one size share, and
   * in its queue there may be chunks of the old size; a new size would have to come exactly between the two, on another feed,
   * which it could only enter at a keyframe. Chunks of another size are no harm, a gap is.
   */
  refresh(plays: boolean): RtmpVhostOptions | undefined {
    const old = this.#current;
    const now = this.#lookUp(old);
    this.#home = this.#home === old ? now : this.#lookUp(this.#home);
    this.#current = now;
    if (old === undefined || now === undefined || now === old) return undefined;
    if (this.#announced) this.#tell(old, now, plays);
    return now;
  }

  #tell(old: RtmpVhostOptions, now: RtmpVhostOptions, plays: boolean): void {
    const { link } = this.#session;
    // A window that the peer was told cannot be taken back, only replaced.
    const window = now.outAckSizeBytes;
    if (window !== old.outAckSizeBytes && window > 0) {
      link.setWindowAckSize(window);
      link.setPeerBandwidth(window, PEER_BANDWIDTH_TYPE.DYNAMIC);
    }
    if (now.inAckSizeBytes !== old.inAckSizeBytes) link.setReceiveWindow(now.inAckSizeBytes);
    if (now.chunkSizeBytes === old.chunkSizeBytes) return;
    if (plays) this.#dueChunkSize = now.chunkSizeBytes;
    else link.setChunkSize(now.chunkSizeBytes);
  }

  #lookUp(old: RtmpVhostOptions | undefined): RtmpVhostOptions | undefined {
    if (old === undefined) return undefined;
    const now = this.#session.services.vhosts.find(old.name);
    return now?.name === old.name ? now : old;
  }
}
