import { ServerError } from '../../base/errors.ts';
import type { OutputObserver, RecordingDone, SegmentDone } from '../../hub/output-events.ts';
import type {
  AccessGrant,
  AccessPolicy,
  AccessRequest,
  ConnectionObserver,
  LiveStream,
  SessionInfo,
  StreamName,
  StreamObserver,
} from '../../hub/ports.ts';
import { streamKey } from '../../hub/ports.ts';
import {
  closeBody,
  connectBody,
  notifyUrl,
  playBody,
  recordingBody,
  segmentBody,
  streamBody,
  type HookBody,
  type HookClient,
  type HookServer,
} from './hook-bodies.ts';
import type { HookTracer } from './call-trace.ts';
import { CountedOwner, type EventCounter } from './counted-owner.ts';
import { clientOf, isElsewhere, NOBODY, sameClient, withoutSecret } from './hook-client.ts';
import { HookDispatcher, type EventOwner, type HookDispatcherDeps } from './hook-dispatcher.ts';

export interface HttpHooksDeps extends HookDispatcherDeps {
  readonly server: HookServer;
  /** Follows the requests about sessions. Default: nobody does. */
  readonly tracer?: HookTracer;
  /** The stream, when it is here. */
  find(name: StreamName): LiveStream | undefined;
}

/**
 * What a session publishes or plays. `accepted`: the back end said yes, and media has not begun. Name and client are those that are
 * asked about, then those that were granted.
 */
interface Role {
  readonly action: 'publish' | 'play';
  name: StreamName;
  client: HookClient;
  readonly owner: EventOwner;
  state: 'asking' | 'accepted' | 'started';
  /** The id of the end that is owed. */
  owed: string | undefined;
}

/** A session from its first question to its last event. It counts all its events. Each viewer has one, also where nobody is asked. */
interface Known extends EventCounter {
  /** Of an RTMP connection: what on_close will say. */
  connect:
    | {
        client: HookClient;
        readonly owner: EventOwner;
        app: string;
        owed: string | undefined;
      }
    | undefined;
  /** The answer to on_connect was yes. */
  isConnected: boolean;
  asking: number;
  role: Role | undefined;
  /** The connection is over. */
  ended: { readonly sent: number; readonly received: number } | undefined;
}

/**
 * [http_hooks] Asks back ends whether clients may connect, publish and play, and tells them what sessions and outputs did. Whoever
 * was granted a start gets exactly one end: `on_unpublish`, `on_stop`, `on_close`.
 */
export class HttpHooks implements AccessPolicy, ConnectionObserver, StreamObserver, OutputObserver {
  readonly #deps: HttpHooksDeps;
  readonly #dispatcher: HookDispatcher;
  readonly #sessions = new Map<string, Known>();
  /** What outputs tell of, by the session that publishes: their files may come after its end. */
  readonly #publishers = new WeakMap<SessionInfo, HookClient>();
  /** Owners of the events of files, by stream and event. */
  readonly #files = new WeakMap<SessionInfo, Map<string, EventOwner>>();

  constructor(deps: HttpHooksDeps) {
    this.#deps = deps;
    this.#dispatcher = new HookDispatcher(deps);
  }

  /** Sessions that are known: each one has an end to come. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** Events that wait for their back end. */
  get waiting(): number {
    return this.#dispatcher.waiting;
  }

  async check(request: AccessRequest): Promise<AccessGrant | undefined> {
    const { session, action } = request;
    const known = this.#know(session.id);
    known.asking += 1;
    try {
      if (action === 'connect') return await this.#connect(known, request);
      return await this.#begin(known, request, action);
    } finally {
      known.asking -= 1;
      if (!known.isConnected && known.role === undefined) this.#forget(session.id, known);
    }
  }

  protects(vhost: string): boolean {
    return (this.#deps.options(vhost)?.urls.on_play?.length ?? 0) > 0;
  }

  /** A wish that was granted has been dealt with: what has not begun by now never will. */
  settled({ id }: SessionInfo): void {
    const known = this.#sessions.get(id);
    if (known === undefined || known.asking > 0) return;
    if (known.role?.state === 'accepted') this.#end(id, known);
    if (known.ended !== undefined) this.#close(id, known, known.ended);
  }

  connectionEnded(id: string, bytes: { readonly sent: number; readonly received: number }): void {
    const known = this.#sessions.get(id);
    if (known === undefined) return;
    known.ended = bytes;
    if (known.asking === 0) this.#close(id, known, bytes);
  }

  publishStarted(name: StreamName, session: SessionInfo): void {
    const role = this.#started('publish', name, session);
    if (role !== undefined) this.#publishers.set(session, role.client);
  }

  publishEnded(_name: StreamName, { id }: SessionInfo): void {
    this.#ended('publish', id);
  }

  playStarted(name: StreamName, session: SessionInfo): void {
    this.#started('play', name, session);
  }

  playEnded(_name: StreamName, { id }: SessionInfo): void {
    this.#ended('play', id);
  }

  recordingDone(event: RecordingDone): void {
    const { name, session } = event;
    this.#dispatcher.tell('on_dvr', this.#fileOwner('on_dvr', name, session), () =>
      recordingBody(this.#deps.server, this.#publisher(name, session), event),
    );
  }

  segmentDone(event: SegmentDone): void {
    const { name, session } = event;
    const { server } = this.#deps;
    const client = this.#publisher(name, session);
    this.#dispatcher.tell('on_hls', this.#fileOwner('on_hls', name, session), () =>
      segmentBody(server, client, event),
    );
    this.#dispatcher.notify(this.#fileOwner('on_hls_notify', name, session), (template) =>
      notifyUrl(template, server.serverId, client, event),
    );
  }

  /** Reads what the server before left to be told, and begins to tell it. Before anybody is let in. */
  start(): Promise<void> {
    return this.#dispatcher.start();
  }

  /** The server is about to stop: whoever is being asked for, or comes now, is refused. */
  stopAsking(): void {
    this.#dispatcher.stopAsking();
  }

  /** Tells what is still to be told, for a few seconds at most. Idempotent. */
  close(): Promise<void> {
    return this.#dispatcher.close();
  }

  async #connect(known: Known, request: AccessRequest): Promise<AccessGrant | undefined> {
    const { session, vhost, app } = request;
    const client = clientOf(session, request);
    known.trace = this.#deps.tracer?.of(session);
    const owner = this.#sessionOwner(known, session.id, vhost);
    const connect: Known['connect'] = { client, owner, app, owed: undefined };
    known.connect = connect;
    const grant = await this.#dispatcher.ask('on_connect', owner, () =>
      connectBody(this.#deps.server, client, { vhost, app }),
    );
    if (isElsewhere(grant, request)) return grant;
    known.isConnected = true;
    this.#oweClose(connect);
    return undefined;
  }

  #oweClose(connect: NonNullable<Known['connect']>): void {
    const { client, owner, app, owed } = connect;
    const body = (): HookBody =>
      closeBody(this.#deps.server, client, { vhost: owner.vhost, app }, { sent: 0, received: 0 });
    connect.owed = this.#dispatcher.owe('on_close', owner, body, owed);
  }

  async #begin(
    known: Known,
    request: AccessRequest,
    action: 'publish' | 'play',
  ): Promise<AccessGrant | undefined> {
    const { session, vhost, app, stream = '' } = request;
    const { server } = this.#deps;
    const name = { vhost, app, stream };
    const client = sameClient(known.connect?.client, clientOf(session, request));
    const owner = this.#sessionOwner(known, session.id, vhost);
    if (known.role !== undefined) this.#end(session.id, known); // It did not say that it is done with the one before.
    known.trace = this.#deps.tracer?.of(session);
    const role: Role = { action, name, client, owner, state: 'asking', owed: undefined };
    known.role = role;
    const connected = known.connect?.client;
    // Some encoders have their key in the URL of the connection, which on_close would tell.
    if (request.isKey === true && known.connect !== undefined) {
      known.connect.client = { ...known.connect.client, tcUrl: client.tcUrl };
      known.connect.app = app;
    }
    try {
      const grant = await this.#ask(known, role);
      if (isElsewhere(grant, request)) {
        if (known.role === role) known.role = undefined;
        return grant;
      }
      role.state = 'accepted';
      role.owed =
        action === 'publish'
          ? this.#dispatcher.owe('on_unpublish', owner, () =>
              streamBody('on_unpublish', server, role.client, role.name),
            )
          : this.#dispatcher.owe('on_stop', owner, () =>
              playBody('on_stop', server, role.client, role.name, 0),
            );
      // After a crash the key of the stream is in no body either.
      if (known.isConnected && known.connect !== undefined && known.connect.client !== connected)
        this.#oweClose(known.connect);
      return grant;
    } catch (error) {
      if (known.role === role) known.role = undefined;
      throw error;
    }
  }

  /** Asks about a role; what is granted is what the role is from then on. */
  async #ask(known: Known, role: Role): Promise<AccessGrant | undefined> {
    const { server } = this.#deps;
    const { action, owner, name: asked, client } = role;
    const take = (granted: AccessGrant | undefined): void => {
      if (granted?.stream === undefined) return;
      role.name = { ...asked, stream: granted.stream };
      role.client = withoutSecret(client, asked.stream);
      const { connect } = known;
      if (connect === undefined) return;
      connect.client = withoutSecret(connect.client, asked.stream);
      connect.app = asked.app;
    };
    if (action === 'play') {
      const grant = await this.#dispatcher.ask('on_play', owner, (granted) => {
        take(granted);
        return playBody('on_play', server, role.client, role.name, this.#viewers(role.name) + 1);
      });
      take(grant);
      return grant;
    }
    // The hub would refuse it, after its back end had been told that it begins.
    const publisher = this.#deps.find(asked)?.snapshot().publisher;
    if (publisher !== undefined)
      throw new ServerError('STREAM_BUSY', `${streamKey(asked)} is published by session ${publisher.id}`);
    const grant = await this.#dispatcher.ask('on_publish', owner, (granted) => {
      take(granted);
      return streamBody('on_publish', server, role.client, role.name);
    });
    take(grant);
    return grant;
  }

  #started(action: Role['action'], name: StreamName, { id }: SessionInfo): Role | undefined {
    const role = this.#sessions.get(id)?.role;
    if (role?.action !== action || role.state !== 'accepted') return undefined;
    if (streamKey(role.name) !== streamKey(name)) return undefined;
    role.state = 'started';
    role.name = name; // The stream's own: shared by all who have it.
    return role;
  }

  #ended(action: Role['action'], id: string): void {
    const known = this.#sessions.get(id);
    if (known?.role?.action === action && known.role.state === 'started') this.#end(id, known);
  }

  /** The one end of what was granted. */
  #end(id: string, known: Known): void {
    const { role } = known;
    known.role = undefined;
    if (role !== undefined && role.state !== 'asking') {
      const { name, client, owner } = role;
      const { server } = this.#deps;
      if (role.action === 'publish') {
        const body = (): HookBody => streamBody('on_unpublish', server, client, name);
        this.#dispatcher.tell('on_unpublish', owner, body, role.owed);
      } else {
        const body = (): HookBody => playBody('on_stop', server, client, name, this.#viewers(name));
        this.#dispatcher.tell('on_stop', owner, body, role.owed);
      }
    }
    if (!known.isConnected && known.asking === 0) this.#forget(id, known);
  }

  #close(id: string, known: Known, bytes: { readonly sent: number; readonly received: number }): void {
    this.#forget(id, known);
    this.#end(id, known);
    const { connect } = known;
    if (connect === undefined || !known.isConnected) return;
    known.isConnected = false;
    const { client, owner, app, owed } = connect;
    const body = (): HookBody => closeBody(this.#deps.server, client, { vhost: owner.vhost, app }, bytes);
    this.#dispatcher.tell('on_close', owner, body, owed);
  }

  #know(id: string): Known {
    const found = this.#sessions.get(id);
    if (found !== undefined) return found;
    const made: Known = {
      connect: undefined,
      isConnected: false,
      asking: 0,
      role: undefined,
      sequence: 0,
      trace: undefined,
      ended: undefined,
    };
    this.#sessions.set(id, made);
    return made;
  }

  #forget(id: string, known: Known): void {
    if (this.#sessions.get(id) === known) this.#sessions.delete(id);
  }

  /** Most sessions publish or play in the vhost of their connection: one owner serves both. */
  #sessionOwner(known: Known, id: string, vhost: string): EventOwner {
    const options = this.#deps.options(vhost);
    const before = known.connect?.owner;
    if (before?.vhost === vhost && before.options === options) return before;
    return new CountedOwner(`session ${id}`, vhost, options, known);
  }

  #viewers(name: StreamName): number {
    return this.#deps.find(name)?.snapshot().viewers ?? 0;
  }

  #publisher(name: StreamName, session: SessionInfo | undefined): HookClient {
    const known = session === undefined ? undefined : this.#publishers.get(session);
    return known ?? clientOf(session ?? NOBODY, { vhost: name.vhost, app: name.app, params: '' });
  }

  #fileOwner(event: string, name: StreamName, session: SessionInfo | undefined): EventOwner {
    const key = `${event} ${streamKey(name)}`;
    const make = (): EventOwner =>
      new CountedOwner(key, name.vhost, this.#deps.options(name.vhost), {
        sequence: 0,
        trace: session && this.#deps.tracer?.of(session),
      });
    if (session === undefined) return make();
    let owners = this.#files.get(session);
    if (owners === undefined) {
      owners = new Map();
      this.#files.set(session, owners);
    }
    let owner = owners.get(key);
    if (owner === undefined) {
      owner = make();
      owners.set(key, owner);
    }
    return owner;
  }
}
