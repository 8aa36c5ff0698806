import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2, constants } from 'node:http2';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, before, suite, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import type { AccessRequest } from '../../src/hub/ports.ts';
import { MAX_PROXY_V2_BYTES } from '../../src/net/proxy-protocol.ts';
import { makeCertificate, type TestCertificate } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { audioConfig, audioFrame, videoConfig, videoFrame } from '../support/hub-fixtures.ts';
import { proxyV1, proxyV2 } from '../support/proxy-header.ts';
import { ReloadServer } from '../support/reload-server.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';

/** Where connections of the proxy come from; everybody else is on 127.0.0.1. */
const PROXY = '127.0.0.2';
const CLIENT = { ip: '203.0.113.7', port: 4711 };
const CLIENT6 = { ip: '2001:db8::17', port: 4711 };

let certificate: TestCertificate;
const undo: (() => unknown)[] = [];
const asked: AccessRequest[] = [];

before(async () => {
  certificate = await makeCertificate('proxied');
});

afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
  asked.length = 0;
});

const conf = (top: string, vhost = ''): string => {
  const tls = `enabled on; listen 127.0.0.1:0; key ${certificate.key}; cert ${certificate.cert};`;
  return `listen 127.0.0.1:0; ${top} rtmps { ${tls} }
    http_server { enabled on; listen 127.0.0.1:0; https { ${tls} } }
    http_api { enabled on; listen 127.0.0.1:0; }
    vhost __defaultVhost__ { http_remux { enabled on; } ${vhost} }`;
};

async function start(top: string, vhost = ''): Promise<ReloadServer> {
  const server = await ReloadServer.start(conf(top, vhost), {
    policy: { check: (request) => (asked.push(request), Promise.resolve(undefined)) },
  });
  undo.push(() => server.stop());
  return server;
}

const TRUSTED = `trusted_proxies ${PROXY} 10.0.0.0/8;`;

interface From {
  readonly localAddress?: string;
  readonly preface?: Buffer;
}

async function publish(port: number, name: string, from: From & { secure?: boolean }): Promise<RtmpPeer> {
  const peer = await RtmpPeer.publish(port, name, from);
  undo.push(() => peer.destroy());
  return peer;
}

/** Whom the access policy was asked for as the publisher of `name`. */
const publisherOf = (name: string): string | undefined =>
  asked.find(({ action, stream }) => action === 'publish' && stream === name)?.session.ip;

async function dial(port: number, from: From & { secure?: boolean; protocols?: string[] }): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', ...(from.localAddress === undefined ? {} : from) });
  socket.on('error', () => undefined);
  undo.push(() => socket.destroy());
  await once(socket, 'connect');
  if (from.preface !== undefined) socket.write(from.preface);
  if (from.secure !== true) return socket;
  const secure = connectTls({ socket, rejectUnauthorized: false, ALPNProtocols: from.protocols ?? [] });
  secure.on('error', () => undefined);
  undo.push(() => secure.destroy());
  await once(secure, 'secureConnect');
  return secure;
}

/** A trusted proxy: its header and the first bytes of the client are one write. Returns its port. */
async function relay(port: number, header: Buffer): Promise<number> {
  const server = createServer((client) => {
    const onward = connect({ port, host: '127.0.0.1', localAddress: PROXY });
    for (const socket of [client, onward]) {
      socket.on('error', () => undefined);
      undo.push(() => socket.destroy());
    }
    client.once('data', (first) => {
      onward.write(Buffer.concat([header, first]));
      client.pipe(onward).pipe(client);
    });
  });
  server.listen(0, '127.0.0.1');
  undo.push(() => server.close());
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function ask(
  port: number,
  path: string,
  headers: Record<string, string | string[]>,
  from: From & { secure?: boolean } = {},
): Promise<{ status: number; text: string }> {
  const socket = await dial(port, from);
  const request = httpRequest({
    path,
    headers: { connection: 'close', ...headers },
    createConnection: () => socket,
  });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.setEncoding('utf8');
  let text = '';
  for await (const part of response) text += part as string;
  return { status: response.statusCode ?? 0, text };
}

/** The address of a viewer that asks for a stream that is not there, as the access policy saw it. */
async function viewerIp(
  port: number,
  headers: Record<string, string | string[]>,
  from: From & { secure?: boolean } = {},
): Promise<string | undefined> {
  asked.length = 0;
  const { status } = await ask(port, '/live/none.flv', { host: 'localhost', ...headers }, from);
  assert.equal(status, 404);
  return asked[0]?.session.ip;
}

const portOf = (list: readonly { port: number }[]): number => list[0]?.port ?? 0;

suite('PROXY headers', () => {
  for (const [name, preface, want] of [
    ['v1', proxyV1(CLIENT), CLIENT.ip],
    ['v1 of IPv6', proxyV1(CLIENT6), CLIENT6.ip],
    ['v2', proxyV2(CLIENT, { checksum: 'right' }), CLIENT.ip],
    ['v2 of IPv6 with TLVs', proxyV2(CLIENT6, { tlvs: [[5, Buffer.alloc(100)]] }), CLIENT6.ip],
    ['v2 LOCAL', proxyV2(undefined), PROXY],
    ['v1 UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n'), PROXY],
    ['no header', undefined, PROXY],
  ] as const) {
    test(`${name} of a trusted proxy is understood on every port`, async () => {
      const server = await start(TRUSTED);
      const from = { localAddress: PROXY, ...(preface === undefined ? {} : { preface }) };
      const { addresses } = server.server;
      await publish(server.rtmpPort, 'plain', from);
      await publish(portOf(addresses.rtmps), 'secure', { ...from, secure: true });
      assert.equal(publisherOf('plain'), want);
      assert.equal(publisherOf('secure'), want);
      assert.equal(await viewerIp(server.httpPort, {}, from), want);
      assert.equal(await viewerIp(portOf(addresses.https), {}, { ...from, secure: true }), want);
      const clients = await ask(server.apiPort, '/api/v1/clients/', {});
      const shown = (JSON.parse(clients.text) as { clients: { ip: string }[] }).clients.map(({ ip }) => ip);
      assert.deepEqual(shown, [want, want], 'the API shows the same address');
      // Without credentials this API is for this machine alone.
      const proxied = await ask(server.apiPort, '/api/v1/versions', { host: 'localhost' }, from);
      assert.equal(proxied.status, want === PROXY ? 200 : 403);
    });
  }

  test('of anybody else are bytes like others: no RTMP, no TLS, no HTTP', async () => {
    const server = await start(TRUSTED);
    const { addresses } = server.server;
    for (const preface of [proxyV1(CLIENT), proxyV2(CLIENT)]) {
      for (const port of [server.rtmpPort, portOf(addresses.rtmps), portOf(addresses.https)]) {
        const socket = await dial(port, { preface });
        socket.resume();
        await once(socket, 'close');
      }
      const http = await dial(server.httpPort, { preface });
      assert.match(String((await once(http, 'data'))[0]), /^HTTP\/1\.1 400 /);
    }
    assert.deepEqual(
      server.lines.filter((line) => line.includes(CLIENT.ip)),
      [],
    );
  });

  test('and what follows may come in any pieces', async () => {
    const server = await start(TRUSTED);
    const request = Buffer.from('GET /live/none.flv HTTP/1.1\r\nHost: localhost\r\n\r\n');
    for (const header of [proxyV1(CLIENT), proxyV2(CLIENT6)]) {
      const whole = Buffer.concat([header, request]);
      for (const size of [1, 7, header.length - 1, header.length, header.length + 1, whole.length]) {
        const before = asked.length;
        const socket = await dial(server.httpPort, { localAddress: PROXY });
        socket.setNoDelay(true);
        for (let at = 0; at < whole.length; at += size) {
          socket.write(whole.subarray(at, at + size));
          await new Promise(setImmediate);
        }
        assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 404 /, `pieces of ${size}`);
        assert.equal(asked[before]?.session.ip, header[0] === 0x50 ? CLIENT.ip : CLIENT6.ip);
      }
    }
  });

  test('may come in one piece with what follows, on every port', async () => {
    const server = await start(TRUSTED);
    const hello = Buffer.concat([Buffer.from([3]), Buffer.alloc(1536)]);
    const rtmp = await dial(server.rtmpPort, {
      localAddress: PROXY,
      preface: Buffer.concat([proxyV2(CLIENT, { checksum: 'right' }), hello]),
    });
    rtmp.resume();
    await eventually(() => rtmp.bytesRead === 1 + 2 * 1536, 'the answer to the handshake');
    const https = await relay(portOf(server.server.addresses.https), proxyV1(CLIENT6));
    assert.equal(await viewerIp(https, {}, { secure: true }), CLIENT6.ip);
    const rtmps = await relay(portOf(server.server.addresses.rtmps), proxyV2(CLIENT));
    await publish(rtmps, 'show', { secure: true });
    assert.equal(publisherOf('show'), CLIENT.ip);
  });

  test('media of an RTMP session behind one arrives as it was sent', async () => {
    const server = await start(TRUSTED);
    const from = { localAddress: PROXY, preface: proxyV2(CLIENT) };
    const publisher = await publish(server.rtmpPort, 'show', from);
    const player = await RtmpPeer.play(server.rtmpPort, 'show', { ...from, preface: proxyV1(CLIENT6) });
    undo.push(() => player.destroy());
    publisher.video(0, videoConfig().flvBody);
    publisher.audio(0, audioConfig().flvBody);
    for (let n = 0; n < 50; n += 1) {
      publisher.video(n * 40, videoFrame(0, n % 25 === 0, n, 30_000).flvBody);
      publisher.audio(n * 40, audioFrame(0, n).flvBody);
    }
    const media = await player.mediaCount(102);
    assert.deepEqual(media.at(-2)?.body, videoFrame(0, false, 49, 30_000).flvBody);
    publisher.destroy();
    await eventually(
      () => server.lines.some((line) => line.includes(`RTMP closed ip=${CLIENT.ip}`)),
      'the log',
    );
  });

  test('that are broken, too long or missing where they must be end the connection, and are told of', async () => {
    const server = await start(`${TRUSTED} proxy_protocol on;`);
    const tooLong = proxyV2(CLIENT);
    tooLong.writeUInt16BE(MAX_PROXY_V2_BYTES + 1, 14);
    for (const preface of [
      Buffer.from('PROXY TCP4 1.2.3.4\r\n'),
      Buffer.alloc(200, 'PROXY UNKNOWN '),
      tooLong,
      Buffer.from([3, 0, 0, 0]),
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    ]) {
      for (const port of [server.rtmpPort, server.httpPort, portOf(server.server.addresses.https)]) {
        const socket = await dial(port, { localAddress: PROXY, preface });
        socket.resume();
        await once(socket, 'close');
        assert.equal(socket.bytesRead, 0);
      }
    }
    const half = await dial(server.rtmpPort, { localAddress: PROXY, preface: Buffer.from('PROXY TCP4') });
    half.end();
    half.resume();
    await once(half, 'close');
    await eventually(() => server.server.connections === 0, 'nobody inside');
    await eventually(
      () =>
        server.lines.some((line) =>
          /trusted proxies, the last: 127\.0\.0\.2: PROXY_HEADER_INVALID\(1008\)/.test(line),
        ),
      'a line',
    );
  });

  test('are not looked for with proxy_protocol off', async () => {
    const server = await start(`${TRUSTED} proxy_protocol off;`);
    const socket = await dial(server.httpPort, { localAddress: PROXY, preface: proxyV1(CLIENT) });
    assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 400 /);
    assert.equal(
      await viewerIp(server.httpPort, { 'x-forwarded-for': CLIENT.ip }, { localAddress: PROXY }),
      CLIENT.ip,
    );
  });

  test('that wait do not keep a server from its end', async () => {
    const server = await start(TRUSTED);
    const sockets = await Promise.all(
      [server.rtmpPort, server.httpPort].map((port) =>
        dial(port, { localAddress: PROXY, preface: Buffer.from('PROXY') }),
      ),
    );
    await eventually(() => server.server.connections === 2, 'both inside');
    await server.stop();
    assert.equal(server.server.connections, 0);
    for (const socket of sockets) if (!socket.closed) await once(socket.resume(), 'close');
  });
});

suite('headers of HTTP', () => {
  test('name the client where a trusted proxy sends them, and nobody else', async () => {
    const server = await start(TRUSTED);
    const { httpPort } = server;
    const spoofed = {
      'x-forwarded-for': '192.0.2.66',
      'x-real-ip': '192.0.2.66',
      forwarded: 'for=192.0.2.66',
    };
    assert.equal(await viewerIp(httpPort, spoofed), '127.0.0.1');
    const proxy = { localAddress: PROXY };
    assert.equal(await viewerIp(httpPort, { 'x-forwarded-for': CLIENT.ip }, proxy), CLIENT.ip);
    assert.equal(
      await viewerIp(httpPort, { 'x-forwarded-for': `192.0.2.66, ${CLIENT6.ip}, 10.1.1.1` }, proxy),
      CLIENT6.ip,
    );
    assert.equal(
      await viewerIp(httpPort, { 'x-forwarded-for': ['192.0.2.66', CLIENT.ip] }, proxy),
      CLIENT.ip,
    );
    assert.equal(
      await viewerIp(httpPort, { forwarded: 'for=192.0.2.66' }, proxy),
      PROXY,
      'not the configured header',
    );
    const https = portOf(server.server.addresses.https);
    assert.equal(
      await viewerIp(https, { 'x-forwarded-for': CLIENT.ip }, { ...proxy, secure: true }),
      CLIENT.ip,
    );
    assert.equal(await viewerIp(https, spoofed, { secure: true }), '127.0.0.1');
  });

  test('and PROXY headers hold over HTTP/2', async () => {
    const server = await start(TRUSTED);
    const port = portOf(server.server.addresses.https);
    const viewer = async (from: From, headers: Record<string, string>): Promise<string | undefined> => {
      asked.length = 0;
      const socket = await dial(port, { ...from, secure: true, protocols: ['h2'] });
      const session = connectHttp2('https://localhost', { createConnection: () => socket });
      undo.push(() => session.destroy());
      const stream = session.request({ ':path': '/live/none.flv', ...headers });
      await once(stream, 'response');
      stream.resume();
      return asked[0]?.session.ip;
    };
    const forwarded = { 'x-forwarded-for': '192.0.2.66' };
    assert.equal(await viewer({ localAddress: PROXY, preface: proxyV2(CLIENT) }, forwarded), CLIENT.ip);
    assert.equal(await viewer({ localAddress: PROXY }, forwarded), '192.0.2.66');
    assert.equal(await viewer({}, forwarded), '127.0.0.1');
  });

  test('count behind a PROXY header only where that names a trusted proxy too', async () => {
    const server = await start(TRUSTED);
    const header = { 'x-forwarded-for': '192.0.2.66' };
    const behind = (ip: string): From => ({ localAddress: PROXY, preface: proxyV1({ ip, port: 1 }) });
    assert.equal(await viewerIp(server.httpPort, header, behind(CLIENT.ip)), CLIENT.ip);
    assert.equal(await viewerIp(server.httpPort, header, behind('10.9.9.9')), '192.0.2.66');
  });

  test('change with a reload, also whom they are believed', async () => {
    const server = await start('');
    const proxy = { localAddress: PROXY };
    const headers = { 'x-forwarded-for': CLIENT.ip, forwarded: `for="[${CLIENT6.ip}]"` };
    assert.equal(await viewerIp(server.httpPort, headers, proxy), PROXY);
    const applied = await server.reload(conf(TRUSTED));
    assert.deepEqual(
      applied.entries.map(({ outcome }) => outcome),
      ['applied'],
    );
    assert.equal(await viewerIp(server.httpPort, headers, proxy), CLIENT.ip);
    await server.reload(conf(`${TRUSTED} proxy_header forwarded;`));
    assert.equal(await viewerIp(server.httpPort, headers, proxy), CLIENT6.ip);
    await server.reload(conf('trusted_proxies 192.0.2.1; proxy_header forwarded;'));
    assert.equal(await viewerIp(server.httpPort, headers, proxy), PROXY);
  });
});

suite('connections of one client', () => {
  test('are limited by the address behind a proxy, on all ports together', async () => {
    const server = await start(`${TRUSTED} max_connections_per_ip 2;`);
    const from = { localAddress: PROXY, preface: proxyV1(CLIENT) };
    await publish(server.rtmpPort, 'one', from);
    await publish(portOf(server.server.addresses.rtmps), 'two', { ...from, secure: true });
    const third = await dial(server.httpPort, from);
    third.resume();
    await once(third, 'close');
    assert.equal(server.server.connections, 2);
    await publish(server.rtmpPort, 'three', { ...from, preface: proxyV1(CLIENT6) });
    await eventually(
      () =>
        server.lines.some((line) => line.includes(`the last from ${CLIENT.ip}: max_connections_per_ip is 2`)),
      'a line',
    );
  });

  test('are requests over HTTP/2 too, beside the first one', async () => {
    const server = await start(`${TRUSTED} max_connections_per_ip 2;`);
    await publish(server.rtmpPort, 'show', { localAddress: '127.0.0.5' });
    const from = { localAddress: PROXY, preface: proxyV1(CLIENT), secure: true, protocols: ['h2'] };
    const socket = await dial(portOf(server.server.addresses.https), from);
    const session = connectHttp2('https://localhost', { createConnection: () => socket });
    undo.push(() => session.destroy());
    const ask = async (): Promise<number> => {
      const stream = session.request({ ':path': '/live/show.flv' });
      stream.on('error', () => undefined);
      await new Promise((resolve) => stream.once('response', resolve).once('close', resolve));
      return stream.rstCode;
    };
    assert.deepEqual([await ask(), await ask(), await ask()], [0, 0, constants.NGHTTP2_REFUSED_STREAM]);
    await eventually(
      () => server.lines.some((line) => line.includes(`last from ${CLIENT.ip}: max_connections_per_ip is 2`)),
      'a line',
    );
  });

  test('are not those of the proxy that brings them; those of others are counted', async () => {
    const server = await start(`${TRUSTED} max_connections_per_ip 1;`);
    for (const name of ['a', 'b', 'c']) await publish(server.rtmpPort, name, { localAddress: PROXY });
    await publish(server.rtmpPort, 'd', {});
    const refused = await dial(server.rtmpPort, {});
    refused.resume();
    await once(refused, 'close');
    assert.equal(server.server.connections, 4);
    await server.reload(conf(TRUSTED));
    await publish(server.rtmpPort, 'e', {});
  });
});
