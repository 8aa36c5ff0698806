/** The members of a callback's body that this service looks at. */
export interface CallbackBody {
  readonly action?: unknown;
  readonly client_id?: unknown;
  readonly ip?: unknown;
  readonly vhost?: unknown;
  readonly app?: unknown;
  readonly stream?: unknown;
  readonly file?: unknown;
  /** Why a session has its end without having ended: the server died. */
  readonly reason?: unknown;
}

/** One connection, publisher or viewer. */
export interface Session {
  readonly client: string;
  readonly role: 'connection' | 'publisher' | 'viewer';
  readonly ip: string;
  readonly stream: string;
  readonly startedAt: string;
  endedAt?: string;
  reason?: string;
}

const MAX_ENDED = 100;
const MAX_FILES = 50;

const STARTS = { on_connect: 'connection', on_publish: 'publisher', on_play: 'viewer' } as const;
const ENDS = { on_close: 'connection', on_unpublish: 'publisher', on_stop: 'viewer' } as const;

/** Who is there, and who was, as far as callbacks told. A real service has a database here. */
export class Sessions {
  readonly #open = new Map<string, Session>();
  readonly #ended: Session[] = [];
  readonly #files: string[] = [];

  get open(): readonly Session[] {
    return [...this.#open.values()];
  }

  /** The last ones. */
  get ended(): readonly Session[] {
    return this.#ended;
  }

  /** Recordings and segments. */
  get files(): readonly string[] {
    return this.#files;
  }

  /** `stream`: the public name, where the one of the client is a secret. */
  take(body: CallbackBody, nowMs: number, stream = text(body.stream)): void {
    const action = text(body.action);
    const client = text(body.client_id);
    const now = new Date(nowMs).toISOString();
    if (action in STARTS) {
      const role = STARTS[action as keyof typeof STARTS];
      const where = [text(body.vhost), text(body.app), stream].filter((part) => part !== '').join('/');
      this.#open.set(`${role} ${client}`, { client, role, ip: text(body.ip), stream: where, startedAt: now });
    } else if (action in ENDS) {
      const key = `${ENDS[action as keyof typeof ENDS]} ${client}`;
      const session = this.#open.get(key);
      if (session === undefined) return;
      this.#open.delete(key);
      session.endedAt = now;
      if (body.reason !== undefined) session.reason = text(body.reason);
      this.#ended.unshift(session);
      this.#ended.length = Math.min(this.#ended.length, MAX_ENDED);
    } else if (action === 'on_dvr' || action === 'on_hls') {
      this.#files.unshift(text(body.file));
      this.#files.length = Math.min(this.#files.length, MAX_FILES);
    }
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
