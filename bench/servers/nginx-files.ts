import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { accepts, type ServerKind } from './server.ts';

const PROGRAM = '/usr/sbin/nginx';

/** One worker process that serves a folder as nginx does by itself: sendfile, keep-alive, no log. */
function config(port: number, root: string): string {
  return `${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid nginx.pid;
error_log stderr crit;
events { worker_connections 20000; }
http {
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 1h;
    keepalive_requests 100000000;
    types {
        application/vnd.apple.mpegurl m3u8;
        video/mp2t ts;
    }
    server {
        listen ${port};
        root ${root};
    }
}
`;
}

/** Debian's nginx over the files that this server writes below `root`. */
export function nginxFiles(root: string): ServerKind {
  return {
    id: 'nginx',
    title: 'nginx, the same files',
    ours: false,
    flv: false,
    maxViewers: Infinity,
    unavailable: () => (existsSync(PROGRAM) ? undefined : 'run: apt-get install nginx'),
    prepare(folder, ports) {
      const file = path.join(folder, 'nginx.conf');
      mkdirSync(path.join(folder, 'logs'));
      writeFileSync(file, config(ports.http, root));
      return {
        command: PROGRAM,
        args: ['-p', folder, '-c', file],
        node: false,
        ready: () => accepts(ports.http),
      };
    },
  };
}
