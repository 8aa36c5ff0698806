export { bearerOf } from './bearer.ts';
export { connectTcp, type Connection, type ConnectionHandlers, type ConnectTarget } from './connect.ts';
export { ConnectionGate, type ConnectionGateOptions } from './connection-gate.ts';
export { createHttpApp, sendText, type HttpAppOptions } from './http-app.ts';
export { HttpClient, placeOfUrl, type HttpClientAnswer, type HttpClientRequest } from './http-client.ts';
export { HttpServer, type HttpHandler, type HttpServerOptions, type UpgradeHandler } from './http-server.ts';
export {
  checkCertificate,
  expiryOf,
  loadCertificate,
  type CertificateFiles,
  type TlsCertificate,
} from './tls-certificate.ts';
export { CORS_HEADERS } from './cors.ts';
export { isGone, isHttp2, isSent, takeSocket, takeStream } from './http-takeover.ts';
export { ListenerSet, type ListenerSetOptions } from './listener-set.ts';
export { plainIp } from './ip.ts';
export { clientOfIp, rangeOfClient } from './networks.ts';
export { ipBytes, IpRange, networkOf, type IpBytes } from './ip-range.ts';
export { clientIp, requestClient, type RequestClient } from './client-address.ts';
export { SecureListeners, type SecureListenersOptions } from './secure-listeners.ts';
export { SocketSink, type SocketSinkOptions } from './socket-sink.ts';
export { TallyReport, type TallyReportOptions } from './tally-report.ts';
export { listenTcp, TcpListener, type ListenAddress, type TcpListenerOptions } from './tcp-listener.ts';
// For the layers above, which may not import Node's network modules themselves.
export type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
export type { Socket } from 'node:net';
/** A socket, or a stream of HTTP/2. */
export type { Duplex as ViewerSocket } from 'node:stream';
export { TrustedProxies, type ProxySettings } from './trusted-proxies.ts';
export { writeAndTell } from './drain.ts';
export { type BytesHandler, Inlet, readEvents, readInto, SharedRead } from './shared-read.ts';
