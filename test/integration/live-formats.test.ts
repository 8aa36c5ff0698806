import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { afterEach, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { TestServer } from '../support/test-server.ts';
import { aacConfig, aacFrame, avcConfig, picture } from '../support/ts-frames.ts';
import { readFlv } from '../support/wire-decoders.ts';

const running: TestServer[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
});

async function serve(remux: string): Promise<TestServer> {
  const top = `vhost __defaultVhost__ { http_remux { enabled on; ${remux} } publish { hold_time 1ms; } }`;
  const server = await TestServer.start({ vhost: undefined, top });
  running.push(server);
  return server;
}

interface Body {
  readonly response: IncomingMessage;
  readonly chunks: Buffer[];
}

async function open(server: TestServer, path: string): Promise<Body> {
  const request = get({ port: server.httpPort, host: '127.0.0.1', path, agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  response.on('error', () => undefined);
  response.on('data', (bytes: Buffer) => chunks.push(bytes));
  return { response, chunks };
}

function begin(peer: RtmpPeer): void {
  peer.video(0, avcConfig(0).flvBody);
  peer.audio(0, aacConfig(0).flvBody);
}

function send(peer: RtmpPeer, from: number, to: number): void {
  for (let dts = from; dts < to; dts += 40) {
    peer.video(dts, picture(dts, 0, dts % 400 === 0, [200]).flvBody);
    peer.audio(dts, aacFrame(dts, 60).flvBody);
  }
}

const VIDEO = 1;
const AUDIO = 4;
/** What a mount says, the flags of FLV's header, and the kinds of tags behind them. The stream has both. */
const ANNOUNCED: readonly (readonly [remux: string, flags: number, kinds: readonly string[]])[] = [
  ['', VIDEO | AUDIO, ['audio', 'video']],
  ['has_audio off;', VIDEO | AUDIO, ['audio', 'video']],
  ['guess_has_av off;', VIDEO | AUDIO, ['audio', 'video']],
  ['guess_has_av off; has_audio off;', VIDEO, ['video']],
  ['guess_has_av off; has_video off;', AUDIO, ['audio']],
  ['guess_has_av off; has_audio off; drop_if_not_match off;', VIDEO, ['audio', 'video']],
  ['guess_has_av off; has_video off; drop_if_not_match off;', AUDIO, ['audio', 'video']],
];

for (const [remux, flags, kinds] of ANNOUNCED) {
  test(`http_remux { ${remux} } announces ${flags} and sends ${kinds.join(' and ')}`, async () => {
    const server = await serve(remux);
    const peer = await RtmpPeer.publish(server.rtmpPort, 'show');
    begin(peer);
    send(peer, 0, 800);
    await eventually(() => server.stream('show')?.audioFrames === 20, 'the stream');
    const { response, chunks } = await open(server, '/live/show.flv');
    send(peer, 800, 1_200);
    await eventually(() => server.stream('show')?.audioFrames === 30, 'more');
    peer.destroy();
    await eventually(() => response.complete, 'the end of the body');
    const body = readFlv(Buffer.concat(chunks));
    assert.equal(body.flags, flags);
    assert.deepEqual([...new Set(body.messages.map(({ kind }) => kind))].toSorted(), kinds);
  });
}

test('nothing announced and the rest left out: 400', async () => {
  const server = await serve('guess_has_av off; has_audio off; has_video off;');
  const peer = await RtmpPeer.publish(server.rtmpPort, 'show');
  begin(peer);
  await eventually(() => server.stream('show')?.video !== undefined, 'the stream');
  const { response } = await open(server, '/live/show.flv');
  assert.equal(response.statusCode, 400);
});

test('a codec that .ts does not carry, in mid-stream: the connection is cut, one line says why, FLV goes on', async () => {
  const server = await serve('');
  const peer = await RtmpPeer.publish(server.rtmpPort, 'show');
  begin(peer);
  send(peer, 0, 400);
  await eventually(() => server.stream('show')?.video !== undefined, 'the stream');
  const ts = await open(server, '/live/show.ts');
  const flv = await open(server, '/live/show.flv');
  let cut = false;
  ts.response.once('close', () => (cut = true));
  await eventually(() => ts.chunks.length > 0 && flv.chunks.length > 0, 'both bodies');
  peer.video(440, Buffer.from([0x1c, 0, 0, 0, 0, 1, 1, 0, 0, 0]));
  // It is looked for each 5 s.
  const line = await eventually(() => server.linesWith('STREAM_FORMAT_UNFIT')[0], 'the line', 8_000);
  assert.match(line, /ts-play ended: .*\.ts cannot carry h265/);
  await eventually(() => cut, 'the connection is closed');
  assert.equal(ts.response.complete, false, 'no last chunk: this is no regular end');
  assert.equal(server.linesWith('STREAM_FORMAT_UNFIT').length, 1);
  assert.equal(server.stream('show')?.viewers, 1);
  const before = flv.chunks.length;
  send(peer, 800, 1_200);
  await eventually(() => flv.chunks.length > before, 'FLV goes on');
});
