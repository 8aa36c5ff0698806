import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  cpuTotals,
  readCpuTimes,
  readDisks,
  readMemory,
  readNetwork,
  readNumbers,
  readProcessStat,
  readSockets,
} from '../../../../src/observe/host/proc-text.ts';
import { localAddress, publicAddress, publicInterfaces } from '../../../../src/observe/host/interfaces.ts';

test('/proc/[pid]/stat: the name may hold spaces and brackets', () => {
  const numbers = Array.from({ length: 49 }, (_, index) => index + 4).join(' ');
  for (const name of ['(node)', '(a b)', '(a) b)', '(()']) {
    const stat = readProcessStat(`77 ${name} S ${numbers}\n`);
    assert.deepEqual([stat.pid, stat.comm, stat.state, stat.ppid, stat.cguest_time], [77, name, 'S', 4, 44]);
    assert.deepEqual([stat.utime, stat.stime, stat.num_threads, stat.vsize, stat.rss], [14, 15, 20, 23, 24]);
    assert.equal(Object.keys(stat).length, 44);
  }
  assert.equal(readProcessStat('').pid, 0);
});

test('/proc/stat: times and what of them was busy', () => {
  const times = readCpuTimes('cpu  10 20 30 400 50 6 7 8 9 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n');
  assert.deepEqual(times, {
    user: 10,
    nice: 20,
    sys: 30,
    idle: 400,
    iowait: 50,
    irq: 6,
    softirq: 7,
    steal: 8,
    guest: 9,
  });
  assert.deepEqual(cpuTotals(times), { all: 531, busy: 81 });
  assert.equal(readCpuTimes('nothing').user, 0);
});

test('/proc/meminfo, loadavg and uptime', () => {
  const memory = readMemory('MemTotal:       100 kB\nMemFree:  5 kB\nHugePages_Total:   0\n');
  assert.deepEqual(
    [memory.get('MemTotal'), memory.get('MemFree'), memory.get('Cached')],
    [100, 5, undefined],
  );
  assert.deepEqual(readNumbers('0.52 0.58 0.59 1/389 12345\n').slice(0, 3), [0.52, 0.58, 0.59]);
});

test('/proc/net/dev, also where the first number touches the name', () => {
  const text =
    'Inter-|   Receive                                                |  Transmit\n' +
    ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n' +
    '    lo: 111 1 0 0 0 0 0 0 222 1 0 0 0 0 0 0\n' +
    '  eth0:333 1 0 0 0 0 0 0 444 1 0 0 0 0 0 0\n';
  assert.deepEqual(readNetwork(text), [
    { name: 'lo', receivedBytes: 111, sentBytes: 222 },
    { name: 'eth0', receivedBytes: 333, sentBytes: 444 },
  ]);
});

test('/proc/diskstats: the disks that are asked for', () => {
  const row = (name: string): string => `   8       0 ${name} 1 2 300 4 5 6 700 8 9 1000 11 0 0 0 0\n`;
  const text = ['sda', 'sda1', 'nvme0n1', 'dm-0', 'vdb'].map(row).join('');
  const disks = readDisks(text, ['dm-0', 'sda', 'sdz']);
  assert.deepEqual([...disks.keys()], ['sda', 'dm-0']);
  assert.equal(readDisks(text, []).size, 0);
  assert.deepEqual(disks.get('sda'), { readSectors: 300, writtenSectors: 700, busyMs: 1_000 });
});

test('/proc/net/sockstat and snmp', () => {
  const sockstat = 'sockets: used 9\nTCP: inuse 30 orphan 1 tw 12 alloc 31 mem 2\nUDP: inuse 4 mem 1\n';
  const snmp = 'Ip: Forwarding\nIp: 1\nTcp: RtoAlgorithm MaxConn CurrEstab InSegs\nTcp: 1 -1 17 5\n';
  assert.deepEqual(readSockets(sockstat, snmp), { all: 42, established: 17, timeWait: 12, udp: 4 });
  assert.deepEqual(readSockets('', ''), { all: 0, established: 0, timeWait: 0, udp: 0 });
});

const address = (text: string, family: 'IPv4' | 'IPv6' = 'IPv4') => ({
  address: text,
  family,
  internal: text === '127.0.0.1',
});

test('an interface is public by one address of the Internet', () => {
  const names = publicInterfaces({
    lo: [address('127.0.0.1'), address('::1', 'IPv6')],
    eth0: [address('10.1.2.3'), address('fe80::1', 'IPv6')],
    eth1: [address('192.168.0.1'), address('2001:db8::1', 'IPv6')],
    eth2: [address('8.8.8.8')],
    eth3: [address('172.31.0.1')],
    eth4: [address('172.32.0.1')],
    none: undefined,
  });
  assert.deepEqual([...names], ['eth1', 'eth2', 'eth4']);
});

for (const { name, addresses, want } of [
  { name: 'nothing', addresses: [], want: '127.0.0.1' },
  { name: 'the loopback alone', addresses: ['127.0.0.1'], want: '127.0.0.1' },
  { name: 'a network', addresses: ['127.0.0.1', '10.0.0.7'], want: '10.0.0.7' },
  { name: 'the Internet behind a network', addresses: ['10.0.0.7', '8.8.8.8'], want: '8.8.8.8' },
]) {
  test(`the address that others know: ${name}`, () => {
    const eth0 = [address('2001:db8::1', 'IPv6'), ...addresses.map((text) => address(text))];
    assert.equal(publicAddress({ eth0, none: undefined }), want);
  });
}

test('the local address of a number', () => {
  const interfaces = {
    lo: [{ ...address('127.0.0.1'), internal: true }],
    eth0: [address('10.0.0.1'), address('fe80::1', 'IPv6')],
    eth1: [address('192.168.0.1')],
  };
  const all = [0, 1, 2, 3].map((index) => localAddress(interfaces, index));
  assert.deepEqual(all, ['10.0.0.1', 'fe80::1', '192.168.0.1', '10.0.0.1']);
  assert.equal(localAddress({ lo: interfaces.lo }, 0), '127.0.0.1');
});
