/** What a browser page of any origin may do [crossdomain]: SRS's header set. */
export const CORS_HEADERS: Readonly<Record<string, string>> = Object.freeze({
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Methods': 'GET, POST, HEAD, PUT, DELETE, OPTIONS',
  'Access-Control-Expose-Headers': 'Server,range,Content-Length,Content-Range,Date',
  'Access-Control-Allow-Headers':
    'origin,range,accept-encoding,referer,Cache-Control,X-Proxy-Authorization,X-Requested-With,Content-Type,Authorization',
});
