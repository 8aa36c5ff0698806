import assert from 'node:assert/strict';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { test } from 'node:test';
import { liveFormat } from '../../src/outputs/http-live/index.ts';
import { playRequest, sessionOf, videoConfig, videoFrame } from '../support/hub-fixtures.ts';
import { scrapeOf } from '../support/scrape.ts';
import { TestServer } from '../support/test-server.ts';

const STREAMS = 1_000;
const VIEWERS = 10_000;

test('a scrape of 1,000 streams with 10,000 viewers is quick and holds nobody up', async () => {
  const server = await TestServer.start({ top: 'exporter { enabled on; listen 127.0.0.1:0; }' });
  try {
    const nameOf = (index: number) => ({
      vhost: '__defaultVhost__',
      app: 'live',
      stream: `s${index % STREAMS}`,
    });
    for (let index = 0; index < STREAMS; index += 1) {
      const lease = server.hub.publish(nameOf(index), sessionOf(`p${index}`));
      lease.write(videoConfig());
      lease.write(videoFrame(0, true));
    }
    const format = liveFormat('flv', { framing: 'identity', tracks: 'av' });
    for (let index = 0; index < VIEWERS; index += 1)
      server.hub.find(nameOf(index))?.play(playRequest(`v${index}`, format));
    const url = `http://127.0.0.1:${server.server.addresses.exporter[0]?.port ?? 0}/metrics`;
    const times: number[] = [];
    const late: number[] = [];
    let last = '';
    for (let round = 0; round < 6; round += 1) {
      const delay = monitorEventLoopDelay({ resolution: 1 });
      delay.enable();
      const began = performance.now();
      const text = await (await fetch(url)).text();
      times.push(performance.now() - began);
      delay.disable();
      late.push(delay.percentile(99) / 1e6);
      assert.notEqual(text, last, 'a new answer');
      last = text;
      await new Promise((resolve) => setTimeout(resolve, 1_050)); // An answer is kept for a second.
    }
    const figures = scrapeOf(last);
    assert.equal(figures.value('srs_clients'), STREAMS + VIEWERS);
    assert.equal(figures.labels('srs_stream_clients').length, STREAMS);
    // The best of several: this machine has other work, and the first ones are not compiled yet.
    assert.ok(Math.min(...times) < 50, `${times.map(Math.round).join(' ')} ms`);
    assert.ok(Math.min(...late) < 20, `late by ${late.map(Math.round).join(' ')} ms`);
  } finally {
    await server.stop();
  }
});
