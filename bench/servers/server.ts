import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** The repository. */
export const ROOT = path.resolve(import.meta.dirname, '../..');
/** Where everything listens. */
export const HOST = '127.0.0.1';
const READY_TIMEOUT_MS = 15_000;
const STOP_TIMEOUT_MS = 8_000;
const RETRY_MS = 50;

/** A server, or one set of settings of it, that the bench can start. */
export interface ServerKind {
  readonly id: string;
  readonly title: string;
  /** This server, not a peer. */
  readonly ours: boolean;
  /** Serves HTTP-FLV. */
  readonly flv: boolean;
  /** More viewers than this need more than one core of it; larger loads are not run unless asked for. */
  readonly maxViewers: number;
  /** Undefined when it can run here, else why not and what to do. */
  unavailable(): string | undefined;
  /** Writes what it needs below `folder` and says how to start it. */
  prepare(folder: string, ports: ServerPorts): LaunchPlan;
}

export interface ServerPorts {
  readonly rtmp: number;
  readonly http: number;
  readonly api: number;
}

export interface LaunchPlan {
  readonly command: string;
  readonly args: readonly string[];
  /** True for programs on Node.js: they get the agent. */
  readonly node: boolean;
  /** Resolves to true once the server serves. */
  ready(): Promise<boolean>;
}

/** A server that runs. */
export class RunningServer {
  readonly kind: ServerKind;
  readonly ports: ServerPorts;
  /** Its own folder, gone with it. */
  readonly folder: string;
  readonly #child: ChildProcess;
  readonly #agentPath: string | undefined;
  /** What is left to do when the bench itself is ended early. */
  readonly #onExit = (): void => {
    this.#child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  };

  constructor(
    kind: ServerKind,
    ports: ServerPorts,
    child: ChildProcess,
    folder: string,
    agentPath: string | undefined,
  ) {
    this.kind = kind;
    this.ports = ports;
    this.#child = child;
    this.folder = folder;
    this.#agentPath = agentPath;
    process.once('exit', this.#onExit);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Asks the agent inside a Node.js server; undefined for other servers. */
  async ask(action: string, argument = ''): Promise<Record<string, unknown> | undefined> {
    if (this.#agentPath === undefined) return undefined;
    const socket = net.connect(this.#agentPath);
    socket.write(`${action} ${argument}\n`);
    let text = '';
    for await (const part of socket) text += String(part);
    return JSON.parse(text) as Record<string, unknown>;
  }

  /** The end of what the server wrote, for messages. */
  output(): string {
    return readFileSync(path.join(this.folder, 'output.log'), 'utf8').slice(-2000);
  }

  async stop(): Promise<void> {
    if (this.alive) {
      const gone = new Promise((resolve) => this.#child.once('exit', resolve));
      this.#child.kill('SIGTERM');
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await gone;
      clearTimeout(timer);
    }
    process.off('exit', this.#onExit);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Starts a server on free ports and waits until it serves. */
export async function startServer(kind: ServerKind): Promise<RunningServer> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'srs-bench-'));
  const ports = { rtmp: await freePort(), http: await freePort(), api: await freePort() };
  const plan = kind.prepare(folder, ports);
  const agentPath = plan.node ? path.join(folder, 'agent.sock') : undefined;
  const env = { ...process.env };
  if (agentPath !== undefined) {
    env['BENCH_AGENT'] = agentPath;
    env['NODE_OPTIONS'] = `--import ${pathToFileURL(path.join(import.meta.dirname, 'agent.mjs')).href}`;
  }
  const log = openSync(path.join(folder, 'output.log'), 'w');
  const child = spawn(plan.command, plan.args, { cwd: folder, env, stdio: ['ignore', log, log] });
  closeSync(log);
  child.on('error', () => undefined);
  const server = new RunningServer(kind, ports, child, folder, agentPath);
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (!(await plan.ready())) {
    if (!server.alive || child.pid === undefined || Date.now() > deadline) {
      const output = server.output();
      await server.stop();
      throw new Error(`${kind.title} did not start:\n${output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  return server;
}

/** True when something accepts connections at a port of this machine. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: HOST, port });
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on('error', reject);
    server.listen(0, HOST, () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
