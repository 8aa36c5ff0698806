import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** HTTP/2 over TLS to a port of this machine, from one of its addresses. Errors are for the streams to tell. */
export function http2From(localAddress: string, port: number): ClientHttp2Session {
  const client = connectHttp2(`https://127.0.0.1:${port}`, {
    createConnection: () =>
      connectTls({
        socket: connect({ port, host: '127.0.0.1', localAddress }),
        ALPNProtocols: ['h2'],
        rejectUnauthorized: false,
      }),
  });
  client.on('error', () => undefined);
  return client;
}
