import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { Program, temporaryFolder, until } from '../support/programs.ts';
import { freePorts, REPOSITORY } from '../support/server-process.ts';
import { srsHome, type SrsHome } from '../support/srs-home.ts';

/** Pages whose blocks of the language `curl` are run. A line `#=> …` is a pattern for what the command before it prints. */
const PAGES = ['api', 'callbacks', 'access', 'raw-api', 'metrics', 'health'];

interface Example {
  readonly line: number;
  readonly command: string;
  readonly pattern: RegExp | undefined;
}

function examplesOf(page: string): readonly Example[] {
  const examples: { line: number; command: string; pattern: RegExp | undefined }[] = [];
  let inside = false;
  let open = false;
  for (const [index, line] of readFileSync(page, 'utf8').split('\n').entries()) {
    const last = examples.at(-1);
    if (line.startsWith('```')) {
      inside = !inside && line === '```curl';
      open = false;
    } else if (!inside || line.trim() === '') {
      continue;
    } else if (line.startsWith('#=>')) {
      assert.ok(last !== undefined, `${page}:${index + 1}: a pattern without a command`);
      last.pattern = new RegExp(line.slice(3).trim());
    } else if (!line.startsWith('#')) {
      if (open && last !== undefined) last.command += `\n${line}`;
      else examples.push({ line: index + 1, command: line, pattern: undefined });
      open = line.endsWith('\\');
    }
  }
  return examples;
}

suite('the commands of the documentation', () => {
  const folder = temporaryFolder();
  let home: SrsHome;
  let server: Program;
  const env: Record<string, string> = {};

  before(async () => {
    home = await srsHome(folder, 'docs');
    const [metrics = 0] = await freePorts(1);
    const clip = join(REPOSITORY, 'media/demo.flv');
    home.configure(
      `srs_log_tank console; auto_reload_for_docker off;
exporter { enabled on; listen 127.0.0.1:${metrics}; }`,
      `hls { enabled on; hls_fragment 2; hls_path ./html; }
    ingest show {
        enabled on;
        input { type file; url ${clip}; }
        engine { enabled off; output rtmp://127.0.0.1:[port]/live/show; }
    }`,
    );
    const raw = ['ENABLED', 'ALLOW_RELOAD', 'ALLOW_QUERY', 'ALLOW_UPDATE'];
    server = await home.up({
      env: Object.fromEntries(raw.map((name) => [`SRS_HTTP_API_RAW_API_${name}`, 'on'])),
    });
    env['API'] = home.apiUrl;
    env['HTTP'] = `http://127.0.0.1:${home.ports.http}`;
    env['RTMP'] = home.rtmpUrl;
    env['METRICS'] = `http://127.0.0.1:${metrics}`;
    env['TOKEN'] = 'the-token-of-an-operator';
  });

  after(async () => {
    await server.stop('SIGTERM');
  });

  const isLive = async (): Promise<boolean> => {
    const response = await fetch(`${home.apiUrl}/api/v1/streams/live/show`);
    const { stream } = (await response.json()) as { stream?: { publish: { active: boolean } } };
    return stream?.publish.active === true;
  };

  for (const page of PAGES) {
    const path = join(REPOSITORY, `docs/${page}.md`);
    for (const { line, command, pattern } of examplesOf(path)) {
      test(`docs/${page}.md:${line}: ${command.split('\n', 1)[0]}`, async () => {
        await until('live/show is live', isLive); // A command before may have ended it.
        const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
        const args = [...variables, 'bash', '-c', command];
        const { code, stdout, stderr } = await new Program('/usr/bin/env', args, { deadlineMs: 20_000 })
          .ended;
        assert.equal(code, 0, stdout + stderr);
        if (pattern !== undefined) assert.match(stdout, pattern);
      });
    }
  }

  test('each of these pages has commands', () => {
    for (const page of PAGES)
      assert.ok(examplesOf(join(REPOSITORY, `docs/${page}.md`)).length > 0, `docs/${page}.md`);
  });
});
