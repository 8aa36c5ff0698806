import { existsSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accepts, Program, until } from './programs.ts';
import { freePorts, REPOSITORY } from './server-process.ts';

const PACKAGE = join(REPOSITORY, 'bench/node_modules/node-media-server');

export interface NodeMediaServer {
  readonly rtmpPort: number;
  readonly httpPort: number;
  stop(): Promise<void>;
}

/** Starts npm's node-media-server on free ports of 127.0.0.1. */
export async function startNodeMediaServer(): Promise<NodeMediaServer> {
  if (!existsSync(PACKAGE)) throw new Error('node-media-server is missing. Run: npm ci --prefix bench');
  const [rtmpPort = 0, httpPort = 0] = await freePorts(2);
  const folder = mkdtempSync(join(tmpdir(), 'srs-nms-'));
  const options = { bind: '127.0.0.1', rtmp: { port: rtmpPort }, http: { port: httpPort }, auth: {} };
  writeFileSync(
    join(folder, 'app.cjs'),
    `const Server = require(${JSON.stringify(PACKAGE)});\nnew Server(${JSON.stringify(options)}).run();\n`,
  );
  const program = new Program(process.execPath, [join(folder, 'app.cjs')], {
    cwd: folder,
    deadlineMs: 240_000,
  });
  const stop = async (): Promise<void> => {
    await program.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until('node-media-server accepts', () => {
      if (!program.running) throw new Error(`node-media-server ended:\n${program.output}`);
      return accepts(rtmpPort);
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { rtmpPort, httpPort, stop };
}
