import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { constants } from 'node:fs';
import { access, open, readdir, readlink, stat, statfs } from 'node:fs/promises';
import { get } from 'node:http';
import { createServer, isIPv6 } from 'node:net';
import { availableParallelism, networkInterfaces, totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { currentFolder } from '../../config/index.ts';
import { detectContainer } from '../../server/process/container.ts';
import type { Surroundings } from './surroundings.ts';

/** A file that is looked at: `/proc/net/tcp` has 150 bytes for each connection. */
export const MAX_DOCTOR_FILE_BYTES = 16 * 1024 * 1024;
/** What a program may print; `ffmpeg -encoders` prints 30 kB. */
export const MAX_DOCTOR_OUTPUT_BYTES = 1024 * 1024;
/** The answer of whatever listens where the API should. */
export const MAX_DOCTOR_ANSWER_BYTES = 64 * 1024;

const PROGRAM_MS = 5000;
const ANSWER_MS = 2000;
const ACCESS = { read: constants.R_OK, write: constants.W_OK, execute: constants.X_OK } as const;

/** This machine. */
export function machine(env: Surroundings['env']): Surroundings {
  return {
    env,
    pid: process.pid,
    uid: process.getuid?.(),
    nodeVersion: process.versions.node,
    cwd: currentFolder(),
    colours: process.stdout.isTTY && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb',
    container: detectContainer(),
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    addresses: Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address)),
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    now: () => Date.now(),
    monotonicMs: () => performance.now(),
    wait: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined),
    read,
    list: (path) => readdir(path).catch(() => undefined),
    link: (path) => readlink(path).catch(() => undefined),
    stat: (path) =>
      stat(path).then(
        (facts) => ({
          kind: facts.isFile() ? 'file' : facts.isDirectory() ? 'folder' : 'other',
          device: facts.dev,
          inode: facts.ino,
        }),
        codeOf,
      ),
    access: (path, wanted) => access(path, ACCESS[wanted]).then(() => undefined, codeOf),
    space: (path) =>
      statfs(path).then(
        ({ bsize, blocks, bavail, files, ffree }) => ({
          totalBytes: bsize * blocks,
          freeBytes: bsize * bavail,
          totalFiles: files,
          freeFiles: ffree,
        }),
        () => undefined,
      ),
    bind: (host, port, transport) => (transport === 'tcp' ? bindTcp(host, port) : bindUdp(host, port)),
    get: ask,
    run,
  };
}

async function read(path: string): Promise<string | undefined> {
  try {
    // A pipe in place of a file would keep us waiting for a writer.
    if (!(await stat(path)).isFile()) return undefined;
    const file = await open(path, 'r');
    try {
      const parts: Buffer[] = [];
      // Files of /proc say that their size is 0.
      for (let length = 0; length < MAX_DOCTOR_FILE_BYTES;) {
        const part = Buffer.allocUnsafe(64 * 1024);
        const { bytesRead } = await file.read(part, 0, part.length);
        if (bytesRead === 0) break;
        parts.push(part.subarray(0, bytesRead));
        length += bytesRead;
      }
      return Buffer.concat(parts).toString();
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

/** As the server does it: no host is every address, IPv4 alone where there is no IPv6. */
async function bindTcp(host: string | undefined, port: number): Promise<string | undefined> {
  if (host !== undefined) return bindOnce(host, port);
  const code = await bindOnce('::', port);
  return code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL' ? bindOnce('0.0.0.0', port) : code;
}

function bindOnce(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error) => resolve(codeOf(error)));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

function bindUdp(host: string | undefined, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(host === undefined || isIPv6(host) ? 'udp6' : 'udp4');
    socket.once('error', (error) => {
      socket.close();
      resolve(codeOf(error));
    });
    socket.bind({ address: host, port, exclusive: true }, () => socket.close(() => resolve(undefined)));
  });
}

function ask(url: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, signal: AbortSignal.timeout(ANSWER_MS) }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        if (text.length + part.length <= MAX_DOCTOR_ANSWER_BYTES) {
          text += part;
          return;
        }
        resolve(undefined);
        request.destroy();
      });
      response.on('end', () => resolve(response.statusCode === 200 ? text : undefined));
      response.on('close', () => resolve(undefined));
      response.on('error', () => resolve(undefined));
    });
    request.on('error', () => resolve(undefined));
  });
}

function run(
  command: string,
  args: readonly string[],
): Promise<{ succeeded: boolean; stdout: string } | undefined> {
  return new Promise((resolve) => {
    const options = {
      timeout: PROGRAM_MS,
      killSignal: 'SIGKILL',
      maxBuffer: MAX_DOCTOR_OUTPUT_BYTES,
    } as const;
    try {
      const child = execFile(command, args, options, (error, stdout) => {
        if (error === null) resolve({ succeeded: true, stdout });
        else resolve(typeof error.code === 'number' ? { succeeded: false, stdout } : undefined);
      });
      child.stdin?.end();
    } catch {
      resolve(undefined); // A path with a zero byte in it.
    }
  });
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}
