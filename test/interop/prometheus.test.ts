import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { requireProgram } from '../support/programs.ts';
import { LIVE_DEMO, sessionOf, videoConfig, videoFrame } from '../support/hub-fixtures.ts';
import { TestServer } from '../support/test-server.ts';
import { rtmpViewer } from '../support/viewers.ts';

const PROMTOOL = requireProgram('/usr/bin/promtool', 'prometheus');
const RULES = fileURLToPath(new URL('../../packaging/prometheus/', import.meta.url));

function promtool(args: readonly string[], input = ''): void {
  const { status, stdout, stderr } = spawnSync(PROMTOOL, args, { cwd: RULES, input, encoding: 'utf8' });
  assert.equal(status, 0, `promtool ${args.join(' ')}\n${stdout}${stderr}`);
}

test('promtool reads a scrape under load and finds nothing to mend', async () => {
  const server = await TestServer.start({
    top: "exporter { enabled on; listen 127.0.0.1:0; label 'a\"b'; }",
    vhost: 'security { enabled on; deny play 127.0.0.9; }',
  });
  try {
    for (const stream of ['demo', 'weird "name\\', 'ünïcödé']) {
      const lease = server.hub.publish({ ...LIVE_DEMO, stream }, sessionOf(stream, 'rtmp-publish'));
      lease.write(videoConfig());
      for (let index = 0; index < 50; index += 1)
        lease.write(videoFrame(index * 40, index % 25 === 0, index));
    }
    const viewer = await rtmpViewer(server, 'demo');
    const port = server.server.addresses.exporter[0]?.port ?? 0;
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    viewer.abort();
    promtool(['check', 'metrics'], text);
  } finally {
    await server.stop();
  }
});

test('scrape, rules and the tests of the rules', () => {
  promtool(['check', 'config', 'prometheus.yml']);
  promtool(['check', 'rules', 'alerts.yml']);
  promtool(['test', 'rules', 'alerts.test.yml']);
});
