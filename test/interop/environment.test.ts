import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { accepts, Program, temporaryFolder, until } from '../support/programs.ts';
import { freePorts, REPOSITORY } from '../support/server-process.ts';

const SRS = join(REPOSITORY, 'bin/srs');

/** The server with variables, and nothing else than those that programs need. */
function srs(env: Readonly<Record<string, string>>, args: readonly string[], cwd: string): Program {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const path = `PATH=${process.env['PATH'] ?? ''}`;
  const program = new Program('env', ['-i', path, ...variables, process.execPath, SRS, ...args], { cwd });
  after(() => program.stop());
  return program;
}

suite('a server configured by variables', () => {
  const folder = temporaryFolder();

  test('-e runs without a file, also with what Kubernetes injects', async () => {
    const [rtmp = 0, api = 0] = await freePorts(2);
    const program = srs(
      {
        SRS_LISTEN: `127.0.0.1:${rtmp}`,
        SRS_HTTP_API_ENABLED: 'on',
        SRS_HTTP_API_LISTEN: `127.0.0.1:${api}`,
        SRS_SERVICE_HOST: '10.0.0.1',
        SRS_SERVICE_PORT: '1935',
        SRS_PORT: 'tcp://10.0.0.1:1935',
        SRS_PORT_1935_TCP: 'tcp://10.0.0.1:1935',
        SRS_PORT_1935_TCP_ADDR: '10.0.0.1',
      },
      ['-e'],
      folder,
    );
    await until('the API listens', () => accepts(api)); // It does so last.
    const versions = await fetch(`http://127.0.0.1:${api}/api/v1/versions`);
    assert.equal(versions.status, 200);
    process.kill(program.pid, 'SIGHUP');
    await until('the reload', () => program.output.includes('reload by SIGHUP: nothing has changed'));
    assert.ok(await accepts(rtmp));
    const { code } = await program.stop('SIGTERM');
    assert.equal(code, 0, program.output);
    assert.doesNotMatch(program.output, /warn/i);
  });

  test('variables win over the file, also after a reload of it', async () => {
    const [named = 0, rtmp = 0, api = 0, later = 0] = await freePorts(4);
    const file = join(folder, 'srs.conf');
    const text = (port: number): string => `listen 127.0.0.1:${named};
daemon off; srs_log_tank console; pid ${join(folder, 'file.pid')};
http_api { enabled on; listen 127.0.0.1:${port}; }
vhost __defaultVhost__ {}
`;
    writeFileSync(file, text(api));
    const env = { SRS_CONFIG_FILE: 'srs.conf', SRS_LISTEN: `127.0.0.1:${rtmp}` };
    const program = srs(env, [], folder);
    await until('RTMP listens', () => accepts(rtmp));
    await until('the API listens', () => accepts(api));
    writeFileSync(file, text(later));
    process.kill(program.pid, 'SIGHUP');
    await until('the API listens on its new port', () => accepts(later));
    assert.deepEqual([await accepts(rtmp), await accepts(named)], [true, false]);
    assert.equal((await program.stop('SIGTERM')).code, 0, program.output);
  });

  test('a bad variable starts nothing', async () => {
    const program = srs({ SRS_LISTEN: '127.0.0.1:x' }, ['-e'], folder);
    const { code, stderr } = await program.ended;
    assert.equal(code, 1);
    assert.match(stderr, /^error: environment SRS_LISTEN: listen: 'x' is not a port; expected /);
  });
});
