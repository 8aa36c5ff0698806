import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { ServerError } from '../../src/base/errors.ts';
import type {
  AccessGrant,
  AccessPolicy,
  AccessRequest,
  PlaybackStats,
  PublishLease,
  SessionInfo,
} from '../../src/hub/ports.ts';
import { sessionOf } from './hub-fixtures.ts';
import { until } from './programs.ts';
import { ReloadServer } from './reload-server.ts';
import { aacConfig, aacFrame, audioTime, avcConfig, picture } from './ts-frames.ts';

/** What a policy says: a grant, or undefined to refuse. */
export type Verdict = (request: AccessRequest) => AccessGrant | undefined;

const TOKEN: Verdict = ({ params }) => (params.split('&').includes('token=good') ? {} : undefined);

/** A stream of the hub whose media runs as it is told to: pictures at 25 a second, a keyframe each second, and sound. */
export class FedStream {
  readonly #lease: PublishLease;
  #at = 0;
  #sounds = 0;

  constructor(lease: PublishLease) {
    this.#lease = lease;
    lease.write(avcConfig(0));
    lease.write(aacConfig(0));
  }

  run(ms: number): void {
    for (const end = this.#at + ms; this.#at < end; this.#at += 40) {
      this.#lease.write(picture(this.#at, 0, this.#at % 1_000 === 0, [200]));
      for (; audioTime(0, this.#sounds) <= this.#at; this.#sounds += 1)
        this.#lease.write(aacFrame(audioTime(0, this.#sounds), 50));
    }
  }

  end(): void {
    this.#lease.release();
  }
}

export interface Got {
  readonly status: number;
  readonly text: string;
  readonly location: string;
  readonly cacheControl: string;
}

export interface FileViewersSettings {
  /** The vhost block, with ROOT for the folder. */
  readonly vhost: string;
  /** Before all blocks. */
  readonly head?: string;
  /** Of the http_server block. */
  readonly http?: string;
  /** `open`: everybody may, and nothing is protected. Default: who has `token=good`. */
  readonly verdict?: Verdict | 'open';
  /** A folder of an earlier server. */
  readonly root?: string;
}

/** A whole server whose streams are files, and a policy that wants `token=good` of whoever plays. */
export class FileViewers {
  readonly server: ReloadServer;
  readonly root: string;
  readonly asked: AccessRequest[];
  /** `+type` and `-type` of who plays. */
  readonly seen: string[];
  readonly sessions: SessionInfo[];

  private constructor(
    server: ReloadServer,
    root: string,
    seen: { readonly asked: AccessRequest[]; readonly seen: string[]; readonly sessions: SessionInfo[] },
  ) {
    this.server = server;
    this.root = root;
    this.asked = seen.asked;
    this.seen = seen.seen;
    this.sessions = seen.sessions;
  }

  static async start(context: TestContext, settings: FileViewersSettings): Promise<FileViewers> {
    const root = settings.root ?? (await mkdtemp(join(tmpdir(), 'srs-files-')));
    const { verdict = TOKEN } = settings;
    const seen = { asked: [] as AccessRequest[], seen: [] as string[], sessions: [] as SessionInfo[] };
    const policy: AccessPolicy = {
      protects: () => verdict !== 'open',
      check: (request) => {
        seen.asked.push(request);
        if (verdict === 'open' || request.action !== 'play') return Promise.resolve(undefined);
        const grant = verdict(request);
        return grant === undefined
          ? Promise.reject(new ServerError('SESSION_CLOSED', 'no token'))
          : Promise.resolve(grant);
      },
    };
    const server = await ReloadServer.start(FileViewers.#text(root, settings), {
      policy,
      observers: [
        {
          playStarted: (_name, session) => {
            seen.seen.push(`+${session.type}`);
            seen.sessions.push(session);
          },
          playEnded: (_name, { type }) => void seen.seen.push(`-${type}`),
        },
      ],
    });
    const made = new FileViewers(server, root, seen);
    context.after(async () => {
      await server.stop();
      await rm(root, { recursive: true, force: true });
    });
    return made;
  }

  static #text(root: string, { vhost, http = '', head = '' }: FileViewersSettings): string {
    return `listen 127.0.0.1:0; max_connections 1000; daemon off; ${head}
      http_server { enabled on; listen 127.0.0.1:0; dir ${root}; page off; ${http} }
      vhost __defaultVhost__ { publish { hold_time 100; } ${vhost.replaceAll('ROOT', root)} }`;
  }

  /** Other settings of the same server; the verdict stays. */
  async reload(settings: FileViewersSettings): Promise<void> {
    await this.server.apply(FileViewers.#text(this.root, settings));
  }

  publish(stream = 'show', app = 'live'): FedStream {
    const name = { vhost: '__defaultVhost__', app, stream };
    return new FedStream(this.server.server.hub.publish(name, sessionOf(`pub-${stream}`)));
  }

  async get(path: string, init: RequestInit = {}): Promise<Got> {
    const base = `http://127.0.0.1:${this.server.httpPort}`;
    const answer = await fetch(new URL(path, `${base}/live/`), { redirect: 'manual', ...init });
    return {
      status: answer.status,
      text: await answer.text(),
      location: answer.headers.get('location') ?? '',
      cacheControl: answer.headers.get('cache-control') ?? '',
    };
  }

  /** The status alone. */
  async status(path: string): Promise<number> {
    return (await this.get(path)).status;
  }

  /** The text behind `path` once it is there and has what is wanted of it. */
  text(path: string, wanted: RegExp): Promise<string> {
    return until(`${String(wanted)} at ${path}`, async () => {
      const { status, text } = await this.get(path);
      return status === 200 && wanted.test(text) ? text : undefined;
    });
  }

  /** Comes in by the master playlist: the address of the media playlist, and what it says. */
  async join(path: string, wanted = /EXTINF/): Promise<{ readonly uri: string; readonly text: string }> {
    const master = await this.text(path, /STREAM-INF/);
    const uri = master.split('\n').find((line) => line !== '' && !line.startsWith('#')) ?? '';
    return { uri, text: await this.text(uri, wanted) };
  }

  /** Of all who played and play. */
  sentBytes(): number {
    let sum = 0;
    for (const session of this.sessions)
      if ('stats' in session) sum += (session.stats as PlaybackStats).sentBytes;
    return sum;
  }

  viewers(stream = 'show'): number | undefined {
    const name = { vhost: '__defaultVhost__', app: 'live', stream };
    return this.server.server.hub.find(name)?.snapshot().viewers;
  }
}

/** What a playlist names: segments, maps, parts, hints, keys. */
export function urisOf(playlist: string): readonly string[] {
  const uris = playlist.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  for (const match of playlist.matchAll(/URI="([^"]*)"/g)) uris.push(match[1] ?? '');
  assert.ok(uris.length > 0, playlist);
  return uris;
}

/** Without its query. */
export function bare(uri: string): string {
  return uri.replace(/\?.*$/, '');
}
