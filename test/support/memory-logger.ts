import type { Logger, LogScope } from '../../src/base/logger.ts';

/** Keeps its lines as `level [session] text`. */
export class MemoryLogger implements Logger {
  readonly lines: string[];
  readonly #scope: LogScope;

  constructor(lines: string[] = [], scope: LogScope = {}) {
    this.lines = lines;
    this.#scope = scope;
  }

  debug(message: string): void {
    this.#add('debug', message);
  }

  info(message: string): void {
    this.#add('info', message);
  }

  warn(message: string): void {
    this.#add('warn', message);
  }

  error(message: string): void {
    this.#add('error', message);
  }

  child(scope: LogScope): Logger {
    return new MemoryLogger(this.lines, { ...this.#scope, ...scope });
  }

  #add(level: string, message: string): void {
    this.lines.push(`${level} [${this.#scope.session ?? ''}] ${message}`);
  }
}
