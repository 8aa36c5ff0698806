import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { HOST, ROOT, type ServerKind, type ServerPorts } from './server.ts';

const LIVE = (adaptive: boolean): string => `    play {
        gop_cache on;
        mw_latency 350;
        mw_adaptive ${adaptive ? 'on' : 'off'};
    }
    http_remux {
        enabled on;
        mount [vhost]/[app]/[stream].flv;
    }`;

const hls = (folder: string): string => `    hls {
        enabled on;
        hls_path ${path.join(folder, 'html')};
        hls_fragment 2;
        hls_window 20;
    }`;

/** The configuration file that the bench gives this server. */
function srsConfig(ports: ServerPorts, folder: string, vhost: string): string {
  return `listen ${ports.rtmp};
max_connections 15000;
daemon off;
pid ${path.join(folder, 'srs.pid')};
srs_log_tank console;
srs_log_level warn;
http_server {
    enabled on;
    listen ${ports.http};
    dir ${path.join(folder, 'html')};
}
http_api {
    enabled on;
    listen 127.0.0.1:${ports.api};
}
vhost __defaultVhost__ {
${vhost}
}
`;
}

function srs(id: string, title: string, vhost: (folder: string) => string): ServerKind {
  const program = path.join(ROOT, 'bin/srs');
  return {
    id,
    title,
    ours: true,
    flv: true,
    maxViewers: Infinity,
    unavailable: () => (existsSync(program) ? undefined : `${program} does not exist`),
    prepare(folder, ports) {
      mkdirSync(path.join(folder, 'html'));
      const file = path.join(folder, 'srs.conf');
      writeFileSync(file, srsConfig(ports, folder, vhost(folder)));
      return {
        command: process.execPath,
        // Node's own options, e.g. --perf-basic-prof for perf.
        args: [...(process.env['BENCH_NODE_ARGS']?.split(' ') ?? []), program, '-c', file],
        node: true,
        async ready() {
          try {
            const response = await fetch(`http://${HOST}:${ports.api}/api/v1/versions`);
            await response.arrayBuffer();
            return response.ok;
          } catch {
            return false;
          }
        },
      };
    },
  };
}

/** This server as it comes: the merge window adapts. */
export const SRS = srs('srs', 'srs-ts', () => LIVE(true));
/** This server with the merge window pinned to 350 ms, as SRS has it. */
export const SRS_350 = srs('srs-350', 'srs-ts, window pinned to 350 ms', () => LIVE(false));
/** This server as it makes HLS and serves it from memory. */
export const SRS_HLS = srs('srs', 'srs-ts, from memory', hls);
