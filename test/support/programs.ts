import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

/** Kept of each output stream of a program, characters. */
const MAX_OUTPUT = 1_000_000;
const DEFAULT_DEADLINE_MS = 90_000;
const POLL_MS = 25;

// A test that dies must not leave programs behind.
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** How a program ended. */
export interface ProgramEnd {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** It ran longer than it may and was killed. */
  readonly timedOut: boolean;
}

export interface ProgramOptions {
  /** Killed after so long, ms. @default 90000 */
  readonly deadlineMs?: number;
  readonly cwd?: string;
}

/** A program that was started by a test. It ends at its deadline, and at the latest with the test process. */
export class Program {
  readonly #child: ChildProcess;
  readonly #ended: Promise<ProgramEnd>;
  #stdout = '';
  #stderr = '';
  #timedOut = false;

  constructor(command: string, args: readonly string[], options: ProgramOptions = {}) {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: options.cwd });
    this.#child = child;
    running.add(child);
    const deadline = setTimeout(() => {
      this.#timedOut = true;
      child.kill('SIGKILL');
    }, options.deadlineMs ?? DEFAULT_DEADLINE_MS);
    child.stdout.on('data', (bytes: Buffer) => {
      if (this.#stdout.length < MAX_OUTPUT) this.#stdout += bytes.toString();
    });
    child.stderr.on('data', (bytes: Buffer) => {
      if (this.#stderr.length < MAX_OUTPUT) this.#stderr += bytes.toString();
    });
    this.#ended = once(child, 'close').then(() => {
      clearTimeout(deadline);
      running.delete(child);
      return {
        code: child.exitCode ?? undefined,
        signal: child.signalCode ?? undefined,
        stdout: this.#stdout,
        stderr: this.#stderr,
        timedOut: this.#timedOut,
      };
    });
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error('the program did not start');
    return pid;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Standard output and error so far. */
  get output(): string {
    return this.#stdout + this.#stderr;
  }

  /** Resolves when it has ended by itself or by its deadline. */
  get ended(): Promise<ProgramEnd> {
    return this.#ended;
  }

  /** Sends a signal and waits for the end. */
  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<ProgramEnd> {
    if (this.running) this.#child.kill(signal);
    return this.#ended;
  }
}

/** A program of the system, or an error that names the one command that installs it. */
export function requireProgram(file: string, debianPackage: string): string {
  if (existsSync(file)) return file;
  throw new Error(
    `${file} is missing. Run: sudo apt-get install -y --no-install-recommends ${debianPackage}`,
  );
}

/** Runs a program to its end; throws with what it said when it failed. */
export async function run(
  command: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramEnd> {
  const end = await new Program(command, args, options).ended;
  if (end.code === 0) return end;
  const how = end.timedOut ? 'took too long' : `ended with ${end.code ?? end.signal ?? 'nothing'}`;
  throw new Error(`${command} ${args.join(' ')}\n${how}:\n${end.stderr || end.stdout}`);
}

/** Waits until `question` is answered with something true. `what` is for the error. */
export async function until<T>(
  what: string,
  question: () => T | Promise<T>,
  deadlineMs = 15_000,
): Promise<NonNullable<T>> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const answer = await question();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`${what}: not within ${deadlineMs} ms`);
    await sleep(POLL_MS);
  }
}

/** A folder that is removed when the tests of this file are over. Call it at the top level or in a suite. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'srs-interop-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Whether somebody accepts connections on a port of 127.0.0.1. */
export function accepts(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}
