import { Agent as HttpAgent, request as requestHttp } from 'node:http';
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { systemClock, type Clock } from '../base/clock.ts';
import { describeError, ServerError } from '../base/errors.ts';

/** Idle connections that are kept for each server. */
const MAX_IDLE_CONNECTIONS = 16;
/** An idle connection is closed after so long, ms: before most servers do it. */
const IDLE_MS = 4_000;

export interface HttpClientRequest {
  readonly method: 'GET' | 'POST';
  /** `http` or `https`; a name and password in it become an `Authorization` header. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** From the call to the last byte of the answer, ms. */
  readonly timeoutMs: number;
  /** The longest answer, bytes. */
  readonly maxAnswerBytes: number;
  /** A longer answer is cut there and is no error. @default false */
  readonly cutAnswer?: boolean;
  /** Whether the certificate of an HTTPS server must be valid for its name. @default true */
  readonly verifyTls?: boolean;
  readonly signal?: AbortSignal;
}

export interface HttpClientAnswer {
  readonly status: number;
  readonly body: Buffer;
}

/**
 * Asks HTTP servers for short answers, over connections that are kept. Redirects are answers like any other. What is not an answer
 * that ends within its limits rejects with HTTP_REQUEST_FAILED, or with SESSION_CLOSED when it was aborted; the messages name the
 * server and the path, never a query or a password.
 */
export class HttpClient {
  readonly #clock: Clock;
  readonly #http: HttpAgent;
  readonly #https: HttpsAgent;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
    const options = { keepAlive: true, maxFreeSockets: MAX_IDLE_CONNECTIONS, timeout: IDLE_MS };
    this.#http = new HttpAgent(options);
    this.#https = new HttpsAgent(options);
  }

  async request(options: HttpClientRequest): Promise<HttpClientAnswer> {
    const where = placeOfUrl(options.url);
    const { timeoutMs, signal } = options;
    if (signal?.aborted === true) throw new ServerError('SESSION_CLOSED', `the call of ${where} was aborted`);
    const attempt = new Attempt(options, where, this.#agentOf(options.url));
    const cancel = this.#clock.after(timeoutMs, () =>
      attempt.fail(new ServerError('HTTP_REQUEST_FAILED', `no answer of ${where} within ${timeoutMs} ms`)),
    );
    const abort = (): void =>
      attempt.fail(new ServerError('SESSION_CLOSED', `the call of ${where} was aborted`));
    signal?.addEventListener('abort', abort, { once: true });
    try {
      return await attempt.run();
    } finally {
      cancel();
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Closes all connections; calls that are under way fail. Idempotent. */
  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  #agentOf({ protocol }: URL): HttpAgent {
    return protocol === 'https:' ? this.#https : this.#http;
  }
}

/** Scheme, host and path of a URL: all of it that may be told. */
export function placeOfUrl({ protocol, host, pathname }: URL): string {
  return `${protocol}//${host}${pathname}`;
}

/** One request, which may be sent twice: a server may close an idle connection just when it is used again. */
class Attempt {
  readonly #options: HttpClientRequest;
  readonly #where: string;
  readonly #agent: HttpAgent;
  #request: ClientRequest | undefined;
  #settled = false;
  #resolve: (answer: HttpClientAnswer) => void = () => undefined;
  #reject: (error: ServerError) => void = () => undefined;

  constructor(options: HttpClientRequest, where: string, agent: HttpAgent) {
    this.#options = options;
    this.#where = where;
    this.#agent = agent;
  }

  run(): Promise<HttpClientAnswer> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#send(this.#agent);
    });
  }

  fail(error: ServerError): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#request?.destroy();
    this.#reject(error);
  }

  #broken(cause: unknown): void {
    const text = `${this.#where} gave no answer: ${describeError(cause)}`;
    this.fail(new ServerError('HTTP_REQUEST_FAILED', text));
  }

  #send(agent: HttpAgent | false): void {
    const { url, method, headers, body, verifyTls = true } = this.#options;
    const options: RequestOptions & { rejectUnauthorized?: boolean } = {
      method,
      agent,
      headers: body === undefined ? headers : { ...headers, 'Content-Length': String(body.length) },
      ...(url.protocol === 'https:' ? { rejectUnauthorized: verifyTls } : {}),
    };
    let request: ClientRequest;
    try {
      request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, options);
    } catch (error) {
      this.#broken(error); // A header or a path that cannot be sent.
      return;
    }
    this.#request = request;
    let answered = false;
    request.on('error', (error: NodeJS.ErrnoException) => {
      if (request !== this.#request) return;
      const idleClosed = error.code === 'ECONNRESET' || error.code === 'EPIPE';
      if (idleClosed && request.reusedSocket && !answered && !this.#settled) this.#send(false);
      else this.#broken(error);
    });
    request.once('response', (response) => {
      answered = true;
      this.#read(response);
    });
    request.once('close', () => {
      if (request === this.#request && !answered) this.#broken('the connection was closed');
    });
    request.end(body);
  }

  #read(response: IncomingMessage): void {
    const { maxAnswerBytes, cutAnswer = false } = this.#options;
    const parts: Buffer[] = [];
    let bytes = 0;
    const done = (): void => {
      if (this.#settled) return;
      this.#settled = true;
      const body = Buffer.concat(parts).subarray(0, maxAnswerBytes);
      this.#resolve({ status: response.statusCode ?? 0, body });
    };
    response.on('data', (part: Buffer) => {
      if (this.#settled) return;
      parts.push(part);
      bytes += part.length;
      if (bytes <= maxAnswerBytes) return;
      if (cutAnswer) {
        done();
        this.#request?.destroy();
      } else {
        this.#broken(`it is longer than ${maxAnswerBytes} bytes`);
      }
    });
    response.once('end', () => {
      if (response.complete) done();
      else this.#broken('it was cut');
    });
    response.once('error', (error) => this.#broken(error));
    response.once('close', () => this.#broken('it was cut'));
  }
}
