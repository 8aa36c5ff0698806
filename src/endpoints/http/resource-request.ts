import {
  bearerOf,
  isGone,
  requestClient,
  type IncomingMessage,
  type ServerResponse,
} from '../../net/index.ts';
import type { ResourceRequest } from '../../storage/live-resources.ts';
import { pageUrlOf } from './page-url.ts';
import type { RequestTarget } from './request-target.ts';

/** What a live resource is told of the request for it. */
export class HttpResourceRequest implements ResourceRequest {
  readonly path: string;
  readonly query: string;
  readonly host: string | undefined;
  readonly referer: string | undefined;
  readonly userAgent: string | undefined;
  readonly bearer: string | undefined;
  readonly ip: string;
  readonly secure: boolean;
  readonly headOnly: boolean;
  readonly #response: ServerResponse;
  #abort: AbortController | undefined;

  constructor(request: IncomingMessage, response: ServerResponse, target: RequestTarget) {
    const { headers } = request;
    const client = requestClient(request);
    this.path = target.rawPath;
    this.query = target.query;
    this.host = headers.host;
    this.referer = pageUrlOf(headers);
    this.userAgent = headers['user-agent'];
    this.bearer = bearerOf(headers.authorization);
    this.ip = client.ip;
    this.secure = client.secure;
    this.headOnly = request.method === 'HEAD';
    this.#response = response;
  }

  /** Made when it is asked for: most answers wait for nothing. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      const abort = new AbortController();
      const response = this.#response;
      if (isGone(response)) abort.abort();
      else response.once('close', () => abort.abort());
      this.#abort = abort;
    }
    return this.#abort.signal;
  }

  /** Nobody waits for the answer any more. */
  stop(): void {
    this.#abort?.abort();
  }
}
