import { readFileSync } from 'node:fs';
import { main } from './main.ts';

/** Two folders up from here, be it `src/cli` or `dist/cli`. */
const packageFile = new URL('../../package.json', import.meta.url);
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };

// A reader that went away (`srs -h | head`) is no reason to die, least of all for a running server.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

// Not process.exit: what was written must reach a pipe, and the server has closed what it opened.
process.exitCode = await main(process.argv.slice(2), {
  version,
  env: { ...process.env },
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  run: async (context) => {
    const { boundYoungGeneration } = await import('../server/heap-growth.ts');
    boundYoungGeneration(); // Loading comes after it.
    const { run } = await import('../server/run.ts'); // Not loaded by -t, -v and -h.
    return run(context);
  },
});
