import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import {
  HttpEndpoint,
  MountTable,
  type HttpEndpointDeps,
  type HttpEndpointOptions,
} from '../../src/endpoints/http/index.ts';
import { newSessionId } from '../../src/observe/index.ts';
import { fakeLiveFormat, FakeHub } from './fake-hub.ts';
import { MemoryLogger } from './memory-logger.ts';

export interface TestHttp {
  readonly endpoint: HttpEndpoint;
  readonly hub: FakeHub;
  readonly log: MemoryLogger;
  readonly dir: string;
  readonly port: number;
}

/** The HTTP endpoint on a free port over a hub without media. The caller closes it. */
export async function startHttp(
  options: Partial<HttpEndpointOptions> = {},
  deps: Partial<HttpEndpointDeps> = {},
): Promise<TestHttp> {
  const hub = new FakeHub();
  const log = new MemoryLogger();
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'srs-http-')));
  const endpoint = new HttpEndpoint(
    {
      listen: [{ host: '127.0.0.1', port: 0 }],
      statics: [],
      crossdomain: true,
      pageDir: undefined,
      mounts: new MountTable({
        mounts: [{ vhost: '__defaultVhost__', template: '[vhost]/[app]/[stream].flv' }],
        resolveVhost: () => '__defaultVhost__',
      }),
      playlists: () => [],
      version: '1.2.3',
      rtmpPort: 1935,
      apiPort: 1985,
      ...options,
      dir,
    },
    {
      hub,
      access: { check: () => Promise.resolve(undefined) },
      liveFormat: fakeLiveFormat,
      logger: log,
      clock: systemClock,
      newSessionId,
      ...deps,
    },
  );
  await endpoint.start();
  return { endpoint, hub, log, dir, port: endpoint.addresses[0]?.port ?? 0 };
}
