import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { checkPorts } from '../../../../src/cli/doctor/ports-check.ts';
import { checkRunningServer } from '../../../../src/cli/doctor/running-server.ts';
import { mayMeet, socketRows } from '../../../../src/cli/doctor/socket-owner.ts';
import { find, type Trouble } from './fake-surroundings.ts';

const row = (address: string, port: number, state: string, inode: number): string =>
  `   0: ${address}:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0000000000000000 100 0 0 10 0`;
const HEADER =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
const TAKEN = { '*:1935': 'EADDRINUSE' };
const PROCESS: Trouble = {
  bind: TAKEN,
  files: {
    '/proc/net/tcp': [HEADER, row('0100007F', 1935, '01', 76), row('00000000', 1935, '0A', 77)].join('\n'),
    '/proc/41/comm': 'other\n',
    '/proc/42/comm': 'nginx\n',
    '/proc/42/cmdline': 'nginx: master\0secret=1\0',
  },
  links: { '/proc/41/fd/3': 'socket:[76]', '/proc/42/fd/0': '/dev/null', '/proc/42/fd/6': 'socket:[77]' },
};
/** The same socket, but of our server: its pid file is among its open files. */
const OURS: Trouble = {
  bind: TAKEN,
  files: { ...PROCESS.files, '/srv/objs/srs.pid': '42\n' },
  links: { ...PROCESS.links, '/proc/42/fd/7': '/srv/objs/srs.pid' },
};
const API = 'http://127.0.0.1:1985/api/v1/versions';
const HEALTH = 'http://127.0.0.1:1985/api/v1/health';
const CONF = 'listen 1935;';
const WITH_API = 'listen 1935; http_api { enabled on; listen 1985; }';

interface Case {
  readonly name: string;
  readonly conf?: string;
  readonly trouble?: Trouble;
  readonly want: readonly string[];
}

const PORT_CASES: readonly Case[] = [
  { name: 'free', want: ['ok: listen *:1935 (srs.conf:1) is free'] },
  {
    name: 'listeners that are off are not looked at; each other one is',
    conf: 'listen 1935 [::1]:1936; http_api { enabled off; listen 1; } http_server { enabled on; listen 127.0.0.1:80; } exporter { enabled on; listen 9972; }',
    want: [
      'ok: listen *:1935 (srs.conf:1) is free',
      'ok: listen [::1]:1936 (srs.conf:1) is free',
      'ok: http_server.listen 127.0.0.1:80 (srs.conf:1) is free',
      'ok: exporter.listen *:9972 (srs.conf:1) is free',
    ],
  },
  {
    name: 'taken by a program: its pid and name, nothing of its command line',
    trouble: PROCESS,
    want: [
      'error: listen *:1935 (srs.conf:1) is taken by pid 42 (nginx)',
      "  -> end that process ('kill 42'), or choose another port for listen",
    ],
  },
  {
    name: 'taken by another srs',
    trouble: { ...PROCESS, files: { ...PROCESS.files, '/proc/42/cmdline': 'node\0/opt/bin/srs\0-c\0x' } },
    want: [
      'error: listen *:1935 (srs.conf:1) is taken by pid 42 (another srs)',
      "  -> end that process ('kill 42'), or choose another port for listen",
    ],
  },
  {
    name: 'taken by somebody who is hidden',
    trouble: { bind: TAKEN },
    want: [
      'error: listen *:1935 (srs.conf:1) is taken by a process that this user may not see',
      "  -> 'sudo ss -ltnp sport = :1935' tells which; end it, or choose another port for listen",
    ],
  },
  {
    name: 'taken by the server of this configuration',
    trouble: OURS,
    want: ['ok: listen *:1935 (srs.conf:1) is in use by the running server (pid 42)'],
  },
  {
    name: 'the pid in a pid file that it does not hold is not our server',
    trouble: { ...OURS, links: { ...PROCESS.links, '/proc/42/fd/7': '/proc/42/comm' } },
    want: [
      'error: listen *:1935 (srs.conf:1) is taken by pid 42 (nginx)',
      "  -> end that process ('kill 42'), or choose another port for listen",
    ],
  },
  {
    name: 'hidden, but the API answers',
    conf: WITH_API,
    trouble: {
      bind: { ...TAKEN, '*:1985': 'EADDRINUSE' },
      answers: { [API]: '{"code":0,"pid":"7","data":{"version":"1.2.3"}}' },
    },
    want: [
      'ok: listen *:1935 (srs.conf:1) is in use, most likely by the running server (pid 7)',
      'ok: http_api.listen *:1985 (srs.conf:1) is in use, most likely by the running server (pid 7)',
    ],
  },
  {
    name: 'not permitted',
    conf: 'listen 443;',
    trouble: { bind: { '*:443': 'EACCES' } },
    want: [
      'error: listen *:443 (srs.conf:1): this user may not listen on a port below 1024',
      "  -> use a port from 1024 on, or allow it: 'AmbientCapabilities=CAP_NET_BIND_SERVICE' in the systemd unit, 'sysctl -w net.ipv4.ip_unprivileged_port_start=443', or run as root",
    ],
  },
  {
    name: 'an address of another machine',
    conf: 'listen 198.51.100.1:1935;',
    trouble: { bind: { '198.51.100.1:1935': 'EADDRNOTAVAIL' } },
    want: [
      'error: listen 198.51.100.1:1935 (srs.conf:1): 198.51.100.1 is no address of this machine',
      "  -> use one of 127.0.0.1, 192.0.2.1, or the port alone ('listen 1935;') for all of them",
    ],
  },
  {
    name: 'no IPv6',
    conf: 'listen [::1]:1935;',
    trouble: { bind: { '::1:1935': 'EAFNOSUPPORT' } },
    want: [
      'error: listen [::1]:1935 (srs.conf:1): this system has no such addresses (IPv6 is off)',
      "  -> use an IPv4 address ('listen 0.0.0.0:1935;'), or 'sysctl -w net.ipv6.conf.all.disable_ipv6=0'",
    ],
  },
  {
    name: 'an unknown host',
    conf: 'listen live.example:1935;',
    trouble: { bind: { 'live.example:1935': 'ENOTFOUND' } },
    want: [
      'error: listen live.example:1935 (srs.conf:1): the name live.example is not known here',
      '  -> use an IP address, or add the name to /etc/hosts',
    ],
  },
  {
    name: 'anything else',
    trouble: { bind: { '*:1935': 'ENOBUFS' } },
    want: ['error: listen *:1935 (srs.conf:1): cannot listen (ENOBUFS)'],
  },
  {
    name: 'two directives want one port',
    conf: 'listen 127.0.0.1:1935;\nhttp_api { enabled on; listen 1935; }',
    want: [
      'ok: listen 127.0.0.1:1935 (srs.conf:1) is free',
      'error: http_api.listen *:1935 (srs.conf:2) wants the same port as listen 127.0.0.1:1935 (srs.conf:1)',
      '  -> choose another port for http_api.listen',
    ],
  },
  {
    name: 'the API may have the port of the HTTP server',
    conf: 'listen 127.0.0.1:1935;\nhttp_server { enabled on; listen 8080; }\nhttp_api { enabled on; listen 8080; }',
    want: [
      'ok: listen 127.0.0.1:1935 (srs.conf:1) is free',
      'ok: http_api.listen *:8080 (srs.conf:3) is free',
      'ok: http_server.listen *:8080 (srs.conf:2) is shared with http_api.listen *:8080 (srs.conf:3)',
    ],
  },
  {
    name: 'not where one address is a part of the other',
    conf: 'listen 127.0.0.1:1935;\nhttp_server { enabled on; listen 127.0.0.1:8080; }\nhttp_api { enabled on; listen 8080; }',
    want: [
      'ok: listen 127.0.0.1:1935 (srs.conf:1) is free',
      'ok: http_api.listen *:8080 (srs.conf:3) is free',
      'error: http_server.listen 127.0.0.1:8080 (srs.conf:2) wants the same port as http_api.listen *:8080 (srs.conf:3)',
      '  -> choose another port for http_server.listen',
    ],
  },
  {
    name: 'one port of two addresses is no clash',
    conf: 'listen 127.0.0.1:1935 192.0.2.1:1935;',
    want: [
      'ok: listen 127.0.0.1:1935 (srs.conf:1) is free',
      'ok: listen 192.0.2.1:1935 (srs.conf:1) is free',
    ],
  },
  {
    name: 'port 0',
    conf: 'listen 0;',
    want: [
      'warning: listen *:0 (srs.conf:1): the system picks another port at each start',
      "  -> write a port: 'listen 1935;'",
    ],
  },
];

const SERVER_CASES: readonly Case[] = [
  { name: 'none', want: ['ok: none'] },
  {
    name: 'the API answers',
    conf: WITH_API,
    trouble: { answers: { [API]: '{"pid":"7","data":{"version":"1.2.3"}}' } },
    want: ['ok: process 7 runs with this configuration, version 1.2.3'],
  },
  {
    name: 'the API wants credentials',
    conf: WITH_API,
    trouble: { answers: { [HEALTH]: '{"code":0,"pid":"7","data":{"live":true,"ready":true}}' } },
    want: ['ok: process 7 runs with this configuration'],
  },
  ...['', 'null', '[]', '{"data":7}', '{"data":{"version":1}}', '<html>'].map((answer): Case => ({
    name: `something else answers: ${answer}`,
    conf: WITH_API,
    trouble: { answers: { [API]: answer } },
    want: ['ok: none'],
  })),
  { name: 'no API, but the pid file', trouble: OURS, want: ['ok: process 42 holds the pid file'] },
  {
    name: 'it lives, but its API is silent',
    conf: WITH_API,
    trouble: OURS,
    want: [
      'warning: process 42 holds the pid file, but its API does not answer at http://127.0.0.1:1985',
      "  -> look into its log; the configuration may have changed since it started: reload it with 'kill -HUP 42'",
    ],
  },
  {
    name: 'a pid file without its process',
    trouble: { files: { '/srv/objs/srs.pid': '42\n' } },
    want: ['note: none; the pid file names process 42, which is gone: the next start takes it over'],
  },
  {
    name: 'a pid file of something else',
    trouble: { files: { '/srv/objs/srs.pid': 'x' } },
    want: [
      'error: none; the pid file /srv/objs/srs.pid holds no process id: the server does not touch such a file and will not start',
      '  -> name another file in pid, or remove that one if nobody needs it',
    ],
  },
  { name: 'an empty pid file', trouble: { files: { '/srv/objs/srs.pid': '\n' } }, want: ['ok: none'] },
];

suite('doctor: ports', () => {
  for (const { name, conf = CONF, trouble, want } of PORT_CASES)
    test(name, async () => assert.deepEqual(await find(checkPorts, conf, trouble), want));
});

suite('doctor: running server', () => {
  for (const { name, conf = CONF, trouble, want } of SERVER_CASES)
    test(name, async () => assert.deepEqual(await find(checkRunningServer, conf, trouble), want));
});

suite('doctor: tables of the kernel', () => {
  test('addresses, ports, states and inodes', () => {
    const table = [
      HEADER,
      row('0100007F', 1935, '0A', 11),
      row('00000000', 8080, '0A', 12),
      row('0100007F', 1935, '01', 13),
      row('B80D0120000000000000000001000000', 1935, '0A', 14),
      row('00000000000000000000000000000000', 1985, '0A', 15),
      'garbage',
      '',
    ].join('\n');
    assert.deepEqual(socketRows(table, '0A'), [
      { address: '127.0.0.1', port: 1935, inode: '11' },
      { address: undefined, port: 8080, inode: '12' },
      { address: '2001:db8::1', port: 1935, inode: '14' },
      { address: undefined, port: 1985, inode: '15' },
    ]);
  });

  const MEET: readonly (readonly [string | undefined, string | undefined, boolean])[] = [
    ['127.0.0.1', '127.0.0.1', true],
    ['127.0.0.1', '127.0.0.2', false],
    ['127.0.0.1', undefined, true],
    ['0.0.0.0', '127.0.0.1', true],
    ['::', '127.0.0.1', true],
    ['2001:db8::1', '2001:DB8:0::1', true],
    ['::1', '127.0.0.1', false],
    ['name', '127.0.0.1', true],
  ];
  for (const [a, b, want] of MEET)
    test(`${a ?? '*'} and ${b ?? '*'}: ${want}`, () => {
      assert.equal(mayMeet(a, b), want);
      assert.equal(mayMeet(b, a), want);
    });
});
