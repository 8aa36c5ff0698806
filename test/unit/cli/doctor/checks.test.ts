import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { checkClock } from '../../../../src/cli/doctor/clock-check.ts';
import { checkConfiguration } from '../../../../src/cli/doctor/configuration-check.ts';
import { checkContainer } from '../../../../src/cli/doctor/container-check.ts';
import { checkDisk } from '../../../../src/cli/doctor/disk-check.ts';
import { checkFfmpeg } from '../../../../src/cli/doctor/ffmpeg-check.ts';
import type { Check } from '../../../../src/cli/doctor/finding.ts';
import { checkLimits } from '../../../../src/cli/doctor/limits-check.ts';
import { checkNetwork } from '../../../../src/cli/doctor/network-check.ts';
import { checkNode } from '../../../../src/cli/doctor/node-check.ts';
import { find, GIB, type Trouble } from './fake-surroundings.ts';

interface Case {
  readonly name: string;
  readonly conf?: string;
  readonly trouble?: Trouble;
  readonly want: readonly string[];
}

const CONSOLE = 'listen 1935; srs_log_tank console; pid "";';
const OPEN_FILES_OK = 'ok: open files: max_connections 1000 needs about 1041, 65536 are allowed';
const MEMORY_OK = 'ok: memory: 1000 connections may need 163 MiB, the machine has 8 GiB';
const CPUS_OK = 'ok: processors: 4';
const CPU_MEND =
  "  -> media stands still while the quota is used up: allow at least 1 ('CPUQuota=100%' of systemd, '--cpus 1' of Docker, resources.limits.cpu of Kubernetes), or no limit";

const LIMITS: readonly Case[] = [
  { name: 'in order', want: [OPEN_FILES_OK, MEMORY_OK, CPUS_OK] },
  {
    name: 'too few open files',
    conf: 'listen 1935; max_connections 2000;',
    trouble: {
      files: { '/proc/self/limits': 'Max open files            1024                 1024   files\n' },
    },
    want: [
      'error: max_connections 2000 needs about 2041 open files, the limit is 1024',
      "  -> raise it to at least 2041 with 'ulimit -n 2041' in a shell, 'LimitNOFILE=2041' in a systemd unit or '--ulimit nofile=2041' in Docker, or lower max_connections",
      'ok: memory: 2000 connections may need 225 MiB, the machine has 8 GiB',
      CPUS_OK,
    ],
  },
  {
    name: 'a small control group of version 2, around ours',
    trouble: {
      files: {
        '/proc/self/cgroup': '0::/pod/app\n',
        '/sys/fs/cgroup/pod/memory.max': '134217728\n',
        '/sys/fs/cgroup/pod/app/memory.max': 'max\n',
        '/sys/fs/cgroup/pod/app/cpu.max': '50000 100000\n',
        '/sys/fs/cgroup/pod/cpu.max': 'max 100000\n',
      },
    },
    want: [
      OPEN_FILES_OK,
      'warning: memory: 1000 connections may need 163 MiB, the control group allows 128 MiB',
      "  -> raise the memory limit ('MemoryMax=' of systemd, '--memory' of Docker, resources.limits.memory of Kubernetes), or 'max_connections 448;'",
      'warning: processors: 4, of which the control group allows 0.5',
      CPU_MEND,
    ],
  },
  {
    name: 'version 1 in a container: the path is one of the host, the root is ours',
    trouble: {
      files: {
        '/proc/self/cgroup': '5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n0::/\n',
        '/sys/fs/cgroup/memory/memory.limit_in_bytes': '1073741824\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '150000\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      },
    },
    want: [
      OPEN_FILES_OK,
      'ok: memory: 1000 connections may need 163 MiB, the control group allows 1 GiB',
      'ok: processors: 4, of which the control group allows 1.5',
    ],
  },
  {
    name: 'version 1 without limits',
    trouble: {
      files: {
        '/proc/self/cgroup': '5:cpu:/\n4:memory:/\n',
        '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      },
    },
    want: [OPEN_FILES_OK, MEMORY_OK, CPUS_OK],
  },
];

const FILE_CONF = 'listen 1935; srs_log_file ./log/srs.log; pid ./run/srs.pid;';
const MAKE_ROOM =
  "  -> make room: 'du -xh /srv | sort -h | tail' shows what is large; rotate logs, shorten recordings";

const DISK: readonly Case[] = [
  { name: 'nothing is written', conf: CONSOLE, want: ['ok: nothing is written to a disk'] },
  {
    name: 'enough, one line for one file system',
    conf: FILE_CONF,
    want: ['ok: /srv (pid, srs_log_file): 50 GiB of 100 GiB are free, 50 %'],
  },
  {
    name: 'less than a tenth',
    conf: FILE_CONF,
    trouble: { space: { freeBytes: 9 * GIB } },
    want: ['warning: /srv (pid, srs_log_file): 9 GiB of 100 GiB are free, 9 %', MAKE_ROOM],
  },
  {
    name: 'less than 1 GiB',
    conf: FILE_CONF,
    trouble: { space: { totalBytes: 4 * GIB, freeBytes: GIB - 1024 ** 2 } },
    want: ['warning: /srv (pid, srs_log_file): 1023 MiB of 4 GiB are free, 24 %', MAKE_ROOM],
  },
  {
    name: 'full, also of files',
    conf: FILE_CONF,
    trouble: { space: { freeBytes: 0, freeFiles: 0 } },
    want: [
      'error: /srv (pid, srs_log_file): 0 B of 100 GiB are free, 0 %',
      MAKE_ROOM,
      'error: /srv (pid, srs_log_file): 0 of 1000 files can still be made',
      "  -> delete small files: 'du -x --inodes /srv | sort -n | tail' shows where they are",
    ],
  },
  {
    name: 'few files',
    conf: FILE_CONF,
    trouble: { space: { freeFiles: 49 } },
    want: [
      'ok: /srv (pid, srs_log_file): 50 GiB of 100 GiB are free, 50 %',
      'warning: /srv (pid, srs_log_file): 49 of 1000 files can still be made',
      "  -> delete small files: 'du -x --inodes /srv | sort -n | tail' shows where they are",
    ],
  },
  {
    name: 'a file system that does not count files',
    conf: FILE_CONF,
    trouble: { space: { totalFiles: 0, freeFiles: 0 } },
    want: ['ok: /srv (pid, srs_log_file): 50 GiB of 100 GiB are free, 50 %'],
  },
];

const ran = (stdout: string): { succeeded: boolean; stdout: string } => ({ succeeded: true, stdout });
const encoders = (...names: readonly string[]): string =>
  ` V..... = Video\n ------\n${names.map((name) => ` V....D ${name}   text\n`).join('')}`;
const FULL = {
  '/usr/bin/ffmpeg -version': ran('ffmpeg version 6.1 Copyright\nconfiguration: --enable-gpl\n'),
  '/usr/bin/ffmpeg -encoders': ran(encoders('libx264', 'aac', 'libx265', 'libopus', 'libfdk_aac')),
  '/usr/bin/ffmpeg -protocols': ran('Input:\n  none\nOutput:\n  rtmp\n  srt\n  tls\n'),
};
const FFMPEG = { '/usr/bin/ffmpeg': '' };
const ENV = { PATH: '.:/bin:/usr/bin' };
const INSTALL = "install a full one: 'apt-get install ffmpeg', or a static build";
const ingest = (ffmpeg: string): string =>
  `listen 1935; vhost v { ingest i { enabled on; input { url a.flv; } ffmpeg ${ffmpeg}; engine { output rtmp://127.0.0.1/live/x; } } }`;

const FFMPEG_CASES: readonly Case[] = [
  {
    name: 'none',
    want: ['note: there is none in PATH; only transcoding and ingest by ffmpeg need it', `  -> ${INSTALL}`],
  },
  {
    name: 'a full one in PATH',
    trouble: { env: ENV, files: FFMPEG, programs: FULL },
    want: [
      'ok: /usr/bin/ffmpeg is version 6.1, with libx264, aac, rtmp, libx265, libopus, libfdk_aac, srt, tls',
    ],
  },
  {
    name: 'one that lacks things; input protocols do not count',
    trouble: {
      env: ENV,
      files: FFMPEG,
      programs: {
        ...FULL,
        '/usr/bin/ffmpeg -encoders': ran(encoders('aac', 'libx264rgb')),
        '/usr/bin/ffmpeg -protocols': ran('Input:\n  rtmp\nOutput:\n  tls\n'),
      },
    },
    want: [
      'ok: /usr/bin/ffmpeg is version 6.1, with aac, tls',
      'warning: /usr/bin/ffmpeg lacks libx264, rtmp',
      `  -> ${INSTALL}`,
      'note: /usr/bin/ffmpeg lacks libx265, libopus, libfdk_aac, srt: needed only where the configuration asks for them',
    ],
  },
  {
    name: 'one that does not run',
    trouble: { env: ENV, files: FFMPEG },
    want: ['error: /usr/bin/ffmpeg does not say its version: it is broken, or no ffmpeg', `  -> ${INSTALL}`],
  },
  {
    name: 'one that may not be run is passed over in PATH',
    trouble: { env: ENV, files: FFMPEG, access: { '/usr/bin/ffmpeg execute': 'EACCES' } },
    want: ['note: there is none in PATH; only transcoding and ingest by ffmpeg need it', `  -> ${INSTALL}`],
  },
  {
    name: 'the one of the configuration is not there',
    conf: ingest('./bin/ffmpeg'),
    want: [
      'error: vhost.ingest.ffmpeg ./bin/ffmpeg is not there',
      `  -> ${INSTALL}, and name its path in vhost.ingest.ffmpeg`,
    ],
  },
  {
    name: 'the one of the configuration may not be run',
    conf: ingest('./bin/ffmpeg'),
    trouble: { files: { '/srv/bin/ffmpeg': '' }, access: { '/srv/bin/ffmpeg execute': 'EACCES' } },
    want: [
      'error: vhost.ingest.ffmpeg ./bin/ffmpeg may not be run by this user (EACCES)',
      `  -> ${INSTALL}, and name its path in vhost.ingest.ffmpeg`,
    ],
  },
  {
    name: 'the one of the configuration is that of PATH: told once',
    conf: ingest('/usr/bin/ffmpeg'),
    trouble: { env: ENV, files: FFMPEG, programs: FULL },
    want: [
      'ok: vhost.ingest.ffmpeg /usr/bin/ffmpeg is version 6.1, with libx264, aac, rtmp, libx265, libopus, libfdk_aac, srt, tls',
    ],
  },
];

const TIME = 'ok: 2026-06-01T00:00:00Z, time zone Europe/Berlin';
const SYNCED = { 'timedatectl NTP': ran('NTPSynchronized=yes\nNTP=yes\n') };
const SET = "  -> 'timedatectl set-ntp true', or run chrony; in a virtual machine let the host set the clock";
const UNKNOWN = 'note: this system does not say whether something keeps it right';
let jumps = 0;

const CLOCK: readonly Case[] = [
  { name: 'in order', trouble: { programs: SYNCED }, want: [TIME, 'ok: kept right over the network'] },
  { name: 'nobody says', want: [TIME, UNKNOWN] },
  {
    name: 'nobody says, in a container',
    trouble: { container: '/.dockerenv' },
    want: [TIME, `${UNKNOWN}: the host of a container is in charge of it`],
  },
  {
    name: 'NTP is off',
    trouble: { programs: { 'timedatectl NTP': ran('NTPSynchronized=no\nNTP=no\n') } },
    want: [TIME, 'warning: not kept right over the network: nothing sets it', SET],
  },
  {
    name: 'no time server',
    trouble: { programs: { 'timedatectl NTP': ran('NTPSynchronized=no\nNTP=yes\n') } },
    want: [TIME, 'warning: not kept right over the network: no time server has answered yet', SET],
  },
  {
    name: 'a board without a battery',
    trouble: { programs: SYNCED, now: () => 0 },
    want: [
      'error: 1970-01-01T00:00:00Z, time zone Europe/Berlin: that is not today; certificates and signed URLs fail',
      SET,
      'ok: kept right over the network',
      // The fake wall clock stands still while 300 ms pass.
      'warning: it jumped by -300 ms within 300 ms: something sets it back and forth',
      '  -> run one program that sets the clock, not two (ntpd, chrony, tools of the virtual machine)',
    ],
  },
  {
    name: 'it jumps',
    trouble: { programs: SYNCED, monotonicMs: () => 0, now: () => Date.UTC(2026, 5, 1) + 1000 * jumps++ },
    want: [
      TIME,
      'ok: kept right over the network',
      'warning: it jumped by 1000 ms within 300 ms: something sets it back and forth',
      '  -> run one program that sets the clock, not two (ntpd, chrony, tools of the virtual machine)',
    ],
  },
];

const V6 = 'ok: IPv6 works; listeners without an address take it too';
const SOMAXCONN = 'ok: net.core.somaxconn is 4096';
const NO_V6 = { '::1:0': 'EADDRNOTAVAIL', ':::0': 'EAFNOSUPPORT' };

const NETWORK: readonly Case[] = [
  { name: 'in order', want: [V6, SOMAXCONN] },
  {
    name: 'every listener has its address',
    conf: 'listen 127.0.0.1:1;',
    want: ['ok: IPv6 works', SOMAXCONN],
  },
  {
    name: 'IPv6 is off',
    trouble: { bind: NO_V6, files: { '/proc/sys/net/ipv6/conf/all/disable_ipv6': '1\n' } },
    want: [
      'note: no IPv6 (net.ipv6.conf.all.disable_ipv6 is 1): listeners without an address take IPv4 alone',
      "  -> 'sysctl -w net.ipv6.conf.all.disable_ipv6=0' if viewers come over it",
      SOMAXCONN,
    ],
  },
  {
    name: 'no IPv6, but a listener wants it',
    conf: 'listen [::1]:1935;',
    trouble: { bind: NO_V6 },
    want: [
      'error: no IPv6 (EAFNOSUPPORT): listeners without an address take IPv4 alone',
      '  -> boot without ipv6.disable=1, or start the container with IPv6, if viewers come over it',
      SOMAXCONN,
    ],
  },
  {
    name: 'no ::1',
    trouble: { bind: { '::1:0': 'EADDRNOTAVAIL' } },
    want: [
      'note: IPv6 works, but the loopback has no ::1',
      "  -> 'sysctl -w net.ipv6.conf.lo.disable_ipv6=0' if programs here speak to each other over it",
      SOMAXCONN,
    ],
  },
  {
    name: 'small settings of the kernel',
    trouble: {
      files: {
        '/proc/sys/net/core/somaxconn': '128\n',
        '/proc/sys/net/ipv4/tcp_wmem': '4096\t16384\t212992\n',
        '/proc/sys/net/ipv4/tcp_congestion_control': 'cubic\n',
        '/proc/sys/net/ipv4/tcp_available_congestion_control': 'reno cubic bbr\n',
      },
    },
    want: [
      V6,
      'warning: net.core.somaxconn is 128: when many viewers come at once, those beyond 128 wait and retry',
      "  -> 'sysctl -w net.core.somaxconn=4096', and the same in /etc/sysctl.d/ to keep it",
      'note: net.ipv4.tcp_wmem allows 212992 bytes for a connection: viewers far away or with high bit rates may stall',
      '  -> \'sysctl -w net.ipv4.tcp_wmem="4096 16384 4194304"\'',
      'note: TCP uses cubic; bbr gives viewers on lossy lines a steadier rate',
      "  -> 'sysctl -w net.ipv4.tcp_congestion_control=bbr'",
    ],
  },
  {
    name: 'buffers do not matter to few viewers, nor bbr where the kernel has none',
    conf: 'listen 1935; max_connections 999;',
    trouble: {
      files: {
        '/proc/sys/net/ipv4/tcp_wmem': '4096\t16384\t212992\n',
        '/proc/sys/net/ipv4/tcp_congestion_control': 'cubic\n',
        '/proc/sys/net/ipv4/tcp_available_congestion_control': 'reno cubic\n',
      },
    },
    want: [V6, SOMAXCONN],
  },
];

const INSIDE: Trouble = { container: '/.dockerenv', files: { '/proc/1/comm': 'tini\n' } };

const CONTAINER: readonly Case[] = [
  { name: 'none', want: ['ok: none is detected'] },
  {
    name: 'a good one',
    conf: 'listen 1935; daemon off; srs_log_tank console;',
    trouble: INSIDE,
    want: [
      'ok: found by /.dockerenv; the server stays in the foreground; a changed file is reloaded (auto_reload_for_docker)',
    ],
  },
  {
    name: 'by directive, with the defaults',
    conf: 'listen 1935; in_docker on; auto_reload_for_docker off;',
    want: [
      'ok: found by in_docker on; daemon on has no effect (disable_daemon_for_docker); a changed file is not reloaded by itself (auto_reload_for_docker off)',
      'note: the log goes to a file inside the container, where docker logs and kubectl logs do not see it',
      "  -> 'srs_log_tank console;'",
    ],
  },
  {
    name: 'a daemon that leaves process 1',
    conf: 'listen 1935; disable_daemon_for_docker off; srs_log_tank console;',
    trouble: { ...INSIDE, files: { '/proc/1/comm': 'node\n' } },
    want: [
      'ok: found by /.dockerenv; a changed file is reloaded (auto_reload_for_docker)',
      'warning: daemon on and disable_daemon_for_docker off: the container ends as soon as the server is in the background',
      "  -> 'daemon off;'",
      'note: process 1 is node, no init: programs that a killed ffmpeg leaves behind stay as zombies',
      "  -> 'docker run --init', 'init: true' in Compose, or tini as the entry point",
    ],
  },
  {
    name: 'a service of Kubernetes that is called srs',
    trouble: {
      env: { SRS_PORT: 'tcp://10.0.0.1:1935', SRS_API_PORT: 'tcp://10.0.0.1:1985', SRS_LISTEN: '1' },
    },
    want: [
      'ok: none is detected',
      'note: SRS_PORT, SRS_API_PORT: Kubernetes names a service here whose name begins with srs; such variables are no settings and are ignored',
      "  -> 'enableServiceLinks: false' in the pod, or another name for the service",
    ],
  },
];

const OWN_USER = "  -> 'User=srs' in the systemd unit, '--user' of Docker, runAsNonRoot of Kubernetes";

const NODE: readonly Case[] = [
  { name: 'in order', want: ['ok: Node.js 20.20.2'] },
  { name: 'a later one', trouble: { nodeVersion: '24.1.0' }, want: ['ok: Node.js 24.1.0'] },
  {
    name: 'too old',
    trouble: { nodeVersion: '20.19.9' },
    want: [
      'error: Node.js 20.19.9 is older than 20.20',
      '  -> install Node.js 20.20 or later from https://nodejs.org',
    ],
  },
  { name: 'no users', trouble: { uid: undefined }, want: ['ok: Node.js 20.20.2'] },
  {
    name: 'root',
    trouble: { uid: 0 },
    want: ['ok: Node.js 20.20.2', 'warning: runs as root, though no port needs it', OWN_USER],
  },
  {
    name: 'root in a container',
    trouble: { uid: 0, container: '/.dockerenv' },
    want: ['ok: Node.js 20.20.2', 'note: runs as root, inside a container', OWN_USER],
  },
  {
    name: 'root for a port',
    conf: 'listen 443;',
    trouble: { uid: 0 },
    want: [
      'ok: Node.js 20.20.2',
      'note: runs as root: listen 443 is below 1024',
      `${OWN_USER}, with 'AmbientCapabilities=CAP_NET_BIND_SERVICE'`,
    ],
  },
];

const USABLE = 'ok: srs.conf can be used';
const API = 'listen 1935;\nhttp_api { enabled on; listen 1985;';
const CONFIGURATION: readonly Case[] = [
  { name: 'no API', want: [USABLE] },
  {
    name: 'a file of SRS, where the API is open',
    conf: `${API} }`,
    want: [
      USABLE,
      'note: the HTTP API asks for credentials; tokens are in /srv/objs/api.token',
      "  -> Callers send 'Authorization: Bearer TOKEN'; 'http_api { auth { enabled off; } }' leaves it open, as SRS does",
    ],
  },
  { name: 'who may call is said', conf: `${API} auth { enabled off; } }`, want: [USABLE] },
];

const ALL: Readonly<Record<string, readonly [Check, readonly Case[]]>> = {
  configuration: [checkConfiguration, CONFIGURATION],
  limits: [checkLimits, LIMITS],
  'disk space': [checkDisk, DISK],
  ffmpeg: [checkFfmpeg, FFMPEG_CASES],
  clock: [checkClock, CLOCK],
  network: [checkNetwork, NETWORK],
  container: [checkContainer, CONTAINER],
  node: [checkNode, NODE],
};

for (const [subject, [check, cases]] of Object.entries(ALL)) {
  suite(`doctor: ${subject}`, () => {
    for (const { name, conf = 'listen 1935;', trouble, want } of cases)
      test(name, async () => assert.deepEqual(await find(check, conf, trouble), want));
  });
}
