import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { accepts, type ServerKind } from './server.ts';

const PROGRAM = '/usr/sbin/nginx';
const MODULE = '/usr/lib/nginx/modules/ngx_rtmp_module.so';
const PACKAGES = ['nginx', 'libnginx-mod-rtmp'];
const installed = (): boolean => existsSync(PROGRAM) && existsSync(MODULE);

/** Installs Debian's packages when they are missing and this is root. */
export function installNginx(): void {
  if (installed() || process.getuid?.() !== 0) return;
  console.log(`Installing ${PACKAGES.join(' and ')} …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync('apt-get', ['update', '-qq'], { stdio: 'ignore', env });
  spawnSync('apt-get', ['install', '-qq', '-y', '--no-install-recommends', ...PACKAGES], {
    stdio: 'ignore',
    env,
  });
}

/** One worker process, live only; the module has no GOP cache and merges nothing. */
function config(port: number): string {
  return `load_module ${MODULE};
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid nginx.pid;
error_log stderr crit;
events { worker_connections 20000; }
rtmp {
    access_log off;
    server {
        listen ${port};
        chunk_size 60000;
        ping 1h;
        application live { live on; }
    }
}
`;
}

/** Debian's nginx with its RTMP module. */
export const NGINX_RTMP: ServerKind = {
  id: 'nginx-rtmp',
  title: 'nginx-rtmp 1.2.2',
  ours: false,
  flv: false,
  maxViewers: 5000,
  unavailable: () => (installed() ? undefined : `run: apt-get install ${PACKAGES.join(' ')}`),
  prepare(folder, ports) {
    const file = path.join(folder, 'nginx.conf');
    mkdirSync(path.join(folder, 'logs'));
    writeFileSync(file, config(ports.rtmp));
    return {
      command: PROGRAM,
      args: ['-p', folder, '-c', file],
      node: false,
      ready: () => accepts(ports.rtmp),
    };
  },
};
