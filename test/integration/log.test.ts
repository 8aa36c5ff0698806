import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLogger, type LogFormat } from '../../src/observe/index.ts';
import { eventually } from '../support/eventually.ts';
import { videoConfig, videoFrame } from '../support/hub-fixtures.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { TestServer } from '../support/test-server.ts';

async function logTo(format: LogFormat): Promise<{ tank: string; logger: ReturnType<typeof createLogger> }> {
  const tank = join(await mkdtemp(join(tmpdir(), 'srs-log-')), 'srs.log');
  return { tank, logger: createLogger({ tank, level: 'verbose', format, pid: 1 }) };
}

test('a publisher and two viewers have their periodic lines under the ids of their other lines', async () => {
  const server = await TestServer.start({ top: 'pithy_print_ms 60;' });
  const publisher = await RtmpPeer.publish(server.rtmpPort, 'show');
  publisher.video(0, videoConfig().flvBody);
  const viewers = [
    await RtmpPeer.play(server.rtmpPort, 'show'),
    await RtmpPeer.play(server.rtmpPort, 'show'),
  ];
  let dts = 0;
  const timer = setInterval(
    () => publisher.video((dts += 20), videoFrame(dts, dts % 200 === 0, 0, 5_000).flvBody),
    10,
  );
  const idsOf = (mark: string): Set<string> =>
    new Set(server.linesWith(mark).map((line) => /^info \[(\w{9})\] /.exec(line)?.[1] ?? line));
  await eventually(
    () => server.linesWith('<- CPB time=', 'viewers=2, type=rtmp-publish, sessions=1').length >= 2,
    'two lines of the publisher',
  );
  await eventually(() => idsOf('-> PLA time=').size === 2, 'lines of both viewers, in turns');
  await eventually(
    () => server.lines.some((line) => / -> PLA .*okbps=[1-9]\d+,[1-9]\d+,[1-9]\d+, /.test(line)),
    'a line with all three rates of a viewer',
  );
  clearInterval(timer);
  assert.match(
    server.linesWith('<- CPB').at(-1) ?? '',
    /ikbps=[1-9]\d+,\d+,\d+, .* ip=127\.0\.0\.1, stream=__defaultVhost__\/live\/show$/,
  );
  for (const peer of [publisher, ...viewers]) peer.socket.destroy();
  await eventually(() => server.closings.length === 3, 'three closing lines');
  // The ids of the periodic lines are those of all other lines of the sessions.
  for (const id of [...idsOf('<- CPB'), ...idsOf('-> PLA')]) {
    assert.equal(server.closings.filter((line) => line.includes(`[${id}]`)).length, 1, id);
  }
  await server.stop();
});

const EVIL = '\r\n[2026-01-31 12:34:56.789][Error][1][] forged\u001b[31m\u009b2J\u202e"}\n{"level":60}';
/** Passes for a name: no C0 control is in it. */
const SLY = 'forged] [Error]\u202e\u200f\ufeff"} {"level":60}';

for (const format of ['srs', 'json'] as const) {
  test(`what hostile peers say of themselves stays inside its ${format} line`, async () => {
    const { tank, logger } = await logTo(format);
    const server = await TestServer.start({ logger });
    for (const words of [EVIL, SLY]) {
      for (const role of ['publish', 'play']) {
        const peer = await RtmpPeer.shake(server.rtmpPort);
        peer.setChunkSize(60_000);
        peer.connect('live', {
          ...(words === EVIL ? { tcUrl: `rtmp://127.0.0.1/live${EVIL}` } : {}),
          properties: { flashVer: words, pageUrl: `http://x/${words}`, swfUrl: words },
        });
        peer.call(2, 'createStream', null);
        peer.call(1, role, null, `show${words}`);
        peer.call(1, `odd${words}`, null, words);
        await new Promise(setImmediate);
        peer.socket.end();
        await eventually(() => peer.ended, 'the end of a peer');
      }
    }
    for (const path of ['/live/%0d%0a%1b%5b31m.flv', '/live/\u009b.flv', '/%e2%80%ae/x.flv']) {
      const socket = connect({ port: server.httpPort, host: '127.0.0.1' });
      socket.on('error', () => undefined);
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: x\r\nUser-Agent: a\u001b[31m\r\nConnection: close\r\n\r\n`,
        'latin1',
      );
      socket.resume();
      await once(socket, 'close');
    }
    await server.stop();
    await logger.close();
    const text = await readFile(tank, 'utf8');
    const lines = text.split('\n').slice(0, -1);
    assert.ok(lines.length > 4, text);
    assert.match(text, /forged/, 'some of it was told');
    for (const line of lines) {
      assert.doesNotMatch(line, /[\p{Cc}\p{Surrogate}\u2028\u2029\u202a-\u202e]/u);
      if (format === 'srs')
        assert.match(line, /^\[[^\]]{23}\]\[(Info|Trace|Warn|Error)\]\[1\]\[\w*\] (?!forged)/);
      else assert.ok((JSON.parse(line) as { level: number }).level < 60, line);
    }
  });
}
