import { existsSync, readFileSync } from 'node:fs';

/** What tells a container from a machine. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  exists(path: string): boolean;
  /** The text of a file; empty when it cannot be read. */
  read(path: string): string;
}

const MARKS = ['/.dockerenv', '/run/.containerenv'] as const;
/** How Docker, Kubernetes, containerd, CRI-O, LXC and Podman name the cgroup of a container (cgroup v1, or v2 without a namespace). */
const CGROUP = /[/:-](docker|kubepods|containerd|crio|cri-containerd|lxc|libpod)\b/;

/** By what sign this process is inside a container; undefined = by none. */
export function detectContainer(around: Surroundings = machine()): string | undefined {
  for (const mark of MARKS) if (around.exists(mark)) return mark;
  // Set by Podman, systemd-nspawn and LXC.
  const named = around.env['container'];
  if (named !== undefined && named !== '') return `container=${named}`;
  if (around.env['KUBERNETES_SERVICE_HOST'] !== undefined) return 'KUBERNETES_SERVICE_HOST';
  const group = CGROUP.exec(around.read('/proc/self/cgroup'))?.[1];
  return group === undefined ? undefined : `cgroup ${group}`;
}

function machine(): Surroundings {
  return {
    env: process.env,
    exists: existsSync,
    read: (path) => {
      try {
        return readFileSync(path, 'latin1');
      } catch {
        return '';
      }
    },
  };
}
