export interface ResponseHeadOptions {
  /** HTTP/1.1 with a chunked body, or HTTP/1.0 with a body that ends with the connection. */
  readonly chunked: boolean;
  readonly contentType: string;
  /** `Server` header. */
  readonly server: string;
  /** Header lines such as CORS, name → value. */
  readonly headers: Readonly<Record<string, string>>;
  /** Unix ms for the `Date` header. */
  readonly nowMs: number;
}

/**
 * Status line and headers of a live body. RFC 9112, 6.1 (chunked only for HTTP/1.1), 9.6 (`Connection: close`: a live body
 * is the last thing on its connection).
 */
export function liveResponseHead(options: ResponseHeadOptions): Buffer {
  let head =
    `HTTP/1.1 200 OK\r\nServer: ${options.server}\r\nDate: ${new Date(options.nowMs).toUTCString()}\r\n` +
    `Content-Type: ${options.contentType}\r\nCache-Control: no-cache, no-store\r\nConnection: close\r\n`;
  for (const [name, value] of Object.entries(options.headers)) head += `${name}: ${value}\r\n`;
  if (options.chunked) head += 'Transfer-Encoding: chunked\r\n';
  return Buffer.from(`${head}\r\n`, 'latin1');
}
