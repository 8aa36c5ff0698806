import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const MODULES = ['/usr/lib/nginx/modules/ngx_rtmp_module.so', '/usr/share/nginx/modules/ngx_rtmp_module.so'];
const START_DEADLINE_MS = 10_000;

export interface NginxRtmp {
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts an nginx with its RTMP module on a free port of 127.0.0.1; `applications` goes into its `server` block. */
export async function startNginxRtmp(applications: string): Promise<NginxRtmp> {
  const module = MODULES.find(exists);
  if (module === undefined) {
    throw new Error('nginx with its RTMP module is missing: apt-get install nginx libnginx-mod-rtmp');
  }
  const dir = mkdtempSync(join(tmpdir(), 'nginx-rtmp-'));
  const port = await freePort();
  const config = `load_module ${module};
daemon off; master_process off; pid ${dir}/pid; error_log ${dir}/error.log warn;
events {}
rtmp { access_log off; server { listen 127.0.0.1:${port}; ${applications} } }`;
  writeFileSync(join(dir, 'nginx.conf'), config);
  const child = spawn('nginx', ['-p', dir, '-c', join(dir, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let trouble = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (trouble += text));
  child.on('error', (error) => (trouble += error.message));
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.pid !== undefined) {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    }
    rmSync(dir, { recursive: true, force: true });
  };
  const deadline = Date.now() + START_DEADLINE_MS;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || child.pid === undefined || Date.now() > deadline) {
      await stop();
      throw new Error(`nginx did not start: ${trouble}`);
    }
    await sleep(20);
  }
  return { port, stop };
}

function exists(path: string): boolean {
  try {
    accessSync(path);
    return true;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}
