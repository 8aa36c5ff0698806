import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect as connectPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, before, suite, test } from 'node:test';
import { connect } from 'node:tls';
import { eventually } from '../support/eventually.ts';
import { makeCertificate, type TestCertificate } from '../support/certificates.ts';
import { audioConfig, audioFrame, videoConfig, videoFrame } from '../support/hub-fixtures.ts';
import { ReloadServer } from '../support/reload-server.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';

let one: TestCertificate;
let two: TestCertificate;
const undo: (() => unknown)[] = [];

before(async () => {
  [one, two] = await Promise.all([makeCertificate('one'), makeCertificate('two')]);
});

afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
});

const block = ({ key, cert }: TestCertificate): string =>
  `rtmps { enabled on; listen 127.0.0.1:0; key ${key}; cert ${cert}; }`;
const conf = (rtmps: string, more = ''): string =>
  `listen 127.0.0.1:0; max_connections 4; ${more} ${rtmps} vhost __defaultVhost__ { publish { hold_time 0; } }`;

async function start(text: string): Promise<ReloadServer> {
  const server = await ReloadServer.start(text);
  undo.push(() => server.stop());
  return server;
}

const portOf = (server: ReloadServer): number => server.server.addresses.rtmps[0]?.port ?? 0;

async function nameAt(port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  const name = String(socket.getPeerCertificate().subject.CN);
  socket.destroy();
  return name;
}

async function open(task: Promise<RtmpPeer>): Promise<RtmpPeer> {
  const peer = await task;
  undo.push(() => {
    peer.destroy();
  });
  return peer;
}

suite('RTMP over TLS', () => {
  test('publishers and players of both ports meet on one stream; who leaves is forgotten', async () => {
    const server = await start(conf(block(one)));
    const secure = { secure: true };
    const publisher = await open(RtmpPeer.publish(portOf(server), 'show', secure));
    const players = [
      await open(RtmpPeer.play(portOf(server), 'show', secure)),
      await open(RtmpPeer.play(server.rtmpPort, 'show')),
    ];
    publisher.video(0, videoConfig().flvBody);
    publisher.audio(0, audioConfig().flvBody);
    for (let n = 0; n < 100; n += 1) {
      publisher.video(n * 40, videoFrame(0, n % 25 === 0, n).flvBody);
      publisher.audio(n * 40, audioFrame(0, n).flvBody);
    }
    for (const player of players) {
      const media = await player.mediaCount(202);
      assert.equal(media.length, 202);
    }
    assert.equal(server.server.connections, 3);
    const last = await open(RtmpPeer.play(portOf(server), 'show', secure));
    // [max_connections] One gate for all.
    const refused = connectPlain({ port: portOf(server), host: '127.0.0.1' });
    refused.on('error', () => undefined);
    refused.resume();
    await once(refused, 'close');
    last.destroy();
    publisher.destroy();
    await eventually(() => server.server.connections === 2 && server.server.liveStreams === 0, 'gone');
  });

  test('no TLS, a handshake that never ends, RTMP that never begins', async () => {
    const server = await start(conf(block(one), 'rtmp_handshake_timeout 300;'));
    const plain = connectPlain({ port: portOf(server), host: '127.0.0.1' });
    plain.on('error', () => undefined);
    plain.resume();
    plain.write(Buffer.alloc(1537, 3));
    await once(plain, 'close');
    await eventually(
      () => server.lines.some((line) => line.includes('rtmps listen: 1 TLS handshakes failed')),
      'a line in the log',
    );
    const silent = await open(RtmpPeer.dial(portOf(server), { secure: true }));
    await silent.closed();
    assert.ok(server.lines.some((line) => line.includes('no handshake within 300 ms')));
    await eventually(() => server.server.connections === 0, 'gone');
  });

  test('off and on, another port and another certificate by reload; sessions stay', async () => {
    const server = await start(conf(block(one)));
    const port = portOf(server);
    const publisher = await open(RtmpPeer.publish(port, 'show', { secure: true }));
    await server.apply(conf(block(two)));
    assert.equal(portOf(server), port);
    assert.equal(await nameAt(port), 'two');
    await server.apply(conf(''));
    assert.deepEqual(server.server.addresses.rtmps, []);
    await assert.rejects(RtmpPeer.dial(port, { secure: true }), { code: 'ECONNREFUSED' });
    assert.equal(publisher.ended, false);
    assert.equal(server.server.liveStreams, 1);
    const report = await server.reload(conf(block({ key: one.key, cert: two.cert })));
    for (const { outcome, why } of report.entries) {
      assert.equal(outcome, 'refused');
      assert.match(why ?? '', /the private key is not that of the certificate/);
    }
    await server.apply(conf(block(two)));
    const player = await open(RtmpPeer.play(portOf(server), 'show', { secure: true }));
    publisher.video(0, videoConfig().flvBody);
    publisher.audio(0, audioConfig().flvBody);
    publisher.video(0, videoFrame(0, true, 0).flvBody);
    await player.mediaCount(3);
  });

  test('files that change are read again; a broken one keeps the old certificate', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'srs-rtmps-'));
    undo.push(() => rm(dir, { recursive: true }));
    const files = { key: join(dir, 'k.pem'), cert: join(dir, 'c.pem') };
    const put = (from: TestCertificate): Promise<unknown> =>
      Promise.all([copyFile(from.key, files.key), copyFile(from.cert, files.cert)]);
    await put(one);
    const server = await start(conf(block(files)));
    const told = (text: string): Promise<unknown> =>
      eventually(
        () => server.lines.some((line) => line.includes(text)),
        () => server.lines.join('\n'),
        20_000,
      );
    await put(two);
    await told('rtmps: a new certificate is in use');
    assert.equal(await nameAt(portOf(server)), 'two');
    await writeFile(files.cert, 'this is no certificate');
    await told('rtmps: the old certificate stays in use');
    assert.equal(await nameAt(portOf(server)), 'two');
  });

  test('at the start a certificate that is not there is an error, and nothing listens', async () => {
    await assert.rejects(ReloadServer.start(conf(block({ key: one.key, cert: '/nowhere.crt' }))), {
      code: 'TLS_CERTIFICATE_INVALID',
      message: /^rtmps\.cert \/nowhere\.crt/,
    });
  });
});
