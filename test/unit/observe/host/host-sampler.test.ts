import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HOST_SAMPLE_MS, HostSampler } from '../../../../src/observe/host/host-sampler.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

/** What a made-up kernel tells after so many samples. */
function kernel(files: Partial<Record<string, (sample: number) => string>>) {
  let reads = 0;
  return {
    reads: () => reads,
    read: (path: string): Promise<string> => {
      if (path === '/proc/stat') reads += 1;
      const file = files[path];
      return file === undefined ? Promise.reject(new Error('ENOENT')) : Promise.resolve(file(reads));
    },
  };
}

const FILES = {
  '/proc/stat': (n: number) => `cpu  ${n * 100} 0 0 ${n * 300} 0 0 0 0 0 0\ncpu0 1\ncpu1 1\n`,
  '/proc/self/stat': () => `7 (node) S 3 ${'0 '.repeat(48)}`,
  '/proc/meminfo': () => 'MemTotal: 1000 kB\nMemFree: 250 kB\nSwapTotal: 10 kB\nSwapFree: 5 kB\n',
  '/proc/net/dev': () => '  lo: 5 0 0 0 0 0 0 0 6 0\n',
  '/proc/diskstats': (n: number) => `8 0 sda 0 0 ${n * 6_000} 0 0 0 ${n * 600} 0 0 ${n * 1_500} 0\n`,
  '/proc/net/sockstat': () => 'TCP: inuse 3 orphan 0 tw 1 alloc 3 mem 0\nUDP: inuse 2 mem 0\n',
  '/proc/net/snmp': () => 'Tcp: CurrEstab\nTcp: 2\n',
  '/proc/loadavg': () => '0.5 0.4 0.3 1/2 3\n',
  '/proc/uptime': () => '100.5 150.25\n',
};

const turns = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('samples on its timer from start to close, and rates between two samples', async () => {
  const clock = new ManualClock();
  const { read, reads } = kernel(FILES);
  const sampler = new HostSampler({ clock, unixTime: () => reads(), read, disks: () => ['sda'] });
  clock.advance(60_000);
  assert.deepEqual([sampler.figures, reads()], [undefined, 0], 'nothing runs before start');
  await sampler.start();
  assert.equal(sampler.figures?.ok, true);
  assert.deepEqual([sampler.figures.process.stat.ppid, sampler.figures.cpu.online], [3, 2]);
  assert.deepEqual(sampler.figures.disks, { readKBps: 0, writeKBps: 0, busy: 0 });
  clock.advance(HOST_SAMPLE_MS);
  await turns();
  assert.equal(reads(), 2);
  const { figures } = sampler;
  assert.equal(figures.atMs, 2);
  assert.equal(figures.cpu.busy, 0.25);
  // 6,000 sectors of 512 bytes in 3 s.
  assert.deepEqual(figures.disks, { readKBps: 1_024, writeKBps: 102, busy: 0.5 });
  assert.deepEqual(figures.network, { publicReceived: 0, publicSent: 0, innerReceived: 5, innerSent: 6 });
  assert.deepEqual(figures.load, [0.5, 0.4, 0.3]);
  assert.deepEqual(figures.uptime, { up: 100.5, idle: 150.25 });
  sampler.close();
  sampler.close();
  clock.advance(60_000);
  await turns();
  assert.equal(reads(), 2, 'nothing runs after close');
  await sampler.start();
  assert.equal(reads(), 3);
  sampler.close();
});

test('disks that nobody asks for are not counted; a reload that adds one begins with no load', async () => {
  const clock = new ManualClock();
  const disks: string[] = [];
  const { read } = kernel(FILES);
  const sampler = new HostSampler({ clock, unixTime: () => 0, read, disks: () => disks });
  const sample = async (): Promise<unknown> => {
    clock.advance(HOST_SAMPLE_MS);
    await turns();
    return sampler.figures?.disks;
  };
  await sampler.start();
  assert.deepEqual(await sample(), { readKBps: 0, writeKBps: 0, busy: 0 });
  disks.push('sda');
  assert.deepEqual(await sample(), { readKBps: 0, writeKBps: 0, busy: 0 });
  assert.deepEqual(await sample(), { readKBps: 1_024, writeKBps: 102, busy: 0.5 });
  sampler.close();
});

test('without /proc it says so and has what Node knows', async () => {
  const clock = new ManualClock();
  const sampler = new HostSampler({ clock, unixTime: () => 0, read: kernel({}).read });
  await sampler.start();
  sampler.close();
  const { figures } = sampler;
  assert.equal(figures?.ok, false);
  assert.ok(figures.process.usage.maxRSS > 0);
  assert.deepEqual([figures.memory.total, figures.cpu.busy, figures.sockets.all], [0, 0, 0]);
});

test('a host that is slow to answer is asked once at a time', async () => {
  const clock = new ManualClock();
  let asked = 0;
  let answer: (text: string) => void = () => undefined;
  const slow = new Promise<string>((resolve) => (answer = resolve));
  const read = (path: string): Promise<string> => {
    if (path === '/proc/stat') asked += 1;
    return slow;
  };
  const sampler = new HostSampler({ clock, unixTime: () => 0, read });
  const started = sampler.start();
  clock.advance(10 * HOST_SAMPLE_MS);
  assert.equal(asked, 1);
  answer('');
  await started;
  sampler.close();
});
