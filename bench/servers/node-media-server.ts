import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { accepts, HOST, type ServerKind } from './server.ts';

const PACKAGE = path.join(import.meta.dirname, '../node_modules/node-media-server');

function version(): string {
  if (!existsSync(PACKAGE)) return '';
  const about = JSON.parse(readFileSync(path.join(PACKAGE, 'package.json'), 'utf8')) as { version: string };
  return about.version;
}

/** npm's node-media-server, without its API, recorder and notifications. */
export const NODE_MEDIA_SERVER: ServerKind = {
  id: 'node-media-server',
  get title() {
    return `Node-Media-Server ${version()}`.trim();
  },
  ours: false,
  flv: true,
  maxViewers: 1000,
  unavailable: () => (existsSync(PACKAGE) ? undefined : 'run: npm ci --prefix bench'),
  prepare(folder, ports) {
    const options = { bind: HOST, rtmp: { port: ports.rtmp }, http: { port: ports.http }, auth: {} };
    const file = path.join(folder, 'app.cjs');
    writeFileSync(
      file,
      `const Server = require(${JSON.stringify(PACKAGE)});
// Its logger prints each session; a benchmark of the console is not wanted.
console.log = console.info = console.debug = () => {};
new Server(${JSON.stringify(options)}).run();
`,
    );
    return {
      command: process.execPath,
      args: [file],
      node: true,
      ready: async () => (await accepts(ports.rtmp)) && (await accepts(ports.http)),
    };
  },
};
