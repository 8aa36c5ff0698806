import type { Ban, Client, Stream, Summary, Vhost } from './objects.ts';

/** What the API says no to, by its HTTP status. */
export class ApiRefusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Rows of a page: what is drawn anew every two seconds. */
const PAGE_ROWS = 100;

/** Which part of a list is shown. */
export interface Page {
  /** Index of its first row. */
  readonly start: number;
  /** Rows at most. */
  readonly count: number;
  readonly total: number;
}

/** Where the pages begin that are asked for. */
export interface Starts {
  readonly streams: number;
  readonly clients: number;
}

/** Everything that the console shows, as of one moment. */
export interface Overview {
  readonly summary: Summary;
  readonly vhosts: readonly Vhost[];
  readonly streams: readonly Stream[];
  readonly streamPage: Page;
  readonly clients: readonly Client[];
  readonly clientPage: Page;
  readonly bans: readonly Ban[];
}

/** The HTTP API of the server that this page comes from. */
export class Api {
  readonly #authorization: string | undefined;

  /** @param authorization Value of the header; undefined = none is needed. */
  constructor(authorization: string | undefined) {
    this.#authorization = authorization;
  }

  async overview(starts: Starts): Promise<Overview> {
    const [summary, vhosts, streams, clients, bans] = await Promise.all([
      this.#ask<{ data: Summary }>('summaries'),
      this.#ask<{ vhosts: Vhost[] }>('vhosts/'),
      this.#ask<{ streams: Stream[]; total: number }>(`streams/?start=${starts.streams}&count=${PAGE_ROWS}`),
      this.#ask<{ clients: Client[]; total: number }>(`clients/?start=${starts.clients}&count=${PAGE_ROWS}`),
      this.#ask<{ bans: Ban[] }>('bans/'),
    ]);
    return {
      summary: summary.data,
      vhosts: vhosts.vhosts,
      streams: streams.streams,
      streamPage: { start: starts.streams, count: PAGE_ROWS, total: streams.total },
      clients: clients.clients,
      clientPage: { start: starts.clients, count: PAGE_ROWS, total: clients.total },
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
