// `npm test`: installs what the tests need, then runs every check and every test. Nothing is skipped silently.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { buildPage, buildServer, fail, installDependencies, must, requireNode } from './lib.mjs';

/** Programs that the interop tests run, and the Debian packages that bring them. */
const PROGRAMS = [
  { file: '/usr/bin/ffmpeg', packages: ['ffmpeg'] },
  { file: '/usr/bin/mediainfo', packages: ['mediainfo'] },
  { file: '/usr/bin/rtmpdump', packages: ['rtmpdump'] },
  { file: '/usr/bin/curl', packages: ['curl'] },
  { file: '/usr/bin/openssl', packages: ['openssl'] },
  {
    file: '/usr/bin/gst-launch-1.0',
    packages: [
      'gstreamer1.0-tools',
      'gstreamer1.0-plugins-base',
      'gstreamer1.0-plugins-good',
      'gstreamer1.0-plugins-bad',
    ],
  },
  { file: '/usr/bin/chromium', packages: ['chromium'] },
  { file: '/usr/sbin/nginx', packages: ['nginx'] },
  { file: '/usr/lib/nginx/modules/ngx_rtmp_module.so', packages: ['libnginx-mod-rtmp'] },
  { file: '/usr/bin/systemd-analyze', packages: ['systemd'] },
  { file: '/usr/bin/socat', packages: ['socat'] },
  { file: '/usr/bin/shellcheck', packages: ['shellcheck'] },
  { file: '/usr/bin/python3', packages: ['python3'] },
  { file: '/usr/sbin/logrotate', packages: ['logrotate'] },
  { file: '/usr/bin/promtool', packages: ['prometheus'] },
];

function installPrograms() {
  const missing = PROGRAMS.filter(({ file }) => !existsSync(file)).flatMap(({ packages }) => packages);
  if (missing.length === 0) return;
  const command = `apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    fail(`The tests need ${missing.join(', ')}. Run this once, then npm test again:\n  sudo ${command}`);
  }
  console.log(`Installing what the tests need: ${missing.join(', ')} …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const quiet = { stdio: ['ignore', 'ignore', 'inherit'], env };
  must('apt-get', ['update', '-qq'], quiet);
  must('apt-get', command.split(' ').slice(1), quiet);
}

requireNode();
installDependencies();
installPrograms();
installDependencies('bench');
installDependencies('packaging/lint');
buildServer();
buildPage();

const failed = [];
for (const [name, args] of [
  ['check', ['scripts/check.mjs']],
  ['unit and contract tests', ['--import', 'tsx', 'scripts/test.ts', 'unit', 'contract']],
  ['integration tests', ['--import', 'tsx', 'scripts/test.ts', 'integration']],
  ['interop tests', ['--import', 'tsx', 'scripts/test.ts', 'interop']],
]) {
  console.log(`\n== ${name}`);
  const started = Date.now();
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  console.log(
    `== ${name}: ${status === 0 ? 'ok' : 'FAILED'} in ${((Date.now() - started) / 1000).toFixed(0)} s`,
  );
  if (status !== 0) failed.push(name);
}
if (failed.length > 0) fail(`\nFailed: ${failed.join(', ')}.`);
console.log('\nEvery check and every test passed.');
