import type { Ban, Client, Stream, Summary, Vhost } from './objects.ts';

/** What the API says no to, by its HTTP status. */
export class ApiRefusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Clients that are shown at most. */
export const SHOWN_CLIENTS = 200;

/** Everything that the console shows, as of one moment. */
export interface Overview {
  readonly summary: Summary;
  readonly vhosts: readonly Vhost[];
  readonly streams: readonly Stream[];
  readonly clients: readonly Client[];
  readonly clientTotal: number;
  readonly bans: readonly Ban[];
}

/** The HTTP API of the server that this page comes from. */
export class Api {
  readonly #authorization: string | undefined;

  /** @param authorization Value of the header; undefined = none is needed. */
  constructor(authorization: string | undefined) {
    this.#authorization = authorization;
  }

  async overview(): Promise<Overview> {
    const [summary, vhosts, streams, clients, bans] = await Promise.all([
      this.#ask<{ data: Summary }>('summaries'),
      this.#ask<{ vhosts: Vhost[] }>('vhosts/'),
      this.#ask<{ streams: Stream[] }>('streams/'),
      this.#ask<{ clients: Client[]; total: number }>(`clients/?count=${SHOWN_CLIENTS}`),
      this.#ask<{ bans: Ban[] }>('bans/'),
    ]);
    return {
      summary: summary.data,
      vhosts: vhosts.vhosts,
      streams: streams.streams,
      clients: clients.clients,
      clientTotal: clients.total,
      bans: bans.bans,
    };
  }

  /** `path` as `clients/ID`; `banSeconds`: also ban for so long. */
  async end(path: string, banSeconds?: number): Promise<void> {
    await this.#ask(banSeconds === undefined ? path : `${path}?ban=${banSeconds}`, 'DELETE');
  }

  /** The body of server-sent events, from behind the event `lastId` on. */
  async events(lastId: string | undefined, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const response = await fetch(urlOf('events'), {
      headers: { ...this.#headers(), ...(lastId === undefined ? {} : { 'Last-Event-ID': lastId }) },
      credentials: 'omit',
      signal,
    });
    if (!response.ok || response.body === null) throw new ApiRefusal(response.status, response.statusText);
    return response.body;
  }

  async #ask<Body>(path: string, method = 'GET'): Promise<Body> {
    // Without credentials of the browser: it would open a dialog of its own where the API asks for some.
    const response = await fetch(urlOf(path), {
      method,
      headers: this.#headers(),
      credentials: 'omit',
      signal: AbortSignal.timeout(10_000),
    });
    const body = (await response.json()) as { code: number; msg?: string };
    if (!response.ok || body.code !== 0)
      throw new ApiRefusal(response.status, body.msg ?? `${response.status} ${response.statusText}`);
    return body as Body;
  }

  #headers(): Record<string, string> {
    return this.#authorization === undefined ? {} : { Authorization: this.#authorization };
  }
}

/** Beside this page, so that it also works behind a proxy with a path of its own. */
function urlOf(path: string): URL {
  return new URL(`../api/v1/${path}`, location.href);
}
