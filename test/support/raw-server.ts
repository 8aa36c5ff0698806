import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadConfig, type ConfigReader } from '../../src/config/index.ts';
import { RawPart, type RawPartOptions } from '../../src/server/raw.ts';
import { Reloader, type ReloadReport, type ReloadTarget } from '../../src/server/reload/index.ts';
import { Server } from '../../src/server/server.ts';
import { MemoryLogger } from './memory-logger.ts';

/** The directives that belong to the process, which a test shares with others: they are taken as done. */
const PROCESS: ReloadTarget = {
  owns: (directive) => /^(?:pid|utc_time|srs_log_\w+)$/.test(directive),
  apply: () => Promise.resolve([]),
};

/** What the RAW API answers. */
export interface RawBody {
  readonly code: number;
  readonly msg?: string;
  readonly data?: {
    readonly changed: boolean;
    readonly file: string;
    readonly diff: readonly string[];
    readonly changes: readonly { directive: string; text: string; outcome: string }[];
  };
  readonly [name: string]: unknown;
}

/** A server in this process with configuration files of its own, and the RAW API. */
export class RawServer {
  readonly folder: string;
  readonly conf: string;
  readonly server: Server;
  readonly reloader: Reloader;
  readonly lines: readonly string[];

  private constructor(folder: string, conf: string, server: Server, reloader: Reloader, lines: string[]) {
    this.folder = folder;
    this.conf = conf;
    this.server = server;
    this.reloader = reloader;
    this.lines = lines;
  }

  /** `files`: the texts of srs.conf and of what it includes, by name. */
  static async start(
    files: Readonly<Record<string, string>>,
    env: Readonly<Record<string, string>> = {},
    more: Pick<RawPartOptions, 'replace'> = {},
  ): Promise<RawServer> {
    const folder = mkdtempSync(path.join(tmpdir(), 'raw-api-'));
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      writeFileSync(path.join(folder, name), text);
    }
    const load = (reader?: ConfigReader): ReturnType<typeof loadConfig> =>
      loadConfig('srs.conf', {
        cwd: folder,
        env,
        allowPortZero: true,
        ...(reader === undefined ? {} : { reader }),
      });
    const logger = new MemoryLogger();
    const loaded = load();
    const server: Server = new Server(loaded.config, {
      logger,
      version: '9.9.9',
      pageDir: undefined,
      raw: () => raw,
    });
    const reloader = new Reloader({ loaded, load: () => load(), targets: [PROCESS, server], logger });
    const reload = (trigger: string): Promise<ReloadReport> => reloader.reload(trigger);
    const raw = new RawPart({ load, cwd: folder, reloader, reload, logger, ...more });
    await server.start();
    return new RawServer(folder, path.join(folder, 'srs.conf'), server, reloader, logger.lines);
  }

  /** The text of a file now. */
  text(name = 'srs.conf'): string {
    return readFileSync(path.join(this.folder, name), 'utf8');
  }

  get origin(): string {
    return `http://127.0.0.1:${this.server.addresses.api[0]?.port ?? 0}`;
  }

  /** `/api/v1/raw?` and a query such as `rpc=raw`, or its parameters. */
  async raw(query: string | Readonly<Record<string, string>>, init: RequestInit = {}): Promise<RawBody> {
    const text = typeof query === 'string' ? query : new URLSearchParams(query).toString();
    const response = await fetch(`${this.origin}/api/v1/raw?${text}`, init);
    return (await response.json()) as RawBody;
  }

  async stop(): Promise<void> {
    await this.server.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
