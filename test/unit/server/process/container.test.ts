import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { detectContainer } from '../../../../src/server/process/container.ts';

interface Case {
  readonly name: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly want: string | undefined;
}

const CASES: readonly Case[] = [
  { name: 'a machine', files: { '/proc/self/cgroup': '0::/system.slice/srs.service\n' }, want: undefined },
  { name: 'a login', files: { '/proc/self/cgroup': '0::/user.slice/user-1000.slice\n' }, want: undefined },
  { name: 'nothing to read', want: undefined },
  { name: 'Docker', files: { '/.dockerenv': '' }, want: '/.dockerenv' },
  { name: 'Podman', files: { '/run/.containerenv': '' }, want: '/run/.containerenv' },
  { name: 'systemd-nspawn', env: { container: 'systemd-nspawn' }, want: 'container=systemd-nspawn' },
  { name: 'an empty variable', env: { container: '' }, want: undefined },
  { name: 'Kubernetes', env: { KUBERNETES_SERVICE_HOST: '10.0.0.1' }, want: 'KUBERNETES_SERVICE_HOST' },
  {
    name: 'Docker, cgroup v1',
    files: { '/proc/self/cgroup': '9:cpu:/docker/0123abc\n' },
    want: 'cgroup docker',
  },
  {
    name: 'Docker by systemd',
    files: { '/proc/self/cgroup': '0::/system.slice/docker-0123abc.scope\n' },
    want: 'cgroup docker',
  },
  {
    name: 'Kubernetes, cgroup v1',
    files: { '/proc/self/cgroup': '5:pids:/kubepods/burstable/pod12/34\n' },
    want: 'cgroup kubepods',
  },
  {
    name: 'containerd',
    files: { '/proc/self/cgroup': '0::/../cri-containerd-0123.scope\n' },
    want: 'cgroup cri-containerd',
  },
  // The daemon of Docker itself runs on the machine.
  {
    name: 'a unit whose name contains the word',
    files: { '/proc/self/cgroup': '0::/mydockerish\n' },
    want: undefined,
  },
];

suite('detectContainer', () => {
  for (const { name, files = {}, env = {}, want } of CASES) {
    test(name, () => {
      const found = detectContainer({
        env,
        exists: (path) => path in files,
        read: (path) => files[path] ?? '',
      });
      assert.equal(found, want);
    });
  }
});
