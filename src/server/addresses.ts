/** Where something listens. */
export interface BoundAddress {
  readonly host: string;
  readonly port: number;
}

/** Where a running server listens. Ports are the real ones, also where 0 was asked for. */
export interface ServerAddresses {
  readonly rtmp: readonly BoundAddress[];
  readonly rtmps: readonly BoundAddress[];
  readonly http: readonly BoundAddress[];
  readonly api: readonly BoundAddress[];
  readonly https: readonly BoundAddress[];
  readonly apiHttps: readonly BoundAddress[];
  readonly exporter: readonly BoundAddress[];
}

/** An address of the configuration as listeners take it: without a host it is every address of the machine. */
export function listenAddress(address: { readonly host: string | undefined; readonly port: number }): {
  readonly host?: string;
  readonly port: number;
} {
  const { host, port } = address;
  return host === undefined ? { port } : { host, port };
}

/** Starts it, or closes it and throws. */
export async function started<T extends { start(): Promise<void>; close(): Promise<void> }>(
  made: T,
): Promise<T> {
  try {
    await made.start();
    return made;
  } catch (error) {
    await made.close();
    throw error;
  }
}
