import type { Logger } from '../../src/base/logger.ts';
import { parseConfig } from '../../src/config/index.ts';
import type { ClosableHub } from '../../src/hub/hub.ts';
import type { StreamSnapshot } from '../../src/hub/ports.ts';
import { Server } from '../../src/server/server.ts';
import type { ServerDeps } from '../../src/server/server-deps.ts';
import { eventually } from './eventually.ts';
import { MemoryLogger } from './memory-logger.ts';

export const TEST_VERSION = '9.9.9';

export interface TestServerOptions extends Partial<Pick<ServerDeps, 'policy' | 'observers' | 'resolvers'>> {
  /** Directives of `__defaultVhost__`; undefined = no such vhost is made. @default '' */
  readonly vhost?: string | undefined;
  /** Further directives of `http_server`. */
  readonly http?: string;
  /** Further blocks and directives for the top level. */
  readonly top?: string;
  /** Where RTMP listens. @default 127.0.0.1:0 */
  readonly listen?: string;
  readonly logger?: Logger;
}

/** A whole server in this process, on free ports. */
export class TestServer {
  readonly server: Server;
  /** Log lines as `level [session] text`; empty when a logger was given. */
  readonly lines: string[];

  private constructor(server: Server, lines: string[]) {
    this.server = server;
    this.lines = lines;
  }

  static async start(options: TestServerOptions = {}): Promise<TestServer> {
    const { vhost = '', http = '', top = '', listen = '127.0.0.1:0', logger, ...deps } = options;
    const text = `
      listen ${listen};
      ${/\bmax_connections\b/.test(top) ? '' : 'max_connections 20000;'}
      ${/\bban_file\b/.test(top) ? '' : 'ban_file "";'}
      http_server { enabled on; listen 127.0.0.1:0; ${http} }
      ${'vhost' in options && options.vhost === undefined ? '' : `vhost __defaultVhost__ { http_remux { enabled on; } ${vhost} }`}
      ${top}
    `;
    const { config } = parseConfig(text, 'test.conf', { allowPortZero: true });
    const memory = new MemoryLogger();
    const server = new Server(config, {
      logger: logger ?? memory,
      version: TEST_VERSION,
      pageDir: undefined,
      ...deps,
    });
    await server.start();
    return new TestServer(server, memory.lines);
  }

  get hub(): ClosableHub {
    return this.server.hub;
  }

  get rtmpPort(): number {
    return this.server.addresses.rtmp[0]?.port ?? 0;
  }

  get httpPort(): number {
    return this.server.addresses.http[0]?.port ?? 0;
  }

  /** Lines that contain all of `parts`. */
  linesWith(...parts: string[]): string[] {
    return this.lines.filter((line) => parts.every((part) => line.includes(part)));
  }

  /** The first line with all of `parts`, once it has been written. */
  line(...parts: string[]): Promise<string> {
    return eventually(
      () => this.linesWith(...parts)[0],
      () => `a log line with ${parts.join(' … ')} in\n${this.lines.slice(-20).join('\n')}`,
    );
  }

  /** Closing lines of RTMP sessions so far. */
  get closings(): string[] {
    return this.linesWith('RTMP closed');
  }

  stream(name: string, app = 'live'): StreamSnapshot | undefined {
    return this.hub.list().find((snapshot) => snapshot.name.stream === name && snapshot.name.app === app);
  }

  stop(): Promise<void> {
    return this.server.stop();
  }
}
