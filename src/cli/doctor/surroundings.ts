/** What a path leads to. */
export interface FileFacts {
  readonly kind: 'file' | 'folder' | 'other';
  /** Two paths with the same device and inode lead to the same file. */
  readonly device: number;
  readonly inode: number;
}

/** Room on a file system. */
export interface DiskSpace {
  readonly totalBytes: number;
  /** What processes without privileges may still use. */
  readonly freeBytes: number;
  /** 0: the file system does not count them. */
  readonly totalFiles: number;
  readonly freeFiles: number;
}

/** How a program ended. */
export interface ProgramResult {
  readonly succeeded: boolean;
  readonly stdout: string;
}

export type Transport = 'tcp' | 'udp';

/** Everything that the checks see of the world outside: a test needs no real trouble. Nothing here changes anything. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  /** Undefined where the system has none. */
  readonly uid: number | undefined;
  /** Without a `v`. */
  readonly nodeVersion: string;
  readonly cwd: string;
  /** The output is a terminal that shows colours. */
  readonly colours: boolean;
  /** By what sign this is a container; undefined = it is none. */
  readonly container: string | undefined;
  readonly cpus: number;
  readonly memoryBytes: number;
  /** IP addresses of this machine. */
  readonly addresses: readonly string[];
  readonly timeZone: string;
  /** Wall clock, ms since 1970. */
  now(): number;
  /** A clock that is never set, ms. */
  monotonicMs(): number;
  /** Resolves after that time, and at once when the signal says so. */
  wait(ms: number, signal?: AbortSignal): Promise<void>;
  /** The text of a file; undefined when it cannot be read. */
  read(path: string): Promise<string | undefined>;
  /** The names in a folder; undefined when it cannot be read. */
  list(path: string): Promise<readonly string[] | undefined>;
  /** Where a symbolic link leads; undefined when that cannot be read. */
  link(path: string): Promise<string | undefined>;
  /** What is there, or the code of the error (`ENOENT`). */
  stat(path: string): Promise<FileFacts | string>;
  /** Undefined = it may; else the code of the error (`EACCES`, `EROFS`). */
  access(path: string, wanted: 'read' | 'write' | 'execute'): Promise<string | undefined>;
  /** Undefined when the system does not say. */
  space(path: string): Promise<DiskSpace | undefined>;
  /** Listens for a moment. Undefined = it works; else the code of the error (`EADDRINUSE`). */
  bind(host: string | undefined, port: number, transport: Transport): Promise<string | undefined>;
  /** The body of an HTTP answer with status 200; undefined when there is none. */
  get(url: string): Promise<string | undefined>;
  /** Undefined when the program cannot be started or does not end in time. */
  run(command: string, args: readonly string[]): Promise<ProgramResult | undefined>;
}
