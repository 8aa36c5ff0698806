import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Program, until } from './programs.ts';
import { freePorts, REPOSITORY, type ServerPorts } from './server-process.ts';

export const SRS = join(REPOSITORY, 'bin/srs');

export interface StartOptions {
  /** Before the script: Node's own options. */
  readonly node?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A folder with a configuration and free ports, in which `bin/srs` is started with whatever a test asks of it. */
export class SrsHome {
  readonly folder: string;
  readonly conf: string;
  readonly ports: ServerPorts;
  readonly pidFile: string;
  readonly logFile: string;

  constructor(folder: string, ports: ServerPorts) {
    this.folder = folder;
    this.ports = ports;
    this.conf = join(folder, 'srs.conf');
    this.pidFile = join(folder, 'objs/srs.pid');
    this.logFile = join(folder, 'objs/srs.log');
  }

  get rtmpUrl(): string {
    return `rtmp://127.0.0.1:${this.ports.rtmp}`;
  }

  get apiUrl(): string {
    return `http://127.0.0.1:${this.ports.api}`;
  }

  /** Writes the configuration. `daemon off` unless `top` has another word on it. */
  configure(top = '', vhost = ''): this {
    writeFileSync(this.conf, this.text(top, vhost));
    return this;
  }

  text(top = '', vhost = ''): string {
    const { rtmp, http, api } = this.ports;
    return `listen 127.0.0.1:${rtmp};
${/\bdaemon\b/.test(top) ? '' : 'daemon off;'}
${top}
http_api { enabled on; listen 127.0.0.1:${api}; }
http_server { enabled on; listen 127.0.0.1:${http}; }
vhost __defaultVhost__ {
    http_remux { enabled on; mount [vhost]/[app]/[stream].flv; }
    ${vhost}
}
`;
  }

  start({ node = [], env = {} }: StartOptions = {}): Program {
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const command = [process.execPath, ...node, SRS, '-c', this.conf];
    return new Program('/usr/bin/env', [...variables, ...command], { cwd: this.folder });
  }

  /** Starts it and waits until everything listens. */
  async up(options?: StartOptions): Promise<Program> {
    const program = this.start(options);
    await until('the API answers', async () => {
      if (!program.running) throw new Error(`it ended: ${program.output}`);
      return this.answers();
    });
    return program;
  }

  /** Whether the API answers. */
  async answers(): Promise<boolean> {
    try {
      return (await fetch(`${this.apiUrl}/api/v1/versions`)).ok;
    } catch {
      return false;
    }
  }

  /** The log file so far; empty when there is none. */
  log(): string {
    return readIfThere(this.logFile);
  }

  /** The number in the pid file; undefined when there is none. */
  pid(): number | undefined {
    const text = readIfThere(this.pidFile).trim();
    return text === '' ? undefined : Number(text);
  }
}

/** A home of its own below `folder`. */
export async function srsHome(folder: string, name: string): Promise<SrsHome> {
  const home = join(folder, name);
  mkdirSync(home);
  const [rtmp = 0, http = 0, api = 0] = await freePorts(3);
  return new SrsHome(home, { rtmp, http, api });
}

/** Whether a process lives; one that has ended and that nobody has asked about does not. */
export function lives(pid: number): boolean {
  const stat = readIfThere(`/proc/${pid}/stat`);
  return stat !== '' && stat[stat.lastIndexOf(')') + 2] !== 'Z';
}

/** The text of a file; empty when it is not there. */
export function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
