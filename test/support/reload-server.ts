import { parseConfig } from '../../src/config/index.ts';
import type { StreamObserver, AccessPolicy } from '../../src/hub/ports.ts';
import { Reloader, describeEntry, type ReloadReport } from '../../src/server/reload/index.ts';
import { Server } from '../../src/server/server.ts';
import { MemoryLogger } from './memory-logger.ts';

/** A server in this process whose configuration is a text that a test may change. */
export class ReloadServer {
  readonly server: Server;
  readonly reloader: Reloader;
  /** Log lines as `level [session] text`. */
  readonly lines: string[];
  readonly #setText: (text: string) => void;

  private constructor(server: Server, reloader: Reloader, lines: string[], setText: (text: string) => void) {
    this.server = server;
    this.reloader = reloader;
    this.lines = lines;
    this.#setText = setText;
  }

  static async start(
    text: string,
    deps: {
      readonly observers?: readonly StreamObserver[];
      readonly policy?: AccessPolicy;
      readonly pageDir?: string;
    } = {},
  ): Promise<ReloadServer> {
    let current = text;
    const load = (): ReturnType<typeof parseConfig> =>
      parseConfig(current, 'test.conf', { allowPortZero: true });
    const logger = new MemoryLogger();
    const loaded = load();
    const server = new Server(loaded.config, { logger, version: '9.9.9', pageDir: undefined, ...deps });
    await server.start();
    const reloader = new Reloader({
      loaded,
      load,
      targets: [server],
      logger,
      onReport: (report) => server.reloaded(report),
    });
    return new ReloadServer(server, reloader, logger.lines, (next) => {
      current = next;
    });
  }

  get rtmpPort(): number {
    return this.server.addresses.rtmp[0]?.port ?? 0;
  }

  get httpPort(): number {
    return this.server.addresses.http[0]?.port ?? 0;
  }

  get apiPort(): number {
    return this.server.addresses.api[0]?.port ?? 0;
  }

  /** The file says `text` now, and is read again. */
  reload(text: string): Promise<ReloadReport> {
    this.#setText(text);
    return this.reloader.reload('test');
  }

  /** As `reload`, and fails unless everything was applied. */
  async apply(text: string): Promise<ReloadReport> {
    const report = await this.reload(text);
    const bad = report.entries.filter(({ outcome }) => outcome !== 'applied').map(describeEntry);
    if (!report.ok || bad.length > 0) throw new Error([...report.problems, ...bad].join('\n'));
    return report;
  }

  stop(): Promise<void> {
    return this.server.stop();
  }
}
