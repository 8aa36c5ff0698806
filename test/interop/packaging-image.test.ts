import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, suite, test } from 'node:test';
import { buildImage, type BuiltImage } from '../support/dockerfile.ts';
import { accepts, temporaryFolder, until } from '../support/programs.ts';
import { freePorts, REPOSITORY } from '../support/server-process.ts';

/** How a command ended that ran as the image's user, in its directory and environment. */
interface Ended {
  readonly code: number | null;
  readonly output: string;
}

suite('the container image, built without Docker', { timeout: 230_000 }, () => {
  const folder = temporaryFolder();
  let image: BuiltImage;

  function start(command: readonly string[]): { readonly pid: number; readonly ended: Promise<Ended> } {
    const [program = '', ...args] = command;
    const asRoot = process.getuid?.() === 0;
    const child = spawn(program, args, {
      cwd: image.workDir,
      env: { PATH: process.env['PATH'], ...image.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(asRoot ? { uid: image.uid, gid: image.uid } : {}),
    });
    let output = '';
    const keep = (bytes: Buffer): void => {
      output += bytes.toString();
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    process.once('exit', () => child.kill('SIGKILL'));
    const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, output }));
    return { pid: child.pid ?? 0, ended };
  }

  before(() => {
    chmodSync(folder, 0o755); // The image's user passes through.
    image = buildImage(join(REPOSITORY, 'packaging/docker/Dockerfile'), REPOSITORY, folder);
  });

  test('it has what runs, and neither sources nor tools', () => {
    const names = readdirSync(image.workDir).sort();
    assert.deepEqual(names, [
      'LICENSE',
      'bin',
      'conf',
      'console',
      'dist',
      'media',
      'node_modules',
      'objs',
      'package.json',
    ]);
    const { dependencies, devDependencies } = JSON.parse(
      readFileSync(join(REPOSITORY, 'package.json'), 'utf8'),
    ) as Record<string, Record<string, string>>;
    for (const name of Object.keys(dependencies ?? {}))
      assert.ok(existsSync(join(image.workDir, 'node_modules', name)), name);
    for (const name of ['typescript', 'vite', 'eslint', 'tsx']) {
      assert.ok(devDependencies?.[name], name);
      assert.ok(!existsSync(join(image.workDir, 'node_modules', name)), name);
    }
    assert.ok(existsSync(join(image.workDir, 'console/dist/index.html')));
  });

  test('its command is good, also the way of the SRS image', async () => {
    assert.deepEqual(image.command, ['./bin/srs', '-c', 'conf/docker.conf']);
    const [program = '', ...args] = image.command;
    for (const command of [
      [program, '-t', ...args],
      ['./objs/srs', '-t', '-c', 'conf/srs.conf'],
    ]) {
      const { code, output } = await start(command).ended;
      assert.equal(code, 0, output);
      assert.match(output, /test is successful/);
    }
  });

  test('it runs as its user, is healthy, and ends gracefully', async () => {
    assert.equal(image.uid, 1000);
    const [rtmp = 0, http = 0, api = 0] = await freePorts(3);
    const conf = join(folder, 'docker.conf');
    const text = readFileSync(join(image.workDir, 'conf/docker.conf'), 'utf8')
      .replace(/(?<=listen +)1935/, `127.0.0.1:${rtmp}`)
      .replace(/(?<=listen +)8080/, `127.0.0.1:${http}`)
      .replace(/(?<=listen +)1985/, `127.0.0.1:${api}`)
      .replaceAll(/(?<=grace_\w+_wait +)\d+/g, '200');
    writeFileSync(conf, text);
    const healthCheck = image.healthCheck.map((word) => word.replace('1985', String(api)));
    assert.equal((await start(healthCheck).ended).code, 1, 'not healthy before it runs');

    const server = start(['./bin/srs', '-c', conf]);
    await until('it listens', () => accepts(api));
    assert.equal((await start(healthCheck).ended).code, 0);
    const page = await fetch(`http://127.0.0.1:${http}/`);
    assert.equal(page.status, 200);
    await page.arrayBuffer();
    process.kill(server.pid, 'SIGQUIT');
    const { code, output } = await server.ended;
    assert.equal(code, 0, output);
    assert.match(output, /graceful/);
  });
});
