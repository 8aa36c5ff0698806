import { Program, requireProgram, until, type ProgramOptions } from './programs.ts';
import type { ServerProcess } from './server-process.ts';

interface ApiStream {
  readonly name: string;
  readonly app: string;
  readonly clients: number;
  readonly publish: { readonly active: boolean };
  readonly video: { readonly codec: string; readonly width: number; readonly height: number } | null;
  readonly audio: { readonly codec: string; readonly sample_rate: number } | null;
}

/** What the API says of a stream of app `live`; undefined when the server does not know it. */
export async function streamOf(server: ServerProcess, name: string): Promise<ApiStream | undefined> {
  const response = await fetch(`${server.apiUrl}/api/v1/streams/`);
  const { streams } = (await response.json()) as { streams: ApiStream[] };
  return streams.find((stream) => stream.name === name);
}

/** Waits until a stream is `known` (somebody waits for it), `live` with its tracks seen, or `gone`. */
export async function waitForStream(
  server: ServerProcess,
  name: string,
  state: 'known' | 'live' | 'gone',
): Promise<void> {
  await until(`stream ${name} ${state}`, async () => {
    const stream = await streamOf(server, name);
    if (state === 'known') return stream !== undefined;
    if (state === 'gone') return stream === undefined;
    return stream?.publish.active === true && (stream.video !== null || stream.audio !== null);
  });
}

/** Saves what an HTTP URL sends. */
export function curl(url: string, file: string, options: ProgramOptions = {}): Program {
  const args = ['--silent', '--show-error', '--fail', '--no-buffer', '--globoff', '--output', file, url];
  return new Program(requireProgram('/usr/bin/curl', 'curl'), args, options);
}

/** Plays RTMP with librtmp's own program and saves it. */
export function rtmpdump(url: string, file: string, args: readonly string[] = []): Program {
  const program = requireProgram('/usr/bin/rtmpdump', 'rtmpdump');
  return new Program(program, ['--rtmp', url, '--flv', file, ...args]);
}
